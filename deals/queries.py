"""Questions about deals for pages and programs, each with a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from deals.models import Instalment, Meeting
from funnel.clock import local_instant
from funnel.models import Event, Journey, Organisation, User
from funnel.sums import PAID, signed_amount

PAGE = 50
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the schedule: what was to come in, what came in less what went back."""

    month: date
    plan: Decimal
    fact: Decimal

    @property
    def difference(self) -> Decimal:
        return self.fact - self.plan

    @property
    def ratio(self) -> Decimal | None:
        """Return fact ÷ plan, never capped; None without a plan."""
        return self.fact / self.plan if self.plan else None

    @property
    def percent(self) -> int:
        """Return how full to draw the bar."""
        return min(100, max(0, int(self.ratio * 100))) if self.ratio is not None else 0


def plan_against_fact(user: User, *, year: int, organisation: Organisation) -> list[Month]:
    """Return the twelve months of a year for the journeys that the user sees: two queries."""
    journeys = Journey.objects.visible_to(user).valid()
    plan = dict(
        Instalment.objects.filter(contract__journey__in=journeys, due_on__year=year)
        .order_by()
        .annotate(month=TruncMonth("due_on"))
        .values_list("month")
        .annotate(sum=Sum("amount"))
    )
    starts = local_instant(organisation.zone, datetime(year, 1, 1))  # noqa: DTZ001  a wall clock, placed by its zone
    ends = local_instant(organisation.zone, datetime(year + 1, 1, 1))  # noqa: DTZ001
    fact = dict(
        Event.objects.live()
        .filter(
            event__in=PAID,
            journey__in=journeys,
            occurred_at__gte=starts,
            occurred_at__lt=ends,
        )
        .order_by()
        .annotate(month=TruncMonth("occurred_at", tzinfo=organisation.zone))
        .values_list("month")
        .annotate(sum=Sum(signed_amount(PAID)))
    )
    received = {moment.date(): amount for moment, amount in fact.items()}
    months = [date(year, month, 1) for month in range(1, 13)]
    return [Month(month, plan.get(month, ZERO), received.get(month, ZERO)) for month in months]


def instalments(user: User, *, status: str, today: date) -> QuerySet[Any]:
    """Return the instalments that the user sees with `paid` and `left`, of one status or of all."""
    found: QuerySet[Any] = Instalment.objects.visible_to(user).with_paid()
    match status:
        case "paid":
            return found.filter(left__lte=0)
        case "overdue":
            return found.filter(left__gt=0, due_on__lt=today)
        case "due":
            return found.filter(left__gt=0, due_on__gte=today)
        case _:
            return found


def open_sums(user: User, *, today: date) -> dict[str, Any]:
    """Return what is overdue, and what falls due up to the end of this month and later: one query."""
    next_month = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    owed = Instalment.objects.visible_to(user).with_paid().filter(left__gt=0)
    overdue, soon = Q(due_on__lt=today), Q(due_on__gte=today, due_on__lt=next_month)
    sums: dict[str, Any] = owed.aggregate(
        overdue=Sum("left", filter=overdue, default=ZERO),
        overdue_count=Count("pk", filter=overdue),
        month=Sum("left", filter=soon, default=ZERO),
        month_count=Count("pk", filter=soon),
        later=Sum("left", filter=Q(due_on__gte=next_month), default=ZERO),
    )
    return sums


@dataclass(frozen=True, slots=True)
class DayPage:
    """Rows of a list by day, and the addresses of the pages around them ("" where there are none)."""

    rows: list[Instalment]
    newer: str
    older: str


def by_day(queryset: QuerySet[Any], query: QueryDict) -> DayPage:
    """Return the page of instalments, earliest day first, that the address asks for: one query.

    The address carries `after`, the day and key where the page before ended; what cannot be read there leads to the
    first page.
    """
    if place := _place(query.get("after", "")):
        day, key = place
        queryset = queryset.filter(Q(due_on__gt=day) | Q(due_on=day, pk__gt=key))
    found = list(queryset.order_by("due_on", "pk")[: PAGE + 1])
    rows = found[:PAGE]
    first = query.copy()
    first.pop("after", None)
    onwards = first.copy()
    if len(found) > PAGE:
        onwards["after"] = f"{rows[-1].due_on.isoformat()}~{rows[-1].pk}"
    return DayPage(
        rows,
        f"?{first.urlencode()}" if place else "",
        f"?{onwards.urlencode()}" if len(found) > PAGE else "",
    )


def _place(text: str) -> tuple[date, int] | None:
    day, found, key = text.partition("~")
    if not found or not key.isascii() or not key.isdigit() or len(key) > 18:
        return None
    try:
        return date.fromisoformat(day), int(key)
    except ValueError:
        return None


def appointments() -> QuerySet[Any]:
    """Return the demos that are scheduled and not over, as next steps: see `registry.appointments`."""
    now = timezone.now()
    due = Case(When(starts_at__gt=now, then=F("starts_at")), default=F("over_at"))
    called = Value(_("Demo"), output_field=CharField())
    found: QuerySet[Any] = Meeting.objects.scheduled().ending_after(now).annotate(called=called, due=due)
    return found
