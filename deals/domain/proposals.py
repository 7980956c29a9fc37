"""Proposals: drafts that are edited, versions that are sent, objections that are met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext as _

from deals.models import Line, Objection, Proposal, ProposalVersion
from deals.totals import Totals, line_totals, sum_up
from funnel import currencies, letters, machine
from funnel.machine import Locked, Refusal, Refused
from funnel.models import Event, FieldChange, Journey, Organisation, Reason, User
from funnel.stages import DEAL_STAGES, Happening

from . import delivery, links
from .delivery import Delivery, Letter

LINE_COLUMNS = ("description", "unit", "quantity", "unit_price", "discount", "tax")


def line_of(row: Mapping[str, Any], digits: int = 2) -> Line:
    """Return a cleaned row as the line that saving it would store."""
    values = {column: row.get(column) or Decimal(0) for column in ("discount", "tax")}
    priced = {column: row[column] for column in ("quantity", "unit_price")} | values
    line = Line(description=row["description"], unit=row.get("unit") or "", **priced)
    line.net = line_totals(**priced, digits=digits).net
    return line


def totals_of(lines: Iterable[Line], *, discount: Decimal = Decimal(0), digits: int = 2) -> Totals:
    """Return what lines come to: the figures that saving them would store."""
    return sum_up((line.totals(digits) for line in lines), discount=discount, digits=digits)


def _count(draft: ProposalVersion, lines: Iterable[Line]) -> None:
    """Work a draft out anew, in the organisation's currency; the lines carry their net."""
    totals = totals_of(lines, discount=draft.discount, digits=draft.digits)
    draft.net, draft.tax, draft.total = totals.net, totals.tax, totals.total
    draft.taxes = [
        {"rate": f"{one.rate:.2f}", "net": f"{one.net:f}", "tax": f"{one.tax:f}"} for one in totals.taxes
    ]


# drafts --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_draft(
    *,
    journey_id: int,
    actor: User,
    at: datetime,
    lines: Sequence[Mapping[str, Any]] | None = None,
    valid_until: date | None = None,
    note: str | None = None,
    discount: Decimal | None = None,
    expected_revision: int | None = None,
    keep_valid_until: bool = False,
) -> ProposalVersion:
    """Save the draft of a journey's proposal; after a sent version, start the next one as a copy of it.

    `lines` replaces the lines, `note` the words and `discount` that on the whole, None leaves them. With `expected_revision` (0 where no draft was
    seen), refuses as stale what somebody else has saved since.
    Raises Refused where the journey is no open deal, or on a stale save.
    """
    journey = machine.lock([journey_id])[0]
    if journey.stage not in DEAL_STAGES:
        words = _("A proposal is written only for an open deal.")
        raise Refused({journey.pk: Refusal("stage", (), words)})
    proposal = Proposal.objects.get_or_create(journey=journey)[0]
    draft = proposal.versions.filter(state=ProposalVersion.State.DRAFT).first()
    if expected_revision is not None and expected_revision != (draft.revision if draft else 0):
        words = _("Somebody else has saved this proposal since you opened it; nothing was saved.")
        raise Refused({journey.pk: Refusal("stale", (), words)})
    if draft is None:
        draft = _start_drafts([proposal])[0]
    elif expected_revision is not None or lines is not None:
        draft.revision += 1
    draft.discount = draft.discount if discount is None else discount
    if lines is not None:
        _replace_lines(draft, lines)
    elif discount is not None:
        _count(draft, draft.lines.all())
    if not keep_valid_until:
        draft.valid_until = valid_until
    if note is not None:
        draft.note = note
    draft.edited_by, draft.edited_at = actor, at
    draft.save()
    return draft


def _replace_lines(draft: ProposalVersion, rows: Sequence[Mapping[str, Any]]) -> None:
    draft.currency = Organisation.current().currency
    if getattr(draft, "has_lines", True):  # asked for where each statement counts
        draft.lines.all().delete()
    lines = [line_of(row, draft.digits) for row in rows]
    for position, line in enumerate(lines, 1):
        line.version, line.position = draft, position
    Line.objects.bulk_create(lines)
    _count(draft, lines)


def _start_drafts(
    proposals: Sequence[Proposal],
    *,
    events: Mapping[int, Event] | None = None,
    old: Sequence[Proposal] | None = None,
) -> list[ProposalVersion]:
    """Start the next version of proposals that have no draft, each a copy of the last one sent: set-based.

    `old` are those that may have versions, all of them by default.
    """
    ids = [proposal.pk for proposal in (proposals if old is None else old)]
    last = {
        version.proposal_id: version
        for version in ProposalVersion.objects.filter(proposal__in=ids)
        .order_by("proposal_id", "-number")
        .distinct("proposal_id")
        .prefetch_related("lines")
    }
    currency, drafts, lines = Organisation.current().currency, [], []
    for proposal in proposals:
        before = last.get(proposal.pk)
        draft = ProposalVersion(
            proposal=proposal,
            number=before.number + 1 if before else 1,
            note=before.note if before else "",
            currency=currency,
            discount=before.discount if before else Decimal(0),
            request_event=events.get(proposal.journey_id) if events else None,
        )
        copied = [
            line_of({column: getattr(line, column) for column in LINE_COLUMNS}, draft.digits)
            for line in (before.lines.all() if before else ())
        ]
        for position, line in enumerate(copied, 1):
            line.version, line.position = draft, position
        _count(draft, copied)
        drafts.append(draft)
        lines += copied
    ProposalVersion.objects.bulk_create(drafts)
    Line.objects.bulk_create(lines)
    return drafts


# acts ----------------------------------------------------------------------------------------------------------------


def request_proposal(*, journeys: Locked, actor: User | None, at: datetime, comment: str = "") -> list[Event]:
    """Start the clock of preparing a proposal, with a draft to write in: the last version's copy where there is one."""
    events = machine.move(journeys=journeys, name="request_proposal", actor=actor, at=at, comment=comment)
    by_journey = {event.journey_id: event for event in events}
    drafts = ProposalVersion.objects.filter(proposal=OuterRef("pk"), state=ProposalVersion.State.DRAFT)
    known = list(Proposal.objects.filter(journey__in=by_journey).annotate(has_draft=Exists(drafts)))
    fresh = Proposal.objects.bulk_create(
        Proposal(journey_id=pk) for pk in by_journey.keys() - {proposal.journey_id for proposal in known}
    )
    old = [proposal for proposal in known if not proposal.has_draft]
    _start_drafts([*old, *fresh], events=by_journey, old=old)
    return events


def send_proposal(
    *,
    journeys: Locked,
    actor: User | None,
    at: datetime,
    lines: Sequence[Mapping[str, Any]] | None = None,
    valid_until: date | None = None,
    comment: str = "",
    revision: int | None = None,
    letter: Letter | None = None,
) -> list[Event]:
    """Send the draft to the client, frozen from then on; `lines`, where given, become the draft first.

    The journey's expected amount becomes the version's total. With `letter` its link goes to the client by e-mail.
    Raises Refused where there is no draft with lines, or where it is not of `revision`.
    """
    (journey,) = journeys
    version: ProposalVersion | None = (
        ProposalVersion.objects.filter(proposal__journey=journey, state=ProposalVersion.State.DRAFT)
        .select_related("proposal")
        .annotate(has_lines=Exists(Line.objects.filter(version=OuterRef("pk"))))
        .first()
    )
    refuse_stale(journey, version, revision)
    way = Delivery.LETTER if letter else Delivery.HANDED_OVER
    if lines:
        version = version or _start_drafts([Proposal.objects.get_or_create(journey=journey)[0]])[0]
        _replace_lines(version, lines)
        version.edited_by, version.edited_at = actor, at
    elif version:
        _fit_currency(version, journey)
    events = machine.move(
        journeys=journeys,
        name="send_proposal",
        actor=actor,
        at=at,
        value=f"v{version.number}" if version else "",
        inputs={"version": version.pk if version else None, "delivery": way},
        given={"lines": lines},
        comment=comment,
    )
    if version is None:
        raise LookupError("the requirement proposal.version lets nothing through without a draft")
    version.state, version.sent_at, version.sent_event = ProposalVersion.State.SENT, at, events[0]
    version.valid_until = valid_until or version.valid_until
    version.amount_before = journey.amount
    version.link_expires_at = links.issue(version.proposal, actor=actor)
    version.delivery = way
    if letter:
        version.letter, logged = delivery.post(
            journeys=journeys, actor=actor, at=at, sent=events[0], paper=version.proposal, letter=letter
        )
        events = [*events, *logged]
    version.save()
    set_amount(journey, version.total, actor=actor, at=at)
    return events


def _fit_currency(draft: ProposalVersion, journey: Journey) -> None:
    """Count a draft anew that was written in another currency. Raises Refused where a price does not fit this one."""
    currency = Organisation.current().currency
    if draft.currency == currency:
        return
    lines = list(draft.lines.all())
    if not currencies.digits(currency) and any(line.unit_price % 1 for line in lines):
        words = _("Prices in %(currency)s have no fraction: correct the lines first.") % {
            "currency": currency
        }
        raise Refused({journey.pk: Refusal("data", ("proposal.lines",), words)})
    _replace_lines(draft, [{column: getattr(line, column) for column in LINE_COLUMNS} for line in lines])


def refuse_stale(journey: Journey, version: Any, revision: int | None) -> None:
    """Raise Refused where a draft is not the one that was seen: what is sent is what somebody has read."""
    if revision is not None and (version is None or version.revision != revision):
        words = _("The draft was changed since you opened it; look at it again. Nothing was sent.")
        raise Refused({journey.pk: Refusal("stale", (), words)})


def set_amount(journey: Journey, amount: Decimal | None, *, at: datetime, actor: User | None = None) -> None:
    """Set what the journey is expected to bring, and keep what was expected before."""
    if journey.amount != amount:
        FieldChange.objects.create(
            journey=journey, field="amount", old=journey.amount, new=amount, actor=actor, at=at
        )
    journey.amount = amount
    Journey.objects.filter(pk=journey.pk).update(amount=amount)


def raise_objection(
    *, journeys: Locked, actor: User | None, at: datetime, reason: Reason, said: str
) -> list[Event]:
    """Record what the client holds against the offer: the next version, or a stop."""
    events = machine.move(
        journeys=journeys,
        name="object",
        actor=actor,
        at=at,
        value=reason.key,
        reason=reason.key,
        comment=said,
    )
    Objection.objects.bulk_create(
        Objection(journey_id=event.journey_id, event=event, reason=reason, said=said, raised_at=at)
        for event in events
    )
    return events


def resolve_objection(
    *, journeys: Locked, actor: User | None, at: datetime, objection: Objection | None = None, resolution: str
) -> list[Event]:
    """Record how an objection was met: the one named, or the latest that stands open.

    Raises Refused where no objection stands open.
    """
    (journey,) = journeys
    open_ones = Objection.objects.filter(journey=journey, resolved_at=None)
    held = open_ones.filter(pk=objection.pk).first() if objection else open_ones.first()
    if held is None:
        words = _("No objection stands open.")
        raise Refused({journey.pk: Refusal("data", ("objection",), words)})
    events = machine.record(
        journeys=journeys,
        event=Happening.OBJECTION_RESOLVED,
        actor=actor,
        at=at,
        value=held.reason.key,
        reason=held.reason.key,
        inputs={"objection": held.pk, "rests_on": [held.event_id]},
        comment=resolution,
    )
    held.resolved_event, held.resolved_at, held.resolution = events[0], at, resolution
    held.save(update_fields=["resolved_event", "resolved_at", "resolution"])
    return events


# what the table requires ---------------------------------------------------------------------------------------------


def lacks_version(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the journeys without a draft to send ("proposal.version"), or with one that is empty ("proposal.lines")."""
    if inputs.get("lines"):
        return {}
    lines = dict(
        ProposalVersion.objects.filter(proposal__journey__in=journeys, state=ProposalVersion.State.DRAFT)
        .annotate(last=Max("lines__position"))
        .values_list("proposal__journey_id", "last")
    )
    return {
        journey.pk: ["proposal.lines" if journey.pk in lines else "proposal.version"]
        for journey in journeys
        if not lines.get(journey.pk)
    }


# undo ----------------------------------------------------------------------------------------------------------------


def requests_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the drafts that the requests started and nobody has written in."""
    ProposalVersion.objects.filter(
        request_event__in=events, state=ProposalVersion.State.DRAFT, edited_at=None
    ).delete()
    Proposal.objects.filter(journey__in=[event.journey_id for event in events], versions=None).delete()


def sendings_annulled(events: Sequence[Event], at: datetime) -> None:
    """Make drafts again of the versions sent, and give the journeys back the amounts expected before.

    Where the next version has been started meanwhile, it takes the place and number of the one never sent, unless
    it is an untouched copy, which goes.
    """
    versions = ProposalVersion.objects.filter(sent_event__in=events).order_by("-number")
    for version in versions.select_related("proposal__journey"):
        later = version.proposal.versions.filter(state=ProposalVersion.State.DRAFT).first()
        set_amount(version.proposal.journey, version.amount_before, at=at)
        letters.withdraw_mail(version.letter_id)
        if later is not None and later.edited_at is not None:
            number = version.number
            version.delete()
            later.number = number
            later.save(update_fields=["number"])
            continue
        if later is not None:
            later.delete()
        version.amount_before = None
        version.unsend()
        version.edited_at = version.edited_at or at
        version.revision += 1
        version.save()


def objections_annulled(events: Sequence[Event], at: datetime) -> None:
    """Withdraw the objections that the events raised."""
    Objection.objects.filter(event__in=events).delete()


def resolutions_annulled(events: Sequence[Event], at: datetime) -> None:
    """Let the objections that the events resolved stand open again."""
    Objection.objects.filter(resolved_event__in=events).update(
        resolved_event=None, resolved_at=None, resolution=""
    )


def objection_guard(events: Sequence[Event], going: Iterable[int]) -> str:
    """Tell that an objection was met since: the answer to it would hang in the air."""
    met = Objection.objects.filter(event__in=events, resolved_event__isnull=False).exclude(
        resolved_event__in=list(going)
    )
    return _("The objection has been met since; annul that as well.") if met.exists() else ""
