"""The acts of the funnel's beginning: an application arrives, is answered, met, passed on to another product."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from funnel import acts, cleaning, contacts, machine, merging, parties, phones
from funnel.annulment import CannotAnnul, annul
from funnel.domain import log_activity
from funnel.ledger import Entry, append
from funnel.machine import Locked
from funnel.models import Activity, Campaign, Company, Contact, Event, Journey, Service, Source, User
from funnel.models.journey import erased_key
from funnel.stages import Happening, Stage

from . import assignment, matching
from .matching import Candidate, Known, Person
from .models import Application, WebForm

SECOND_CLICK: Final = timedelta(minutes=10)
"""How long the same words of the same person through the same form count as one application."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person agreed to, and when."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What is doubtful in an application that was let in all the same."""

    field: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of an application; `created` is False where it had arrived before."""

    journey: Journey
    kind: str
    created: bool
    duplicates: Sequence[Candidate] = field(default_factory=tuple)
    warnings: Sequence[Notice] = field(default_factory=tuple)


def capture(
    *,
    actor: User | None,
    at: datetime,
    name: str,
    source: Source,
    email: str = "",
    phone: str = "",
    campaign: Campaign | None = None,
    service: Service | None = None,
    company: str = "",
    message: str = "",
    utm: Mapping[str, str] | None = None,
    referrer: str = "",
    external_id: str = "",
    owner: User | None = None,
    form: WebForm | None = None,
    submission: str = "",
    consent: Consent | None = None,
    region: str = "",
) -> Captured:
    """Let an application in: find or make the person and company, open a journey, say whom it may repeat.

    `at` is when it arrived, not in the future; `region` where a phone without country code is dialled. The same
    `external_id`, the same `submission` of a form, or the same words of the same person through the same form within
    ten minutes, give the journey that is there already, however many callers come at once.
    Raises ValidationError by field where there is no way to reach the person, or an address or time is wrong.
    """
    reached = _clean("email", cleaning.email, email)
    home = region or (form.phone_region if form else "")
    person = Person(
        cleaning.line(name),
        reached,
        _clean("phone", phones.reachable, phone, region=home, email=reached),
        cleaning.line(company),
    )
    if not (person.email or person.phone):
        raise ValidationError({"email": _("Give an e-mail address or a phone number.")})
    if at > timezone.now():
        raise ValidationError({"occurred_at": _("It lies in the future.")})
    arrival = _Arrival(
        actor=actor,
        at=at,
        person=person,
        source=source,
        campaign=campaign,
        service=service,
        message=message.strip(),
        utm=dict(utm or {}),
        referrer=referrer,
        external_id=external_id,
        owner=owner,
        form=form,
        submission=submission,
        consent=consent,
    )
    try:
        taken, known = arrival.take_in()
    except IntegrityError:
        # An import running beside may have used the external id without waiting for us; now it is there to be found.
        taken, known = arrival.take_in()
    if known is None:
        return taken
    # after the transaction: nobody who waits for the same person waits for this look-up
    return replace(taken, duplicates=matching.duplicates(person, known, apart_from=taken.journey.pk))


def _clean(name: str, clean: Any, text: str, **options: str) -> str:
    try:
        return str(clean(text, **options))
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """An application on its way in; the attributes are the arguments of `capture`."""

    actor: User | None
    at: datetime
    person: Person
    source: Source
    campaign: Campaign | None
    service: Service | None
    message: str
    utm: dict[str, str]
    referrer: str
    external_id: str
    owner: User | None
    form: WebForm | None
    submission: str
    consent: Consent | None

    @transaction.atomic
    def take_in(self) -> tuple[Captured, Known | None]:
        """Return what became of it; where it is new, with what is on record around the person."""
        key = matching.hold(self.person, *self._names())
        if (again := self._arrived_before()) is not None:
            return Captured(again, again.kind, created=False, warnings=self._warnings()), None
        known = matching.known(self.person, key)
        # held in the order in which edits and merges hold them
        contact, there = known.contact(self.person), known.company(self.person)
        contact = merging.standing(contact) if contact else None
        company = merging.standing(there) if there else self._new_company()
        if contact is None:
            contact, kind, parent = self._new_contact(company), Journey.Kind.NEW.value, None
            if there is not None:
                kind, parent = matching.origin_of(contact=contact, company=company, at=self.at)
        else:
            if not known.is_stranger(self.person):
                self._complete(contact, company)
            company = company or contact.company
            kind, parent = matching.origin_of(contact=contact, company=company, at=self.at)
        journey = open_journey(
            actor=self.actor,
            at=self.at,
            contact=contact,
            company=company,
            kind=kind,
            source=self.source,
            campaign=self.campaign,
            service=self.service,
            owner=self._owner(),
            external_id=self.external_id,
            parent=parent,
        )
        self._keep_words(journey)
        return Captured(journey, kind, True, warnings=self._warnings()), known

    def _warnings(self) -> list[Notice]:
        phone = phones.read(self.person.phone)
        note = phones.note(phone.text)
        return [Notice("phone", f"{phone.kind}_phone", note)] if note else []

    def _names(self) -> list[str]:
        names = {"external": self.external_id, "submission": self.submission}
        return [f"{name}:{text}" for name, text in names.items() if text]

    def _arrived_before(self) -> Journey | None:
        journeys = Journey.objects.select_related("owner", "source", "campaign", "service")
        keys = [self.external_id, erased_key(self.external_id)]
        if self.external_id and (found := journeys.filter(external_id__in=keys).first()):
            return found
        if self.submission and (found := journeys.filter(application__submission=self.submission).first()):
            return found
        if self.form is None:
            return None
        since = timezone.now() - SECOND_CLICK
        return journeys.filter(
            application__fingerprint=self.fingerprint, application__received_at__gte=since, annulled_at=None
        ).first()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.form, self.person, self.message) if self.form else ""

    def _new_company(self) -> Company | None:
        if not self.person.company:
            return None
        return Company.objects.create(name=self.person.company, domain=self.person.domain)

    def _new_contact(self, company: Company | None) -> Contact:
        person = self.person
        return Contact.objects.create(
            name=person.name, email=person.email, phone=person.phone, company=company
        )

    def _complete(self, contact: Contact, company: Company | None) -> None:
        """Fill in what was not known of a person; what is known stays, and the new words stand in the application."""
        news = {"name": self.person.name, "email": self.person.email, "phone": self.person.line}
        fresh: dict[str, Any] = {
            name: value for name, value in news.items() if value and not getattr(contact, name)
        }
        if company is not None and contact.company_id is None:
            fresh["company_id"] = company.pk
        parties.write(contact, fresh, actor=self.actor)

    def _owner(self) -> User | None:
        if self.owner is not None or self.form is None:
            return self.owner
        if self.form.assignment != WebForm.Assignment.SHARE:
            return None
        return next(iter(assignment.pick_first_touch(team=self.form.team)), None)

    def _keep_words(self, journey: Journey) -> None:
        person = self.person
        Application.objects.create(
            journey=journey,
            form=self.form,
            submission=self.submission or None,
            fingerprint=self.fingerprint,
            message=self.message,
            answers={
                name: value
                for name in ("name", "email", "phone", "company")
                if (value := getattr(person, name))
            },
            utm=self.utm,
            referrer=self.referrer[:500],
            consent_text=self.consent.text if self.consent else "",
            consent_at=self.consent.at if self.consent else None,
            received_at=timezone.now(),
        )


def fingerprint(form: WebForm, person: Person, message: str) -> str:
    """Return the hash by which a second click on the same form is told from a second application."""
    parts = (form.slug, person.email, person.phone, " ".join(message.split()).casefold())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def open_journey(
    *,
    actor: User | None,
    at: datetime,
    contact: Contact,
    company: Company | None,
    kind: str,
    source: Source,
    campaign: Campaign | None,
    service: Service | None,
    owner: User | None,
    external_id: str = "",
    parent: Journey | None = None,
    act: uuid.UUID | None = None,
) -> Journey:
    """Open a journey with the first event of its ledger, the owner and cuts frozen on it."""
    journey = Journey.objects.create(
        external_id=external_id or None,
        contact=contact,
        company=company,
        kind=kind,
        source=source,
        campaign=campaign,
        service=service,
        owner=owner,
        parent=parent,
        stage=Stage.NEW,
        stage_since=at,
        created_at=at,
        seq=1,
    )
    journey.seq = 0  # `append` counts on from here: the row already says 1, which saves writing it twice
    append(
        [Entry(journey, Happening.LEAD_CREATED, stage_to=Stage.NEW, inputs={"kind": str(kind)})],
        actor=actor,
        at=at,
        act=act,
    )
    return journey


# first touch ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def respond(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    kind: str,
    direction: str = Activity.Direction.OUTBOUND,
    summary: str = "",
    outcome: str = Activity.Outcome.REACHED,
    next_at: datetime | None = None,
    act: uuid.UUID | None = None,
) -> list[Event]:
    """Answer applications: log the call, message, e-mail or meeting, which stops the first-response clock where it
    reached the person. Where it did not, it is an attempt: nothing moves, and the clock runs on."""
    act = act or uuid.uuid4()
    logged = log_activity(
        journeys=journeys,
        actor=actor,
        at=at,
        kind=kind,
        direction=direction,
        summary=summary,
        outcome=outcome,
        next_at=next_at,
        act=act,
    )
    if outcome not in contacts.REACHED:
        return logged
    return machine.move(
        journeys=journeys,
        name="respond",
        actor=actor,
        at=at,
        value=kind,
        inputs={"activity": kind},
        own={event.journey_id: {"inputs": {"rests_on": [event.pk]}} for event in logged},
        act=act,
    )


def hold_first_meeting(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    how: str,
    comment: str = "",
    act: uuid.UUID | None = None,
) -> list[Event]:
    """Record that the first meeting was held, and how."""
    return machine.move(
        journeys=journeys,
        name="hold_first_meeting",
        actor=actor,
        at=at,
        value=how,
        inputs={"how": how},
        comment=comment,
        act=act,
    )


@transaction.atomic
def meet_on_arrival(
    *, journeys: Locked, actor: User | None, at: datetime, how: str, comment: str = ""
) -> list[Event]:
    """Meet people whose application nobody has answered yet: the meeting is the first response too.

    Both moves are one act, undone together. Raises Refused where either is closed.
    """
    act = uuid.uuid4()
    answered = respond(
        journeys=journeys, actor=actor, at=at, kind=Activity.Kind.MEETING, summary=comment, act=act
    )
    return answered + hold_first_meeting(journeys=journeys, actor=actor, at=at, how=how, act=act)


@transaction.atomic
def hold_meeting(
    *,
    journey: int,
    actor: User,
    inputs: forms.Form,
    at: datetime | None = None,
    expected_seq: int | None = None,
) -> list[Event]:
    """Record the first meeting from its bound form, whether or not the application had been answered before.

    Raises Refused, BadInput, Journey.DoesNotExist and ValueError as `acts.run` does, with nothing written.
    """
    if at is not None and at > timezone.now():
        raise ValueError("occurred_at lies in the future")
    locked = machine.lock([journey])
    if locked[0].stage != Stage.NEW:
        outcome = acts.run(
            name="hold_first_meeting",
            journeys=[journey],
            actor=actor,
            inputs=inputs,
            at=at,
            expected_seq=expected_seq,
        )
        return outcome.events
    if refusals := machine.check(locked, "respond", actor, expected_seq):
        raise machine.Refused(refusals)
    if not inputs.is_valid():
        raise acts.BadInput(inputs)
    return meet_on_arrival(journeys=locked, actor=actor, at=at or timezone.now(), **inputs.cleaned_data)


# another product -----------------------------------------------------------------------------------------------------


@transaction.atomic
def pass_to_product(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    service: Service,
    owner: User | None = None,
    comment: str = "",
) -> list[Event]:
    """Open a linked journey for another service, for the same client; this one goes on as it stands."""
    events = []
    for parent in journeys:
        act = uuid.uuid4()
        child = open_journey(
            actor=actor,
            at=at,
            contact=parent.contact,
            company=parent.company,
            kind=matching.origin_of(contact=parent.contact, company=parent.company, at=at)[0],
            source=parent.source,
            campaign=parent.campaign,
            service=service,
            owner=owner,
            parent=parent,
            act=act,
        )
        events += machine.record(
            journeys=Locked([parent]),
            event=Happening.PASSED_TO_PRODUCT,
            actor=actor,
            at=at,
            value=service.key,
            inputs={"journey": child.pk},
            comment=comment,
            act=act,
        )
    return events


def withdraw_passed_on(events: Sequence[Event], at: datetime) -> None:
    """Take back the journeys that annulled events had opened; one that has gone on since stands in the way."""
    children = [event.inputs.get("journey") for event in events]
    live = list(Event.objects.live().filter(journey__in=children).values_list("pk", "event"))
    if any(kind != Happening.LEAD_CREATED for _pk, kind in live):
        raise CannotAnnul(_("The journey for the other product has gone on; undo its events first."))
    if live:
        annul(events=[pk for pk, _kind in live], actor=None, at=at)
