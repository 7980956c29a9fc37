"""Payments against their schedules, and what clients are worth by when and whence they came."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from funnel import formats
from funnel.periods import Period
from kpi import charts, payments, rollup, sql, tables
from kpi.costs import campaign_cost
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, money, name, span_words
from kpi.panels.reasons import words_of
from kpi.queries import Bucket, windows_of
from kpi.sources import clock_parameters, run
from kpi.values import Rate

AHEAD: Final = 3
"""So many months after the asked one are shown of what will fall due."""
COHORTS: Final = {"month": 12, "quarter": 8}


def schedule(asked: Asked) -> PanelView:
    """What falls due by month, what was paid, what is overdue and what was planned: nine months back, three ahead."""
    months = asked.months[AHEAD:]
    for _month in range(AHEAD):
        months.append(months[-1].next())
    found = payments.schedule(asked.organisation, months, asked.filters, now=asked.as_of, lag=asked.lag)
    present = asked.organisation.clock.month_at(asked.as_of).first
    columns, rows = [], []
    for month in found:
        label = tables.title(month.month)
        paid = month.paid if month.month.first <= present else None
        href = asked.records("payments_net", month.month) if paid else ""
        values = [paid, month.plan, month.overdue or None, month.due or None]
        columns.append(
            charts.Column(
                formats.month(month.month.first)[:3],
                label,
                [None if value is None else Decimal(value) for value in values],  # type: ignore[arg-type]
                href,
            )
        )
        rows.append(
            [
                name(label),
                money(month.due, asked.currency, asked.records("instalments_due", month.month, due="all")),
                money(paid, asked.currency, href),
                money(
                    month.overdue,
                    asked.currency,
                    asked.records("instalments_due", month.month, due="overdue"),
                ),
                money(month.plan, asked.currency, _plan_of(month.month)),
            ]
        )
    series = [_("Paid, net"), _("Plan"), _("Overdue"), _("Due")]
    told = [place for place in range(len(series)) if any(column.values[place] for column in columns)]
    columns = [replace(column, values=[column.values[place] for place in told]) for column in columns]
    some = bool(told)
    drawn = charts.columns(
        charts.Columns(
            columns if some else [],
            [series[place] for place in told],
            charts.Unit("money", asked.currency),
            _("Payments"),
            empty=_("Nothing was due, paid or planned in these months."),
        ),
        width=1080,
    )
    return PanelView(
        [Picture("payments", _("Payments by month"), drawn, "wide")],
        Table([_("Month"), _("Due"), _("Paid, net"), _("Overdue"), _("Plan")], rows),
        _("What is due and overdue is told by the schedules as they stand now."),
        shows_table=some,
        period=span_words(months),
    )


def _plan_of(month: Period) -> str:
    """Where the plan of net payments was set."""
    query = urlencode({"year": month.first.year, "metric": "payments_net"})
    return f"{reverse('kpi:plan-grid')}?{query}"


_WORTH: Final = """
money AS MATERIALIZED (
    SELECT paid.*, min(at) FILTER (WHERE event = 'payment_received') OVER (PARTITION BY client) AS first_at FROM paid
),
own AS (
    SELECT money.client, money.event, (money.first_at AT TIME ZONE %(zone)s)::date AS first_day,
        CASE money.event WHEN 'payment_received' THEN money.amount ELSE -money.amount END AS net
    FROM money JOIN span ON money.at < span.ends AND money.first_at < span.ends
    WHERE {kept}
),
origin AS ({origins})
SELECT date_trunc(%(unit)s, own.first_day)::date, NULL, NULL, sum(own.net),
    count(DISTINCT own.client) FILTER (WHERE own.event = 'payment_received')
FROM own GROUP BY 1
UNION ALL
SELECT NULL, coalesce(source.key, ''), coalesce(source.label, ''), sum(own.net),
    count(DISTINCT own.client) FILTER (WHERE own.event = 'payment_received')
FROM own LEFT JOIN origin USING (client) LEFT JOIN funnel_source source ON source.id = origin.source_id
GROUP BY source.key, source.label
"""


def lifetime_value(asked: Asked) -> PanelView:
    """What clients are worth to the period's end, by the month or quarter of their first payment and by first source."""
    unit = asked.chosen("every", list(COHORTS))
    found = _worth(asked, unit)
    cohorts = [(day, net, clients) for day, _key, _label, net, clients in found if day]
    sources = [
        (words_of(key, label), net, clients, {"first_source": key})
        for day, key, label, net, clients in found
        if not day
    ]
    sources.sort(key=lambda row: (-float(Rate(row[1], row[2]).figure or 0), row[0]))
    shown = _periods(asked, unit)
    by_day: dict[date, tuple[Any, int]] = {day: (net, clients) for day, net, clients in cohorts}
    costs = _costs(asked, shown)
    rows, columns = [], []
    for period in shown:
        net, clients = by_day.pop(period.first, (Decimal(0), 0))
        cost = costs.get(period.name)
        acquired = Rate(cost, clients).figure if cost is not None else None
        average = Rate(net, clients).figure
        label = tables.title(period)
        who = {"first_paid": period.name}
        rows.append(_row(asked, (label, _("Cohort")), net, clients, who, acquired, period))
        values = [None if value is None else Decimal(float(value)) for value in (average, acquired)]
        axis = formats.month(period.first)[:3] if unit == "month" else label
        columns.append(
            charts.Column(
                axis,
                label,
                values,
                _worth_of(asked, who) if clients else "",
                note=f"n = {formats.number(clients)}",
            )
        )
    if by_day:
        net, clients = (sum(part) for part in zip(*by_day.values(), strict=True))
        earlier = {"first_paid_before": shown[0].name}
        rows.insert(0, _row(asked, (_("Earlier"), _("Cohort")), net, clients, earlier))
    rows += [
        _row(asked, (words, _("First source")), net, clients, who) for words, net, clients, who in sources
    ]
    some = bool(found)
    titles = {"month": _("By month"), "quarter": _("By quarter")}
    pictures = [
        Picture(
            "ltv",
            _("Lifetime value by first payment"),
            _columns(asked, columns if some else []),
            "wide",
            tabs=[("every", value, titles[value], value == unit) for value in COHORTS],
        ),
        Picture("ltv-sources", _("Lifetime value by first source"), _bars(asked, sources), "wide"),
    ]
    head = [
        _("Clients"), _("Cut"), _("Number"), _("Worth together"), _("Lifetime value (LTV)"),
        _("Cost per new client (CAC)"),
    ]  # fmt: skip
    return PanelView(pictures, Table(head, rows if some else []), shows_table=some)


def _worth(asked: Asked, unit: str) -> list[tuple[Any, ...]]:
    """(first day of the cohort or None, source's key, its label, worth together, clients): two or three queries."""
    organisation = asked.organisation
    condition, filters = sql.kept(asked.filters, "money")
    own = {"unit": unit, "zone": organisation.timezone}
    parameters: dict[str, Any] = {**asked.question([asked.span]).span_parameters, **filters, **own}
    if asked.lag is not None and rollup.is_current(
        clock=organisation.clock, windows=windows_of(organisation), lag=asked.lag
    ):
        relations = f"WITH {sql.SPANS},{sql.MONEY_KEPT}"
    else:
        relations = ",".join((f"WITH {sql.SPANS}", sql.TOUCHED_BY_MONEY, sql.JOURNEYS, sql.MONEY_KNOWN))
        parameters |= clock_parameters(organisation.clock, max(asked.as_of, asked.span.ends))
    return run(f"{relations},{_WORTH.format(kept=condition, origins=sql.origins('own'))}", parameters)


def _periods(asked: Asked, unit: str) -> list[Period]:
    """The cohorts shown one by one, oldest first."""
    last = asked.months[-1]
    if unit == "quarter":
        last = Period.parse(f"{last.first.year:04}-Q{(last.first.month + 2) // 3}")
    periods = [last]
    while len(periods) < COHORTS[unit]:
        periods.insert(0, periods[0].previous())
    return periods


def _costs(asked: Asked, periods: list[Period]) -> dict[str, Decimal]:
    """What campaigns cost in each of the periods, where nothing is filtered: a part of a cost would be a guess."""
    if asked.filters:
        return {}
    cost = campaign_cost({period.name: period for period in periods}, "", {}).numbers["campaign_cost"]
    found: dict[str, Decimal] = defaultdict(Decimal)
    for period in periods:
        if (amount := cost(Bucket(period.name))) is not None:
            found[period.name] = amount
    return found


def _worth_of(asked: Asked, who: Mapping[str, str], part: str = "numerator") -> str:
    """Where the money, or by part "denominator" the clients, of some of the clients are listed."""
    return asked.records("ltv_average_at_month_end", part=part, **who)


def _row(
    asked: Asked,
    words: tuple[str, str],
    net: Any,
    clients: int,
    who: Mapping[str, str],
    acquired: Any = None,
    period: Period | None = None,
) -> list[Cell]:
    """A row under its name and cut; `who` tells the records which clients these are, `period` when they were won."""
    href = _worth_of(asked, who)
    costs = f"{reverse('kpi:campaigns')}?{urlencode({'period': period.name})}" if period else ""
    return [
        *map(name, words),
        count(clients, _worth_of(asked, who, "denominator")),
        money(net, asked.currency, href),
        money(Rate(net, clients).figure, asked.currency, href),
        money(acquired, asked.currency, costs),
    ]


def _columns(asked: Asked, columns: list[charts.Column]) -> charts.Drawn:
    some_cost = any(column.values[1] is not None for column in columns)
    series = [_("Lifetime value (LTV)"), _("Cost per new client (CAC)")][: 2 if some_cost else 1]
    if not some_cost:
        columns = [charts.Column(one.label, one.title, one.values[:1], one.href, one.note) for one in columns]
    return charts.columns(
        charts.Columns(
            columns,
            series,
            charts.Unit("money", asked.currency),
            _("Lifetime value by first payment"),
            empty=_("No client had paid by the end of this period."),
            head=_("First payment"),
        ),
        width=1080,
    )


def _bars(asked: Asked, sources: Sequence[tuple[str, Any, int, Mapping[str, str]]]) -> charts.Drawn:
    bars = []
    for words, net, clients, who in sources:
        average = Rate(net, clients).figure
        value = None if average is None else Decimal(float(average))
        extra = [("n", formats.number(clients))]
        bars.append(charts.Bar(words, value, href=_worth_of(asked, who), extra=extra))
    return charts.bars(
        charts.Bars(
            bars,
            charts.Unit("money", asked.currency),
            _("Lifetime value by first source"),
            _("Lifetime value (LTV)"),
            empty=_("No client had paid by the end of this period."),
        ),
        width=1080,
    )
