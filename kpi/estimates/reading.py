"""Reading what was estimated: for dashboards, which never compute it themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import NamedTuple

from kpi.models import Estimate
from kpi.values import Number


class End(NamedTuple):
    """How a month may end, in whole units: the middle and the interval around it."""

    low: int
    middle: int
    high: int


@dataclass(frozen=True, slots=True)
class Estimates:
    """What is kept of the metrics and months asked for. All that it answers with is an estimate and to be named so."""

    rows: Mapping[tuple[str, str, str], Estimate]

    def forecast(self, metric: str, month: str) -> Estimate | None:
        """The forecast of a month's end; its `value` is None, with `details` "needs" and "has", on a short history."""
        return self.rows.get((Estimate.Kind.FORECAST, metric, month))

    def end(self, metric: str, month: str, so_far: Number | None) -> End | None:
        """How a month may end, no part of it below `so_far`, what is counted now; None without a forecast."""
        row = self.forecast(metric, month)
        if row is None or row.value is None or row.low is None or row.high is None:
            return None
        floor = ceil(so_far or 0)
        return End(*(max(floor, round(part)) for part in (row.low, row.value, row.high)))

    def adjusted(self, metric: str, month: str) -> Estimate | None:
        """A month without its season, the trend in `details`; `value` None where there is not enough history."""
        return self.rows.get((Estimate.Kind.ADJUSTED, metric, month))

    def anomaly(self, metric: str, month: str) -> Estimate | None:
        """A month outside its band, or with `details` "days" outside theirs; None where nothing is odd."""
        return self.rows.get((Estimate.Kind.ANOMALY, metric, month))

    @property
    def made_at(self) -> datetime | None:
        return max((row.made_at for row in self.rows.values()), default=None)


def read(metrics: Iterable[str], months: Iterable[str]) -> Estimates:
    """Return what is kept of the metrics (keys) and months ("2026-03"): one query."""
    found = Estimate.objects.filter(metric__in=list(metrics), month__in=list(months))
    return Estimates({(row.kind, row.metric, row.month): row for row in found})
