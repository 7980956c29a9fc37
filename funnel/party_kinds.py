"""People and companies as pages and programs know them: one description of each, so that neither drifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .models import Company, Contact, User
from .parties import Party
from .party_queries import contact_order
from .stages import Label


@dataclass(frozen=True, slots=True)
class PartyKind:
    """A kind of party: `slug` names it in addresses, forms and records of changes."""

    slug: str
    model: type[Party]
    label: Label
    plural: Label
    icon: str
    find: Label
    sort_name: Any

    def url(self, page: str, *arguments: Any) -> str:
        """Return the address of a page of this kind: "list", "page", "edit", "merge", "unmerge", "changes" …"""
        return reverse(
            f"funnel:{self.slug}" if page == "page" else f"funnel:{self.slug}-{page}", args=arguments
        )

    def visible_to(self, user: User) -> Any:
        """Return the records of this kind that the user sees, but for those merged away."""
        return self.model.objects.visible_to(user).standing()


CONTACT: Final = PartyKind(
    "contact",
    Contact,
    _("Contact"),
    _("Contacts"),
    "contact-round",
    _("Name, e-mail, phone, company"),
    contact_order(),
)
COMPANY: Final = PartyKind(
    "company",
    Company,
    _("Company"),
    _("Companies"),
    "building-2",
    _("Name or domain"),
    Lower("name"),
)
KINDS: Final = {kind.slug: kind for kind in (CONTACT, COMPANY)}


def kind_of(party: Party) -> PartyKind:
    """Return the kind of a record."""
    return KINDS[type(party).__name__.lower()]


def url_of(party: Party) -> str:
    """Return the address of the page of a person or company."""
    return kind_of(party).url("page", party.pk)
