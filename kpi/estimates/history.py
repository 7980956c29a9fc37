"""Reading the daily numbers that estimates rest on: the same figures as the report's, a span a day."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from funnel.models import Organisation
from funnel.periods import DAY, Period
from kpi.measures import Metric
from kpi.metrics import BY_KEY
from kpi.queries import Answer, Question, Span, answer, first_application, windows_of
from kpi.rollup import FRESH

from .forecast import History

METRICS: Final[tuple[Metric, ...]] = tuple(
    BY_KEY[key] for key in ("leads_valid", "deals_won", "contract_value_won", "payments_net")
)
"""What is estimated."""
MOST_MONTHS: Final = 60


def read(organisation: Organisation, month: Period, at: datetime) -> Mapping[str, History]:
    """Return the history of each metric up to `at`: the complete months before `month`, and its own days.

    The month of the first application is left out as an incomplete one. A fixed number of queries.
    """
    clock, months = organisation.clock, _complete(organisation, month)
    first = months[0].first if months else month.first
    today = at.astimezone(organisation.zone).date()
    days = [first + DAY * n for n in range((today + DAY - first).days)]
    spans = [
        Span(day.isoformat(), clock.start_of(day), min(clock.start_of(day + DAY), at), rough=True)
        for day in days
    ]
    question = Question(clock, at, spans, "", windows_of(organisation), lag=FRESH)
    found = answer(question, METRICS)
    return {metric.key: History(clock, _daily(found, metric.key, days), months) for metric in METRICS}


def _daily(found: Answer, key: str, days: Sequence[date]) -> dict[date, float]:
    return {day: float(found.of(day.isoformat(), key).figure or 0) for day in days}


def _complete(organisation: Organisation, month: Period) -> list[Period]:
    """The months after the first application's and before `month`, at most `MOST_MONTHS`, in order."""
    began = first_application()
    if began is None:
        return []
    first, found = organisation.clock.month_at(began), [month]
    while found[0].first > first.first and len(found) <= MOST_MONTHS:
        found.insert(0, found[0].previous())
    complete = found[:-1]
    return complete[1:] if complete and complete[0].first == first.first else complete
