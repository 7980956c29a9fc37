"""The whole of `make up`, seen from the figures: what is written shows within five seconds."""

import pytest

from tests.config.conftest import Installation, wait_for

pytestmark = pytest.mark.slow

WRITE_AND_WAIT = """
import threading, time
from django.utils import timezone
from funnel.models import Source
from kpi.models import Fact
from leads.domain import capture

journey = capture(name="Ada", email="ada@client.example", source=Source.objects.get(key="web"), actor=None, at=timezone.now()).journey
began = time.monotonic()
while not Fact.objects.filter(journey=journey).exists() and time.monotonic() < began + 60:
    threading.Event().wait(0.1)
print(time.monotonic() - began)
"""


def test_a_write_is_in_the_rollups_within_five_seconds(prepared: Installation) -> None:
    prepared.up()
    wait_for(lambda: prepared.status() == 200, "the worker's first sign of life")
    took = []
    for _ in range(2):  # the first may find a rebuild under way
        done = prepared.manage("shell", "-v0", "-c", WRITE_AND_WAIT)
        assert done.returncode == 0, done.stderr
        took.append(float(done.stdout))
    assert took[-1] < 5
