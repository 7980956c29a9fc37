"""Ledgers for the KPI tests, written from a few columns: the rows that an import of the same history would make."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from funnel.models import Campaign, Contact, Event, Journey, Service, Source, Team, User
from funnel.replay import Step, replay
from funnel.stages import MONEY_EVENTS, Happening

GOLDEN = Path(__file__).parents[1] / "golden"
REASONED = {
    Happening.LEAD_LOST, Happening.DEAL_LOST, Happening.SAL_REJECTED, Happening.OBJECTION_RAISED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a history; `known` is when we learned of it, `at` where it is left out."""

    id: str
    journey: str
    event: str
    at: datetime
    value: str = ""
    known: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """One journey of a history."""

    id: str
    client: str
    source: str = "web"
    campaign: str = ""
    owner: str = ""
    service: str = ""


def golden() -> tuple[list[Start], list[Row]]:
    """The 21 journeys and 154 events with the values worked out by hand."""
    with (GOLDEN / "journeys.csv").open(newline="") as file:
        starts = [
            Start(
                r["journey_id"], r["client_id"], r["source"], r["campaign"], r["owner_at_start"], r["service"]
            )
            for r in csv.DictReader(file)
        ]
    with (GOLDEN / "events.csv").open(newline="") as file:
        rows = [
            Row(
                r["event_id"],
                r["journey_id"],
                r["event"],
                datetime.fromisoformat(r["occurred_at_utc"]),
                r["value"],
                datetime.fromisoformat(r["recorded_at_utc"]),
            )
            for r in csv.DictReader(file)
        ]
    return starts, rows


def write(starts: Iterable[Start], rows: Iterable[Row], *, teams: dict[str, str] | None = None) -> None:
    """Write a history into an empty ledger: sequence numbers by time and id, cuts as they stood at each event."""
    starts, by_journey = list(starts), defaultdict(list)
    for row in rows:
        by_journey[row.journey].append(row)
    owner_names = {s.owner for s in starts} | {
        row.value for taken in by_journey.values() for row in taken if row.event == Happening.OWNER_CHANGED
    }
    users = {name: _user(name, (teams or {}).get(name, "")) for name in owner_names - {""}}
    catalogue = {
        (model, key): model.objects.get_or_create(key=key)[0]
        for model, key in {(Source, s.source) for s in starts}
        | {(Campaign, s.campaign) for s in starts if s.campaign}
        | {(Service, s.service) for s in starts if s.service}
    }
    contacts = {
        client: Contact.objects.get_or_create(external_id=client)[0] for client in {s.client for s in starts}
    }
    journeys, events = [], []
    for start in starts:
        taken = sorted(by_journey[start.id], key=lambda row: (row.at, row.id.encode()))
        owner = users.get(start.owner)
        journey = Journey(
            external_id=start.id,
            contact=contacts[start.client],
            source=catalogue[Source, start.source],
            campaign=catalogue.get((Campaign, start.campaign)),
            service=catalogue.get((Service, start.service)),
            created_at=taken[0].at,
            seq=len(taken),
        )
        steps = []
        for seq, row in enumerate(taken, 1):
            if row.event == Happening.OWNER_CHANGED:
                owner = users[row.value]
            events.append((row, journey, seq, owner))
            steps.append(Step(row.event, row.at, seq, row.value, owner.pk if owner else None))
        state = replay(steps)
        journey.stage, journey.stage_since, journey.owner_id = state.stage, state.since, state.owner
        journeys.append(journey)
    Journey.objects.bulk_create(journeys)
    written: dict[str, Event] = {}
    plain = [one for one in events if one[0].event != Happening.ANNULLED]
    for batch in (plain, [one for one in events if one[0].event == Happening.ANNULLED]):
        made = Event.objects.bulk_create(
            Event(
                external_id=row.id,
                journey=journey,
                seq=seq,
                event=row.event,
                occurred_at=row.at,
                recorded_at=row.known or row.at,
                value="" if row.event in MONEY_EVENTS else row.value,
                amount=Decimal(row.value) if row.event in MONEY_EVENTS else None,
                reason=row.value if row.event in REASONED else "",
                annuls=written[row.value] if row.event == Happening.ANNULLED else None,
                source=journey.source,
                campaign=journey.campaign,
                service=journey.service,
                owner=owner,
                team=owner.team if owner else None,
            )
            for row, journey, seq, owner in batch
        )
        written |= {event.external_id: event for event in made}


def _user(name: str, team: str) -> User:
    user, _ = User.objects.get_or_create(username=name)
    if team:
        user.team, _ = Team.objects.get_or_create(name=team)
        user.save(update_fields=["team"])
    return user
