"""Nobody is booked twice at a time: the other meeting is named, and a manager may overrule."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deals.domain import calendars
from deals.models import Meeting
from funnel import acts
from funnel.machine import Refusal, Refused
from funnel.models import Journey, User
from funnel.stages import Role, Stage
from tests.factories import journey_at, people, run
from tests.funnel.test_api import Api

TEN = datetime.fromisoformat("2026-12-01T10:00+00:00")


def accepted(company: str, owner: User) -> Journey:
    """Return an accepted deal of a salesperson."""
    journey = journey_at(Stage.ACCEPTED, company=company)
    return run(journey, "owner_changed", {"owner": owner.username})


def demo(at: datetime, minutes: int = 60, specialist: User | None = None, **more: Any) -> dict[str, Any]:
    given = {"starts_at": at.isoformat(), "minutes": minutes, "place": "Their plant", **more}
    return given | ({"specialist": specialist.username} if specialist else {})


def refusal(journey: Journey, inputs: dict[str, Any], actor: User) -> Refusal:
    """Return why a demo is not scheduled, having seen that nothing was written."""
    before = Meeting.objects.count(), Journey.objects.get(pk=journey.pk).seq
    with pytest.raises(Refused) as refused:
        run(journey, "schedule_demo", inputs, actor=actor)
    assert (Meeting.objects.count(), Journey.objects.get(pk=journey.pk).seq) == before
    return refused.value.refusals[journey.pk]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "minutes", "free"),
    [
        (-60, 60, True),
        (60, 60, True),
        (-60, 61, False),
        (59, 5, False),
        (15, 30, False),
        (-30, 120, False),
        (0, 60, False),
    ],
)
def test_a_salesperson_has_one_meeting_at_a_time(start: int, minutes: int, free: bool) -> None:
    sam = people(Role.SALESPERSON, "sam")
    first, second = accepted("Avangard", sam), accepted("Borealis", sam)
    run(first, "schedule_demo", demo(TEN), actor=sam)
    wanted = demo(TEN + timedelta(minutes=start), minutes)
    if free:
        run(second, "schedule_demo", wanted, actor=sam)
        return
    why = refusal(second, wanted, sam)
    assert why.reason == "data"
    assert f"sam is busy then: meeting with Avangard (#{first.pk})" in why.detail


@pytest.mark.django_db
def test_a_specialist_has_one_meeting_at_a_time_whoever_books_them() -> None:
    ines = people(Role.SPECIALIST, "ines")
    sam, ada = people(Role.SALESPERSON, "sam"), people(Role.SALESPERSON, "ada")
    first, second = accepted("Avangard", sam), accepted("Borealis", ada)
    run(first, "schedule_demo", demo(TEN, specialist=ines), actor=sam)
    why = refusal(second, demo(TEN + timedelta(minutes=30), specialist=ines), ada)
    # Ada does not see the deals of Sam, so she is not told whose client it is
    assert "ines is busy then: meeting with another client" in why.detail
    assert "Avangard" not in why.detail
    run(second, "schedule_demo", demo(TEN + timedelta(minutes=30)), actor=ada)


@pytest.mark.django_db
def test_its_own_earlier_meeting_never_conflicts_nor_does_one_that_is_off() -> None:
    sam = people(Role.SALESPERSON, "sam")
    first, second = accepted("Avangard", sam), accepted("Borealis", sam)
    run(first, "schedule_demo", demo(TEN), actor=sam)
    run(first, "schedule_demo", demo(TEN + timedelta(minutes=30)), actor=sam)
    run(first, "cancel_demo", {"reason": "They are ill"}, actor=sam)
    run(second, "schedule_demo", demo(TEN), actor=sam)


@pytest.mark.django_db
def test_a_manager_may_overrule_and_nobody_else() -> None:
    sam, boss = people(Role.SALESPERSON, "sam"), people(Role.MANAGER, "boss")
    first, second = accepted("Avangard", sam), accepted("Borealis", sam)
    run(first, "schedule_demo", demo(TEN), actor=sam)
    assert refusal(second, demo(TEN, overrule=True), sam).reason == "role"
    assert refusal(second, demo(TEN + timedelta(days=1), overrule=True), sam).reason == "role"
    assert refusal(second, demo(TEN), boss).reason == "data"
    run(second, "schedule_demo", demo(TEN, overrule=True), actor=boss)
    assert Meeting.objects.scheduled().filter(starts_at=TEN).count() == 2


@pytest.mark.django_db
def test_two_deals_of_one_salesperson_are_not_booked_in_one_go() -> None:
    sam = people(Role.SALESPERSON, "sam")
    deals = [accepted(name, sam).pk for name in ("Avangard", "Borealis")]
    outcome = acts.run(name="schedule_demo", journeys=deals, actor=sam, inputs=demo(TEN), mode="each")
    assert [journey.pk for journey in outcome.journeys] == [min(deals)]
    assert "meeting with Avangard" in outcome.refusals[max(deals)].detail


@pytest.mark.django_db
def test_programs_get_409_data_and_pages_say_it_beside_what_was_typed(client: Client) -> None:
    sam = people(Role.SALESPERSON, "sam")
    first, second = accepted("Avangard", sam), accepted("Borealis", sam)
    run(first, "schedule_demo", demo(TEN), actor=sam)
    answer = Api(Role.MANAGER).post(f"journeys/{second.pk}/moves/schedule_demo/", {"inputs": demo(TEN)})
    assert answer.status_code == 409
    assert (answer.json()["reason"], "Avangard" in answer.json()["detail"]) == ("data", True)
    for actor, offered in ((sam, False), (people(Role.MANAGER), True)):
        client.force_login(actor)
        url = reverse("funnel:journey-move", args=[second.pk, "schedule_demo"])
        page = client.post(
            url,
            {"starts_at": "2026-12-01T10:00", "minutes": 60, "place": "Plant", "expected_seq": second.seq},
        )
        assert page.status_code == 409
        text = page.content.decode()
        assert "meeting with Avangard" in text
        assert ('type="checkbox" name="overrule"' in text) is offered


class Race:
    """Two bookings of one specialist, for two deals of two salespeople, at the same moment."""

    def __init__(self) -> None:
        self.ines = people(Role.SPECIALIST, "ines")
        self.sellers = [people(Role.SALESPERSON, "sam"), people(Role.SALESPERSON, "ada")]
        self.deals = [accepted(name, seller) for name, seller in zip("AB", self.sellers, strict=True)]
        self.starts = timezone.now() + timedelta(days=2)

    def run(self) -> list[str]:
        """Return what came of each, in alphabetical order."""
        begin, results = threading.Barrier(2), list[str]()

        def book(deal: Journey, seller: User) -> None:
            begin.wait()
            try:
                acts.run(
                    name="schedule_demo",
                    journeys=[deal.pk],
                    actor=seller,
                    inputs=demo(self.starts, specialist=self.ines),
                )
                results.append("booked")
            except Refused as refused:
                results.append(refused.refusals[deal.pk].reason)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=book, args=pair) for pair in zip(self.deals, self.sellers, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(results)


@pytest.mark.django_db(transaction=True)
def test_of_two_bookings_at_once_one_stands() -> None:
    assert Race().run() == ["booked", "data"]
    assert Meeting.objects.scheduled().count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_would_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: both look before either writes."""
    looked, real = threading.Barrier(2), calendars.refuse_busy

    def look(*args: Any, **given: Any) -> None:
        real(*args, **given)
        looked.wait(timeout=20)

    monkeypatch.setattr(calendars, "hold", lambda journeys, specialist: None)
    monkeypatch.setattr(calendars, "refuse_busy", look)
    assert Race().run() == ["booked", "booked"]
