"""Staff activity: who did what, counted by the actor of what stands, and the rows behind every number."""

import csv
import datetime as dt
import io
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from funnel import todo_acts
from funnel.annulment import annul, last_act
from funnel.models import Journey, User
from funnel.stages import Role, Stage
from kpi.staff.columns import COLUMNS
from tests.factories import START, journey_at, later, lead, organisation, people, run, take, team
from tests.factories.journeys import PATHS

pytestmark = pytest.mark.django_db
URL = "/staff/"
DAY = "2026-03-02"
MOST_QUERIES = 12


@pytest.fixture
def fay(db: None) -> User:
    return people(Role.FIRST_TOUCH, "Fay", team=team("North"))


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER, "Mia"))
    return client


def table(client: Client, query: str = f"?date={DAY}") -> dict[str, dict[str, Any]]:
    """The numbers of the page by person and column, "" for all together."""
    answer = client.get(URL + query)
    assert answer.status_code == 200, answer.content
    keys = [column.key for column in answer.context["columns"]]
    rows = {str(work.person): cells for work, cells in answer.context["rows"]}
    rows[""] = answer.context["totals"]
    return {who: dict(zip(keys, cells, strict=True)) for who, cells in rows.items()}


def words(client: Client, who: str, column: str, query: str = f"?date={DAY}") -> str:
    return str(table(client, query)[who][column]["words"])


def worked(stage: str, actor: User, at: dt.datetime = START) -> Journey:
    """A journey that one person, of a role that may, took all the way."""
    return take(lead(at=at), *PATHS[stage], actor=actor)


def test_every_number_opens_as_many_rows_as_it_says(manager: Client) -> None:
    mia = people(Role.MANAGER, "Mia")
    won = journey_at(Stage.WON)
    journey_at(Stage.LOST), journey_at(Stage.PROPOSAL_SENT)
    for step in ("payment_received", "refund_paid"):
        won = run(won, step, actor=mia)
    todo_acts.create(actor=mia, at=START, title="Call back", assignee=mia, due_at=START)
    checked = set()
    for row in table(manager, f"?date={DAY}&period=month").values():
        for key, cell in row.items():
            if not cell["url"]:
                assert cell["words"] in {"0", "—"}
                continue
            rows = manager.get(cell["url"])
            shown = rows.context["page"].rows
            number = cell["small"].removeprefix("n = ") if key == "response_time" else cell["words"]
            assert (rows.status_code, str(rows.context["total"]), str(len(shown))) == (200, number, number)
            checked.add(key)
    assert checked == {column.key for column in COLUMNS}


def test_work_counts_for_who_recorded_it_and_not_for_the_owner(manager: Client, fay: User) -> None:
    journey = lead()
    run(journey, "respond", actor=fay)
    other = people(Role.FIRST_TOUCH, "Bob")
    run(journey, "hold_first_meeting", actor=other)
    found = table(manager)
    assert (found["Fay"]["responses"]["words"], found["Fay"]["meetings"]["words"]) == ("1", "0")
    assert (found["Bob"]["responses"]["words"], found["Bob"]["meetings"]["words"]) == ("0", "1")
    assert found[""]["moves"]["words"] == "2"


def test_what_was_undone_counts_for_nobody(manager: Client, fay: User) -> None:
    journey = run(lead(), "respond", actor=fay)
    assert words(manager, "Fay", "responses") == "1"
    annul(events=[event.pk for event in last_act(journey)], actor=fay, at=timezone.now())
    found = table(manager)["Fay"]
    assert {cell["words"] for key, cell in found.items() if key != "open"} == {"0", "—"}


def test_response_time_is_the_median_of_business_minutes_with_its_n(manager: Client, fay: User) -> None:
    for minutes in (10, 30, 50):
        run(lead(), "respond", actor=fay, at=later(minutes=minutes))
    friday = dt.datetime(2026, 2, 27, 17, 50, tzinfo=dt.UTC)
    run(lead(at=friday), "respond", actor=fay, at=later(minutes=35))  # 10 minutes on Friday, 35 on Monday
    cell = table(manager)["Fay"]["response_time"]
    assert (cell["words"], cell["small"]) == ("38 min", "n = 4")
    rows = manager.get(cell["url"]).context["events"]
    assert sorted(item["minutes"] for item in rows) == ["10", "30", "45", "50"]


def test_a_second_response_of_a_journey_has_no_time_of_its_own(manager: Client, fay: User) -> None:
    journey = take(lead(), "respond", "lose", actor=fay)
    journey = run(journey, "reopen", actor=fay)
    run(journey, "respond", actor=fay)
    found = table(manager)["Fay"]
    assert (found["responses"]["words"], found["response_time"]["small"]) == ("2", "n = 1")


def test_periods_are_days_weeks_from_monday_and_months_of_the_organisation(
    manager: Client, fay: User
) -> None:
    organisation(timezone="Asia/Vladivostok")  # 10 hours ahead: 2 March, 15:00 UTC is 3 March there
    for at in (dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC), dt.datetime(2026, 2, 28, 15, tzinfo=dt.UTC)):
        run(lead(at=at - dt.timedelta(hours=1)), "respond", actor=fay, at=at)
    told = {query: words(manager, "Fay", "responses", query) for query in (
        "?date=2026-03-02", "?date=2026-03-03", "?date=2026-03-08&period=week", "?date=2026-03-01&period=week",
        "?date=2026-03-31&period=month", "?date=2026-02-28&period=month",
    )}  # fmt: skip
    assert list(told.values()) == ["0", "1", "1", "1", "2", "0"]
    assert "Days are those of Asia/Vladivostok." in manager.get(URL).content.decode()


def test_open_and_stuck_work_is_that_of_the_owner_now(manager: Client, fay: User) -> None:
    old = run(lead(), "respond", actor=fay)
    fresh = run(lead(at=timezone.now() - dt.timedelta(hours=1)), "respond", actor=fay, at=timezone.now())
    Journey.objects.filter(pk__in=[old.pk, fresh.pk]).update(owner=fay)
    found = table(manager)["Fay"]
    assert (found["open"]["words"], found["stuck"]["words"]) == ("2", "1")
    assert [one.pk for one, _seen in manager.get(found["stuck"]["url"]).context["journeys"]] == [old.pk]


def test_overdue_steps_are_those_of_whoever_has_them_now(manager: Client, fay: User) -> None:
    now, mia = timezone.now(), people(Role.MANAGER, "Mia")
    for title, days, who in (("Late", -2, fay), ("In time", 2, fay), ("Late too", -1, mia)):
        todo_acts.create(actor=who, at=START, title=title, assignee=who, due_at=now + dt.timedelta(days=days))
    found = table(manager)
    assert (found["Fay"]["late"]["words"], found[""]["late"]["words"]) == ("1", "2")
    rows = manager.get(found["Fay"]["late"]["url"])
    assert [str(row.task) for row in rows.context["tasks"]] == ["Late"]
    assert "Late" in rows.content.decode()


def test_people_see_themselves_and_their_team_and_managers_everybody(client: Client, fay: User) -> None:
    people(Role.SALESPERSON, "Sam", team=team("North"))
    people(Role.SALESPERSON, "Sue", team=team("South"))
    people(Role.PARTNER, "Pat"), people(Role.SERVICE, "Bot")
    alone = people(Role.SALESPERSON, "Lone")
    people(Role.SALESPERSON, "Gone", is_active=False)
    seen = {}
    for user in (fay, alone, people(Role.MANAGER, "Mia")):
        client.force_login(user)
        seen[str(user)] = set(table(client)) - {""}
    assert seen == {"Fay": {"Fay", "Sam"}, "Lone": {"Lone"}, "Mia": {"Fay", "Sam", "Sue", "Lone", "Mia"}}
    client.force_login(alone)
    assert client.get(f"/staff/{fay.pk}/").status_code == 404
    assert client.get(f"/staff/rows/moves/?person={fay.pk}").status_code == 404
    assert client.get(f"{URL}?team={fay.team_id}").status_code == 400
    client.force_login(people(Role.PARTNER, "Pat"))
    assert client.get(URL).status_code == 403


def test_a_team_is_chosen_in_the_address(manager: Client, fay: User) -> None:
    people(Role.SALESPERSON, "Sue", team=team("South"))
    assert set(table(manager, f"?team={fay.team_id}")) == {"Fay", ""}


def test_money_is_for_those_who_see_money(client: Client) -> None:
    won = run(
        journey_at(Stage.WON), "payment_received", {"amount": "1234"}, actor=people(Role.MANAGER, "Mia")
    )
    assert won.stage == Stage.WON
    client.force_login(people(Role.MANAGER, "Mia"))
    assert table(client)["Mia"]["payments"]["small"] == "€1K"
    assert "€1,234" in client.get(f"/staff/{people(Role.MANAGER, 'Mia').pk}/?date={DAY}").content.decode()
    client.force_login(people(Role.MARKETER))
    assert "payments" not in table(client)[""]
    assert client.get(f"/staff/rows/payments/?date={DAY}").status_code == 404
    assert "€" not in client.get(f"/staff/{people(Role.MANAGER, 'Mia').pk}/?date={DAY}").content.decode()
    assert b"EUR" not in client.get(f"/staff/activity.csv?date={DAY}").content


def test_the_sum_of_payments_is_net_of_refunds_and_refunds_have_rows_of_their_own(client: Client) -> None:
    mia, sue = people(Role.MANAGER, "Mia"), people(Role.SALESPERSON, "Sue")
    won = run(journey_at(Stage.WON), "payment_received", {"amount": "900"}, actor=mia)
    won = run(won, "payment_received", {"amount": "50"}, actor=mia)
    run(won, "refund_paid", {"amount": "250"}, actor=mia)
    run(won, "refund_paid", {"amount": "100"}, actor=sue)
    client.force_login(mia)
    found = table(client)
    told = {
        who: [(found[who][key]["words"], found[who][key]["small"]) for key in ("payments", "refunds")]
        for who in ("Mia", "Sue", "")
    }
    assert told == {
        "Mia": [("2", "€700"), ("1", "€250")],
        "Sue": [("0", "−€100"), ("1", "€100")],
        "": [("2", "€600"), ("2", "€350")],
    }
    lines = client.get(f"/staff/activity.csv?date={DAY}").content.decode("utf-8-sig").splitlines()
    (row,) = [row for row in csv.DictReader(lines) if row["Person"] == "Mia"]
    assert [row[f"{name}, EUR"] for name in ("Payments", "Refunds")] == ["700", "250"]


def test_a_client_of_others_is_not_named_though_the_work_counts(client: Client, fay: User) -> None:
    mate = people(Role.SALESPERSON, "sam", team=team("North"))
    journey = journey_at(Stage.ACCEPTED, name="Secret Client")
    run(journey, "note_logged", {"text": "x"}, actor=mate)
    run(journey, "schedule_demo", actor=people(Role.MANAGER, "Mia"))
    Journey.objects.filter(pk=journey.pk).update(owner=people(Role.SALESPERSON, "sue"))
    client.force_login(fay)
    page = client.get(f"/staff/{mate.pk}/?date={DAY}").content.decode()
    assert "A journey that you may not see" in page
    assert "Secret Client" not in page


def test_a_person_s_day_tells_what_they_did_newest_first(manager: Client, fay: User) -> None:
    journey = take(lead(), "respond", "hold_first_meeting", actor=fay)
    run(journey, "note_logged", {"text": "x"}, actor=fay)
    answer = manager.get(f"/staff/{fay.pk}/?date={DAY}")
    told = [item["event"].event for item in answer.context["events"]]
    assert told[:2] == ["note_logged", "first_meeting_held"]
    assert set(told[2:]) == {"first_response", "owner_changed", "activity_logged"}
    assert "Nothing on record that day" in manager.get(f"/staff/{fay.pk}/?date=2026-03-01").content.decode()


def test_long_lists_are_paged_without_losing_a_row(manager: Client, fay: User) -> None:
    for number in range(55):
        run(lead(), "respond", actor=fay, at=later(minutes=number // 5))
    url = table(manager)["Fay"]["responses"]["url"]
    first = manager.get(url)
    second = manager.get(url.partition("?")[0] + first.context["page"].older)
    keys = [event.pk for answer in (first, second) for event in answer.context["page"].rows]
    assert (len(keys), len(set(keys)), first.context["total"]) == (55, 55, 55)


@pytest.mark.parametrize(
    "path",
    [URL, "/staff/rows/moves/", "/staff/rows/response_time/", "/staff/rows/stuck/", "/staff/rows/late/"],
)
def test_the_number_of_queries_is_the_same_for_one_and_for_many(manager: Client, path: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert manager.get(f"{path}?date={DAY}").status_code == 200
        return len(captured)

    worked(Stage.CONTACTED, people(Role.FIRST_TOUCH, "p0", team=team("t0")))
    asked()
    before = asked()
    for number in range(1, 9):
        worked(Stage.MET, people(Role.FIRST_TOUCH, f"p{number}", team=team(f"t{number}")))
    assert asked() == before <= MOST_QUERIES


@pytest.mark.parametrize("query", ["period=year", "date=x", "date=0001-01-01", "team=x", "team=999999"])
def test_a_bad_parameter_is_named_on_the_page(manager: Client, query: str) -> None:
    answer = manager.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert "notice bad" in answer.content.decode()
    assert manager.get(f"/staff/activity.csv?{query}").status_code == 404


@pytest.mark.parametrize(
    "path", ["rows/magic/", "rows/moves/?person=x", "rows/moves/?person=0", "999999/", "rows/moves/?date=x"]
)
def test_what_is_not_there_is_not_found(manager: Client, path: str) -> None:
    assert manager.get(URL + path).status_code == 404


def test_files_hold_the_numbers_of_the_page_and_no_formula(manager: Client) -> None:
    evil = people(Role.FIRST_TOUCH, "evil")
    User.objects.filter(pk=evil.pk).update(name="=1+1")
    run(lead(), "respond", actor=evil, at=later(minutes=10))
    text = manager.get(f"/staff/activity.csv?date={DAY}").content.decode("utf-8-sig")
    row = next(row for row in csv.DictReader(io.StringIO(text)) if row["Username"] == "evil")
    assert (row["Person"], row["Responses"], row["Response time, median business minutes"]) == (
        "'=1+1",
        "1",
        "10.0",
    )
    book = zipfile.ZipFile(io.BytesIO(manager.get(f"/staff/activity.xlsx?date={DAY}").content))
    assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_an_empty_installation_says_so(manager: Client) -> None:
    assert "Nobody did anything on record in this period." in manager.get(URL).content.decode()


def test_the_tabs_stand_under_the_dashboard(manager: Client) -> None:
    for path in (URL, "/plans/"):
        page = manager.get(path)
        assert [entry["url"] for entry in page.context["nav"] if entry["current"]] == ["/dashboard/"]
