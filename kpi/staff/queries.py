"""Who did what: counted by the actor of live events, in a fixed number of queries however many people there are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from funnel import limits
from funnel.access import Permission, may
from funnel.clock import BusinessClock
from funnel.models import Event, Journey, Task, User
from funnel.periods import DAY, Period
from funnel.stages import Happening, Role
from funnel.sums import signed_amount
from kpi import sql
from kpi.sources import clock_parameters
from kpi.staff.columns import COUNTED, Column


class Stretch(NamedTuple):
    """Days of the organisation, and the instants between which they lie (half-open)."""

    first: date
    until: date
    starts: datetime
    ends: datetime


def stretch(kind: str, day: date, clock: BusinessClock) -> Stretch:
    """The day, the week from Monday or the month ("today", "week", "month") that the day lies in."""
    first, until = day, day + DAY
    if kind == "week":
        first = day - (day.isoweekday() - 1) * DAY
        until = first + 7 * DAY
    elif kind == "month":
        month = Period.month_of(day)
        first, until = month.first, month.until
    return Stretch(first, until, clock.start_of(first), clock.start_of(until))


@dataclass(slots=True)
class Work:
    """What a person, or all together (`person` None), did: numbers and sums by column, the response time.

    `minutes` is the median in business minutes of the `n` responses that were the first to their application.
    """

    person: User | None
    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)
    minutes: float | None = None
    n: int = 0

    def number(self, column: Column) -> int:
        """The number of rows behind the column's figure."""
        return self.n if column.kind == "time" else self.counts.get(column.key, 0)


def visible_staff(user: User, team: int | None = None) -> QuerySet[User]:
    """The people whose work the user may look at: all, or themselves and their team; programs and partners left out."""
    staff = User.objects.exclude(role__in=[Role.PARTNER, Role.SERVICE])
    if not may(user, Permission.SEE_ALL_JOURNEYS):
        own = Q(pk=user.pk)
        staff = staff.filter(own | Q(team=user.team_id) if user.team_id else own)
    return staff.filter(team=team) if team else staff


def activity(
    staff: QuerySet[User],
    columns: Sequence[Column],
    when: Stretch,
    *,
    clock: BusinessClock,
    now: datetime,
) -> tuple[list[Work], Work]:
    """What each of the staff did in the stretch and has open now, by name, and all together: six queries.

    Those who are disabled appear only where there is something to tell of them.
    """
    found: dict[int, Work] = {}
    for row in _event_counts(staff, columns, when):
        work = found.setdefault(row.pop("actor"), Work(None))
        work.sums = {column.key: row.pop(f"{column.key}_sum") for column in columns if column.money}
        work.counts |= row
    for row in _journey_counts(staff, now):
        found.setdefault(row.pop("owner"), Work(None)).counts.update(row)
    whole = Work(None)
    for actor, minutes, n in _medians(staff, when, clock, now):
        work = whole if actor is None else found.setdefault(actor, Work(None))
        work.minutes, work.n = minutes, n
    late = _late(now).filter(assignee=OuterRef("pk")).order_by().values("assignee")
    people = staff.annotate(late=Coalesce(Subquery(late.annotate(n=Count("pk")).values("n")), 0))
    people = people.filter(Q(is_active=True) | Q(pk__in=found) | Q(late__gt=0)).select_related("team")
    works = []
    for person in sorted(people, key=lambda one: (str(one).casefold(), one.pk)):
        work = found.get(person.pk, Work(None))
        work.counts["late"] = person.late
        work.person = person
        works.append(work)
        for key, number in work.counts.items():
            whole.counts[key] = whole.counts.get(key, 0) + number
        for key, amount in work.sums.items():
            whole.sums[key] = whole.sums.get(key, Decimal()) + amount
    return works, whole


def _event_counts(staff: QuerySet[User], columns: Sequence[Column], when: Stretch) -> list[dict[str, Any]]:
    counts: dict[str, Any] = {
        column.key: Count("pk", filter=Q(event__in=column.events))
        for column in columns
        if column.kind == "events"
    }
    for column in columns:
        if column.money:
            counts[f"{column.key}_sum"] = Sum(
                signed_amount(column.money), filter=Q(event__in=column.money), default=Decimal()
            )
    events: Any = _made(staff, when).filter(event__in=COUNTED).order_by()
    return list(events.values("actor").annotate(**counts))


def _journey_counts(staff: QuerySet[User], now: datetime) -> list[dict[str, Any]]:
    journeys = Journey.objects.open().filter(owner__in=staff.order_by().values("pk")).order_by()
    stuck = Count("pk", filter=limits.stale(limits.limits(), now))
    return list(journeys.values("owner").annotate(open=Count("pk"), stuck=stuck))


def _medians(
    staff: QuerySet[User], when: Stretch, clock: BusinessClock, now: datetime
) -> list[tuple[int | None, float | None, int]]:
    """Rows of (actor or None for all, median business minutes, n)."""
    responses: Any = _first_responses(staff, when).order_by()
    rows = responses.values_list("actor_id", "applied_at", "occurred_at")
    timed, given = rows.query.sql_with_params()
    names = [f"given_{number}" for number in range(len(given))]
    inner = timed % tuple(f"%({name})s" for name in names)
    statement = f"""
WITH {sql.CALENDAR},
timed (actor, applied_at, responded_at) AS ({inner}),
taken AS (
    SELECT actor, {sql.open_seconds("responded_at", "last")} - {sql.open_seconds("applied_at", "first")} AS seconds
    FROM timed
    JOIN calendar first ON first.day = (applied_at AT TIME ZONE %(zone)s)::date
    JOIN calendar last ON last.day = (responded_at AT TIME ZONE %(zone)s)::date
)
SELECT actor, percentile_cont(0.5) WITHIN GROUP (ORDER BY (seconds / 60.0)::float8), count(*)
FROM taken GROUP BY GROUPING SETS ((actor), ())"""
    with connection.cursor() as cursor:
        cursor.execute(statement, dict(zip(names, given, strict=True)) | clock_parameters(clock, now))
        found: list[tuple[int | None, float | None, int]] = cursor.fetchall()
    return found


# The rows behind a number


def events_of(column: Column, staff: QuerySet[User], when: Stretch) -> QuerySet[Event]:
    """The events that a column of kind "events" or "time" counts; those of "time" with `applied_at`."""
    if column.kind == "time":
        return _first_responses(staff, when)
    return _made(staff, when).filter(event__in=column.events)


def journeys_of(column: Column, staff: QuerySet[User], now: datetime) -> QuerySet[Journey]:
    """The journeys that a column of kind "journeys" counts."""
    journeys: QuerySet[Journey] = Journey.objects.open().filter(owner__in=staff.order_by().values("pk"))
    return journeys.filter(limits.stale(limits.limits(), now)) if column.key == "stuck" else journeys


def late_tasks(staff: QuerySet[User], now: datetime) -> QuerySet[Task]:
    """The open tasks of the staff that are late."""
    return _late(now).filter(assignee__in=staff.order_by().values("pk"))


def _late(now: datetime) -> QuerySet[Task]:
    tasks: QuerySet[Task] = Task.objects.open().valid().filter(due_at__lt=now)
    return tasks


def day_of(person: User, when: Stretch) -> QuerySet[Event]:
    """All that one person did in the stretch."""
    return _made(User.objects.filter(pk=person.pk), when)


def _made(staff: QuerySet[User], when: Stretch) -> QuerySet[Event]:
    events: QuerySet[Event] = Event.objects.live().filter(
        actor__in=staff.order_by().values("pk"), occurred_at__gte=when.starts, occurred_at__lt=when.ends
    )
    return events


def _first_responses(staff: QuerySet[User], when: Stretch) -> QuerySet[Event]:
    """The responses that were the first of their journey, with when the application came (`applied_at`)."""
    same = Event.objects.live().filter(journey=OuterRef("journey"))
    earlier = same.filter(event=Happening.FIRST_RESPONSE).filter(
        Q(occurred_at__lt=OuterRef("occurred_at"))
        | Q(occurred_at=OuterRef("occurred_at"), seq__lt=OuterRef("seq"))
    )
    applied = same.filter(event=Happening.LEAD_CREATED).order_by().values("journey")
    return (
        _made(staff, when)
        .filter(~Exists(earlier), event=Happening.FIRST_RESPONSE)
        .annotate(applied_at=Subquery(applied.annotate(first=Min("occurred_at")).values("first")))
        .filter(applied_at__lte=F("occurred_at"))
    )
