"""The pipeline as a board: seven columns of cards, each with its number, sums and those that have stood too long.

A fixed number of queries however many journeys there are: the first cards of each stage come by its index, and
columns are counted up to `COUNTED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from .choices import Choice, Choices
from .client_answers import ClientAnswer, answer_of, with_answers
from .columns import COLUMNS, Column, column_of
from .journey_page import minutes_left
from .ledger import replays
from .limits import Limit
from .machine import BACK_FROM_DEMO
from .models import Journey, Organisation
from .queries import JourneyQuerySet
from .stages import MARKETING_STAGES, Stage
from .todo import Step, next_steps

PAGE: Final = 20
COUNTED: Final = 1000
"""Beyond so many at one stage a column says "1,000+" and tells no sums."""


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a card is dropped to leave the board, by which move."""

    key: str
    move: str
    stage: Stage
    icon: str


ZONES: Final = (
    Zone("won", "sign", Stage.WON, "trophy"),
    Zone("lost", "lose", Stage.LOST, "ban"),
    Zone("partner", "refer", Stage.REFERRED, "handshake"),
)
KEYS: Final = frozenset(column.key for column in COLUMNS) | {zone.key for zone in ZONES}


@dataclass(frozen=True, slots=True)
class Card:
    """A journey as its card shows it; `left` are the minutes to answer it in, `step` is what is to be done next,
    `answer` the client's that waits to be acted on.

    Each is None where there is none.
    """

    journey: Journey
    stale: bool
    left: float | None
    step: Step | None
    answer: ClientAnswer | None = None


@dataclass(slots=True)
class Lane:
    """A column with what stands in it. `amount` and `weighted` are None where there are too many to add up."""

    column: Column
    cards: list[Card] = field(default_factory=list)
    number: int = 0
    amount: Decimal | None = Decimal(0)
    weighted: Decimal | None = Decimal(0)
    stale: int = 0
    at_once: int | None = None
    after: str = ""

    @property
    def half(self) -> str:
        return "marketing" if self.column.stages[0] in MARKETING_STAGES else "sales"

    @property
    def over(self) -> bool:
        return self.at_once is not None and self.number > self.at_once

    @property
    def capped(self) -> bool:
        return self.amount is None

    @property
    def rest(self) -> int:
        """How many stand in it besides those that are drawn."""
        return max(0, self.number - len(self.cards))


def lanes(
    journeys: JourneyQuerySet, *, limits: Mapping[str, Limit], organisation: Organisation, now: datetime
) -> list[Lane]:
    """Return the board of these journeys: four queries."""
    found = {column.key: Lane(column) for column in COLUMNS}
    for lane in found.values():
        set_limits = [limits[stage].at_once for stage in lane.column.stages]
        known = [at_once for at_once in set_limits if at_once is not None]
        lane.at_once = sum(known) if known else None
    _count(found, journeys, limits, now)
    stages = [stage for column in COLUMNS for stage in column.stages]
    rows = _first(journeys, stages)
    shown: dict[str, list[int]] = {column.key: [] for column in COLUMNS}
    for stage, pk in rows:
        shown[_key(stage)].append(pk)
    drawn = {key: keys[:PAGE] for key, keys in shown.items()}
    cards = _cards([pk for keys in drawn.values() for pk in keys], limits, organisation, now)
    for key, keys in drawn.items():
        found[key].cards = [cards[pk] for pk in keys if pk in cards]
        if len(shown[key]) > PAGE and found[key].cards:
            found[key].after = _mark(found[key].cards[-1].journey)
    return list(found.values())


def more(
    journeys: JourneyQuerySet,
    column: Column,
    after: str,
    *,
    limits: Mapping[str, Limit],
    organisation: Organisation,
    now: datetime,
) -> Lane:
    """Return the next cards of a column after a mark: three queries. Raises ValueError for a mark that is none."""
    moment, _, pk = after.partition("~")
    since, key = datetime.fromisoformat(moment), int(pk)
    if since.tzinfo is None or not 0 <= key < 2**63:
        raise ValueError("not a mark of this board")
    rest = journeys.filter(Q(stage_since__gt=since) | Q(stage_since=since, pk__gt=key))
    keys = [pk for _stage, pk in _first(rest, column.stages)]
    cards = _cards(keys[:PAGE], limits, organisation, now)
    lane = Lane(column, [cards[pk] for pk in keys[:PAGE] if pk in cards])
    if len(keys) > PAGE and lane.cards:
        lane.after = _mark(lane.cards[-1].journey)
    return lane


def _mark(journey: Journey) -> str:
    return f"{journey.stage_since.isoformat()}~{journey.pk}"


def _key(stage: str) -> str:
    column = column_of(stage)
    assert column is not None  # noqa: S101  only open stages are asked for
    return column.key


def _first(journeys: JourneyQuerySet, stages: Sequence[str]) -> list[tuple[str, int]]:
    """Return (stage, key) of the first of each column, the longest at their stage first; a few more of each stage."""
    parts = [
        journeys.filter(stage=stage)
        .order_by("stage_since", "pk")
        .values_list("stage", "pk", "stage_since")[: PAGE + 1]
        for stage in stages
    ]
    rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    ordered = sorted(rows, key=lambda row: (row[2], row[1]))
    return [(stage, pk) for stage, pk, _since in ordered]


def _cards(
    keys: Sequence[int], limits: Mapping[str, Limit], organisation: Organisation, now: datetime
) -> dict[int, Card]:
    clock = organisation.clock
    steps = next_steps(keys)
    return {
        journey.pk: Card(
            journey,
            stale=journey.stage in limits
            and now - journey.stage_since > timedelta(days=limits[journey.stage].days),
            left=minutes_left(journey, organisation, clock, now),
            step=steps.get(journey.pk),
            answer=answer_of(journey),
        )
        for journey in with_answers(Journey.objects.filter(pk__in=keys)).with_parties()
    }


def _count(
    found: Mapping[str, Lane], journeys: JourneyQuerySet, limits: Mapping[str, Limit], now: datetime
) -> None:
    """Fill in numbers and sums, of at most `COUNTED` journeys at a stage."""
    parts = [
        journeys.filter(stage=stage).order_by().values_list("stage", "amount", "stage_since")[: COUNTED + 1]
        for stage in limits
    ]
    inner, parameters = parts[0].union(*parts[1:], all=True).query.sql_with_params()
    stale_from = ", ".join("(%s::text, %s::timestamptz)" for _ in limits)
    marks = [value for stage, limit in limits.items() for value in (stage, now - timedelta(days=limit.days))]
    statement = f"""
SELECT told.stage, count(*), coalesce(sum(told.amount), 0), count(*) FILTER (WHERE told.since < mark.before)
FROM ({inner}) AS told (stage, amount, since)
JOIN (VALUES {stale_from}) AS mark (stage, before) ON mark.stage = told.stage
GROUP BY told.stage"""  # noqa: S608  put together from querysets and constants; values are parameters
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *marks])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    for stage, number, amount, late in rows:
        lane = found[_key(stage)]
        lane.number += min(number, COUNTED)
        lane.stale += late
        if number > COUNTED or lane.amount is None or lane.weighted is None:
            lane.amount = lane.weighted = None
        else:
            lane.amount += amount
            lane.weighted += amount * limits[stage].chance / 100


# moving a card -------------------------------------------------------------------------------------------------------


def leading_to(key: str, journey: Journey, choices: Choices) -> list[Choice]:
    """Return the moves, open or not, by which the journey gets to a column or zone: the natural ones, else any.

    Those that the person's role makes, or where none of them leads there, those of others.
    """
    zone = next((zone for zone in ZONES if zone.key == key), None)
    if zone is not None:
        return [choice for choice in choices.moves if choice.name == zone.move]
    stages = next(column.stages for column in COLUMNS if column.key == key)
    back = replays([journey.pk])[journey.pk].demo_stage() if journey.stage == Stage.DEMO_SCHEDULED else ""
    fitting = [
        choice
        for choice in choices.moves
        if (back if choice.name in BACK_FROM_DEMO else _target(choice, journey)) in stages
    ]
    able = [choice for choice in fitting if not choice.shut]
    natural = [choice for choice in able if choice.move and choice.move.natural]
    return natural or able or fitting


def _target(choice: Choice, journey: Journey) -> Stage | None:
    arc = choice.move.arc(journey.stage, journey.kind) if choice.move else None
    return arc.target if arc else None
