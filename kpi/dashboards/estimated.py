"""What was estimated of the figures that a dashboard shows: on its cards, in its trend, and always named so."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import TextField, Value
from django.db.models.functions import Cast, JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from funnel import formats
from funnel.periods import Period
from kpi import charts, tables
from kpi.estimates import Estimates
from kpi.estimates.history import METRICS
from kpi.measures import Metric
from kpi.models import Estimate

from .figures import Figures, Plans, Scope, plans_asked
from .shown import unit_of

ESTIMATED: Final = frozenset(metric.key for metric in METRICS)
FIELDS: Final = ("made_at", "value", "low", "high", "error", "tested", "method", "details")
MOST_DAYS: Final = 3
"""So many unusual days are named, the most unusual ones."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a month may end, in words: the middle, the interval and what such estimates were off by ("" if unknown)."""

    middle: str
    between: str
    error: str


@dataclass(frozen=True, slots=True)
class Estimated:
    """What is kept of the metrics and months that a dashboard shows; nothing under filters or of another moment."""

    scope: Scope
    kept: Estimates

    def end(self, figures: Figures, metric: Metric, month: Period) -> charts.Estimate | None:
        """How the running month may end; None of other months, and where there is no forecast."""
        if self._forecast(metric, month) is None:
            return None
        end = self.kept.end(metric.key, month.name, figures.of(month, metric).figure)
        return charts.Estimate(*end) if end else None

    def outlook(self, figures: Figures, metric: Metric) -> Outlook | None:
        """How the month that the dashboard is about may end; None of other periods."""
        period = self.scope.period
        if period.kind != "month" or (end := self.end(figures, metric, period)) is None:
            return None
        unit, row = unit_of(metric, self.scope.organisation.currency), self._forecast(metric, period)
        return Outlook(
            unit.short(end.middle),
            f"{unit.short(end.low)} – {unit.short(end.high)}",
            _percent(row.error) if row else "",
        )

    def adjusted(self, metric: Metric, month: Period) -> float | None:
        """A month without its season; of a count never below nothing."""
        row = self.kept.adjusted(metric.key, month.name)
        if row is None or row.value is None:
            return None
        return round(max(0.0, row.value) if metric.kind == "count" else row.value, 1)

    def odd(self, metric: Metric, month: Period) -> str:
        """What would have been usual of an unusual month; "" of a usual one."""
        row = self.kept.anomaly(metric.key, month.name)
        if row is None or row.value is None or row.low is None or row.high is None:
            return ""
        unit = unit_of(metric, self.scope.organisation.currency)
        low = max(0.0, row.low) if metric.kind == "count" else row.low
        return _("estimate: %(low)s – %(high)s is usual") % {
            "low": unit.short(round(low)),
            "high": unit.short(round(row.high)),
        }

    def note(self, figures: Figures, metric: Metric) -> str:
        """What the trend's estimates mean and rest on, and what is lacking; "" where nothing is estimated."""
        if metric.key not in ESTIMATED:
            return ""
        if self.scope.filters:
            return _("Estimates are made of everything together and are not shown under filters.")
        return " ".join(self._sentences(figures, metric))

    def _sentences(self, figures: Figures, metric: Metric) -> Iterator[str]:
        month = figures.months[-1]
        row, end = self._forecast(metric, month), self.end(figures, metric, month)
        text = unit_of(metric, self.scope.organisation.currency).text
        if row is not None and end is not None:
            yield _("Estimate for the end of %(month)s: %(middle)s, in 8 of 10 cases %(low)s – %(high)s.") % {
                "month": tables.title(month),
                "middle": text(end.middle),
                "low": text(end.low),
                "high": text(end.high),
            }
            if row.error is not None:
                yield ngettext(
                    "Tried on %(n)s past month, it was off by %(error)s.",
                    "Tried on the last %(n)s months, it was off by %(error)s on average.",
                    row.tested,
                ) % {"n": row.tested, "error": _percent(row.error)}
        elif row is not None and "needs" in row.details:
            yield _(
                "No estimate of the month's end yet: complete months needed %(needs)s, known %(has)s."
            ) % (row.details)
        if row is not None and row.details.get("due"):
            yield _("Still due by then under signed contracts: %(sum)s.") % {"sum": text(row.details["due"])}
        yield from self._days(metric, month)
        yield from self._lacking(metric, month)
        if row is not None:
            yield _("Estimates made on %(when)s.") % {"when": formats.day_time(row.made_at)}

    def _days(self, metric: Metric, month: Period) -> Iterator[str]:
        row = self.kept.anomaly(metric.key, month.name)
        found: list[dict[str, Any]] = row.details.get("days", []) if row else []
        if found:
            most = sorted(found, key=lambda day: -abs(day["size"]))[:MOST_DAYS]
            days = [
                _("%(day)s (%(value)s, usual: %(usual)s)")
                % {
                    "day": formats.day(date.fromisoformat(day["name"])),
                    "value": formats.number(day["value"]),
                    "usual": formats.number(day["expected"], 1),
                }
                for day in sorted(most, key=lambda day: str(day["name"]))
            ]
            yield _("Unusual days, by estimate: %(days)s.") % {"days": ", ".join(days)}

    def _lacking(self, metric: Metric, month: Period) -> Iterator[str]:
        row = self.kept.adjusted(metric.key, month.name)
        if row is None or "needs" not in row.details:
            return
        if lacks := row.details.get("lacks"):
            yield _("There is no line without the season: not installed on the server: %(name)s.") % {
                "name": lacks
            }
        elif "fault" in row.details:
            yield _("The line without the season could not be made; the worker's log says why.")
        elif row.details["has"] < row.details["needs"]:
            yield (
                _(
                    "The line without the season needs more months: complete months needed %(needs)s, known %(has)s."
                )
                % row.details
            )

    def _forecast(self, metric: Metric, month: Period) -> Estimate | None:
        runs = month == self.scope.organisation.clock.month_at(self.scope.as_of)
        return self.kept.forecast(metric.key, month.name) if runs else None


def plans_and_estimates(figures: Figures, metrics: Sequence[Metric]) -> tuple[Plans, Estimated]:
    """Read what is planned and estimated of the metrics in the months of the figures: one query for both."""
    scope, months = figures.scope, figures.months
    plans = plans_asked(scope, metrics, months).values_list(
        "metric", "month", Value(""), Cast("value", TextField())
    )
    keys = {metric.key for metric in metrics} & ESTIMATED
    kept = Estimate.objects.filter(metric__in=keys, month__in={month.name for month in months})
    if scope.filters or scope.known_at:
        kept = kept.none()
    told = JSONObject(**{name: name for name in FIELDS})
    rows = list(plans.union(kept.values_list("metric", "month", "kind", Cast(told, TextField())), all=True))
    planned = {(metric, month): Decimal(value) for metric, month, kind, value in rows if not kind}
    guessed = {
        (kind, metric, month): _estimate(kind, metric, month, value)
        for metric, month, kind, value in rows
        if kind
    }
    return Plans(planned), Estimated(scope, Estimates(guessed))


def _estimate(kind: str, metric: str, month: str, told: str) -> Estimate:
    fields = json.loads(told)
    fields["made_at"] = datetime.fromisoformat(fields["made_at"])
    return Estimate(kind=kind, metric=metric, month=month, **fields)


def _percent(error: float | None) -> str:
    return "" if error is None else formats.percent(error)
