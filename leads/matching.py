"""Who applied: the person and company that are here already, what they are to us, and journeys that look alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz

from funnel import folding, phones
from funnel.models import Company, Contact, Event, FormerCompany, Journey
from funnel.stages import VOID_STAGES, Happening, Stage

from . import likeness, normal, pairing
from .likeness import Face
from .models import CompanyKey

CONTACTS: Final = 20
COMPANIES: Final = 50
JOURNEYS: Final = 50
SHOWN: Final = 10
SIMILAR: Final = 85
"""How alike two names must be, of 100."""
NAMED: Final = 30
"""How sure it must be, in per cent, that a name alone suggests a duplicate."""
BOUGHT: Final = (Happening.CONTRACT_SIGNED, Happening.PAYMENT_RECEIVED)
"""What makes a client's later applications repeats."""
_BEYOND: Final = "\U0010ffff"
_GONE_BEFORE: Final = (Stage.LOST, Stage.RETURNED, Stage.REFERRED)

WHY: Final[dict[str, str | Promise]] = {
    "email": _("Same e-mail"),
    "phone": _("Same phone"),
    "company_domain": _("Same company domain"),
    "name": _("Similar name"),
    "similar": _("Similar name and company"),
}
"""Why a journey may be about the same application."""

PATIENCE: Final = "12s"
"""How long an application waits for others of the same person: longer than an edit, which can be made again."""
# The sort is done, and with it the patience set, before the first lock is asked for.
_HOLD: Final = """
SELECT leads_company_key(%(company)s), count(held.lock) FROM (
    SELECT pg_advisory_xact_lock(wanted.key) AS lock FROM (
        SELECT DISTINCT hashtextextended(name, 7) AS key
        FROM unnest(%(names)s::text[] || CASE WHEN %(company)s = '' THEN '{}'::text[]
                    ELSE ARRAY['company:' || leads_company_key(%(company)s)] END) AS name
        WHERE set_config('lock_timeout', %(patience)s, true) <> ''
        ORDER BY key
    ) AS wanted
) AS held
"""

# Look-ups by index; as one condition with OR the planner may read the table instead. An address of somebody who
# was merged into another is the other's as well, and so is one that a merge wrote over.
_SHARE: Final = """
SELECT contact.*, bool_or(way = 'email') AS by_email, bool_or(way = 'phone') AS by_phone, ARRAY(
    SELECT name FROM funnel_contact gone WHERE gone.merged_into_id = contact.id
    UNION
    SELECT former.name FROM funnel_formercontact former JOIN funnel_contact holder ON holder.id = former.contact_id
    WHERE contact.id IN (holder.id, holder.merged_into_id)
) AS other_names FROM (
    SELECT coalesce(merged_into_id, id) AS id, 'email' AS way FROM funnel_contact
    WHERE %(email)s <> '' AND lower(email) = %(email)s AND erased_at IS NULL
    UNION
    SELECT coalesce(merged_into_id, id), 'phone' FROM funnel_contact
    WHERE %(phone)s <> '' AND phone = %(phone)s AND erased_at IS NULL
    UNION
    SELECT coalesce(holder.merged_into_id, holder.id), 'email'
    FROM funnel_formercontact former JOIN funnel_contact holder ON holder.id = former.contact_id
    WHERE %(email)s <> '' AND lower(former.email) = %(email)s
    UNION
    SELECT coalesce(holder.merged_into_id, holder.id), 'phone'
    FROM funnel_formercontact former JOIN funnel_contact holder ON holder.id = former.contact_id
    WHERE %(phone)s <> '' AND former.phone = %(phone)s
) found JOIN funnel_contact contact USING (id)
GROUP BY contact.id
ORDER BY bool_or(way = 'email') DESC, lower(contact.name) = lower(%(name)s) DESC, contact.id
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Who applies, in the form that is compared."""

    name: str
    email: str = ""
    phone: str = ""
    company: str = ""

    @property
    def domain(self) -> str:
        return normal.company_domain(self.email)

    @property
    def line(self) -> str:
        """Return the phone where it is a real one, by which people are told apart."""
        return phones.read(self.phone).compared


@dataclass(frozen=True, slots=True)
class Candidate:
    """A journey that may be about the same application, why (keys of `WHY`), and how sure it is, in per cent."""

    journey: Journey
    why: tuple[str, ...]
    sure: int = 1

    @property
    def level(self) -> str:
        return likeness.level_of(self.sure)

    @property
    def share(self) -> float:
        return self.sure / 100

    @property
    def words(self) -> str:
        return str(likeness.LEVELS[self.level])

    @property
    def reasons(self) -> list[str]:
        """Return why, in words."""
        return [str(WHY[key]) for key in self.why]


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record around a person: contacts that share an address, companies that share domain or name.

    `heirs` are, for the companies that are merged away, the ones they are now.
    """

    key: str
    contacts: Sequence[Contact]
    companies: Sequence[Company]
    heirs: Mapping[int, Company]

    def contact(self, person: Person) -> Contact | None:
        """Return the contact that the person is; None for a new one. An e-mail outranks a phone, a phone needs a name."""
        reached = [c for c in self.contacts if c.by_email]  # type: ignore[attr-defined]
        if reached:
            own = [c for c in reached if c.email.lower() == person.email] or reached
            return next((c for c in own if _any(alike, c, person.name)), own[0])
        called = [c for c in self.contacts if c.by_phone]  # type: ignore[attr-defined]
        if person.email:
            return _only(c for c in called if not c.email and _any(same_name, c, person.name))
        if len(called) == 1 and _any(may_be, called[0], person.name):
            return called[0]
        return _only(c for c in called if _any(same_name, c, person.name))

    def is_stranger(self, person: Person) -> bool:
        """Tell whether the contact that the person is found as is called otherwise, and was before."""
        contact = self.contact(person)
        return contact is not None and not _any(may_be, contact, person.name)

    def company(self, person: Person) -> Company | None:
        """Return the company of that name; or that of the e-mail's domain, where the name agrees or is not given."""
        domain = [c for c in self.companies if person.domain and c.domain == person.domain]
        there = self._heirs(domain)
        if not person.company:
            return there[0] if len(there) == 1 else None
        named = self._heirs(c for c in self.companies if self.key and c.key == self.key)  # type: ignore[attr-defined]
        both = [c for c in named if c in there]
        akin = self._heirs(c for c in domain if firms_alike(c.name, person.company))
        return next(iter([*both, *named, *akin]), None)

    def _heirs(self, companies: Iterable[Company]) -> list[Company]:
        """Return the companies, those merged away by the ones they are now."""
        return list(dict.fromkeys(self.heirs.get(company.pk, company) for company in companies))

    def shared_by(self, contact_id: int) -> list[str]:
        """Return which addresses of the person a contact has, its own or of those merged into it."""
        mine = [contact for contact in self.contacts if contact.pk == contact_id]
        return [way for contact in mine for way in ("email", "phone") if getattr(contact, f"by_{way}")]


def hold(person: Person, *names: str) -> str:
    """Let nobody else capture the same person, company or `names` until this transaction ends; return the company key.

    Whoever comes second waits here, and then finds what the first has written.
    """
    wanted = [
        *(f"email:{text}" for text in [person.email] if text),
        *(f"phone:{text}" for text in [person.line] if text),
        *names,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"company": person.company, "names": wanted, "patience": PATIENCE})
        key: str = cursor.fetchone()[0]
    return key


def company_key(name: str) -> str:
    """Return a company's name as it is compared: one query where there is a name."""
    if not name:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT leads_company_key(%s)", [name])
        key: str = cursor.fetchone()[0]
    return key


def known(person: Person, key: str) -> Known:
    """Look up contacts and companies around a person: two queries, each through an index and bounded.

    A third where companies are among them that are merged away.
    """
    companies = _companies(person.domain, key)
    gone = {company.pk: company.merged_into_id for company in companies if company.merged_into_id}
    now = Company.objects.in_bulk(set(gone.values())) if gone else {}
    heirs = {pk: now[heir] for pk, heir in gone.items()}
    return Known(key, _contacts(person), companies, heirs)


def _contacts(person: Person) -> list[Contact]:
    line = person.line
    if not (person.email or line):
        return []
    values = {"email": person.email, "phone": line, "name": person.name, "most": CONTACTS}
    return sorted(Contact.objects.raw(_SHARE, values), key=lambda contact: contact.pk)


def _companies(domain: str, key: str) -> list[Company]:
    same = Q(pk__in=())
    if domain:
        same |= Q(domain=domain)
    if key:
        same |= Q(key=key)
    if not same.children[1:]:
        return []
    companies = Company.objects.annotate(key=CompanyKey("name")).order_by()
    found = companies.filter(same)[:CONTACTS]
    first = key.partition(" ")[0]
    if len(first) > 2:
        found = found.union(companies.filter(key__gte=first, key__lt=first + _BEYOND)[:COMPANIES])
    return sorted([*found, *_once_called(same)], key=lambda company: company.pk)


def _once_called(same: Q) -> list[Company]:
    """Return companies as they were called before a merge: one query."""
    rows = FormerCompany.objects.annotate(key=CompanyKey("name")).filter(same)
    found = []
    for row in rows.select_related("company").order_by("pk")[:CONTACTS]:
        once = row.company
        once.name, once.domain = row.name or once.name, row.domain
        once.key = row.key  # type: ignore[attr-defined]
        found.append(once)
    return found


def origin_of(*, contact: Contact, company: Company | None, at: datetime) -> tuple[str, Journey | None]:
    """Class an application as it arrives: repeat where its client has signed or paid, win-back where one was let go before.

    With a repeat comes the client's latest journey that was signed or paid. The client is the contact or its company.
    At most two queries.
    """
    client = Q(contact=contact)
    for company_id in {company.pk if company else None, contact.company_id} - {None}:
        client |= Q(company=company_id)
    earlier = (
        Journey.objects.filter(client, annulled_at=None, created_at__lte=at)
        .exclude(stage__in=VOID_STAGES)
        .order_by("-created_at", "-pk")
    )
    bought = Event.objects.live().filter(journey=OuterRef("pk"), event__in=BOUGHT, occurred_at__lte=at)
    if (parent := earlier.filter(Exists(bought)).first()) is not None:
        return Journey.Kind.REPEAT, parent
    if earlier.filter(stage__in=_GONE_BEFORE).exists():
        return Journey.Kind.WIN_BACK, None
    return Journey.Kind.NEW, None


def look_up(person: Person, *, apart_from: int | None = None) -> list[Candidate]:
    """Return the journeys that a person's application may repeat, without capturing it: at most six queries.

    People whom somebody told apart from the contact of the journey `apart_from` are left out.
    """
    found = duplicates(person, known(person, company_key(person.company)), apart_from=apart_from)
    apart = pairing.told_apart_of(apart_from) if apart_from and found else set()
    return [candidate for candidate in found if candidate.journey.contact_id not in apart]


def duplicates(person: Person, found: Known, *, apart_from: int | None = None) -> list[Candidate]:
    """Return the journeys that may be about the same application, the surest first: two queries, at most ten rows.

    Those of the same person, of people of a similar name, and of the same company's domain.
    """
    face = Face(person.name, person.email, person.line, found.key)
    contacts = {contact.pk for contact in found.contacts} | {
        pk for _key, pk in pairing.people_like({0: face})
    }
    companies = {found.heirs.get(company.pk, company).pk for company in found.companies}
    if not contacts | companies:
        return []
    journeys = (
        Journey.objects.filter(Q(contact__in=contacts) | Q(company__in=companies), annulled_at=None)
        .exclude(pk=apart_from)
        .exclude(stage__in=VOID_STAGES)
        .select_related("contact", "company", "owner")
        .order_by("-created_at", "-pk")[:JOURNEYS]
    )
    candidates = [_candidate(person, face, found, journey) for journey in journeys]
    kept = [candidate for candidate in candidates if candidate.why]
    return sorted(kept, key=lambda candidate: -candidate.sure)[:SHOWN]


def _candidate(person: Person, face: Face, found: Known, journey: Journey) -> Candidate:
    contact, company = journey.contact, journey.company
    shared = found.shared_by(contact.pk)
    held = len(found.contacts) + 1
    theirs = Face(
        contact.name,
        person.email if "email" in shared else contact.email.lower(),
        person.line if "phone" in shared else phones.read(contact.phone).compared,
        company.name if company else "",
    )
    ours = replace(face, company=person.company, phone_held=held, email_held=held)
    like = likeness.of_people(ours, theirs)
    why = list(shared)
    if company and person.domain and company.domain == person.domain:
        why.append("company_domain")
    if alike(contact.name, person.name):
        if company and person.company and firms_alike(company.name, person.company):
            why.append("similar")
        elif not why and like.sure >= NAMED and (person.email or person.line):
            why.append("name")
    return Candidate(journey, tuple(why), like.sure)


def _any(fits: Callable[[str, str], bool], contact: Contact, name: str) -> bool:
    """Tell whether a name fits what a contact is called, or was called before a merge."""
    names = [contact.name, *filter(None, contact.other_names)]  # type: ignore[attr-defined]
    return any(fits(one, name) for one in names)


def _only(contacts: Iterable[Contact]) -> Contact | None:
    """Return the contact where there is exactly one."""
    found = list(contacts)
    return found[0] if len(found) == 1 else None


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are the same, whatever the order of their words, their letters and their script."""
    ours, theirs = folding.forms(one), folding.forms(other)
    return bool(ours) and any(
        sorted(w[form] for w in ours) == sorted(w[form] for w in theirs) for form in (0, 1)
    )


def may_be(one: str, other: str) -> bool:
    """Tell whether two names may be one person's: nearly the same, or one of them is not known."""
    return not one or not other or same_name(one, other) or alike(one, other)


def alike(one: str, other: str) -> bool:
    """Tell whether two people's names are nearly the same, whatever the order of their words and their script."""
    return likeness.names(one, other) in {"name", "name_spelt", "name_near"}


def firms_alike(one: str, other: str) -> bool:
    """Tell whether two companies' names are nearly the same, whatever the order of their words and their script."""
    ours, theirs = folding.skeleton(one), folding.skeleton(other)
    return fuzz.token_sort_ratio(ours, theirs, score_cutoff=SIMILAR) > 0


def person_of(journey: Journey) -> Person:
    """Return who stands behind a journey, to look for others like it."""
    company = journey.company.name if journey.company else ""
    contact = journey.contact
    return Person(contact.name, contact.email.lower(), contact.phone, company)
