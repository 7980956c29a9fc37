"""A database of before: its answers stand with the versions they were given to, and its links go on working."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from deals.models import Contract, ContractVersion, Proposal, ProposalVersion
from funnel.stages import Stage
from tests.factories import journey_at

ADDED = "_client_links_and_answers"


def migrate(*, back: bool) -> None:
    """Take the database back before clients' links were added, or to the present."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    added = next(key for key in graph.nodes if key[0] == "deals" and key[1].endswith(ADDED))
    before = [key for key in executor.loader.disk_migrations[added].dependencies if key[0] == "deals"]
    executor.migrate(before if back else graph.leaf_nodes("deals"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_answers_and_links_of_before_stay_right() -> None:
    journeys = [journey_at(Stage.CONTRACT_SENT) for _number in range(2)]
    try:
        migrate(back=True)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE deals_proposal SET answer = 'changes', answered_version = 1, answer_text = 'Cheaper',"
                " answered_at = now() WHERE journey_id = %s",
                [journeys[0].pk],
            )
    finally:
        migrate(back=False)
    version = ProposalVersion.objects.get(proposal__journey=journeys[0])
    assert (version.answer, version.answer_text, version.answered_event) == ("changes", "Cheaper", None)
    assert version.answered_at is not None
    assert ProposalVersion.objects.get(proposal__journey=journeys[1]).answer == ""
    assert Contract.objects.values("token").distinct().count() == 2
    month = timezone.now() + dt.timedelta(days=80)
    for model in (ProposalVersion, ContractVersion):
        assert model.objects.filter(link_expires_at__gt=month).count() == 2
    assert Proposal.objects.get(journey=journeys[0]).link_state(timezone.now()) == "open"
