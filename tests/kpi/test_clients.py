"""Merging people and companies changes who a client is: figures by client follow at once, and back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from funnel import registry
from funnel.merging import merge, unmerge
from funnel.models import Company, Organisation
from funnel.stages import Role, Stage
from kpi import audit, rollup
from kpi.models import Fact
from tests.factories import journey_at, people, run

pytestmark = pytest.mark.django_db(transaction=True)


def differences() -> list[str]:
    return [sentence for _, found in audit.differences(Organisation.current()) for sentence in found]


def clients() -> set[str]:
    return set(Fact.objects.filter(event="payment_received").values_list("client", flat=True))


def paying(company: str) -> Company:
    journey = journey_at(Stage.WON, company=company)
    run(journey, "payment_received", {"amount": "500"})
    return journey.company


def test_payments_of_the_merged_are_the_survivors_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    acme, zenith = paying("Acme"), paying("Zenith Works")
    rollup.catch_up()
    apart = {f"company:{acme.pk}", f"company:{zenith.pk}"}
    assert clients() == apart
    manager = people(Role.MANAGER)
    merge(survivor=acme, loser=zenith, actor=manager, at=timezone.now())
    assert clients() == {f"company:{acme.pk}"}
    assert differences() == []
    monkeypatch.setattr(registry, "on_client_changed", [])  # a hook that is not called is seen
    unmerge(loser=Company.objects.get(pk=zenith.pk), actor=manager, at=timezone.now())
    assert differences() != []
    monkeypatch.undo()
    merge(survivor=acme, loser=Company.objects.get(pk=zenith.pk), actor=manager, at=timezone.now())
    unmerge(loser=Company.objects.get(pk=zenith.pk), actor=manager, at=timezone.now())
    assert clients() == apart
    assert differences() == []
