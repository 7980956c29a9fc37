"""How fast applications are answered: how long each waited, and when those come that wait too long."""

from collections import defaultdict
from typing import Any, Final

from django.utils.translation import gettext as _

from funnel import formats
from kpi import charts
from kpi.metrics import BY_KEY
from kpi.panels import facts
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, name
from kpi.queries import answer
from kpi.records.narrowing import weekdays
from kpi.values import Rate, Spread, plain

MINUTES: Final = (15, 30, 60, 120, 240, 480)
"""Upper bounds, included, of the bars, in business minutes; then come longer ones and the unanswered."""
LONGER, UNANSWERED, ODD = len(MINUTES), len(MINUTES) + 1, len(MINUTES) + 2
FAST: Final = 2
"""The last bar that lies within the hour."""

_WAITS: Final = f"""
SELECT extract(isodow FROM fact.at AT TIME ZONE %(zone)s)::int, extract(hour FROM fact.at AT TIME ZONE %(zone)s)::int,
    CASE
        WHEN fact.business_s IS NOT NULL
            THEN (SELECT count(*) FROM unnest(%(bounds)s::int[]) AS bound WHERE bound < fact.business_s)
        WHEN fact.answered THEN {ODD}
        ELSE {UNANSWERED}
    END,
    count(*)
FROM span JOIN {{facts}} AS fact ON fact.at >= span.starts AND fact.at < span.ends AND fact.event = ANY(%(counted)s)
WHERE fact.nth = 1 AND NOT fact.void AND {{kept}}
GROUP BY 1, 2, 3
"""


def response(asked: Asked) -> PanelView:
    """The first responses to the period's valid applications, in business minutes."""
    parameters = {"bounds": [minutes * 60 for minutes in MINUTES], "zone": asked.organisation.timezone}
    rows = facts.count(asked, [asked.span], ["lead_created"], _WAITS, parameters)
    by_bar: dict[int, int] = defaultdict(int)
    by_hour: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for weekday, hour, bar, number in rows:
        by_bar[bar] += number
        by_hour[weekday, hour][0] += number if bar <= FAST else 0
        by_hour[weekday, hour][1] += number
    return PanelView(
        [_histogram(asked, by_bar), _heat(asked, by_hour)],
        _table(asked, by_bar, by_hour),
        _("Weekdays and hours are those of %(zone)s.") % {"zone": asked.organisation.timezone},
    )


def _labels() -> list[tuple[str, str]]:
    """On the axis and in full, a bar each."""
    found, low, hours = [], 0, _("h")
    for high in MINUTES:
        label = f"{low}–{high}" if high <= 60 else f"{low // 60}–{high // 60} {hours}"
        words = _("up to %(n)s") if not low else _("up to %(n)s, over %(low)s")
        found.append((label, words % {"n": formats.span(high), "low": formats.span(low)}))
        low = high
    found.append((f"{low // 60}+ {hours}", _("over %(low)s") % {"low": formats.span(low)}))
    return [*found, (_("none"), _("Unanswered"))]


def _rows_of(asked: Asked, bar: int) -> str:
    """Where the applications of a bar are."""
    if bar == UNANSWERED:
        return asked.records("first_response_business_min", part="unanswered")
    bounds = {"over": str(MINUTES[bar - 1])} if bar else {}
    if bar < LONGER:
        bounds["up_to"] = str(MINUTES[bar])
    return asked.records("first_response_business_min", part="answered", **bounds)


def _histogram(asked: Asked, by_bar: dict[int, int]) -> Picture:
    key = "first_response_business_min"
    buckets = [
        charts.Bucket(label, words, by_bar[bar], _rows_of(asked, bar) if by_bar[bar] else "")
        for bar, (label, words) in enumerate(_labels())
    ]
    drawn = charts.distribution(
        charts.Distribution(buckets, _("First response"), _("Business minutes")), width=1080
    )
    found = answer(asked.question([asked.span]), [BY_KEY[key]]).of(asked.period.name, key)
    return Picture(
        "response", _("First response, business minutes"), drawn, "wide", _medians(found, by_bar[ODD])
    )


def _medians(found: Any, odd: int) -> str:
    """Both medians in a sentence: the one that counts the unanswered, and the naive one."""
    if not isinstance(found, Spread):
        return ""
    extra = dict(found.extra)
    shown = {
        key: charts.Unit("minutes").text(None if number is None else plain(number))
        for key, number in extra.items()
    }
    words = _(
        "Median %(patient)s, unanswered ones counted (Kaplan–Meier); %(naive)s among the %(n)s answered alone."
    ) % {
        "patient": shown["median_kaplan_meier"],
        "naive": shown["median_responded"],
        "n": formats.number(found.n),
    }
    if odd:
        words += " " + _("Left out: %(n)s answered before they came in.") % {"n": formats.number(odd)}
    return words


def _heat(asked: Asked, by_hour: dict[tuple[int, int], list[int]]) -> Picture:
    cells = [[_cell(asked, by_hour, weekday, hour) for hour in range(24)] for weekday in range(1, 8)]
    title = _("Answered within an hour, by when they came")
    drawn = charts.heat(
        charts.Heat(weekdays(), [str(hour) for hour in range(24)], cells, charts.Unit("share"), title)
    )
    return Picture("response-hours", title, drawn, "wide")


def _cell(
    asked: Asked, by_hour: dict[tuple[int, int], list[int]], weekday: int, hour: int
) -> charts.Cell | None:
    if (weekday, hour) not in by_hour:
        return None
    fast, every = by_hour[weekday, hour]
    href = asked.records("leads_valid", weekday=str(weekday), hour=str(hour))
    return charts.Cell(fast / every, every, href)


def _table(asked: Asked, by_bar: dict[int, int], by_hour: dict[tuple[int, int], list[int]]) -> Table:
    """The bars, then each hour that applications came in."""
    total = sum(by_bar.values())
    rows: list[list[Cell]] = []
    for bar, (_label, words) in enumerate(_labels() if total else []):
        rate = Rate(by_bar[bar], total).figure
        rows.append(
            [
                name(words),
                count(by_bar[bar], _rows_of(asked, bar)),
                Cell(rate, formats.percent(rate and float(rate), 1), _rows_of(asked, bar) if rate else ""),
            ]
        )
    days = weekdays()
    for (weekday, hour), (fast, every) in sorted(by_hour.items()):
        rate = Rate(fast, every).figure
        when = {"weekday": str(weekday), "hour": str(hour)}
        in_time = asked.records("response_within_60_business_min", part="numerator", **when)
        rows.append(
            [
                name(f"{days[weekday - 1]} {hour:02}:00"),
                count(every, asked.records("leads_valid", **when)),
                Cell(rate, formats.percent(rate and float(rate), 1), in_time if fast else ""),
            ]
        )
    return Table(
        [_("Wait, or when they came"), _("Applications"), _("Share; of an hour, within 60 minutes")], rows
    )
