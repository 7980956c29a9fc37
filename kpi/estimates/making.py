"""Making the estimates and keeping them: the last ones stand."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from deals.models import Instalment
from funnel.models import Journey, Organisation
from funnel.periods import Period
from kpi.metrics import BY_KEY
from kpi.models import Estimate

from . import season
from .forecast import NEEDED, History, forecast
from .history import read
from .season import Mark, Parts

log = logging.getLogger(__name__)

LOCK = 7_311_104
"""The advisory lock of whoever writes estimates."""
TAIL, STL, MEDIANS = "last business days", "STL", "medians"
_UPDATED = ("made_at", "value", "low", "high", "error", "tested", "method", "details")


def make(*, organisation: Organisation, at: datetime) -> list[Estimate]:
    """Estimate from what is known at `at` and keep it, in place of what was kept; return the rows.

    Forecasts of earlier months stay as they last were; adjusted months and marks are all made anew. Where the season
    could not be told, there are no adjusted months, their row says why, and marks rest on the months about each.
    """
    month = organisation.clock.month_at(at)
    today = at.astimezone(organisation.zone).date()
    histories = read(organisation, month, at)
    monthly = {key: [one.total(each) for each in one.months] for key, one in histories.items()}
    parts, fault = _parts(monthly)
    rows = []
    for key, history in histories.items():
        rows.append(_forecast(key, history, month, today, at))
        rows += _adjusted(key, history, monthly[key], parts.get(key), month, at, fault)
        rows += _marks(key, history, monthly[key], parts.get(key), month, today, at)
    _keep(rows)
    return rows


def _parts(monthly: Mapping[str, Sequence[float]]) -> tuple[dict[str, Parts], Mapping[str, str]]:
    """Take apart what is long enough and not always the same; and what kept that from working, if anything did."""
    apart = {
        key: numbers
        for key, numbers in monthly.items()
        if len(numbers) >= season.NEEDED and len(set(numbers)) > 1
    }
    try:
        return season.take_apart(apart), {}
    except season.SeasonError as error:
        log.warning("season and trend could not be told apart: %s", error)
        return {}, {"fault": str(error), "lacks": error.lacks}


def make_if_due(*, organisation: Organisation, at: datetime) -> bool:
    """Make the estimates unless that was done today, in the organisation's zone; return whether it was done now."""
    last = Estimate.objects.filter(kind=Estimate.Kind.FORECAST).order_by("-made_at").first()
    today = organisation.clock.start_of(at.astimezone(organisation.zone).date())
    if last is not None and last.made_at >= today:
        return False
    make(organisation=organisation, at=at)
    return True


def _keep(rows: Sequence[Estimate]) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        Estimate.objects.exclude(kind=Estimate.Kind.FORECAST).delete()
        Estimate.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["kind", "metric", "month"],
            update_fields=list(_UPDATED),
        )


def _forecast(key: str, history: History, month: Period, today: date, at: datetime) -> Estimate:
    begun = history.between(month.first, month.until)
    details: dict[str, Any] = {"so_far": begun}
    if key == "payments_net":
        details["due"] = float(_due(today, month))
    row = Estimate(
        kind=Estimate.Kind.FORECAST, metric=key, month=month.name, made_at=at, method=TAIL, details=details
    )
    found = forecast(history, month, today, floor=begun)
    if found is None:
        details |= {"needs": NEEDED, "has": len(history.months)}
        return row
    row.value, row.low, row.high = found.value, found.low, found.high
    row.error, row.tested = found.error, found.tested
    details["season"] = found.season
    return row


def _due(today: date, month: Period) -> Decimal:
    """What signed contracts still have falling due from today to the month's end: one query."""
    found: Decimal | None = (
        Instalment.objects.filter(
            contract__signed_event__isnull=False,
            contract__journey__in=Journey.objects.valid(),
            due_on__gte=today,
            due_on__lt=month.until,
        )
        .with_paid()
        .order_by()
        .aggregate(sum=Sum("left"))["sum"]
    )
    return found or Decimal(0)


def _adjusted(
    key: str,
    history: History,
    numbers: Sequence[float],
    parts: Parts | None,
    month: Period,
    at: datetime,
    fault: Mapping[str, str],
) -> Iterator[Estimate]:
    """Yield each complete month without its season, or one row that says what is lacking."""
    if parts is None:
        lacking: dict[str, Any] = {"needs": season.NEEDED, "has": len(numbers)}
        lacking |= fault if len(numbers) >= season.NEEDED else {}
        yield Estimate(
            kind=Estimate.Kind.ADJUSTED, metric=key, month=month.name, made_at=at, method=STL, details=lacking
        )
        return
    for each, number, seasonal, trend in zip(history.months, numbers, parts.season, parts.trend, strict=True):
        yield Estimate(
            kind=Estimate.Kind.ADJUSTED,
            metric=key,
            month=each.name,
            made_at=at,
            value=number - seasonal,
            method=STL,
            details={"counted": number, "season": seasonal, "trend": trend},
        )


def _marks(
    key: str,
    history: History,
    numbers: Sequence[float],
    parts: Parts | None,
    month: Period,
    today: date,
    at: datetime,
) -> Iterator[Estimate]:
    """Yield the odd months, and the running one with its odd days; days of money are too uneven to be judged."""
    counted = BY_KEY[key].kind == "count"
    if len(numbers) < season.NEEDED_FOR_SEASONAL_MARKS:
        parts = None
    method = MEDIANS if parts is None else STL
    names = [each.name for each in history.months]
    for mark in season.odd_months(names, numbers, parts, counted=counted):
        yield _mark(key, mark, at, method)
    if counted and (days := season.odd_days(history.clock, history.daily, month, today)):
        yield Estimate(
            kind=Estimate.Kind.ANOMALY,
            metric=key,
            month=month.name,
            made_at=at,
            method=MEDIANS,
            details={"days": [_plain(day) for day in days]},
        )


def _mark(key: str, mark: Mark, at: datetime, method: str) -> Estimate:
    return Estimate(
        kind=Estimate.Kind.ANOMALY,
        metric=key,
        month=mark.name,
        made_at=at,
        value=mark.value,
        low=mark.low,
        high=mark.high,
        method=method,
        details={"expected": mark.expected, "size": mark.size, "direction": _direction(mark)},
    )


def _direction(mark: Mark) -> str:
    return "up" if mark.size > 0 else "down"


def _plain(mark: Mark) -> Mapping[str, Any]:
    return {**asdict(mark), "direction": _direction(mark)}
