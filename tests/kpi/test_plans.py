"""Plans come from a file row by row, and through the API one by one."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from funnel.stages import Role
from kpi.models import Plan
from tests.factories import people, team, token

pytestmark = pytest.mark.django_db


def imported(tmp_path: Path, text: str | bytes) -> tuple[dict[str, Any], list[str]]:
    file = tmp_path / "plan.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    out, err = StringIO(), StringIO()
    call_command("import_plan", str(file), stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue().splitlines()


def test_good_rows_land_and_bad_ones_are_named_by_line_column_and_reason(tmp_path: Path) -> None:
    people(Role.SALESPERSON, "Ann")
    team("North")
    answer, said = imported(
        tmp_path,
        "month,metric,scope,value,note\n"
        "2026-03,payments_net,all,44000,x\n"
        "2026-03,payments_net,owner:Ann,20000.50,\n"
        "2026-03,leads_valid,team:North,12,\n"
        "2026-3,payments_net,all,1,\n"
        "2026-03,magic,all,1,\n"
        "2026-03,ltv_by_client,all,1,\n"
        "2026-03,payments_net,owner:Zed,1,\n"
        "2026-03,payments_net,team:,1,\n"
        "2026-03,payments_net,everyone,1,\n"
        "2026-02,payments_net,all,-1,\n"
        "2026-02,payments_net,all,NaN,\n"
        "2026-02,payments_net,all,1e5,\n"
        "2026-02,payments_net,all,,\n"
        "2026-03,payments_net,all,45000,\n"
        "2026-03\n",
    )
    assert answer == {"rows": 15, "set": 3, "unchanged": 0, "rejected": 12}
    assert [line.split(": ")[0] for line in said] == [
        "line 5, month", "line 6, metric", "line 7, metric", "line 8, scope", "line 9, scope", "line 10, scope",
        "line 11, value", "line 12, value", "line 13, value", "line 14, value", "line 15, scope", "line 16, metric",
    ]  # fmt: skip
    assert {(plan.scope, str(plan.value)) for plan in Plan.objects.all()} == {
        ("all", "44000.0000"), ("owner:Ann", "20000.5000"), ("team:North", "12.0000"),
    }  # fmt: skip


def test_a_second_import_changes_only_what_changed(tmp_path: Path) -> None:
    imported(tmp_path, "month,metric,scope,value\n2026-03,payments_net,all,1\n2026-04,payments_net,all,2\n")
    answer, _ = imported(
        tmp_path, "month,metric,scope,value\n2026-03,payments_net,all,1\n2026-04,payments_net,all,3\n"
    )
    assert answer == {"rows": 2, "set": 1, "unchanged": 1, "rejected": 0}
    assert [plan.value for plan in Plan.objects.order_by("month")] == [1, 3]


def test_a_spreadsheet_s_file_with_semicolons_and_a_mark_at_its_start_is_read(tmp_path: Path) -> None:
    answer, _ = imported(tmp_path, b"\xef\xbb\xbfMonth;Metric;Scope;Value\r\n2026-03;deals_won;all;7\r\n")
    assert answer["set"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the column month is missing"),
        (b"month,metric,value\n", "the column scope is missing"),
        (b"\xff\xfe\x00m", "not UTF-8"),
        (b'month,metric,scope,value\n2026-03,"payments_net,all,1\n', "line"),
    ],
)
def test_what_is_no_plan_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        imported(tmp_path, content)
    assert refused.value.returncode == 2
    assert not Plan.objects.exists()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_plan", str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    "wrong",
    [{"month": "2026-13"}, {"month": "x"}, {"scope": "everyone"}, {"value": -1}],
    ids=lambda wrong: str(wrong),
)
def test_the_database_itself_refuses_a_plan_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    good = {"month": "2026-03", "metric": "deals_won", "scope": "all", "value": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(**good | wrong)
    Plan.objects.create(**good)
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(**good)


def test_leaders_set_plans_through_the_api_and_others_read_them(client: Client) -> None:
    plan = {"month": "2026-03", "metric": "payments_net", "scope": "all", "value": "44000"}
    manager, seller = token(people(Role.MANAGER)), token(people(Role.SALESPERSON))
    assert client.post("/api/v1/plans/", plan, "application/json", headers=seller).status_code == 403
    made = client.post("/api/v1/plans/", plan, "application/json", headers=manager)
    assert made.status_code == 201, made.content
    assert client.get("/api/v1/plans/", {"month": "2026-03"}, headers=seller).json()["results"] == [
        made.json()
    ]
    again = client.post("/api/v1/plans/", plan, "application/json", headers=manager)
    assert again.status_code == 400
    url = f"/api/v1/plans/{made.json()['id']}/"
    bad = client.patch(url, {"scope": "owner:Zed"}, "application/json", headers=manager)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "scope")
    changed = client.patch(url, {"value": "45000"}, "application/json", headers=manager)
    assert (changed.status_code, changed.json()["value"]) == (200, "45000.0000")
