"""R1: many clients race one move; one wins, the others are told so, and the ledger has one event."""

import os
import threading
from collections import Counter
from collections.abc import Iterable

import pytest
from django.db import connection

from funnel import acts, machine
from funnel.machine import Locked, Refused
from funnel.models import Event, Journey, User
from funnel.stages import Role
from tests.funnel.plain import application, person
from tests.funnel.test_api import Api

FULL = os.environ.get("FAULTS") == "full"
CLIENTS, JOURNEYS = (50, 200) if FULL else (10, 8)

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def test_of_two_who_answer_an_unowned_application_at_once_the_one_who_answered_owns_it() -> None:
    journeys = [application() for _index in range(JOURNEYS)]
    names = ["ann", "mary"]
    people = [person(Role.FIRST_TOUCH, name) for name in names]
    won: dict[int, list[str]] = {journey.pk: [] for journey in journeys}
    together, tally = threading.Barrier(len(people)), threading.Lock()

    def answer(user: User) -> None:
        try:
            for journey in journeys:
                together.wait(timeout=60)
                try:
                    acts.run(
                        name="respond",
                        journeys=[journey.pk],
                        actor=user,
                        inputs={"kind": "call", "summary": "Spoke with them."},
                    )
                except Refused as refused:
                    assert refused.refusals[journey.pk].reason == "stage"
                else:
                    with tally:
                        won[journey.pk].append(user.username)
        finally:
            connection.close()

    threads = [threading.Thread(target=answer, args=[user]) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for journey in journeys:
        events = Event.objects.filter(journey=journey, event__in=["owner_changed", "first_response"])
        answered = [(event.event, str(event.actor), str(event.owner)) for event in events.order_by("seq")]
        (winner,) = won[journey.pk]
        assert answered == [("owner_changed", winner, winner), ("first_response", winner, winner)]
        journey.refresh_from_db()
        assert str(journey.owner) == winner


def race(journeys: list[Journey]) -> dict[int, Counter[int]]:
    """Let every client lose every journey at once, one journey after another; return the answers to each."""
    api = Api()
    answers: dict[int, Counter[int]] = {journey.pk: Counter() for journey in journeys}
    together = threading.Barrier(CLIENTS)
    tally = threading.Lock()

    def compete() -> None:
        try:
            for journey in journeys:
                together.wait(timeout=60)
                status = api.move(journey, "lose", {"reason": "price"}).status_code
                with tally:
                    answers[journey.pk][status] += 1
        finally:
            connection.close()

    api.client.raise_request_exception = False
    threads = [threading.Thread(target=compete) for _index in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def one_winner(answers: dict[int, Counter[int]]) -> bool:
    """Tell whether each race had one success, refusals for the rest, and left one event."""
    fair = all(tally == {200: 1, 409: CLIENTS - 1} for tally in answers.values())
    events = Counter(Event.objects.filter(event="lead_lost").values_list("journey", flat=True))
    return fair and events == dict.fromkeys(answers, 1)


def test_of_many_clients_racing_one_move_one_wins_and_the_ledger_has_one_event() -> None:
    answers = race([application() for _index in range(JOURNEYS)])
    assert one_winner(answers), answers


def test_without_the_lock_the_race_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_only(ids: Iterable[int]) -> Locked:
        return Locked(Journey.objects.filter(pk__in=set(ids)).select_related("owner").order_by("pk"))

    monkeypatch.setattr(machine, "lock", look_only)
    answers = race([application() for _index in range(JOURNEYS)])
    assert not one_winner(answers)
