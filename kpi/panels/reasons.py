"""Why: losses, objections and rejections by reason."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from funnel import formats
from kpi import charts
from kpi.panels import facts
from kpi.panels.frame import Asked, Cell, PanelView, Picture, Table, count, money, name, share
from kpi.records.narrowing import IS_RESOLVED
from kpi.values import Rate

_FROM: Final = """
FROM span JOIN {facts} AS fact ON fact.at >= span.starts AND fact.at < span.ends AND fact.event = ANY(%(counted)s)
"""
_LABEL: Final = "LEFT JOIN funnel_reason reason ON reason.kind = %(kind)s AND reason.key = fact.reason"

_LOST: Final = f"""
SELECT fact.reason, coalesce(reason.label, ''), count(*) FILTER (WHERE fact.event = 'lead_lost'),
    count(*) FILTER (WHERE fact.event = 'deal_lost'), sum(journey.amount)
{_FROM} {_LABEL} LEFT JOIN funnel_journey journey ON journey.id = fact.journey_id
WHERE NOT fact.void AND {{kept}} GROUP BY 1, 2
"""

_OBJECTIONS: Final = f"""
SELECT fact.reason, coalesce(reason.label, ''), count(*), count(*) FILTER (WHERE {IS_RESOLVED})
{_FROM} {_LABEL} WHERE NOT fact.void AND {{kept}} GROUP BY 1, 2
"""

_DECISIONS: Final = f"""
SELECT CASE WHEN grouping(source.key) = 0 THEN 'source' WHEN grouping(campaign.key) = 0 THEN 'campaign' ELSE '' END,
    coalesce(source.key, campaign.key, ''), coalesce(source.label, campaign.label, ''),
    fact.event, fact.reason, coalesce(reason.label, ''), count(*)
{_FROM} {_LABEL}
LEFT JOIN funnel_source source ON source.id = fact.source_id
LEFT JOIN funnel_campaign campaign ON campaign.id = fact.campaign_id
WHERE NOT fact.void AND fact.of_handoff AND {{kept}}
GROUP BY GROUPING SETS (
    (fact.event, fact.reason, reason.label),
    (source.key, source.label, fact.event, fact.reason, reason.label),
    (campaign.key, campaign.label, fact.event, fact.reason, reason.label)
)
"""


def words_of(key: str, label: str) -> str:
    """What people call a reason, source or campaign; "Not told" without any."""
    return (pgettext("shipped", label) if label else key) or _("Not told")


def lost(asked: Asked) -> PanelView:
    """Losses of the period by reason, leads and deals apart; with money, what the journeys were expected to bring."""
    found = facts.count(asked, [asked.span], ["lead_lost", "deal_lost"], _LOST, {"kind": "lost"})
    found.sort(key=lambda row: (-row[2] - row[3], row[0]))
    bars, rows = [], []
    for reason, label, leads, deals, amount in found:
        words, href = words_of(reason, label), asked.records("losses", reason=reason)
        extra = [(_("Leads"), formats.number(leads)), (_("Deals"), formats.number(deals))]
        cells = [
            name(words, href),
            count(leads, asked.records("lost_leads", reason=reason)),
            count(deals, asked.records("lost_deals", reason=reason)),
            count(leads + deals, href),
        ]
        if asked.money:
            extra.append((_("Expected amount"), formats.money(amount, asked.currency)))
            cells.append(money(amount, asked.currency, href))
        bars.append(charts.Bar(words, leads + deals, href=href, colour="bad", extra=extra))
        rows.append(cells)
    drawn = charts.bars(charts.Bars(bars, label=_("Reasons of loss"), value_name=_("Lost")), width=1080)
    head = [_("Reason"), _("Leads lost"), _("Deals lost"), _("Lost")]
    head += [_("Expected amount, %(currency)s") % {"currency": asked.currency}] if asked.money else []
    note = _("The expected amount is the one that the journeys carry now; many lost early carry none.")
    return PanelView(
        [Picture("lost-reasons", _("Reasons of loss"), drawn, "wide")],
        Table(head, rows),
        note if asked.money and rows else "",
        shows_table=bool(rows),
    )


def objections(asked: Asked) -> PanelView:
    """Objections raised in the period by category, and how many were answered since."""
    found = facts.count(asked, [asked.span], ["objection_raised"], _OBJECTIONS, {"kind": "objection"})
    found.sort(key=lambda row: (-row[2], row[0]))
    bars, rows = [], []
    for reason, label, raised, met in found:
        words, href = words_of(reason, label), asked.records("objections_raised", reason=reason)
        answered, unanswered = (
            asked.records("objections_raised", reason=reason, resolved=resolved) for resolved in ("yes", "no")
        )
        extra = [(_("Resolved"), formats.number(met)), (_("Open"), formats.number(raised - met))]
        bars.append(charts.Bar(words, raised, href=href, colour="proposal", extra=extra))
        rows.append(
            [
                name(words, href),
                count(raised, href),
                count(met, answered),
                count(raised - met, unanswered),
                share(Rate(met, raised), answered if met else ""),
            ]
        )
    drawn = charts.bars(charts.Bars(bars, label=_("Objections"), value_name=_("Raised")), width=1080)
    return PanelView(
        [Picture("objections", _("Objections"), drawn, "wide")],
        Table([_("Objection"), _("Raised"), _("Resolved"), _("Open"), _("Share resolved")], rows),
        shows_table=bool(rows),
    )


def rejections(asked: Asked) -> PanelView:
    """Decisions of sales in the period: who rejected what marketing brought, and why."""
    decided: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    reasons: dict[str, str] = {}
    for kind, key, label, event, reason, reason_label, number in facts.count(
        asked, [asked.span], ["sal_accepted", "sal_rejected"], _DECISIONS, {"kind": "rejected"}
    ):
        place = (kind, key, words_of(key, label) if key else _("None"))
        if event == "sal_rejected":
            reasons[reason] = words_of(reason, reason_label)
            decided[place][f"={reason}"] += number
        decided[place][event] += number
    whole = decided.pop(("", "", _("None")), Counter())
    ordered = sorted(reasons, key=lambda reason: (-whole[f"={reason}"], reason))
    bars = [
        charts.Bar(
            reasons[reason],
            whole[f"={reason}"],
            href=asked.records("rejection_rate", part="numerator", reason=reason),
            colour="handoff",
            extra=[(_("Share"), share(Rate(whole[f"={reason}"], whole["sal_rejected"])).text)],
        )
        for reason in ordered
    ]
    drawn = charts.bars(
        charts.Bars(
            bars,
            label=_("Why sales rejected"),
            value_name=_("Rejected"),
            empty=_("Sales rejected nothing in this period."),
        ),
        width=1080,
    )
    head = [_("Where from"), _("Cut"), _("Decided"), _("Rejected"), _("Rejection rate")]
    head += [reasons[reason] for reason in ordered]
    rows = [_decisions(asked, "", "", _("All"), whole, ordered)] if whole else []
    places = sorted(decided, key=lambda place: (place[0] != "source", -_decided(decided[place]), place[2]))
    rows += [_decisions(asked, *place, decided[place], ordered) for place in places]
    return PanelView(
        [Picture("rejections", _("Why sales rejected"), drawn, "wide")],
        Table(head, rows),
        shows_table=bool(rows),
    )


def _decided(numbers: Counter[str]) -> int:
    return numbers["sal_accepted"] + numbers["sal_rejected"]


def _decisions(
    asked: Asked, kind: str, key: str, words: str, numbers: Counter[str], reasons: Sequence[str]
) -> list[Cell]:
    cut: dict[str, Any] = {kind: key} if kind else {}
    every = _decided(numbers)
    kinds = {"source": _("Source"), "campaign": _("Campaign"), "": ""}
    rate = Rate(numbers["sal_rejected"], every)
    rejected = asked.records("rejection_rate", part="numerator", **cut)
    return [
        name(words),
        name(kinds[kind]),
        count(every, asked.records("rejection_rate", part="denominator", **cut)),
        count(numbers["sal_rejected"], rejected),
        share(rate, rejected if numbers["sal_rejected"] else ""),
        *(
            count(
                numbers[f"={reason}"], asked.records("rejection_rate", part="numerator", reason=reason, **cut)
            )
            for reason in reasons
        ),
    ]
