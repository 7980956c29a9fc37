"""The dashboard shows what is estimated: beside what is counted, with its interval and error, and named as such."""

import csv
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from funnel.models import Organisation
from funnel.periods import Period
from funnel.stages import Role
from kpi.estimates.history import METRICS
from kpi.models import Estimate, Plan
from tests.factories import people

from .ledgers import Row, Start, write

URL = "/dashboard/"


@pytest.fixture
def month(db: None) -> Period:
    """This month, in which three applications have come so far."""
    Organisation.objects.update(timezone="UTC", currency="EUR")
    now = timezone.now()
    write(
        [Start(f"j{n}", f"c{n}", source="web") for n in range(3)],
        [Row(f"e{n}", f"j{n}", "lead_created", now) for n in range(3)],
    )
    return Organisation.current().clock.month_at(now)


@pytest.fixture
def manager(client: Client, db: None) -> Client:
    client.force_login(people(Role.MANAGER, "mia"))
    return client


def keep(kind: str, metric: str, month: Period, **fields: Any) -> None:
    Estimate.objects.create(
        kind=kind, metric=metric, month=month.name, made_at=timezone.now(), method="m", **fields
    )


def forecast(metric: str, month: Period, middle: float, **fields: Any) -> None:
    given = {"low": middle - 4, "high": middle + 5, "error": 0.124, "tested": 24, **fields}
    keep("forecast", metric, month, value=middle, **given)


def words(client: Client, url: str = URL, **asked: Any) -> str:
    """What a page says, without its marks."""
    response = client.get(url, asked)
    assert response.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def test_a_card_and_the_trend_tell_how_the_month_may_end(month: Period, manager: Client) -> None:
    forecast("leads_valid", month, 20.2)
    said = words(manager, trend="leads_valid")
    assert "Estimate for the month's end: 20 (16 – 25) · usually off by 12%" in said
    assert "20, in 8 of 10 cases 16 – 25. Tried on the last 24 months, it was off by 12% on average." in said
    assert "Likely between" in manager.get(URL, {"trend": "leads_valid"}).content.decode()


SOLD = {"leads_valid": 4, "deals_won": 1, "contract_value_won": 700, "payments_net": 500}
"""What has come of each metric that is estimated, once the client of a fourth application signed and paid."""


@pytest.mark.parametrize("metric", [metric.key for metric in METRICS])
def test_no_estimate_is_below_what_has_come_since_it_was_made(
    metric: str, month: Period, manager: Client
) -> None:
    now = timezone.now()
    write(
        [Start("sold", "c9", source="web")],
        [
            Row("s1", "sold", "lead_created", now),
            Row("s2", "sold", "contract_signed", now, "700"),
            Row("s3", "sold", "payment_received", now, "499.50"),
        ],
    )
    forecast(metric, month, 0, low=-2, high=0)
    rows = list(
        csv.reader(
            manager.get("/dashboard/panels/trend/", {"trend": metric, "format": "csv"})
            .content.decode("utf-8-sig")
            .splitlines()
        )
    )
    last = dict(zip(rows[0], rows[-1], strict=True))
    least = str(SOLD[metric])
    assert [last[name] for name in ("Estimate", "Estimate, from", "Estimate, to")] == [least] * 3
    shown = least if metric in {"leads_valid", "deals_won"} else f"€{least}"
    assert f"Estimate for the month's end: {shown} ({shown} – {shown})" in words(manager)


@pytest.mark.parametrize("asked", [{"source": "web"}, {"as_of": "2026-11-01T00:00+00:00"}])
def test_what_is_estimated_of_everything_now_is_told_of_nothing_else(
    month: Period, manager: Client, asked: dict[str, str]
) -> None:
    forecast("leads_valid", month, 20)
    said = words(manager, trend="leads_valid", **asked)
    assert "Estimate for the" not in said
    assert ("not shown under filters" in said) == ("source" in asked)


def test_months_that_are_over_have_no_forecast_and_keep_their_marks(month: Period, manager: Client) -> None:
    before = month.previous()
    forecast("leads_valid", before, 20)
    keep("adjusted", "leads_valid", before, value=12.5)
    keep("anomaly", "leads_valid", before, value=0, low=-2, high=17.2, details={"expected": 7})
    page = manager.get(URL, {"trend": "leads_valid"}).content.decode()
    assert "Estimate for the" not in page
    assert "Without the season, estimate" in page
    assert "Unusual, by estimate" in page
    assert "estimate: 0 – 17 is usual" in unescape(page)


def test_the_note_names_unusual_days_what_is_due_and_what_is_lacking(month: Period, manager: Client) -> None:
    days = [
        {"name": f"{month.name}-0{n}", "value": 9.0, "expected": 2.0, "size": float(n)} for n in range(1, 6)
    ]
    keep("anomaly", "leads_valid", month, details={"days": days})
    keep("forecast", "leads_valid", month, details={"needs": 12, "has": 3})
    keep("adjusted", "leads_valid", month, details={"needs": 24, "has": 3})
    said = words(manager, trend="leads_valid")
    named = re.findall(r"\d+ \w+ \(9, usual: 2\)", said)
    assert [day.split()[0] for day in named] == ["3", "4", "5"]
    assert "No estimate of the month's end yet: complete months needed 12, known 3." in said
    assert "complete months needed 24, known 3." in said
    forecast("payments_net", month, 900, details={"due": 70.0})
    keep(
        "adjusted",
        "payments_net",
        month,
        details={"needs": 24, "has": 30, "fault": "x", "lacks": "statsmodels"},
    )
    said = words(manager, trend="payments_net")
    assert "Still due by then under signed contracts: €70." in said
    assert "not installed on the server: statsmodels" in said


def test_the_table_of_the_trend_has_columns_of_estimates(month: Period, manager: Client) -> None:
    forecast("leads_valid", month, 20.2)
    keep("adjusted", "leads_valid", month.previous(), value=12.5)
    Plan.objects.create(month=month.name, metric="leads_valid", scope="all", value=30)
    lines = manager.get("/dashboard/panels/trend/", {"trend": "leads_valid", "format": "csv"})
    rows = list(csv.reader(lines.content.decode("utf-8-sig").splitlines()))
    head, *_earlier, last_month, this_month = rows
    assert dict(zip(head, this_month, strict=True)) | {"Last year": ""} == {
        "Month": month.name, "This year": "3", "Last year": "", "Plan": "30", "Without the season, estimate": "",
        "Estimate": "20", "Estimate, from": "16", "Estimate, to": "25",
    }  # fmt: skip
    assert dict(zip(head, last_month, strict=True))["Without the season, estimate"] == "12.5"


def test_estimates_of_money_are_for_those_who_see_money(month: Period, client: Client) -> None:
    forecast("payments_net", month, 93_000)
    client.force_login(people(Role.MARKETER, "mark"))
    assert "93" not in words(client, "/dashboard/marketing/").replace("93 of", "")
