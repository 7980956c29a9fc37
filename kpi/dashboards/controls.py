"""The head of a dashboard: period, filters and their addresses. The address is the whole state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import DAY, Period
from kpi import tables
from kpi.choices import Choice
from kpi.forms import CUTS
from kpi.measures import Metric
from kpi.panels import PANELS
from kpi.panels.frame import span_words

from .figures import MONTHS, Scope, last_day
from .forms import DashboardForm
from .pages import View
from .shown import days

PERIOD = ("month", "period", "first", "last")


@dataclass(frozen=True, slots=True)
class Tab:
    """A link that changes one thing of the page."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that holds, and the address without it."""

    label: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Filter:
    """The values of a cut that can be ticked: (value, label, is ticked)."""

    name: str
    label: str
    options: list[tuple[str, str, bool]]


def address_with(query: QueryDict, **changes: Any) -> str:
    """Return the query string with parameters changed; None removes one, a list replaces all its values."""
    found = query.copy()
    for name, value in changes.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, list):
            found.setlist(name, value)
        else:
            found[name] = value
    return f"?{found.urlencode()}"


def of(request: HttpRequest, form: DashboardForm, scope: Scope) -> dict[str, Any]:
    """What the head shows: kinds of period, arrows, pickers, filters and chips."""
    query, period = request.GET, scope.period
    now = scope.organisation.clock.month_at(scope.as_of)
    after = period.next() if period.kind != "range" else None
    covered = last_day(scope)
    return {
        "period": period,
        "title": tables.title(period),
        "covered": days(covered) if scope.is_running else days(period),
        "trend_period": _trend_period(scope),
        "kinds": _kinds(query, scope, now),
        "before_url": _at(query, period.previous()),
        "after_url": _at(query, after) if after and after.first <= now.first else "",
        "range_first": covered.first,
        "range_last": covered.until - DAY,
        "kept": [(name, value) for name in query if name not in PERIOD for value in query.getlist(name)],
        "kept_of_filters": [
            (name, value) for name in query if name not in CUTS for value in query.getlist(name)
        ],
        "filters": [_filter(cut, form.choices[cut], scope.filters.get(cut, ())) for cut in CUTS],
        "chips": list(_chips(query, scope, form.choices)),
        "clear_url": address_with(query, **dict.fromkeys(CUTS)),
        "known_at": formats.day_time(scope.as_of) if scope.lag is None else "",
        "now_url": address_with(query, as_of=None),
        "query": query.urlencode(),
    }


def _trend_period(scope: Scope) -> str:
    """Name the months that the trend shows: "December 2025 – November 2026"."""
    months = [scope.last_month]
    while len(months) < MONTHS:
        months.append(months[-1].previous())
    return span_words(months[::-1])


def _at(query: QueryDict, period: Period) -> str:
    return address_with(query, **{**dict.fromkeys(PERIOD), "period": period.name})


def _kinds(query: QueryDict, scope: Scope, now: Period) -> list[Tab]:
    """Links to the month, quarter and year in which the period ends, or in which we are if it has not."""
    last = min(scope.period.until - DAY, max(now.first, scope.period.first))
    month = f"{last.year:04}-{last.month:02}"
    quarter = f"{last.year:04}-Q{(last.month + 2) // 3}"
    names = (
        ("month", month, _("Month")),
        ("quarter", quarter, _("Quarter")),
        ("year", f"{last.year:04}", _("Year")),
    )
    return [
        Tab(label, _at(query, Period.parse(name)), scope.period.kind == kind) for kind, name, label in names
    ]


def _filter(cut: str, values: Mapping[str, Choice], ticked: Any) -> Filter:
    options = [
        (choice.value, choice.label, choice.value in ticked)
        for choice in values.values()
        if choice.is_offered or choice.value in ticked
    ]
    if cut != "source":
        options.append(("", _("None"), "" in ticked))
    return Filter(cut, str(CUTS[cut]), options)


def _chips(query: QueryDict, scope: Scope, choices: Mapping[str, Mapping[str, Choice]]) -> Any:
    for cut, values in scope.filters.items():
        for value in values:
            words = choices[cut][value].label if value else _("None")
            rest = [other for other in values if other != value]
            yield Chip(str(CUTS[cut]), words, address_with(query, **{cut: rest or None}))


def trend_tabs(form: DashboardForm, trends: list[Metric], followed: Metric) -> list[dict[str, Any]]:
    """The metrics that the trend may follow, as links."""
    return [
        {
            "label": str(metric.name),
            "url": address_with(form.query, trend=metric.key) + "#trend",
            "is_current": metric is followed,
        }
        for metric in trends
    ]


def panel_url(form: DashboardForm, key: str, **changes: str) -> str:
    """Return the address of a panel for what the page shows."""
    return reverse("kpi:panel", args=[key]) + address_with(form.query, **changes)


def files(form: DashboardForm, key: str, **changes: str) -> dict[str, str]:
    """Return where a panel is downloaded, by format."""
    return {suffix: panel_url(form, key, format=suffix, **changes) for suffix in ("csv", "xlsx")}


def panels(form: DashboardForm, view: View, *, money: bool) -> list[dict[str, Any]]:
    """The panels further down: title and address of each that the reader may see."""
    return [
        {"key": key, "title": PANELS[key].title, "url": panel_url(form, key)}
        for key in view.panels
        if key in PANELS and (money or not PANELS[key].money)
    ]
