"""The golden history and the people who look at its figures."""

import json
from datetime import datetime
from typing import Any

import pytest

from funnel.models import Organisation
from kpi.models import Plan

from . import ledgers

EXPECTED: dict[str, Any] = json.loads((ledgers.GOLDEN / "expected.json").read_text())
AS_OF = datetime.fromisoformat(EXPECTED["as_of"])


@pytest.fixture
def berlin(db: None) -> Organisation:
    Organisation.objects.update(timezone="Europe/Berlin", currency="EUR")
    return Organisation.current()


@pytest.fixture
def golden(berlin: Organisation) -> Organisation:
    ledgers.write(*ledgers.golden(), teams={"Ann": "North", "Bob": "South"})
    Plan.objects.bulk_create(
        Plan(month=month, metric="payments_net", scope="all", value=value)
        for month, value in EXPECTED["payment_plan"].items()
    )
    return berlin
