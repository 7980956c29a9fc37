"""The plan page: read, typed into, pasted into, filled in, saved whole or not at all."""

import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from funnel.models import Organisation, User
from funnel.stages import Role
from kpi import plan_fill, plan_numbers, plans
from kpi.metrics import BY_KEY
from kpi.models import Plan
from kpi.plan_grid import Line
from kpi.plans import Key, Stale
from tests.factories import START, people, team, token

pytestmark = pytest.mark.usefixtures("berlin")
URL = "/plans/"
LEADS, WINS = BY_KEY["leads_valid"], BY_KEY["win_rate_close_date"]
MOST_QUERIES = 14


def plan(metric: str = "leads_valid", value: Any = 10, month: str = "2026-03", scope: str = "all") -> Plan:
    return Plan.objects.create(month=month, metric=metric, scope=scope, value=value)


def name(metric: str = "leads_valid", month: str = "2026-03", scope: str = "all") -> str:
    return f"{month}|{metric}|{scope}"


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def saved() -> dict[str, str]:
    return {"|".join(plans.key_of(one)): f"{one.value:f}" for one in Plan.objects.all()}


def posted(
    client: Client, act: str = "save", *, query: str = "?year=2026", seen: Any = None, **given: str
) -> Any:
    """Send the form with the cells that are given, drawn when `seen` stood there (by default what stands now)."""
    return client.post(
        URL + query, {"act": act, "seen": json.dumps(saved() if seen is None else seen), **given}
    )


# numbers


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("en", "1 234,5", "1234.5"), ("en", "1,234.5", "1234.5"), ("en", "1.234,5", "1234.5"), ("en", "$1,000", "1000"),
        ("en", "1,234", "1234"), ("ru", "1,234", "1.234"), ("ru", "1 234,56", "1234.56"), ("en", "1.234", "1.234"),
        ("en", "1,234,567", "1234567"), ("en", "1'234'567.8", "1234567.8"), ("en", "EUR 1,000", "1000"),
        ("ru", "1 000 ₽", "1000"), ("en", "44,5", "44.5"), ("en", ".5", "0.5"), ("en", "0,123", "0.123"), ("en", "", None),
        ("en", "—", None), ("en", "12.34567", "12.3457"), ("en", "1,234.", "1234"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(language: str, text: str, value: str | None) -> None:
    with override(language):
        assert plan_numbers.parse(text, LEADS) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("text", "value"), [("44%", "0.44"), ("44 %", "0.44"), ("44", "0.44"), ("0.44", "0.44"), ("1", "1"), ("120%", "1.2")]
)  # fmt: skip
def test_a_share_may_be_written_in_per_cent(text: str, value: str) -> None:
    assert plan_numbers.parse(text, WINS) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["abc", "-5", "1 23", "12,34,5", "1.2.3,4", "=1+1", "NaN", "1e5", "44%", "9" * 16, "١٢"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(plan_numbers.NoNumber):
        plan_numbers.parse(text, LEADS)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("metric", [LEADS, WINS], ids=lambda metric: metric.key)
@pytest.mark.parametrize(
    "value", ["0", "0.0001", "0.3333", "1.234", "999", "1000", "1234.5", "12345678901234.5678"]
)
def test_what_a_cell_shows_reads_back_the_same(language: str, metric: Any, value: str) -> None:
    with override(language):
        text = plan_numbers.shown(Decimal(value), metric)
        assert plan_numbers.parse(text, metric) == Decimal(value)


# saving


def test_a_save_sets_changes_and_empties_plans_and_tells_who(manager: Client) -> None:
    plan(value=10), plan(month="2026-04", value=11), plan(month="2026-05", value=12)
    answer = posted(manager, **{name(): "15", name(month="2026-04"): "", name(month="2026-05"): "12",
                                name("deals_won"): "3"})  # fmt: skip
    assert answer.status_code == 303
    assert saved() == {name(): "15.0000", name(month="2026-05"): "12.0000", name("deals_won"): "3.0000"}
    changed = Plan.objects.get(metric="leads_valid", month="2026-03")
    assert (changed.updated_by, changed.updated_at is not None) == (people(Role.MANAGER), True)
    assert Plan.objects.get(month="2026-05").updated_by is None
    assert "3 figures saved." in manager.get(answer.url).content.decode()


def test_one_bad_cell_keeps_all_others_from_being_saved(manager: Client) -> None:
    plan()
    answer = posted(manager, **{name(): "abc", name(month="2026-04"): "20"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert saved() == {name(): "10.0000"}
    assert 'value="abc"' in page and 'value="20"' in page
    assert "Applications, March 2026: “abc” is no number from 0 up." in page


def test_a_plan_that_somebody_changed_meanwhile_is_shown_beside_mine_and_not_overwritten(
    manager: Client,
) -> None:
    other = people(Role.ADMINISTRATOR, "Olga")
    seen = {name(): "10.0000"}
    Plan.objects.create(month="2026-03", metric="leads_valid", value=77, updated_by=other, updated_at=START)
    answer = posted(manager, seen=seen, **{name(): "15", name(month="2026-04"): "1"})
    assert answer.status_code == 409
    assert saved() == {name(): "77.0000"}
    page = answer.content.decode()
    assert "Olga has put 77 there since you opened the page; yours is 15." in page
    assert 'value="15"' in page
    again = posted(manager, seen=json.loads(answer.context["seen"]), **{name(): "15"})
    assert again.status_code == 303
    assert saved()[name()] == "15.0000"


def test_what_i_did_not_change_does_not_overwrite_what_somebody_else_did(manager: Client) -> None:
    plan(value=77)
    assert (
        posted(manager, seen={name(): "10.0000"}, **{name(): "10", name("deals_won"): "2"}).status_code == 303
    )
    assert saved() == {name(): "77.0000", name("deals_won"): "2.0000"}


def test_a_plan_gone_or_made_meanwhile_is_stale_too(manager: Client) -> None:
    gone = posted(manager, seen={name(): "10.0000"}, **{name(): "15"})
    assert gone.status_code == 409
    assert "somebody has emptied this cell" in gone.content.decode()
    plan()
    assert posted(manager, seen={}, **{name(): "15"}).status_code == 409


def test_undo_puts_back_what_a_save_replaced(manager: Client) -> None:
    plan()
    page = manager.get(posted(manager, **{name(): "15", name(month="2026-04"): "4"}).url).content.decode()
    undo = page.partition('action="/plans/undo/')[2].partition('"')[0]
    manager.post(f"/plans/undo/{undo}")
    assert saved() == {name(): "10.0000"}
    assert "can no longer be undone" in manager.post(f"/plans/undo/{undo}", follow=True).content.decode()


def test_undo_leaves_alone_what_was_changed_since(manager: Client) -> None:
    posted(manager, **{name(): "15"})
    code = manager.session["plan_undo"]["code"]
    Plan.objects.update(value=20)
    assert "changed since" in manager.post(f"/plans/undo/{code}/", follow=True).content.decode()
    assert saved() == {name(): "20.0000"}


@pytest.mark.parametrize("cell", ["2026-03|leads_valid|team:Nowhere", "2026-03|leads_valid|everyone"])
def test_a_cell_of_nobody_is_refused(manager: Client, cell: str) -> None:
    assert posted(manager, query="?year=2026&metric=leads_valid", **{cell: "1"}).status_code == 422
    assert saved() == {}


def test_cells_of_other_years_and_unknown_figures_are_not_taken(manager: Client) -> None:
    posted(manager, **{name(month="2025-03"): "1", name("magic"): "1", name("ltv_by_client"): "1"})
    assert saved() == {}


@pytest.mark.parametrize(
    "broken", ["", "no json", "[]", '{"2026-03|leads_valid|all": 7}', '{"2026-03|leads_valid|all": "x"}']
)
def test_a_broken_form_does_no_harm(manager: Client, broken: str) -> None:
    plan()
    answer = manager.post(f"{URL}?year=2026", {"seen": broken, name(): "15"})
    assert answer.status_code == 409
    assert saved() == {name(): "10.0000"}


# who may


def test_those_who_only_read_get_no_inputs_and_cannot_save(client: Client) -> None:
    plan()
    client.force_login(people(Role.SALESPERSON))
    page = client.get(f"{URL}?year=2026").content.decode()
    assert "Applications" in page and "data-plan" not in page and 'inputmode="decimal"' not in page
    assert posted(client, **{name(): "15"}).status_code == 403
    assert client.get("/plans/import/").status_code == 403
    assert client.post("/plans/undo/x/").status_code == 403
    assert saved() == {name(): "10.0000"}


def test_plans_of_money_are_for_those_who_see_money(client: Client) -> None:
    plan("payments_net", 44000), plan()
    marketer = people(Role.MARKETER)
    client.force_login(marketer)
    assert "Net payments" not in client.get(f"{URL}?year=2026").content.decode()
    assert client.get(f"{URL}?metric=payments_net").status_code == 400
    assert b"payments_net" not in client.get("/plans/2026.csv").content
    listed = client.get("/api/v1/plans/", headers=token(marketer)).json()["results"]
    assert [one["metric"] for one in listed] == ["leads_valid"]


def test_the_page_is_for_those_who_may_see_reports(client: Client) -> None:
    assert client.get(URL).status_code == 302
    client.force_login(people(Role.PARTNER))
    assert client.get(URL).status_code == 403


# looking


def test_the_fact_stands_beside_the_plan_of_months_begun(golden: Organisation, manager: Client) -> None:
    plan("leads_valid", 22), plan("sal_rejected", 1)
    page = manager.get(f"{URL}?year=2026&scope=all")
    by_name = {cell.name: cell for cell in page.context["grid"].cells}
    cell = by_name[name()]
    assert (cell.fact, cell.reached, cell.tone) == ("11", "50%", "bad")
    assert by_name[name(month="2026-01")].reached == ""
    owner = manager.get(f"{URL}?year=2026&scope=owner:Ann&add=leads_valid").context["grid"]
    everybody = manager.get(f"{URL}?year=2026&metric=leads_valid").context["grid"]
    shown = {row.line.scope: row.cells[2].fact for row in everybody.rows}
    assert shown["all"] == "11"
    assert owner.rows[0].cells[2].fact == shown["owner:Ann"] != "11"
    assert int(shown["team:North"]) + int(shown["team:South"]) <= 11


def test_sums_of_teams_and_people_stand_beside_the_plan_of_everybody(manager: Client) -> None:
    for one in ("Ann", "Bob"):
        people(Role.SALESPERSON, one, team=team("North"))
        plan(scope=f"owner:{one}", value=4)
    plan(value=9), plan(scope="team:North", value=9)
    sums = {one.kind: one for one in manager.get(f"{URL}?year=2026&metric=leads_valid").context["grid"].sums}
    assert sums["owner"].cells[2] == ("8", True)
    assert sums["team"].cells[2] == ("9", False)
    assert sums["owner"].total == "8"


def test_people_who_left_keep_their_planned_row(manager: Client) -> None:
    people(Role.SALESPERSON, "Ann", is_active=False)
    plan(scope="owner:Ann")
    assert "owner:Ann" in [
        row.line.scope for row in manager.get(f"{URL}?year=2026&metric=leads_valid").context["grid"].rows
    ]


@pytest.mark.parametrize("query", ["year=2026", "year=2026&metric=leads_valid"])
def test_the_number_of_queries_does_not_grow_with_plans_and_people(
    golden: Organisation, manager: Client, query: str
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert manager.get(f"{URL}?{query}").status_code == 200
        return len(captured)

    asked()
    before = asked()
    for number in range(12):
        people(Role.SALESPERSON, f"p{number}", team=team(f"t{number}"))
        plan(scope=f"owner:p{number}"), plan("demos_held", month=f"2026-{number + 1:02}")
    assert asked() == before <= MOST_QUERIES


@pytest.mark.parametrize(
    "query",
    ["year=x", "year=99999", "scope=owner:Nobody", "scope=x", "metric=magic", "metric=stage_flow", "team=No"],
)
def test_a_bad_parameter_is_named_on_the_page(manager: Client, query: str) -> None:
    answer = manager.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert "notice bad" in answer.content.decode()


# filling in


def test_a_pasted_table_is_shown_before_it_is_saved(manager: Client) -> None:
    table = "Figure\tMar\tApril\nApplications\t1 234\t20\nDeals won\t3\t\nNonsense\t1\t2\n"
    answer = posted(manager, "paste", table=table)
    page = answer.content.decode()
    assert saved() == {}
    assert "Line 4: “Nonsense” is no row of this page." in page
    values = {cell.name: cell.text for cell in answer.context["grid"].cells if cell.text}
    assert values == {name(): "1 234", name(month="2026-04"): "20", name("deals_won"): "3"}
    posted(manager, **values)
    assert saved() == {name(): "1234.0000", name(month="2026-04"): "20.0000", name("deals_won"): "3.0000"}


LINES = [Line(LEADS, "all", "Applications"), Line(BY_KEY["deals_won"], "all", "Deals won")]


def test_a_table_without_names_and_months_goes_by_the_order_of_the_page() -> None:
    found, problems = plan_fill.pasted("1\t2\n3\t4", lines=LINES, year=2026)
    assert (found, problems) == (
        {name(month="2026-01"): "1", name(month="2026-02"): "2", name("deals_won", "2026-01"): "3",
         name("deals_won", "2026-02"): "4"}, [],
    )  # fmt: skip


@pytest.mark.parametrize(
    "head",
    ["\t2026-03\t2026-04", "\t03.2026\t04.2026", "\tМарт\tАпр.", "\tMarch 2026\tApr", "\tмарта\tапреля"],
)
def test_months_are_known_by_their_names(head: str) -> None:
    with override("ru"):
        found, _problems = plan_fill.pasted(f"{head}\nleads_valid\t5\t6", lines=LINES, year=2026)
    assert found == {name(): "5", name(month="2026-04"): "6"}


def test_last_year_is_copied_with_so_many_per_cent_more(manager: Client) -> None:
    plan(month="2025-03", value=10), plan("win_rate_close_date", "0.4", "2025-03")
    grid = posted(manager, "copy", percent="25").context["grid"]
    assert {cell.name: cell.text for cell in grid.cells if cell.text} == {
        name(): "12", name("win_rate_close_date"): "50%",
    }  # fmt: skip
    assert (
        "Nothing was planned here for 2029."
        in posted(manager, "copy", query="?year=2030", percent="5").content.decode()
    )
    assert posted(manager, "copy", percent="x").status_code == 422
    assert len(saved()) == 2


def test_a_yearly_number_is_shared_out_to_the_last_unit(manager: Client) -> None:
    grid = posted(manager, "spread", row="leads_valid|all", number="100", how="evenly").context["grid"]
    values = [int(cell.text) for cell in grid.cells if cell.text]
    assert (sum(values), len(values), set(values)) == (100, 12, {8, 9})
    row = next(row for row in grid.rows if row.line.metric is LEADS)
    assert row.total == "100"


def test_a_share_is_wanted_the_same_in_every_month() -> None:
    found = plan_fill.spread(Decimal("0.35"), line=Line(WINS, "all", "Win rate"), year=2026)
    assert set(found.values()) == {"35%"}


def test_a_yearly_number_is_shared_out_as_last_year_went(golden: Organisation, manager: Client) -> None:
    grid = posted(
        manager, "spread", query="?year=2027", row="leads_valid|all", number="1000", how="seasons"
    ).context["grid"]
    row = next(row for row in grid.rows if row.line.metric is LEADS)
    values = [cell.value or 0 for cell in row.cells]
    assert sum(values) == 1000
    assert max(values) == values[2] > values[0]
    refused = posted(manager, "spread", query="?year=2024", row="leads_valid|all", number="10", how="seasons")
    assert refused.status_code == 422
    assert "spread it evenly" in refused.content.decode()


def test_cells_typed_before_filling_in_are_kept(manager: Client) -> None:
    cells = {name(): "7", name("deals_won"): ""}
    answer = posted(manager, "spread", row="deals_won|all", number="12", how="evenly", **cells)
    cells = {cell.name: cell.text for cell in answer.context["grid"].cells}
    assert (cells[name()], cells[name("deals_won")]) == ("7", "1")


def test_a_figure_is_added_though_nothing_is_planned_of_it(manager: Client) -> None:
    for answer in (
        posted(manager, "add", row_of="demos_held"),
        manager.get(f"{URL}?year=2026&add=demos_held"),
    ):
        assert "demos_held" in [row.line.metric.key for row in answer.context["grid"].rows]


# files


def test_an_upload_reports_what_was_set_and_what_was_rejected(manager: Client) -> None:
    plan()
    file = SimpleUploadedFile(
        "p.csv",
        b"month,metric,scope,value\n2026-03,leads_valid,all,10\n2026-04,leads_valid,all,5\n2026-05,magic,all,1\n",
    )
    answer = manager.post("/plans/import/", {"file": file})
    page = answer.content.decode()
    assert "Saved: 1. Unchanged: 1. Rejected: 1." in page
    assert "There is no metric “magic”" in page and '<td class="num">4</td>' in page
    assert Plan.objects.get(month="2026-04").updated_by == people(Role.MANAGER)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"a,b\n", b"PK\x03\x04\x00\x00", b'month,metric,scope,value\n"2026']
)
def test_a_file_that_is_no_plan_saves_nothing_and_says_so(manager: Client, content: bytes) -> None:
    answer = manager.post("/plans/import/", {"file": SimpleUploadedFile("p.csv", content)})
    assert answer.status_code == 422
    assert "Nothing was saved" in answer.content.decode()


def test_a_download_comes_back_unchanged_and_holds_no_formula(manager: Client) -> None:
    for text in ("=1+1", "+x", "@y"):
        Plan.objects.create(month="2026-03", metric="leads_valid", scope=f"team:{team(text).name}", value=5)
    csv = manager.get("/plans/2026.csv").content
    answer = manager.post("/plans/import/", {"file": SimpleUploadedFile("p.csv", csv)})
    assert answer.context["outcome"].unchanged == 3
    book = zipfile.ZipFile(io.BytesIO(manager.get("/plans/2026.xlsx").content))
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
    assert manager.get("/plans/0000.csv").status_code == 404


# the domain and REST


def test_two_who_save_the_same_cell_at_once_do_not_both_win() -> None:
    key = Key("2026-03", "leads_valid", "all")
    mia = people(Role.MANAGER)
    assert plans.change(wanted={key: Decimal(5)}, seen={}, actor=mia, at=START) == {key: None}
    with pytest.raises(Stale) as stale:
        plans.change(wanted={key: Decimal(6)}, seen={}, actor=mia, at=START)
    standing = stale.value.standing[key]
    assert standing is not None and standing.value == 5
    assert plans.change(wanted={key: Decimal(5)}, seen={}, actor=mia, at=START) == {}


def test_the_database_refuses_who_without_when() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(month="2026-03", metric="deals_won", value=1, updated_by=people(Role.MANAGER))


def test_rest_tells_who_changed_a_plan(client: Client) -> None:
    mia: User = people(Role.MANAGER)
    wanted = {
        "month": "2026-03",
        "metric": "leads_valid",
        "scope": "all",
        "value": "5",
        "updated_by": "x",
        "updated_at": None,
    }
    made = client.post("/api/v1/plans/", wanted, "application/json", headers=token(mia)).json()
    assert made["updated_by"] == mia.username and made["updated_at"]
    olga = people(Role.ADMINISTRATOR, "Olga")
    changed = client.patch(
        f"/api/v1/plans/{made['id']}/", {"value": "6"}, "application/json", headers=token(olga)
    ).json()
    assert (changed["updated_by"], changed["value"]) == ("Olga", "6.0000")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "control without the lock"])
def test_of_two_saves_that_meet_one_wins_and_the_other_is_told(
    monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    key, mia = Key("2026-03", "leads_valid", "all"), people(Role.MANAGER)
    both, write = threading.Barrier(2, timeout=1), plans._write

    def meet(*given: Any, **named: Any) -> None:
        with suppress(threading.BrokenBarrierError):  # the lock keeps the other from coming this far
            both.wait()
        write(*given, **named)

    def save(value: int) -> bool:
        try:
            plans.change(wanted={key: Decimal(value)}, seen={}, actor=mia, at=START)
        except Stale:
            return False
        finally:
            connection.close()
        return True

    monkeypatch.setattr(plans, "_write", meet)
    if not locked:
        monkeypatch.setattr(plans, "_lock", lambda: None)
    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(save, (5, 6)))
    assert sum(won) == (1 if locked else 2)
