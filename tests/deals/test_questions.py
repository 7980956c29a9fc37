"""What is seldom meant is asked about before it is saved: an instalment that is due before the signature."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals.models import Instalment
from funnel.models import Journey
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, token

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
EARLY, LATE = TODAY - dt.timedelta(days=30), TODAY + dt.timedelta(days=30)


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(people(Role.MANAGER))
    return client


def rows(*days: dt.date) -> list[dict[str, str]]:
    return [{"due_on": day.isoformat(), "amount": "50"} for day in days]


def posted(*days: dt.date, **fields: str) -> dict[str, str]:
    """What the browser sends with the form of a signature."""
    listed = {
        f"instalments-{n}-{name}": value for n, row in enumerate(rows(*days)) for name, value in row.items()
    }
    return {"signed_on": TODAY.isoformat(), "amount": str(50 * len(days)), **listed, **fields}


def asked(answer: Any) -> str:
    """The mark of what a page asks; "" where it asks nothing."""
    found = re.search(r'name="confirmed" value="([0-9a-f]+)"', answer.content.decode())
    return found[1] if found else ""


def test_a_signature_with_an_instalment_before_it_is_asked_about_and_saved_once_confirmed(
    manager: Client,
) -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    url = reverse("funnel:journey-move", args=[journey.pk, "sign"])
    answer = manager.post(url, posted(EARLY, LATE))
    page = answer.content.decode()
    assert (answer.status_code, Instalment.objects.count()) == (422, 0)
    assert "Is this meant?" in page
    assert "Save all the same" in page
    assert page.count("before the contract is signed on") == 1
    assert f'value="{EARLY.isoformat()}"' in page  # what was typed is still there
    assert manager.post(url, posted(EARLY, LATE, confirmed=asked(answer))).status_code == 303
    assert Journey.objects.get(pk=journey.pk).stage == Stage.WON
    assert list(Instalment.objects.values_list("due_on", flat=True)) == [EARLY, LATE]


def test_a_yes_holds_for_what_was_asked_and_for_nothing_else(manager: Client) -> None:
    url = reverse("funnel:journey-move", args=[journey_at(Stage.CONTRACT_SENT).pk, "sign"])
    mark = asked(manager.post(url, posted(EARLY, LATE)))
    for days in ((EARLY - dt.timedelta(days=1), LATE), (EARLY, EARLY)):
        answer = manager.post(url, posted(*days, confirmed=mark))
        assert (answer.status_code, bool(asked(answer))) == (422, True)
    assert not Instalment.objects.exists()


def test_a_schedule_from_the_day_of_signing_on_is_not_asked_about(manager: Client) -> None:
    url = reverse("funnel:journey-move", args=[journey_at(Stage.CONTRACT_SENT).pk, "sign"])
    assert manager.post(url, posted(TODAY, LATE)).status_code == 303


def test_where_the_journey_has_moved_on_nothing_is_asked(manager: Client) -> None:
    url = reverse("funnel:journey-move", args=[journey_at(Stage.QUALIFIED).pk, "sign"])
    answer = manager.post(url, posted(EARLY, LATE))
    assert (answer.status_code, asked(answer)) == (409, "")


@pytest.mark.parametrize("early", [True, False])
def test_programs_are_warned_in_the_answer(early: bool) -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    inputs = {
        "signed_on": TODAY.isoformat(),
        "amount": "100",
        "instalments": rows(EARLY if early else TODAY, LATE),
    }
    answer = Client(headers=token(people(Role.MANAGER))).post(
        f"/api/v1/journeys/{journey.pk}/moves/sign/", {"inputs": inputs}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert [one["code"] for one in answer.json()["warnings"]] == ["instalment_before_signature"] * early
    assert all("before the contract is signed" in one["detail"] for one in answer.json()["warnings"])


def test_a_day_that_is_moved_before_the_signature_is_asked_about(manager: Client) -> None:
    journey = journey_at(Stage.CONTRACT_SENT)
    manager.post(reverse("funnel:journey-move", args=[journey.pk, "sign"]), posted(TODAY, LATE))
    last = Instalment.objects.get(position=2)
    url = reverse("deals:instalment-move", args=[last.pk])
    answer = manager.post(url, {"due_on": EARLY.isoformat(), "why": "x"})
    assert (answer.status_code, Instalment.objects.get(pk=last.pk).due_on) == (422, LATE)
    given = {"due_on": EARLY.isoformat(), "why": "x", "confirmed": asked(answer)}
    assert manager.post(url, given).status_code == 303
    assert Instalment.objects.get(pk=last.pk).due_on == EARLY
