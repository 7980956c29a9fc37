"""One request, however often it is sent."""

import threading
from typing import Any

import pytest
from django.db import connection

from funnel.api import idempotency
from funnel.models import Event, IdempotencyKey
from funnel.stages import Role

from .plain import application
from .test_api import Api


def note(api: Api, journey: Any, text: str, key: str) -> Any:
    return api.post(
        f"journeys/{journey.pk}/facts/note_logged/", {"inputs": {"text": text}}, **{"Idempotency-Key": key}
    )


@pytest.mark.django_db
def test_a_retry_has_the_first_answer_and_does_nothing_more() -> None:
    api, journey = Api(), application()
    first, again = note(api, journey, "once", "k1"), note(api, journey, "once", "k1")
    assert first.json() == again.json() and again.status_code == 200
    assert again["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    assert Event.objects.filter(journey=journey, event="note_logged").count() == 1


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused() -> None:
    api, journey = Api(), application()
    note(api, journey, "once", "k1")
    assert note(api, journey, "twice", "k1").status_code == 422
    assert Event.objects.filter(journey=journey, event="note_logged").count() == 1


@pytest.mark.django_db
def test_a_refusal_is_replayed_too_and_keys_are_each_users_own() -> None:
    api, journey = Api(), application()
    refused = note(api, journey, "", "k1")
    assert refused.status_code == note(api, journey, "", "k1").status_code == 400
    assert note(Api(Role.MANAGER), journey, "mine", "k1").status_code == 200


@pytest.mark.django_db
def test_a_key_is_free_again_after_a_day() -> None:
    api, journey = Api(), application()
    note(api, journey, "once", "k1")
    old = IdempotencyKey.objects.get().created_at - idempotency.KEPT
    IdempotencyKey.objects.update(created_at=old)
    assert note(api, journey, "later", "k1").status_code == 200
    IdempotencyKey.objects.update(created_at=old)
    assert idempotency.forget_old() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 256, "a\x7fb"])
def test_a_broken_key_is_a_clear_error(key: str) -> None:
    answer = note(Api(), application(), "once", key)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


@pytest.mark.django_db(transaction=True)
def test_concurrent_retries_make_one_object_and_the_others_hear_of_it() -> None:
    api, journey = Api(), application()
    answers: list[int] = []
    together = threading.Barrier(8)

    def send() -> None:
        together.wait()
        try:
            answers.append(note(api, journey, "once", "k1").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409} and 200 in answers
    assert Event.objects.filter(journey=journey, event="note_logged").count() == 1
