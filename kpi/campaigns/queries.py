"""Campaigns side by side: what each cost in a period and what it brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from funnel.models import Campaign, Organisation, User
from funnel.periods import Period
from kpi import report
from kpi.measures import Metric
from kpi.metrics import BY_KEY, CAMPAIGNS, seen_by
from kpi.queries import Bucket, Span
from kpi.values import Plain, Rate, Value

_HEADS: Final[Mapping[str, Promise]] = {
    "campaign_cost": _("Cost"),
    "leads_valid": _("Applications"),
    "sal_accepted": _("SAL"),
    "sal_quality_cohort_7d": _("SAL quality"),
    "cost_per_lead": _("Cost per application"),
    "cost_per_sal": _("Cost per SAL"),
    "new_clients": _("New clients"),
    "cost_per_client": _("Cost per client"),
    "payments_net": _("Net payments"),
    "campaign_return": _("Return"),
}
"""The columns of the page in order, by metric, under short heads."""

RETURN: Final = "campaign_return"
_BY_KEY: Final = {**BY_KEY, **{metric.key: metric for metric in CAMPAIGNS}}
COLUMNS: Final = [_BY_KEY[key] for key in _HEADS]


@dataclass(frozen=True, slots=True)
class Column:
    """A metric, its short head, and how an address names it to sort by."""

    metric: Metric
    head: Promise

    @property
    def key(self) -> str:
        return self.metric.key


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign with its values by metric; without a campaign, what came without one."""

    campaign: Campaign | None
    values: Mapping[str, Value]
    maturing: frozenset[str]

    @property
    def name(self) -> str:
        return str(self.campaign) if self.campaign else ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The columns that the user may see, a row for each campaign, what came without one, and the whole."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    without: Row | None
    whole: Row


def compared(
    user: User,
    *,
    organisation: Organisation,
    period: Period,
    as_of: datetime,
    lag: timedelta | None,
    order: str = "",
) -> Compared:
    """Compare campaigns over a period: a fixed number of queries.

    There is a row for each campaign that is in use, cost something or brought something. `order` is `name` or the key
    of a column, `-` before it for the largest first; what has no number comes last either way. By default the costly,
    or for those who see no costs the fruitful, come first.
    """
    columns = [Column(metric, _HEADS[metric.key]) for metric in seen_by(user, COLUMNS)]
    found = report.ask(
        organisation=organisation,
        periods={report.NOW: period},
        spans=[Span(report.NOW, *organisation.clock.period_bounds(period))],
        as_of=as_of,
        by="campaign",
        metrics=[column.metric for column in columns],
        lag=lag,
    )

    def row(campaign: Campaign | None, cut: str | None) -> Row:
        bucket = Bucket(report.NOW, cut)
        nothing = {column.key: _nothing(column.metric) for column in columns}
        return Row(campaign, found.values.get(bucket, nothing), found.maturing.get(bucket, frozenset()))

    campaigns = Campaign.objects.select_related("source")
    rows = [
        row(campaign, campaign.key)
        for campaign in campaigns
        if campaign.active or Bucket(report.NOW, campaign.key) in found.values
    ]
    return Compared(
        columns,
        _ordered(rows, order, columns),
        row(None, "") if Bucket(report.NOW, "") in found.values else None,
        _whole(row(None, None), found.values),
    )


def _nothing(metric: Metric) -> Value:
    """What a campaign has that neither cost nor brought anything."""
    if metric.kind == "ratio":
        return Rate(None, 0)
    return Plain(None if metric.cost else 0)


def _whole(row: Row, values: Mapping[Bucket, Mapping[str, Value]]) -> Row:
    """The whole, whose return leaves out what was paid by those who came without a campaign."""
    if RETURN not in row.values:
        return row
    brought = [
        value for bucket, each in values.items() if bucket.cut and isinstance(value := each[RETURN], Rate)
    ]
    cost = row.values[RETURN]
    paid = sum((rate.numerator or 0 for rate in brought), Decimal(0))
    told = Rate(paid, cost.denominator if isinstance(cost, Rate) else None)
    return replace(row, values={**row.values, RETURN: told})


def _ordered(rows: list[Row], order: str, columns: Sequence[Column]) -> list[Row]:
    rows = sorted(rows, key=lambda row: row.name.casefold())
    known = {column.key for column in columns}
    key, descending = order.removeprefix("-"), order.startswith("-")
    if key == "name":
        return rows[::-1] if descending else rows
    if key not in known:
        key, descending = columns[0].key, True

    def figure(row: Row) -> float | None:
        value = row.values.get(key)
        number = value.figure if value else None
        return None if number is None else float(number)

    told = [row for row in rows if figure(row) is not None]
    told.sort(key=lambda row: figure(row) or 0.0, reverse=descending)
    return told + [row for row in rows if figure(row) is None]
