"""How long proposals and contracts take from the request to the sending, in business hours."""

from typing import Final, Literal

from django.utils.translation import gettext as _

from funnel import formats
from kpi import charts, tables
from kpi.metrics import BY_KEY
from kpi.panels import facts
from kpi.panels.frame import Asked, PanelView, Picture, Table, count, decimal, name, span_words, spread_of
from kpi.queries import answer

HOURS: Final = (2, 4, 8, 16, 24, 40)
"""Upper bounds, included, of the bars of the histogram."""

_HISTOGRAM: Final = """
SELECT (SELECT count(*) FROM unnest(%(bounds)s::int[]) AS bound WHERE bound < fact.business_s), count(*)
FROM span JOIN {facts} AS fact ON fact.at >= span.starts AND fact.at < span.ends AND fact.event = ANY(%(counted)s)
WHERE fact.nth = 1 AND NOT fact.void AND fact.business_s IS NOT NULL AND {kept}
GROUP BY 1
"""


def proposals(asked: Asked) -> PanelView:
    """From the first request to the first proposal sent, by the sending month."""
    return _turnaround(asked, "proposal", _("Proposal turnaround, business hours"))


def contracts(asked: Asked) -> PanelView:
    """From the first request to the first contract sent, by the sending month."""
    return _turnaround(asked, "contract", _("Contract turnaround, business hours"))


def _turnaround(asked: Asked, kind: Literal["proposal", "contract"], title: str) -> PanelView:
    first, revision = f"{kind}_prep_business_h", f"{kind}_revision_prep_business_h"
    spans = [asked.span_of(month) for month in asked.months]
    found = answer(asked.question(spans), [BY_KEY[first], BY_KEY[revision]])
    spells, rows = [], []
    for month in asked.months:
        whole, again = (spread_of(found.of(month.name, key)) for key in (first, revision))
        href = asked.records(first, month) if whole.n else ""
        again_href = asked.records(revision, month) if again.n else ""
        label = formats.month(month.first)
        spells.append(
            charts.Spell(
                _short(month.first), label, whole.median, _float(whole.mean), whole.p90, whole.n, href
            )
        )
        rows.append(
            [
                name(label, href),
                *(decimal(number, href) for number in (whole.median, _float(whole.mean), whole.p90)),
                count(whole.n, href),
                *(decimal(number, again_href) for number in (again.median, _float(again.mean), again.p90)),
                count(again.n, again_href),
            ]
        )
    head = [
        _("Month"), _("Median"), _("Mean"), _("90th percentile"), _("Count"), _("Revisions, median"),
        _("Revisions, mean"), _("Revisions, 90th percentile"), _("Revisions"),
    ]  # fmt: skip
    drawn = charts.spread(charts.Spread(spells, charts.Unit("count"), title), width=1080)
    pictures = [Picture(f"{kind}-turnaround", title, drawn, "wide"), _histogram(asked, kind, first)]
    return PanelView(
        pictures,
        Table(head, rows),
        shows_table=any(spell.n for spell in spells),
        period=span_words(asked.months),
    )


def _histogram(asked: Asked, kind: str, metric: str) -> Picture:
    parameters = {"bounds": [hours * 3600 for hours in HOURS]}
    numbers = dict(facts.count(asked, [asked.span], [f"{kind}_sent"], _HISTOGRAM, parameters))
    buckets, low = [], 0
    for place, high in enumerate((*HOURS, None)):
        label = f"{low}–{high}" if high else f"{low}+"
        words = _("up to %(high)s h") % {"high": high} if not low else _("over %(low)s h") % {"low": low}
        if low and high:
            words = _("over %(low)s to %(high)s h") % {"low": low, "high": high}
        number = numbers.get(place, 0)
        bounds = {"over": str(low * 60)} if low else {}
        bounds |= {"up_to": str(high * 60)} if high else {}
        href = asked.records(metric, **bounds) if number else ""
        buckets.append(charts.Bucket(label, words, number, href))
        low = high or low
    drawn = charts.distribution(
        charts.Distribution(buckets, _("How long each took"), _("Business hours")), width=1080
    )
    return Picture(
        f"{kind}-histogram",
        _("How long each took, business hours"),
        drawn,
        "wide",
        period=tables.title(asked.period),
    )


def _short(day: object) -> str:
    """A month's name on an axis."""
    return formats.month(day)[:3]  # type: ignore[arg-type]  # a date


def _float(number: object) -> float | None:
    return None if number is None else float(number)  # type: ignore[arg-type]  # a number
