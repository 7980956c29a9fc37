"""The numbers of each panel, derived by hand on small histories, and equal to the report's where they overlap."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from funnel.models import Journey, Organisation
from funnel.periods import Period
from funnel.stages import Role
from kpi import rollup, verify
from kpi.choices import choices
from kpi.panels import ALL, PANELS, Asked, PanelView
from kpi.panels.conversions import RATES
from tests.factories import people

from . import ledgers, schedules
from .conftest import AS_OF
from .ledgers import Row, Start
from .test_panels import MARCH
from .test_report import march

pytestmark = pytest.mark.usefixtures("berlin")
LATER = datetime.fromisoformat("2026-04-10T00:00+02:00")


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def at(text: str) -> datetime:
    """A moment of the winter in Berlin: "02-03 10:15"."""
    return datetime.fromisoformat(f"2026-{text.replace(' ', 'T')}+01:00")


def panel(
    organisation: Organisation, key: str, month: str = "2026-03", as_of: datetime = LATER, **more: Any
) -> PanelView:
    return PANELS[key].build(Asked(organisation, Period.month(month), as_of, **more))


def rows_of(view: PanelView) -> dict[str, list[Any]]:
    """The table by the names of its rows."""
    return {row[0]: row[1:] for row in view.table.plain_rows()}


def write(*journeys: tuple[Start, list[tuple[str, datetime] | tuple[str, datetime, str]]]) -> None:
    rows = [
        Row(f"{start.id}-{number}", start.id, *event[:2], *event[2:])
        for start, events in journeys
        for number, event in enumerate(events)
    ]
    ledgers.write([start for start, _events in journeys], rows)


def lead(number: int, *events: Any, when: datetime | None = None, **start: Any) -> Any:
    """A journey that begins on 2 March, 10:00, unless told otherwise."""
    given = {"client": f"C{number}", **start}
    return Start(f"J{number}", **given), [("lead_created", when or march(2, 10)), *events]


def report(client: Client, **asked: str) -> dict[str, Any]:
    return client.get("/api/v1/kpi/report/", MARCH | asked).json()["metrics"]


# Cohorts


def test_a_cohort_tells_the_share_that_had_come_by_the_end_of_each_month(berlin: Organisation) -> None:
    january = at("01-10 10:00")
    write(
        lead(1, ("brief_filled", at("01-31 23:30")), when=january),
        lead(2, ("brief_filled", at("02-01 00:30")), when=january),
        lead(3, ("brief_filled", at("03-05 10:00")), ("brief_filled", at("03-06 10:00")), when=january),
        lead(4, when=january),
        lead(5, ("brief_filled", at("01-12 10:00")), ("marked_spam", at("01-13 10:00")), when=january),
        lead(6, ("brief_filled", at("03-05 10:00")), when=at("02-03 10:00")),
        lead(7, when=at("02-03 10:00")),
    )
    view = panel(berlin, "cohorts", as_of=at("03-20 10:00"))
    found = rows_of(view)
    nothing = [None] * 9
    assert found["January 2026"] == [4, 0.25, 0.5, 0.75, *nothing]
    assert found["February 2026"] == [2, 0, 0.5, None, *nothing]
    assert found["March 2026"] == [0, None, None, None, *nothing]
    hits = view.pictures[0].drawn.large.hits  # type: ignore[union-attr]
    assert sum("maturing" in hit.name for hit in hits) == 2


def test_cohorts_to_sal_end_where_the_report_does(golden: Organisation, manager: Client) -> None:
    row = rows_of(panel(golden, "cohorts", as_of=AS_OF, choices={"to": "sal"}))["March 2026"]
    lifts = rows_of(panel(golden, "lifts", as_of=AS_OF))["Accepted by sales, by first response"]
    assert row[0] == report(manager)["leads_valid"]["current"]
    last = [share for share in row[1:] if share is not None][-1]
    assert last * row[0] == pytest.approx(lifts[0] * lifts[1] + lifts[2] * lifts[3])


# Turnaround


@pytest.mark.parametrize("kind", ["proposal", "contract"])
def test_turnaround_is_that_of_the_report_and_its_histogram_holds_all(
    golden: Organisation,
    manager: Client,
    kind: str,
) -> None:
    view = panel(golden, f"{kind}-turnaround", as_of=AS_OF)
    metrics = report(manager)
    whole, again = (metrics[f"{kind}_{part}_business_h"]["current"] for part in ("prep", "revision_prep"))
    names = ("median", "mean", "p90", "n")
    assert rows_of(view)["March 2026"] == [*(whole[name] for name in names), *(again[name] for name in names)]
    bars = view.pictures[1].drawn.table.rows
    assert sum(int(row.cells[0]) for row in bars) == whole["n"] > 0


def test_a_proposal_falls_into_the_bar_whose_upper_bound_it_reaches(berlin: Organisation) -> None:
    requested = ("proposal_requested", march(2, 9))
    write(
        lead(1, requested, ("proposal_sent", march(2, 11)), when=march(2, 8)),
        lead(2, requested, ("proposal_sent", march(3, 10)), when=march(2, 8)),
        lead(3, ("proposal_sent", march(3, 10)), when=march(2, 8)),
    )
    bars = panel(berlin, "proposal-turnaround").pictures[1].drawn.table.rows
    assert [(row.label, row.cells[0]) for row in bars if row.cells[0] != "0"] == [
        ("up to 2 h", "1"),
        ("over 8 to 16 h", "1"),
    ]


# Response


def test_responses_fall_into_bars_and_hours_and_the_unanswered_are_told(berlin: Organisation) -> None:
    write(
        lead(1, ("first_response", at("03-02 10:15"))),
        lead(2, ("first_response", at("03-02 10:16"))),
        lead(3, ("first_response", at("03-02 11:00"))),
        lead(4, ("first_response", at("03-02 12:01")), when=at("03-02 11:00")),
        lead(5, when=at("03-03 09:00")),
        lead(6, ("first_response", at("03-07 13:00")), when=at("03-07 12:00")),
        lead(7, ("first_response", at("03-02 10:01")), ("marked_spam", at("03-02 10:02"))),
    )
    found = rows_of(panel(berlin, "response"))
    assert [found[name][0] for name in list(found)[:8]] == [2, 1, 1, 1, 0, 0, 0, 1]
    assert found["Mon 10:00"] == [3, 1]
    assert found["Mon 11:00"] == [1, 0]
    assert found["Tue 09:00"] == [1, 0]
    assert found["Sat 12:00"] == [1, 1]
    assert len(found) == 12


def test_responses_within_the_hour_are_those_of_the_report(golden: Organisation, manager: Client) -> None:
    view = panel(golden, "response", as_of=AS_OF)
    bars = list(rows_of(view).values())
    metrics = report(manager)
    fast = metrics["response_within_60_business_min"]["current"]
    assert sum(row[0] for row in bars[:3]) == fast["numerator"]
    assert sum(row[0] for row in bars[:8]) == fast["denominator"]
    assert bars[7][0] == metrics["first_response_business_min"]["current"]["unanswered"]
    assert "Kaplan" in view.pictures[0].note


# Reasons


def test_losses_are_told_by_reason_with_the_money_that_was_expected(berlin: Organisation) -> None:
    write(
        lead(1, ("lead_lost", march(3), "price")),
        lead(2, ("lead_lost", march(3), "price"), ("reopened", march(4)), ("lead_lost", march(5), "budget")),
        lead(3, ("sal_accepted", march(3)), ("deal_lost", march(9), "price")),
        lead(4, ("lead_lost", march(3), "price"), ("marked_spam", march(4))),
    )
    Journey.objects.filter(external_id="J3").update(amount=500)
    assert rows_of(panel(berlin, "lost-reasons")) == {"Price": [2, 1, 3, 500], "No budget": [1, 0, 1, None]}
    assert rows_of(panel(berlin, "lost-reasons", money=False))["Price"] == [2, 1, 3]


def test_losses_add_up_to_the_report(golden: Organisation, manager: Client) -> None:
    rows = rows_of(panel(golden, "lost-reasons", as_of=AS_OF)).values()
    metrics = report(manager)
    assert sum(row[0] for row in rows) == metrics["lost_leads"]["current"] > 0
    assert sum(row[1] for row in rows) == metrics["lost_deals"]["current"] > 0


def test_an_objection_is_resolved_by_what_follows_it(berlin: Organisation) -> None:
    write(
        lead(1, ("objection_raised", march(3), "price"), ("objection_resolved", march(4))),
        lead(2, ("objection_resolved", march(3)), ("objection_raised", march(4), "price")),
        lead(
            3,
            ("objection_raised", march(3), "price"),
            ("objection_resolved", march(4)),
            ("annulled", march(5), "J3-2"),
        ),
        lead(4, ("objection_raised", march(3), "timing"), ("objection_resolved", march(3))),
    )
    assert rows_of(panel(berlin, "objections")) == {
        "Price": [3, 1, 2, pytest.approx(1 / 3)],
        "Terms and timing": [1, 1, 0, 1],
    }
    before = panel(berlin, "objections", as_of=march(3, 18))
    assert rows_of(before)["Price"][1] == 0


def test_rejections_are_told_by_source_campaign_and_reason(berlin: Organisation, manager: Client) -> None:
    offered = ("handed_off", march(3))
    ads = {"source": "ads", "campaign": "spring"}
    write(
        lead(1, offered, ("sal_accepted", march(4))),
        lead(2, offered, ("sal_rejected", march(4), "not_fit")),
        lead(3, offered, ("sal_rejected", march(4), "budget"), **ads),
        lead(4, offered, ("sal_rejected", march(4), "not_fit"), **ads),
    )
    view = panel(berlin, "rejections")
    assert list(view.table.head)[5:] == ["Not our client", "budget"]
    assert view.table.plain_rows() == [
        ["All", "", 4, 3, 0.75, 2, 1],
        ["Advertising", "Source", 2, 2, 1, 1, 1],
        ["Website", "Source", 2, 1, 0.5, 1, 0],
        ["None", "Campaign", 2, 1, 0.5, 1, 0],
        ["spring", "Campaign", 2, 2, 1, 1, 1],
    ]
    rate = report(manager)["rejection_rate"]["current"]
    assert (rate["numerator"], rate["denominator"]) == (3, 4)


@pytest.mark.parametrize("kept", [False, True])
def test_a_further_purchase_that_its_owner_goes_on_with_is_no_decided_handoff(
    berlin: Organisation, manager: Client, kept: bool
) -> None:
    offered = ("handed_off", march(3, 10))
    write(
        lead(1, offered, ("sal_accepted", march(3, 12))),
        lead(2, offered, ("sal_rejected", march(3, 14), "not_fit")),
        # a further purchase, which is handed off only after it was lost and taken up again
        lead(
            3,
            ("first_response", march(4, 10)),
            ("sal_accepted", march(4, 10)),
            ("deal_lost", march(5, 10)),
            ("reopened", march(6, 10), "briefed"),
            ("handed_off", march(6, 11)),
            ("sal_rejected", march(6, 14), "not_fit"),
        ),
        lead(4, ("first_response", march(4, 10)), ("sal_accepted", march(4, 10))),
        # accepted later than answered: decided, though an old history tells of no handoff
        lead(5, ("first_response", march(4, 10)), ("sal_accepted", march(4, 11))),
        # offered before: a handoff like any other
        lead(6, offered, ("first_response", march(4, 10)), ("sal_accepted", march(4, 10))),
    )
    if kept:
        rollup.catch_up()
    metrics = report(manager)
    rate = metrics["rejection_rate"]["current"]
    assert (rate["numerator"], rate["denominator"]) == (2, 5)
    assert metrics["sal_accepted"]["current"] == 5
    spent = metrics["handoff_decision_business_h"]["current"]
    # 2 h, 4 h, 3 h after the handoff of the sixth of March, and a working day of 9 h for the last
    assert (spent["n"], spent["mean"]) == (4, 4.5)
    assert panel(berlin, "rejections").table.plain_rows()[0][:4] == ["All", "", 5, 2]
    months = [Period.month("2026-03")]
    differing = verify.compare(organisation=berlin, as_of=LATER, months=months)
    assert not [difference for _month, found in differing for difference in found]


# Money


def test_payments_stand_beside_what_is_due_overdue_and_planned(golden: Organisation, manager: Client) -> None:
    instalments = schedules.schedule("J01", ("2026-03-10", "6000"), ("2026-05-10", "6000"))
    schedules.pay(instalments[0], "E014", "4000", on="2026-03-20")
    found = rows_of(panel(golden, "payments", as_of=AS_OF))
    metrics = report(manager)
    plan = metrics["quota_attainment"]["current"]["denominator"]
    assert found["March 2026"] == [6000, metrics["payments_net"]["current"], 2000, plan]
    assert found["May 2026"] == [6000, None, 0, None]
    assert len(found) == 12


def test_clients_are_worth_what_they_paid_by_first_payment_and_first_source(
    berlin: Organisation,
    manager: Client,
) -> None:
    write(
        lead(1, ("payment_received", at("02-10 10:00"), "100"), when=at("02-01 10:00"), client="A"),
        lead(
            2,
            ("payment_received", march(10), "50"),
            ("refund_paid", march(11), "70"),
            client="A",
            source="ads",
        ),
        lead(3, when=at("01-05 10:00"), client="B", source="fair"),
        lead(4, ("payment_received", march(12), "300"), ("direct_cost", march(13), "50"), client="B"),
        lead(5, ("payment_received", at("04-02 10:00"), "900"), client="D"),
        lead(6, ("payment_received", march(3), "900"), ("marked_spam", march(4)), client="E"),
    )
    found = rows_of(panel(berlin, "ltv"))
    assert found["February 2026"] == ["Cohort", 1, 80, 80, None]
    assert found["March 2026"] == ["Cohort", 1, 250, 250, None]
    assert found["Website"] == ["First source", 1, 80, 80, None]
    assert found["fair"] == ["First source", 1, 250, 250, None]
    assert "Advertising" not in found
    quarters = rows_of(panel(berlin, "ltv", choices={"every": "quarter"}))
    assert quarters["Q1 2026"] == ["Cohort", 2, 330, 165, None]


def test_cohorts_of_clients_add_up_to_the_ltv_of_the_report(golden: Organisation, manager: Client) -> None:
    rows = panel(golden, "ltv", as_of=AS_OF).table.plain_rows()
    ltv = report(manager)["ltv_average_at_month_end"]["current"]
    for cut in ("Cohort", "First source"):
        own = [row for row in rows if row[1] == cut]
        assert sum(row[2] for row in own) == ltv["denominator"]
        assert sum(row[3] for row in own) == ltv["numerator"]


# Patterns and conversions


def test_a_lift_shows_both_rates_and_is_that_of_the_report(golden: Organisation, manager: Client) -> None:
    view = panel(golden, "lifts", as_of=AS_OF)
    metrics = report(manager)
    for row, key in zip(view.table.plain_rows(), ("meeting_lift", "response_lift"), strict=True):
        lift = metrics[key]["current"]
        assert row[1] == pytest.approx(lift["numerator"])
        assert row[3] == pytest.approx(lift["denominator"])
        assert row[5] == (None if lift["value"] is None else pytest.approx(lift["value"]))
        assert [cell for cell in row if isinstance(cell, str)] == row[:1]
    for picture, row in zip(view.pictures, view.table.rows, strict=True):
        assert (
            "No comparison" if row[5].value is None else "no proof of cause. One side has fewer"
        ) in picture.note


def test_a_season_needs_two_complete_years(berlin: Organisation) -> None:
    months = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    days = [f"{month}-10" for month in months] + ["2024-03-11", "2025-03-11"]
    write(*(lead(n, when=datetime.fromisoformat(f"{day}T12:00+01:00")) for n, day in enumerate(days)))
    found = rows_of(panel(berlin, "seasonality"))
    assert found["March"] == [pytest.approx(2 * 12 / 13)]
    assert found["May"] == [pytest.approx(12 / 13)]
    early = panel(berlin, "seasonality", "2025-12", datetime.fromisoformat("2025-12-20T00:00+01:00"))
    assert not early.table.rows
    assert "two complete" in early.pictures[0].drawn.empty


@pytest.mark.parametrize("cut", ["source", "campaign", "service", "owner", "team"])
def test_conversions_are_those_of_the_report_whole_and_cut(
    golden: Organisation,
    manager: Client,
    cut: str,
) -> None:
    rows = rows_of(panel(golden, "conversions", as_of=AS_OF, choices={"by": cut}))
    answer = manager.get("/api/v1/kpi/report/", MARCH | {"by": cut}).json()
    whole = [answer["metrics"][key]["current"]["value"] for key in RATES]
    assert rows.pop("All") == [answer["metrics"]["leads_valid"]["current"], *map(approximately, whole)]
    assert rows
    named = choices()[cut]
    for value, numbers in answer["cuts"].items():
        if (name := named[value].label if value else "None") in rows:
            expected = [numbers["leads_valid"], *(approximately(numbers[key]["value"]) for key in RATES)]
            assert rows.pop(name) == expected
    assert not rows


def approximately(number: float | None) -> Any:
    return None if number is None else pytest.approx(number)


# Every number opens its rows


def opened(view: PanelView, client: Client) -> int:
    """Hold each number of a panel's table against what it opens; return how many rows numbers were held against."""
    lists: dict[str, dict[str, Any]] = {}
    for row in view.table.rows:
        for cell in row[1:]:
            if not isinstance(cell.value, str) and cell.value:
                assert cell.href, (row[0].text, cell.text)
            if "/records/" not in cell.href:
                continue
            found = lists.setdefault(cell.href, {}) or rows_behind(client, cell.href)
            lists[cell.href] = found
            if isinstance(cell.value, int):
                assert found["count"] == cell.value, (row[0].text, cell.href)
            elif isinstance(cell.value, Decimal) and found["sum"] is not None:
                assert found["sum"] == pytest.approx(float(cell.value)), (row[0].text, cell.href)
            else:
                assert found["count"] > 0, (row[0].text, cell.href)
    return len(lists)


@pytest.mark.parametrize("key", [panel.key for panel in ALL])
def test_every_number_but_nought_leads_to_its_rows(golden: Organisation, manager: Client, key: str) -> None:
    if key in {"payments", "ltv"}:
        instalments = schedules.schedule("J01", ("2026-03-10", "6000"), ("2026-05-10", "6000"))
        schedules.pay(instalments[0], "E014", "4000", on="2026-03-20")
    if key == "objections":
        write(lead(99, ("objection_raised", march(3), "price"), ("objection_resolved", march(4))))
    view = panel(golden, key, as_of=AS_OF)
    held = opened(view, manager)
    assert held > 1 or key == "seasonality"  # which needs more years than this history has


def test_a_season_leads_to_the_applications_of_its_years(berlin: Organisation, manager: Client) -> None:
    days = [f"{year}-{month:02}-10" for year in (2024, 2025) for month in range(1, 13)]
    write(*(lead(n, when=datetime.fromisoformat(f"{day}T12:00+01:00")) for n, day in enumerate(days)))
    assert opened(panel(berlin, "seasonality"), manager) == 1


def rows_behind(client: Client, href: str) -> dict[str, Any]:
    answer = client.get("/api/v1/kpi/records/?" + href.partition("?")[2])
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_bar_and_a_cell_open_the_applications_they_count(golden: Organisation, manager: Client) -> None:
    for key in ("response", "proposal-turnaround", "contract-turnaround"):
        bars = panel(golden, key, as_of=AS_OF).pictures[0 if key == "response" else 1].drawn.table.rows
        counted = [(int(row.cells[0]), row.href) for row in bars if row.href]
        assert counted
        for number, href in counted:
            assert rows_behind(manager, href)["count"] == number, href
    heat = panel(golden, "response", as_of=AS_OF).pictures[1].drawn.large
    assert heat is not None
    for hit in heat.hits:
        assert f"n {rows_behind(manager, hit.href)['count']}" in hit.name


@pytest.mark.parametrize("goal", ["brief", "sal", "won"])
def test_a_cell_of_a_cohort_opens_those_who_had_come_by_then(
    golden: Organisation, manager: Client, goal: str
) -> None:
    view = panel(golden, "cohorts", as_of=AS_OF, choices={"to": goal})
    row = rows_of(view)["March 2026"]
    drawn = view.pictures[0].drawn.large
    assert drawn is not None
    cells = [hit for hit in drawn.hits if hit.name.startswith("March 2026") and hit.href]
    shares = [share for share in row[1:] if share]
    assert len(cells) == len(shares) > 0
    for hit, share in zip(cells, shares, strict=True):
        assert rows_behind(manager, hit.href)["count"] == round(share * row[0])


def test_rows_are_narrowed_alike_in_what_is_kept(golden: Organisation, manager: Client) -> None:
    rollup.catch_up()
    for more in ({"reached": "sal", "within": "0"}, {"weekday": "1"}, {"hour": "9"}, {"reason": ""}):
        metric = {"metric": "leads_valid", "month": "2026-03", **more}
        kept = manager.get("/api/v1/kpi/records/", metric).json()["count"]
        known = manager.get("/api/v1/kpi/records/", metric | {"as_of": timezone.now().isoformat()}).json()[
            "count"
        ]
        assert kept == known
    clients = {"metric": "ltv_average_at_month_end", "month": "2026-03"}
    for more in ({"first_paid": "2026-03"}, {"first_paid_before": "2026-03"}, {"first_source": "web"}):
        kept, known = (
            manager.get("/api/v1/kpi/records/", clients | more | as_of).json()
            for as_of in ({}, {"as_of": timezone.now().isoformat()})
        )
        assert (kept["count"], kept["sum"]) == (known["count"], known["sum"])
        assert kept["count"]


@pytest.mark.parametrize(
    ("metric", "more"),
    [
        ("instalments_due", {"weekday": "1"}),
        ("instalments_due", {"due": "never"}),
        ("leads_valid", {"due": "overdue"}),
        ("leads_valid", {"first_source": "web"}),
        ("stage_flow", {"reason": "price"}),
        ("new_clients", {"first_paid": "soon"}),
        ("objections_raised", {"resolved": "maybe"}),
    ],
)
def test_what_rows_cannot_be_narrowed_by_is_named(
    berlin: Organisation, manager: Client, metric: str, more: dict[str, str]
) -> None:
    refused = manager.get("/api/v1/kpi/records/", {"metric": metric, **more})
    assert refused.status_code == 400
    assert [fault["field"] for fault in refused.json()["errors"]] == list(more)


def test_the_months_of_a_running_year_end_with_the_present_one(berlin: Organisation) -> None:
    march_now = at("03-20 10:00")
    for period, last in (
        ("2026", "2026-03"),
        ("2026-Q1", "2026-03"),
        ("2025", "2025-12"),
        ("2026-05", "2026-05"),
    ):
        months = Asked(berlin, Period.parse(period), march_now).months
        assert (months[-1].name, len(months)) == (last, 12)
