"""The plan of payments against what came: by month what falls due, what was paid, what is overdue, what was planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from deals.models import Instalment
from funnel.models import Journey, Organisation
from funnel.periods import Period
from kpi.metrics import BY_KEY
from kpi.queries import Bucket, Question, Span, answer, windows_of
from kpi.report import planned
from kpi.values import Number

ZERO = Decimal(0)
_PLACES = {
    "source": "source__key",
    "campaign": "campaign__key",
    "service": "service__key",
    "owner": "owner__username",
    "team": "team__name",
}


@dataclass(frozen=True, slots=True)
class Month:
    """A month of payments, in the organisation's currency.

    `due` falls due in it by the schedules of signed contracts as they stand; `overdue` is what of that has not been
    paid though its day is over. `paid` is what came in the month, for whatever instalment, less what went back: the
    figure `payments_net`. `plan` is the plan of that figure, None without one.
    """

    month: Period
    due: Number
    paid: Number
    overdue: Number
    plan: Number | None


def schedule(
    organisation: Organisation,
    months: Sequence[Period],
    filters: Mapping[str, Sequence[str]] | None = None,
    *,
    now: datetime | None = None,
    lag: timedelta | None = None,
) -> list[Month]:
    """Return the months in the order given, as things stand now: a fixed number of queries.

    `filters` name the values of cuts that are wanted: of instalments as at the signature, of payments as at the payment.
    With `lag`, what is kept may answer for the payments where it is no further behind the ledger.
    """
    if not months:
        return []
    now = now or timezone.now()
    filters = filters or {}
    clock = organisation.clock
    spans = [Span(month.name, *clock.period_bounds(month), rough=True) for month in months]
    question = Question(clock, now, spans, "", windows_of(organisation), filters=filters, lag=lag)
    paid = answer(question, [BY_KEY["payments_net"]])
    plan = planned("payments_net", {month.name: month for month in months}, "", filters)
    owed = _owed(months, filters, today=now.astimezone(organisation.zone).date())
    found = []
    for month in months:
        due, overdue = owed.get(month.first, (ZERO, ZERO))
        received = paid.of(month.name, "payments_net").figure or ZERO
        found.append(Month(month, due, received, overdue, plan(Bucket(month.name))))
    return found


def _owed(
    months: Sequence[Period], filters: Mapping[str, Sequence[str]], *, today: date
) -> dict[date, tuple[Decimal, Decimal]]:
    """What falls due and what of it is overdue, by the first day of the month: one query."""
    first, until = min(month.first for month in months), max(month.until for month in months)
    found = Instalment.objects.filter(
        contract__signed_event__isnull=False,
        contract__journey__in=Journey.objects.valid(),
        due_on__gte=first,
        due_on__lt=until,
    )
    for cut, values in filters.items():
        found = found.filter(_kept(f"contract__signed_event__{_PLACES[cut]}", values))
    late: Any = Q(left__gt=0, due_on__lt=today)
    sums = (
        found.with_paid()
        .order_by()
        .annotate(month=TruncMonth("due_on"))
        .values_list("month")
        .annotate(due=Sum("amount"), overdue=Sum("left", filter=late, default=ZERO))
    )
    return {month: (due, overdue) for month, due, overdue in sums}


def _kept(place: str, values: Sequence[str]) -> Q:
    """Whether a cut has one of the values; "" is none."""
    found = Q(**{f"{place}__in": values})
    return found | Q(**{f"{place}__isnull": True}) if "" in values else found
