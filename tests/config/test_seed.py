"""Demo data: the same every time, possible, and with something at every stage."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from config.seeding import make
from config.seeding.people import CAMPAIGNS, COLLEAGUES, PASSWORD
from funnel.models import Contact, Event, Journey, OutboxRow, Task, User
from funnel.stages import Stage
from funnel.verification import verify
from kpi.models import Plan
from leads.models import CampaignCost

pytestmark = pytest.mark.django_db

UNTIL = datetime(2026, 3, 31, 15, tzinfo=UTC)


class _RolledBack(Exception):
    pass


def told(seed: int, journeys: int) -> list[tuple[Any, ...]]:
    """Return what a seed tells, from a database that is then as it was."""
    try:
        with transaction.atomic():
            make(seed=seed, journeys=journeys, until=UNTIL)
            ledger = list(
                Event.objects.order_by("occurred_at", "journey__contact__email", "seq").values_list(
                    "occurred_at",
                    "recorded_at",
                    "journey__contact__email",
                    "seq",
                    "event",
                    "stage_to",
                    "amount",
                    "reason",
                    "owner__username",
                )
            )
            raise _RolledBack
    except _RolledBack:
        return ledger


def test_the_same_seed_tells_the_same_and_another_tells_something_else() -> None:
    first = told(7, 30)
    assert told(7, 30) == first
    assert told(8, 30) != first


@pytest.mark.slow
def test_three_hundred_journeys_stand_at_every_stage_and_their_ledger_is_true() -> None:
    made = make(seed=1, journeys=300, until=UNTIL)
    assert made.journeys == Journey.objects.count() == 300
    assert set(Journey.objects.values_list("stage", flat=True)) == set(Stage.values)
    assert not [difference for differences in verify() for difference in differences]
    latest = Event.objects.order_by("-occurred_at").values_list("occurred_at", flat=True)[0]
    assert latest <= UNTIL
    # The past is spread over three years and known as it happened.
    assert len(set(Journey.objects.values_list("created_at__year", flat=True))) == 4
    assert not any(event.recorded_at > UNTIL for event in Event.objects.all())
    assert {kind for (kind,) in Journey.objects.values_list("kind")} == {"new", "repeat", "win_back"}


def test_nobody_in_it_is_real_and_both_alphabets_occur() -> None:
    make(seed=1, journeys=40, until=UNTIL)
    addresses = Contact.objects.values_list("email", flat=True)
    assert all(address.endswith(".example") for address in addresses)
    names = "".join(Contact.objects.values_list("name", flat=True))
    assert re.search("[A-Za-z]", names)
    assert re.search("[А-Яа-я]", names)


def test_people_have_things_to_do_and_some_journeys_nobody_thought_of() -> None:
    make(seed=1, journeys=60, until=UNTIL)
    opened = Task.objects.open()
    assert {"manager", "sales", "first_touch"} <= set(opened.values_list("assignee__username", flat=True))
    assert opened.filter(due_at__lt=UNTIL).exists()
    assert opened.exclude(repeat="").exists()
    assert Journey.objects.with_next_step().exists()
    assert Journey.objects.without_next_step().exists()
    assert Task.objects.filter(state=Task.State.DONE, closed_at__lte=UNTIL).exists()
    assert not OutboxRow.objects.filter(consumer="tasks", state=OutboxRow.State.WAITING).exists()


def test_every_role_can_sign_in_and_old_news_is_told_to_nobody() -> None:
    make(seed=1, journeys=25, until=UNTIL)
    for username, role, _name, _team in COLLEAGUES:
        user = User.objects.get(username=username)
        assert user.role == role
        assert user.check_password(PASSWORD)
    waiting = OutboxRow.objects.filter(state=OutboxRow.State.WAITING, consumer="notify")
    assert all((UNTIL - row.event.occurred_at).days <= 3 for row in waiting.select_related("event"))
    assert Plan.objects.filter(month="2026-03", metric="payments_net", scope="all").exists()
    assert set(CampaignCost.objects.filter(month="2026-03").values_list("campaign__key", flat=True)) == set(
        CAMPAIGNS
    )


def test_the_command_tells_the_sign_ins_and_makes_nothing_twice() -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command("seed", "--journeys", "5", "--until", "2026-03-31", stdout=out, stderr=err)
    assert f"password {PASSWORD}" in out.getvalue()
    assert "Made 5 journeys" in err.getvalue()
    again, words = io.StringIO(), io.StringIO()
    call_command("seed", "--journeys", "5", stdout=again, stderr=words)
    assert (again.getvalue(), Journey.objects.count()) == ("", 5)
    assert "nothing was made" in words.getvalue()
    call_command("seed", "--journeys", "5", "--seed", "2", "--more", stdout=again, stderr=words)
    assert Journey.objects.count() == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["--journeys", "0"],
        ["--journeys", "-5"],
        ["--journeys", "many"],
        ["--seed", "x"],
        ["--until", "31.03.2026"],
        ["--until", "1999-12-31"],
        ["--until", "2999-01-01"],
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("seed", *arguments, stderr=io.StringIO())
    assert not Journey.objects.exists()
