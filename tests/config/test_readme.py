"""What the README tells a program to do works as it stands there."""

import os
import re
import subprocess
from typing import Any

import pytest

from config.env import BASE_DIR
from funnel.models import ApiToken, Event, Journey
from funnel.stages import Role
from tests import factories


@pytest.mark.django_db(transaction=True)
def test_the_walk_from_application_to_payment_works_by_curl(live_server: Any) -> None:
    text = (BASE_DIR / "README.md").read_text()
    script = next(block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "curl" in block)
    secret = ApiToken.issue(user=factories.people(Role.ADMINISTRATOR), scopes=["read", "write"])[1]
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        env={**os.environ, "ADDRESS": live_server.url, "TOKEN": secret},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-2:] == ["sign: done", "payment: done"]
    journey = Journey.objects.get()
    assert journey.stage == "won"
    assert Event.objects.get(event="payment_received").amount == 6000
