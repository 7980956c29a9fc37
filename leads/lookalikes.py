"""People and companies that may be on record twice: the same address, the same domain, nearly the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from rapidfuzz import fuzz

from funnel import phones
from funnel.models import Company, Contact
from funnel.words import asked

from .matching import alike, company_key
from .models import CompanyKey

LOOKED_AT: Final = 200
SHOWN: Final = 10
SIMILAR_FIRMS: Final = 92
"""How alike two companies' names must be, of 100: many differ in one word of three."""


def of_contact(contact: Contact) -> Sequence[tuple[Contact, list[str]]]:
    """Return people with the same e-mail or phone, or nearly the same name: at most three queries, by index."""
    others = (
        Contact.objects.standing().filter(erased_at=None).exclude(pk=contact.pk).select_related("company")
    )
    found: dict[int, Contact] = {}
    for way in (
        _same(others, email=contact.email),
        _same(others, phone=phones.read(contact.phone).compared),
        _named(others, contact),
    ):
        found |= {other.pk: other for other in way}
    return _best([(other, _why_person(contact, other)) for other in found.values()])


def of_company(company: Company) -> Sequence[tuple[Company, list[str]]]:
    """Return companies with the same domain or tax number, or nearly the same name: at most three queries."""
    others = Company.objects.standing().exclude(pk=company.pk).annotate(key=CompanyKey("name"))
    key = company_key(company.name)
    same = Q(key=key) if key else Q(pk__in=())
    if company.domain:
        same |= Q(domain=company.domain)
    found = {other.pk: other for other in others.filter(same).order_by("-pk")[:LOOKED_AT]}
    found |= {other.pk: other for other in _named(others, company)}
    return _best([(other, _why_company(company, key, other)) for other in found.values()])


def _same(others: QuerySet[Contact], **address: str) -> Any:
    ((name, value),) = address.items()
    if not value:
        return []
    if name == "email":  # as the index has it
        return others.alias(address=Lower("email")).filter(address=value.lower()).order_by("-pk")[:SHOWN]
    return others.filter(**{name: value}).order_by("-pk")[:SHOWN]


def _named(others: Any, party: Contact | Company) -> Any:
    """Return the newest of those who share a word of the name: it is the others that are spelt differently."""
    words = asked(party.name)
    return others.termed(words.any()).order_by("-pk")[:LOOKED_AT] if words else []


def _why_person(contact: Contact, other: Contact) -> list[str]:
    why = []
    if contact.email and contact.email.lower() == other.email.lower():
        why.append(_("Same e-mail"))
    if contact.phone == other.phone and phones.read(contact.phone).compared:
        why.append(_("Same phone"))
    if contact.name and other.name and alike(contact.name, other.name):
        why.append(_("Similar name"))
    return why


def _why_company(company: Company, key: str, other: Any) -> list[str]:
    why = []
    if company.domain and company.domain == other.domain:
        why.append(_("Same domain"))
    if company.tax_id and company.tax_id == other.tax_id:
        why.append(_("Same tax number"))
    if key and other.key and fuzz.token_sort_ratio(key, other.key, score_cutoff=SIMILAR_FIRMS):
        why.append(_("Similar name"))
    return why


def _best(found: list[tuple[Any, list[str]]]) -> list[tuple[Any, list[str]]]:
    named = [(other, why) for other, why in found if why]
    return sorted(named, key=lambda pair: (-len(pair[1]), -pair[0].pk))[:SHOWN]
