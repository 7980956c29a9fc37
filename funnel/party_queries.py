"""Questions about people and companies, readable as business."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Lower, NullIf, Reverse

from . import access
from .queries import MOST_NAMED, PHONE_DIGITS, Among
from .words import PartyWords, query_of

if TYPE_CHECKING:
    from .models import Company, Contact, User  # noqa: F401  the names that the generics below take

    _ContactBase = QuerySet["Contact"]
    _CompanyBase = QuerySet["Company"]
else:
    _ContactBase = _CompanyBase = QuerySet


def contact_order() -> Coalesce:
    """Return what people are ordered by: what `str` calls them, in lower case; an index has it."""
    given = [
        NullIf(Lower(name, output_field=TextField()), Value(""))
        for name in ("name", "email", "phone", "external_id")
    ]
    return Coalesce(*given, Value("#"), output_field=TextField())


def _seen(parties: Any, user: User, path: str) -> Any:
    """Keep the parties of the journeys that the user sees."""
    from .models import Journey

    if access.may(user, access.Permission.SEE_ALL_JOURNEYS):
        return parties
    return parties.filter(pk__in=Journey.objects.visible_to(user).order_by().values(path))


def _reached(parties: Any, user: User, path: str) -> Any:
    """Keep the parties of the journeys that the user sees, and those that lead to one: for a look at a single one."""
    from .models import Journey

    if access.may(user, access.Permission.SEE_ALL_JOURNEYS):
        return parties
    journeys = Journey.objects.visible_to(user).order_by()
    own, led = (Exists(journeys.filter(**{path: OuterRef(name)})) for name in ("pk", "merged_into"))
    return parties.filter(own | led)


def _found(parties: Any, text: str, ways: list[Any]) -> Any:
    number = text.removeprefix("#")
    if number != text and number.isascii() and number.isdigit() and len(number) < 19:
        return parties.filter(pk=int(number))  # “#41” means that one and nothing else
    if not ways:
        return parties.none()
    first, *others = (way.order_by("-pk").values("pk")[:MOST_NAMED] for way in ways)
    # an array is worked out first, and once; see JourneyQuerySet.search
    return parties.filter(Among(F("pk"), ArraySubquery(first.union(*others) if others else first)))


class ContactQuerySet(_ContactBase):
    def standing(self) -> Self:
        """Keep those that are not merged into another."""
        return self.filter(merged_into=None)

    def visible_to(self, user: User) -> Self:
        """Keep the people of the journeys that the user sees."""
        kept: Self = _seen(self, user, "contact")
        return kept

    def found_by(self, user: User) -> Self:
        """Keep the people of the journeys that the user sees, and those merged into one of them."""
        kept: Self = _reached(self, user, "contact")
        return kept

    def search(self, text: str) -> Self:
        """Keep those whose name, e-mail, phone, company or key the text names, by the beginnings of words."""
        from .models import Company

        text = text.replace("\x00", " ").strip()
        if not text:
            return self
        people = self.model.objects.all()
        ways: list[Any] = []
        if (query := query_of(text)) is not None:
            ways.append(people.alias(words=PartyWords("name", "email")).filter(words=query))
            firms = Company.objects.alias(words=PartyWords("name")).filter(words=query)
            ways.append(people.filter(company__in=firms.order_by("-pk").values("pk")[:MOST_NAMED]))
        digits = re.sub(r"\D", "", text).lstrip("0")
        if len(digits) >= PHONE_DIGITS:
            ways.append(people.alias(end=Reverse("phone")).filter(end__startswith=digits[::-1]))
        kept: Self = _found(self, text, ways)
        return kept


class CompanyQuerySet(_CompanyBase):
    def standing(self) -> Self:
        """Keep those that are not merged into another."""
        return self.filter(merged_into=None)

    def visible_to(self, user: User) -> Self:
        """Keep the companies of the journeys that the user sees."""
        kept: Self = _seen(self, user, "company")
        return kept

    def found_by(self, user: User) -> Self:
        """Keep the companies of the journeys that the user sees, and those merged into one of them."""
        kept: Self = _reached(self, user, "company")
        return kept

    def search(self, text: str) -> Self:
        """Keep those whose name, domain or key the text names; names by the beginnings of words."""
        text = text.replace("\x00", " ").strip()
        if not text:
            return self
        firms = self.model.objects.all()
        ways: list[Any] = [firms.filter(domain=text.lower())]
        if (query := query_of(text)) is not None:
            ways.append(firms.alias(words=PartyWords("name")).filter(words=query))
        kept: Self = _found(self, text, ways)
        return kept
