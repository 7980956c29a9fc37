"""What `make up` does before anything serves: each thing once, and nothing by halves."""

from __future__ import annotations

import re

import pytest

from tests.config.conftest import PYTHON, Installation

PREPARE = (PYTHON, "-m", "config.prepare")
DEMO = {"DEMO": "1", "DEMO_JOURNEYS": "60"}
COUNT = "from funnel.models import Journey; print(Journey.objects.count())"


def journeys(installation: Installation) -> int:
    return int(installation.manage("shell", "-v0", "-c", COUNT).stdout)


@pytest.mark.slow
def test_demo_data_is_made_once_and_its_sign_ins_are_told_at_every_start(prepared: Installation) -> None:
    first, second = prepared.run(*PREPARE, **DEMO), prepared.run(*PREPARE, **DEMO)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "Making demo data" in first.stderr
    assert "Making demo data" not in second.stderr
    assert first.stdout == second.stdout
    assert re.search(r"sales +Salesperson", first.stdout)
    assert journeys(prepared) >= 60


@pytest.mark.slow
def test_demo_data_cut_short_leaves_nothing_and_is_made_at_the_next_start(prepared: Installation) -> None:
    cut = prepared.start(*PREPARE, **DEMO)
    assert cut.stderr is not None
    while "50 of 60" not in cut.stderr.readline():
        assert cut.poll() is None, "it ended before it could be cut short"
    prepared.kill_everything()
    assert journeys(prepared) == 0
    again = prepared.run(*PREPARE, **DEMO)
    assert "Making demo data" in again.stderr
    assert journeys(prepared) >= 60


def test_without_demo_there_is_none_and_no_sign_in_is_told(prepared: Installation) -> None:
    done = prepared.run(*PREPARE, DEMO="0")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert journeys(prepared) == 0


def test_the_administrator_has_the_password_that_was_given(installation: Installation) -> None:
    done = installation.run(*PREPARE, FUNNEL_ADMIN_PASSWORD="correct horse battery")
    assert "the one of FUNNEL_ADMIN_PASSWORD" in done.stdout
    assert "correct horse" not in done.stdout + done.stderr
    ask = (
        "from django.contrib.auth import authenticate as a; user = a(username='admin', "
        "password='correct horse battery'); print(user.is_superuser, user.role)"
    )
    assert installation.manage("shell", "-v0", "-c", ask).stdout == "True administrator\n"
