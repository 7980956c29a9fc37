"""What goes together with what, and when in the year: associations and seasons."""

from collections.abc import Sequence
from typing import Final

from babel.dates import get_month_names
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from funnel import formats
from kpi import charts, report
from kpi.measures import Lift, Metric, Ratio
from kpi.metrics import BY_KEY
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, name, rate_of, share
from kpi.queries import answer
from kpi.values import Rate
from kpi.values import Table as Map

LIFTS: Final = ("meeting_lift", "response_lift")
FEW: Final = 10
"""A share of fewer than so many tells little."""


def _sides(key: str) -> tuple[Metric, Metric]:
    """The rates that a lift divides, as metrics of their own: among some, among the others."""
    lift = BY_KEY[key]
    if not isinstance(lift.query, Lift):
        raise TypeError(f"{key} is no lift")
    first, second = (
        Metric(
            f"{key}_{side}",
            lift.name,
            "ratio",
            "percent",
            "up",
            lift.definition,
            Ratio(won, whole),
            points=True,
        )
        for side, (won, whole) in zip(("some", "others"), lift.query.sides, strict=True)
    )
    return first, second


def lifts(asked: Asked) -> PanelView:
    """Both rates of each lift, with how many each rests on, and the one divided by the other."""
    pairs = {key: _sides(key) for key in LIFTS}
    found = answer(
        asked.question([asked.span]),
        [*(BY_KEY[key] for key in LIFTS), *(m for pair in pairs.values() for m in pair)],
    )
    titles = {
        "meeting_lift": (_("Won, by demo"), _("With a demo"), _("Without a demo")),
        "response_lift": (
            _("Accepted by sales, by first response"),
            _("Within an hour"),
            _("Later or not at all"),
        ),
    }
    pictures, rows = [], []
    for key in LIFTS:
        title, *sides = titles[key]
        rates = [rate_of(found.of(asked.period.name, metric.key)) for metric in pairs[key]]
        whole = found.of(asked.period.name, key).figure
        lift = _("no comparison") if whole is None else f"× {formats.number(float(whole), 2)}"
        bars, cells = [], []
        for side, words, rate in zip(("among", "others"), sides, rates, strict=True):
            value = None if rate.figure is None else float(rate.figure)
            won, every = (asked.records(key, part=part) for part in (f"{side}_won", side))
            number = count(rate.denominator, every)
            label = f"{words} · {number.text}"
            bars.append(charts.Bar(label, value, href=number.href, extra=[("n", number.text)]))
            cells += [share(rate, won if rate.numerator else ""), number]
        rows.append([name(title), *cells, Cell(whole, lift, asked.records(key) if whole else "")])
        drawn = charts.bars(
            charts.Bars(
                bars if any(bar.value is not None for bar in bars) else [],
                charts.Unit("share"),
                title,
                _("Share"),
            )
        )
        note = _note(lift if whole is not None else "", rates)
        pictures.append(Picture(key.replace("_", "-"), title, drawn, note="" if drawn.is_empty else note))
    head = [
        _("Association"), _("Share among these"), _("Number of these"), _("Share among the others"),
        _("Number of the others"), _("Times as often"),
    ]  # fmt: skip
    return PanelView(pictures, Table(head, rows), shows_table=not all(one.drawn.is_empty for one in pictures))


def _note(lift: str, rates: Sequence[Rate]) -> str:
    """What may be read into a comparison, and what may not."""
    if not lift:
        return _("No comparison: one side is empty, or nothing came of it.")
    words = _("%(lift)s: an association, no proof of cause.") % {"lift": lift}
    if min(rate.denominator or 0 for rate in rates) < FEW:
        words += " " + _("One side has fewer than %(n)s: chance alone may explain it.") % {"n": FEW}
    return words


def seasonality(asked: Asked) -> PanelView:
    """The index of each calendar month from the years complete by the period's end: 1 is usual."""
    found = report.build(
        organisation=asked.organisation,
        period=asked.period,
        as_of=asked.as_of,
        metrics=[BY_KEY["seasonality_index"]],
        filters=asked.filters,
        lag=asked.lag,
    )
    value = found.lines[0].current
    index = value.rows if isinstance(value, Map) and value.rows else {}
    language = (get_language() or "en").replace("-", "_")
    short = get_month_names("abbreviated", "stand-alone", language)
    full = get_month_names("wide", "stand-alone", language)
    columns, rows = [], []
    href = asked.records("seasonality_index")
    for month, number in sorted(index.items()):
        words = full[int(month)][:1].upper() + full[int(month)][1:]
        columns.append(charts.Column(short[int(month)], words, [float(number)]))
        rows.append([name(words), Cell(number, formats.number(float(number), 2), href if number else "")])
    drawn = charts.columns(
        charts.Columns(
            columns,
            [_("Index")],
            charts.Unit("index"),
            _("Seasonality"),
            line_at=1,
            line_name=_("The mean month"),
            empty=_("Seasons need two complete calendar years of applications."),
        ),
        width=1080,
    )
    return PanelView(
        [Picture("seasonality", _("Seasonality of applications"), drawn, "wide")],
        Table([_("Month"), _("Index")], rows),
    )
