"""Contracts: drafts, versions sent, legal issues, and the signature that wins the deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from deals.models import Contract, ContractVersion, Instalment, LegalIssue, ProposalVersion
from funnel import letters, machine, rates
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, Journey, Organisation, User
from funnel.rates import Frozen
from funnel.stages import DEAL_STAGES, Happening

from . import delivery, links, schedule
from .delivery import Delivery, Letter
from .proposals import refuse_stale, set_amount

# drafts --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_draft(
    *,
    journey_id: int,
    actor: User,
    at: datetime,
    terms: str | None = None,
    amount: Decimal | None = None,
    file: File[Any] | None = None,
    expected_revision: int | None = None,
) -> ContractVersion:
    """Save the draft of a journey's contract; after a sent version, start the next one as a copy of it.

    What is None stays as it was. Raises Refused where the journey is no open deal, or on a stale save.
    """
    journey = machine.lock([journey_id])[0]
    if journey.stage not in DEAL_STAGES:
        words = _("A contract is written only for an open deal.")
        raise Refused({journey.pk: Refusal("stage", (), words)})
    contract = Contract.objects.get_or_create(journey=journey)[0]
    draft = contract.versions.filter(state=ContractVersion.State.DRAFT).first()
    if expected_revision is not None and expected_revision != (draft.revision if draft else 0):
        words = _("Somebody else has saved this contract since you opened it; nothing was saved.")
        raise Refused({journey.pk: Refusal("stale", (), words)})
    if draft is None:
        draft = _start_drafts([contract])[0]
    else:
        draft.revision += 1
    if terms is not None:
        draft.terms = terms
    if amount is not None:
        draft.amount = amount
    if file is not None:
        draft.file_name = (file.name or "")[:200]
        draft.file = file
    draft.edited_by, draft.edited_at = actor, at
    draft.save()
    return draft


def _start_drafts(
    contracts: Sequence[Contract],
    *,
    events: Mapping[int, Event] | None = None,
    old: Sequence[Contract] | None = None,
) -> list[ContractVersion]:
    """Start the next version of contracts that have no draft: a copy of the last one, with the lines and the
    total of the proposal that was sent last.

    `old` are those that may have versions, all of them by default.
    """
    elder = contracts if old is None else old
    last = {
        version.contract_id: version
        for version in ContractVersion.objects.filter(contract__in=[contract.pk for contract in elder])
        .order_by("contract_id", "-number")
        .distinct("contract_id")
    }
    offers = {
        offer.proposal.journey_id: offer
        for offer in ProposalVersion.objects.filter(
            proposal__journey__in=[contract.journey_id for contract in contracts],
            state=ProposalVersion.State.SENT,
            total__gt=0,
        )
        .order_by("proposal_id", "-number")
        .distinct("proposal_id")
        .select_related("proposal")
    }
    drafts = []
    for contract in contracts:
        before, offer = last.get(contract.pk), offers.get(contract.journey_id)
        drafts.append(
            ContractVersion(
                contract=contract,
                number=before.number + 1 if before else 1,
                terms=before.terms if before else "",
                amount=offer.total if offer else before.amount if before else None,
                offer=offer,
                request_event=events.get(contract.journey_id) if events else None,
            )
        )
    return ContractVersion.objects.bulk_create(drafts)


# acts ----------------------------------------------------------------------------------------------------------------


def request_contract(
    *, journeys: Locked, actor: User | None, at: datetime, lawyer: User | None = None, comment: str = ""
) -> list[Event]:
    """Start the clock of preparing a contract, with a draft to write in, for the lawyer where one is named."""
    events = machine.move(
        journeys=journeys,
        name="request_contract",
        actor=actor,
        at=at,
        inputs={"lawyer": lawyer.pk if lawyer else None},
        comment=comment,
    )
    by_journey = {event.journey_id: event for event in events}
    drafts = ContractVersion.objects.filter(contract=OuterRef("pk"), state=ContractVersion.State.DRAFT)
    known = list(Contract.objects.filter(journey__in=by_journey).annotate(has_draft=Exists(drafts)))
    if lawyer and known:
        Contract.objects.filter(journey__in=by_journey).update(lawyer=lawyer)
    fresh = Contract.objects.bulk_create(
        Contract(journey_id=pk, lawyer=lawyer)
        for pk in by_journey.keys() - {contract.journey_id for contract in known}
    )
    old = [contract for contract in known if not contract.has_draft]
    _start_drafts([*old, *fresh], events=by_journey, old=old)
    return events


def send_contract(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    terms: str = "",
    amount: Decimal | None = None,
    comment: str = "",
    revision: int | None = None,
    letter: Letter | None = None,
) -> list[Event]:
    """Send the draft to the client, frozen from then on; `terms` and `amount`, where given, go into it first.

    With `letter` its link goes to the client by e-mail. Raises Refused where the draft has no amount, or neither
    terms nor a file, or where it is not of `revision`.
    """
    (journey,) = journeys
    drafts = ContractVersion.objects.filter(contract__journey=journey, state=ContractVersion.State.DRAFT)
    version = drafts.select_related("contract").first()
    refuse_stale(journey, version, revision)
    way = Delivery.LETTER if letter else Delivery.HANDED_OVER
    if version is None and (terms or amount is not None):
        version = _start_drafts([Contract.objects.get_or_create(journey=journey)[0]])[0]
    if version is not None and (terms or amount is not None):
        version.terms = terms or version.terms
        version.amount = version.amount if amount is None else amount
        version.edited_by, version.edited_at = actor, at
        version.save()
    events = machine.move(
        journeys=journeys,
        name="send_contract",
        actor=actor,
        at=at,
        value=f"v{version.number}" if version else "",
        inputs={"version": version.pk if version else None, "delivery": way},
        comment=comment,
    )
    if version is None:
        raise LookupError("the requirement contract.version lets nothing through without a draft")
    version.state, version.sent_at, version.sent_event = ContractVersion.State.SENT, at, events[0]
    version.link_expires_at = links.issue(version.contract, actor=actor)
    version.delivery = way
    if letter:
        version.letter, logged = delivery.post(
            journeys=journeys, actor=actor, at=at, sent=events[0], paper=version.contract, letter=letter
        )
        events = [*events, *logged]
    version.save(update_fields=["state", "sent_at", "sent_event", "link_expires_at", "delivery", "letter"])
    return events


def sign(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    signed_on: date,
    amount: Decimal,
    currency: str = "",
    instalments: Sequence[Mapping[str, Any]] = (),
    comment: str = "",
) -> list[Event]:
    """Record the client's signature: the deal is won, and the schedule of payments stands.

    Without `instalments` the whole amount is due on the day of signing. What had been paid before goes to them,
    oldest first. Another currency is frozen, schedule included, at the rate of the event's day; raises Refused where
    none is known.
    """
    (journey,) = journeys
    day = at.astimezone(Organisation.current().zone).date()
    frozen = rates.freeze_for(journey, amount, currency, day=day)
    instalments = _frozen_schedule(instalments, frozen)
    if any(row["amount"] <= 0 for row in instalments):
        words = _("At the rate of that day an instalment comes to nothing.")
        raise Refused({journey.pk: Refusal("data", ("instalments",), words)})
    amount = frozen.amount
    events = machine.move(
        journeys=journeys,
        name="sign",
        actor=actor,
        at=at,
        value=f"{amount:f}",
        amount=amount,
        inputs={"signed_on": signed_on.isoformat(), **frozen.inputs},
        comment=comment,
    )
    # One statement, whether the journey has a contract here or only in an imported past.
    (contract,) = Contract.objects.bulk_create(
        [
            Contract(
                journey=journey,
                signed_event=events[0],
                signed_on=signed_on,
                amount=amount,
                amount_before=journey.amount,
            )
        ],
        update_conflicts=True,
        unique_fields=["journey"],
        update_fields=["signed_event", "signed_on", "amount", "amount_before"],
    )
    rows = sorted(instalments, key=lambda row: row["due_on"]) or [{"due_on": signed_on, "amount": amount}]
    Instalment.objects.bulk_create(
        Instalment(contract=contract, position=position, due_on=row["due_on"], amount=row["amount"])
        for position, row in enumerate(rows, 1)
    )
    schedule.allocate([journey.pk])
    set_amount(journey, amount, actor=actor, at=at)
    return events


def _frozen_schedule(instalments: Sequence[Mapping[str, Any]], frozen: Frozen) -> list[dict[str, Any]]:
    """The instalments at the rate of their contract; the last takes the cents that rounding leaves."""
    rows = [{**row, "amount": frozen.also(row["amount"])} for row in instalments]
    if rows and frozen.inputs:
        rows[-1]["amount"] += frozen.amount - sum(row["amount"] for row in rows)
    return rows


@transaction.atomic
def revise(
    *,
    journey_id: int,
    actor: User,
    at: datetime,
    terms: str | None = None,
    amount: Decimal | None = None,
    lawyer: User | None = None,
    keep_lawyer: bool = True,
) -> Contract:
    """Save the draft and give the contract to a lawyer, each where something of it is given: both or neither."""
    if not keep_lawyer:
        contract = assign_lawyer(journey_id=journey_id, lawyer=lawyer, actor=actor, at=at)
        if terms is None and amount is None:
            return contract
    return save_draft(journey_id=journey_id, actor=actor, at=at, terms=terms, amount=amount).contract


@transaction.atomic
def assign_lawyer(*, journey_id: int, lawyer: User | None, actor: User, at: datetime) -> Contract:
    """Give a contract to a lawyer, or take it from one; the journey's timeline says so."""
    journeys = machine.lock([journey_id])
    contract = Contract.objects.get_or_create(journey=journeys[0])[0]
    if contract.lawyer_id == (lawyer.pk if lawyer else None):
        return contract
    contract.lawyer = lawyer
    contract.save(update_fields=["lawyer"])
    words = _("The contract goes to %(who)s.") if lawyer else _("The contract has no lawyer any more.")
    machine.record(
        journeys=journeys,
        event=Happening.NOTE_LOGGED,
        actor=actor,
        at=at,
        inputs={"lawyer": lawyer.pk if lawyer else None},
        comment=words % {"who": lawyer} if lawyer else words,
    )
    return contract


def raise_legal_issue(*, journeys: Locked, actor: User | None, at: datetime, text: str) -> list[Event]:
    """List a legal difficulty on journeys."""
    events = machine.record(
        journeys=journeys, event=Happening.LEGAL_ISSUE_RAISED, actor=actor, at=at, comment=text
    )
    LegalIssue.objects.bulk_create(
        LegalIssue(journey_id=event.journey_id, event=event, text=text, raised_by=actor, raised_at=at)
        for event in events
    )
    return events


def resolve_legal_issue(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    issue: LegalIssue | None = None,
    resolution: str = "",
) -> list[Event]:
    """Settle a legal issue: the one named, or the oldest that stands open.

    Raises Refused where none stands open.
    """
    (journey,) = journeys
    open_ones = LegalIssue.objects.filter(journey=journey, resolved_at=None)
    held = open_ones.filter(pk=issue.pk).first() if issue else open_ones.first()
    if held is None:
        words = _("No legal issue stands open.")
        raise Refused({journey.pk: Refusal("data", ("issue",), words)})
    events = machine.record(
        journeys=journeys,
        event=Happening.LEGAL_ISSUE_RESOLVED,
        actor=actor,
        at=at,
        inputs={"issue": held.pk, "rests_on": [held.event_id]},
        comment=resolution,
    )
    held.resolved_event, held.resolved_at, held.resolution = events[0], at, resolution
    held.save(update_fields=["resolved_event", "resolved_at", "resolution"])
    return events


# what the table requires ---------------------------------------------------------------------------------------------


def lacks_version(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name what the journeys' drafts lack: "contract.version" itself, "contract.amount", "contract.terms"."""
    drafts = {
        pk: (amount, worded)
        for pk, amount, worded in ContractVersion.objects.filter(
            contract__journey__in=journeys, state=ContractVersion.State.DRAFT
        )
        .annotate(worded=~Q(terms="") | ~Q(file=""))
        .values_list("contract__journey_id", "amount", "worded")
    }
    missing = {}
    for journey in journeys:
        amount, worded = drafts.get(journey.pk, (None, False))
        lacks = ["contract.amount"] * (amount is None and inputs.get("amount") is None)
        lacks += ["contract.terms"] * (not worded and not inputs.get("terms"))
        if journey.pk not in drafts and len(lacks) == 2:
            lacks = ["contract.version"]
        if lacks:
            missing[journey.pk] = lacks
    return missing


# undo ----------------------------------------------------------------------------------------------------------------


def requests_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the drafts that the requests started and nobody has written in."""
    ContractVersion.objects.filter(
        request_event__in=events, state=ContractVersion.State.DRAFT, edited_at=None
    ).delete()
    Contract.objects.filter(journey__in=[event.journey_id for event in events], versions=None).delete()


def sendings_annulled(events: Sequence[Event], at: datetime) -> None:
    """Make drafts again of the versions sent; a next version that was worked on takes the place of one."""
    for version in ContractVersion.objects.filter(sent_event__in=events).order_by("-number"):
        later = ContractVersion.objects.filter(
            contract=version.contract_id, state=ContractVersion.State.DRAFT
        ).first()
        letters.withdraw_mail(version.letter_id)
        if later is not None and later.edited_at is not None:
            number = version.number
            version.delete()
            later.number = number
            later.save(update_fields=["number"])
            continue
        if later is not None:
            later.delete()
        version.edited_at = version.edited_at or at
        version.revision += 1
        version.unsend()
        version.save()


def signatures_annulled(events: Sequence[Event], at: datetime) -> None:
    """Take signatures back: their schedules go, and the journeys expect what they did before."""
    contracts = Contract.objects.filter(signed_event__in=events).select_related("journey")
    for contract in contracts:
        set_amount(contract.journey, contract.amount_before, at=at)
    Instalment.objects.filter(contract__in=[contract.pk for contract in contracts]).delete()
    Contract.objects.filter(signed_event__in=events).update(
        signed_event=None, signed_on=None, amount=None, amount_before=None
    )


def issues_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the legal issues that the events raised."""
    LegalIssue.objects.filter(event__in=events).delete()


def settlements_annulled(events: Sequence[Event], at: datetime) -> None:
    """Let the legal issues that the events settled stand open again."""
    LegalIssue.objects.filter(resolved_event__in=events).update(
        resolved_event=None, resolved_at=None, resolution=""
    )
