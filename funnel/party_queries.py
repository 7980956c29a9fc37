"""Questions about people and companies, readable as business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from . import access
from .queries import MOST_NAMED, firms, last, named, newest, people
from .words import Asked, TermQuery, asked, company_terms, contact_terms

if TYPE_CHECKING:
    from .models import Company, Contact, FormerCompany, FormerContact, User  # noqa: F401  for the generics below

    _ContactBase = QuerySet["Contact"]
    _CompanyBase = QuerySet["Company"]
    _FormerContactBase = QuerySet["FormerContact"]
    _FormerCompanyBase = QuerySet["FormerCompany"]
else:
    _ContactBase = _CompanyBase = _FormerContactBase = _FormerCompanyBase = QuerySet


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


def _searched(parties: Any, text: str) -> Any:
    """Keep the parties that the text names; `named_by` of their manager says in which ways words name one."""
    text = text.replace("\x00", " ").strip()
    if not text:
        return parties
    number = text.removeprefix("#")
    if number != text and number.isascii() and number.isdigit() and len(number) < 19:
        return parties.filter(pk=int(number))  # “#41” means that one and nothing else
    query = asked(text)
    if query is None:
        return parties.none()
    everyone = parties.model.objects.all()
    return parties.filter(named(everyone.named_by(query), everyone.named_by(query, near=True)))


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

    def termed(self, query: TermQuery) -> Self:
        """Keep those of whom a query holds, by the index."""
        return self.alias(terms=contact_terms()).filter(terms=query)

    def named_by(self, query: Asked, *, near: bool = False) -> list[Any]:
        """Return the ways in which words name a person: alone, by the company, or by both."""
        from .models import FormerContact

        everyone = self.model.objects
        ways = [
            everyone.termed(query.query(near=near)),
            everyone.filter(company__in=firms(query.query(near=near))),
            *(
                everyone.filter(
                    pk__in=people(person.query(near=near)), company__in=firms(firm.query(near=near))
                )
                for person, firm in query.splits()
            ),
        ]
        return [*(newest(way) for way in ways), FormerContact.objects.led(query.query(near=near))]

    def reached_by(self, name: str, value: str) -> Self:
        """Keep those that have an e-mail or phone, or had it before a merge; an e-mail is given in lower case."""
        from .models import FormerContact

        kept = {"kept": Lower(name) if name == "email" else F(name)}
        own = self.model.objects.alias(**kept).filter(kept=value).order_by()
        former = FormerContact.objects.alias(**kept).filter(kept=value)
        return self.filter(
            Q(pk__in=own.values(now=Coalesce("merged_into_id", "pk")))
            | Q(pk__in=former.values(now=Coalesce("contact__merged_into_id", "contact_id")))
        )

    def search(self, text: str) -> Self:
        """Keep those whose name, e-mail, phone or company the text names, by the beginnings of words, folded.

        Where nobody is called so, a typing error in each word is allowed for.
        """
        kept: Self = _searched(self, text)
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

    def termed(self, query: TermQuery) -> Self:
        """Keep those of which a query holds, by the index."""
        return self.alias(terms=company_terms()).filter(terms=query)

    def named_by(self, query: Asked, *, near: bool = False) -> list[Any]:
        """Return the way in which words name a company."""
        return [firms(query.query(near=near))]

    def search(self, text: str) -> Self:
        """Keep those whose name or domain the text names, by the beginnings of words, folded.

        Where none is called so, a typing error in each word is allowed for.
        """
        kept: Self = _searched(self, text)
        return kept


class FormerContactQuerySet(_FormerContactBase):
    def led(self, query: TermQuery) -> Any:
        """Return the ids of the contacts that once were called what a query names, the newest first."""
        former = self.alias(terms=contact_terms()).filter(terms=query).order_by(last("pk"))
        return former.annotate(now=Coalesce("contact__merged_into_id", "contact_id")).values("now")[
            :MOST_NAMED
        ]


class FormerCompanyQuerySet(_FormerCompanyBase):
    def led(self, query: TermQuery) -> Any:
        """Return the ids of the companies that once were called what a query names, the newest first."""
        former = self.alias(terms=company_terms()).filter(terms=query).order_by(last("pk"))
        return former.annotate(now=Coalesce("company__merged_into_id", "company_id")).values("now")[
            :MOST_NAMED
        ]
