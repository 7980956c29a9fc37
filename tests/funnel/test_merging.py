"""Two records that are one: what a merge moves and chooses, and taking it back exactly."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from funnel import merging
from funnel.merging import CannotMerge, merge, merge_of, preview, unmerge
from funnel.models import Company, Contact, ContactMerge, Event, FieldChange, Journey
from funnel.parties import edit_party
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, lead, organisation, people, run
from tests.history.files import load_rows

pytestmark = pytest.mark.django_db


def two() -> tuple[Contact, Contact]:
    """Return a person with a phone, and the same one again with another address and a region."""
    one = lead(name="Ada Vale", email="ada@acme.example", phone="+493012345", company="Acme").contact
    other = lead(name="Ada K. Vale", email="ada@home.example").contact
    Contact.objects.filter(pk=other.pk).update(region="Berlin", custom={"size": "12"})
    return one, Contact.objects.get(pk=other.pk)


def state() -> dict[str, Any]:
    """Return everything that a merge may touch, except when it happened."""
    return {
        "contacts": list(Contact.objects.order_by("pk").values()),
        "companies": list(Company.objects.order_by("pk").values()),
        "journeys": list(Journey.objects.order_by("pk").values()),
        "events": Event.objects.count(),
    }


def joined(survivor: Any, loser: Any, **given: Any) -> Any:
    return merge(survivor=survivor, loser=loser, actor=people(Role.MARKETER), at=timezone.now(), **given)


def refused(call: Any) -> str:
    with pytest.raises(CannotMerge) as raised:
        call()
    return str(raised.value)


def test_what_moves_and_what_is_to_be_chosen_is_told_before() -> None:
    one, other = two()
    journey_at(Stage.LOST, email=other.email)
    found = preview(survivor=one, loser=other, actor=people(Role.MARKETER))
    assert (found.journeys, found.open_journeys, found.contacts) == (2, 1, 0)
    assert [(c.name, c.survivor, c.loser, c.loses) for c in found.choices] == [
        ("name", "Ada Vale", "Ada K. Vale", False),
        ("email", "ada@acme.example", "ada@home.example", False),
        ("region", "", "Berlin", True),
        ("custom.size", None, "12", True),
    ]


def test_journeys_move_blanks_are_filled_and_what_was_chosen_is_kept() -> None:
    one, other = two()
    moved = Journey.objects.get(contact=other)
    events = Event.objects.count()
    joined(one, other, keep={"name": "loser"})
    one.refresh_from_db()
    assert (one.name, one.email, one.region, one.custom) == (
        "Ada K. Vale",
        "ada@acme.example",
        "Berlin",
        {"size": "12"},
    )
    assert Journey.objects.get(pk=moved.pk).contact_id == one.pk
    assert Contact.objects.get(pk=other.pk).merged_into_id == one.pk
    assert Event.objects.count() == events
    assert set(FieldChange.objects.filter(contact=one).values_list("field", flat=True)) == {
        "name",
        "region",
        "custom.size",
    }


@pytest.mark.parametrize("kind", ["contact", "company"])
def test_taking_a_merge_back_leaves_everything_as_it_was(kind: str) -> None:
    one, other = two()
    third = lead(name="Ada V.", email="third@acme.example", company="Acme Europe").contact
    joined(other, third)  # what had been merged into the loser goes with it, and back
    survivor: Any = one
    loser: Any = other
    if kind == "company":
        survivor = Journey.objects.get(contact=one).company
        lead(name="Bo Lind", email="bo@acme2.example", company="Zenith Works")
        loser = Company.objects.get(name="Zenith Works")
    before = state()
    joined(survivor, loser)
    assert state() != before
    unmerge(loser=type(loser).objects.get(pk=loser.pk), actor=people(Role.MANAGER), at=timezone.now())
    assert state() == before


def test_people_of_a_company_move_with_it() -> None:
    one = lead(company="Acme").company
    journey = lead(company="Zenith Works")
    joined(one, journey.company)
    assert Contact.objects.get(pk=journey.contact_id).company_id == one.pk
    assert Journey.objects.get(pk=journey.pk).company_id == one.pk


def test_what_came_since_stays_with_the_survivor() -> None:
    one, other = two()
    joined(one, other)
    since = lead(name="Ada", email="ada@home.example", at=later(days=1))
    assert since.contact_id == one.pk  # the address of the merged leads to who it is
    unmerge(loser=Contact.objects.get(pk=other.pk), actor=people(Role.MANAGER), at=timezone.now())
    assert Journey.objects.get(pk=since.pk).contact_id == one.pk


def test_an_application_from_a_merged_company_is_of_the_one_it_is_now() -> None:
    one = lead(company="Acme").company
    other = lead(email="zoe@zenith.example", company="Zenith Works").company
    joined(one, other)
    assert lead(company="Zenith Works").company_id == one.pk
    assert lead(email="new@zenith.example").company_id == one.pk


def test_who_may_not_merge_is_told_so_and_nothing_happens() -> None:
    one, other = two()
    before = state()
    who = people(Role.SALESPERSON)
    assert "role" in refused(lambda: merge(survivor=one, loser=other, actor=who, at=timezone.now()))
    assert "itself" in refused(lambda: joined(one, one))
    assert state() == before


def test_what_is_merged_or_erased_is_not_merged_again() -> None:
    one, other = two()
    third = lead().contact
    joined(one, other)
    assert "already" in refused(lambda: joined(third, other))
    assert "already" in refused(lambda: joined(other, third))
    run(Journey.objects.filter(contact=third).get(), "personal_data_erased", {"sure": True})
    assert "erased" in refused(lambda: joined(one, third))


def test_a_field_changed_since_stands_in_the_way_of_taking_it_back() -> None:
    one, other = two()
    joined(one, other)
    edit_party(party=one, actor=people(Role.MANAGER), values={"region": "Hamburg"})
    loser = Contact.objects.get(pk=other.pk)
    assert "Region" in refused(lambda: unmerge(loser=loser, actor=people(Role.MANAGER), at=timezone.now()))
    edit_party(party=one, actor=people(Role.MANAGER), values={"region": "Berlin", "phone": "+49301"})
    unmerge(loser=loser, actor=people(Role.MANAGER), at=timezone.now())
    one.refresh_from_db()
    assert (one.region, one.phone) == ("", "+49301")  # what the merge had not written stays as edited


def test_a_later_merge_is_taken_back_first() -> None:
    one, other = two()
    third = lead().contact
    joined(one, other)
    joined(third, one)
    loser = Contact.objects.get(pk=other.pk)
    actor = people(Role.MANAGER)
    assert "first" in refused(lambda: unmerge(loser=loser, actor=actor, at=timezone.now()))
    unmerge(loser=Contact.objects.get(pk=one.pk), actor=actor, at=timezone.now())
    unmerge(loser=Contact.objects.get(pk=other.pk), actor=actor, at=timezone.now())
    assert not Contact.objects.exclude(merged_into=None).exists()


def test_a_journey_or_person_that_went_elsewhere_stands_in_the_way() -> None:
    one, other = two()
    moved = Journey.objects.get(contact=other)
    joined(one, other)
    Journey.objects.filter(pk=moved.pk).update(contact=lead().contact)
    loser = Contact.objects.get(pk=other.pk)
    assert f"#{moved.pk}" in refused(
        lambda: unmerge(loser=loser, actor=people(Role.MANAGER), at=timezone.now())
    )
    acme, zenith = lead(company="Acme").company, lead(company="Zenith Works")
    joined(acme, zenith.company)
    edit_party(party=zenith.contact, actor=people(Role.MANAGER), values={"company_id": None})
    firm = Company.objects.get(pk=zenith.company_id)
    assert f"#{zenith.contact_id}" in refused(
        lambda: unmerge(loser=firm, actor=people(Role.MANAGER), at=timezone.now())
    )


def test_only_who_merged_or_a_leader_takes_it_back_and_within_the_window() -> None:
    one, other = two()
    joined(one, other)
    loser = Contact.objects.get(pk=other.pk)
    stranger = people(Role.MARKETER, "stranger")
    assert "manager" in refused(lambda: unmerge(loser=loser, actor=stranger, at=timezone.now()))
    ContactMerge.objects.update(at=timezone.now() - dt.timedelta(days=organisation().undo_days))
    assert "window" in refused(lambda: unmerge(loser=loser, actor=people(Role.MANAGER), at=timezone.now()))
    ContactMerge.objects.update(at=timezone.now())
    unmerge(loser=loser, actor=people(Role.MARKETER), at=timezone.now())
    assert merge_of(loser) is None
    assert "not merged" in refused(
        lambda: unmerge(loser=loser, actor=people(Role.MANAGER), at=timezone.now())
    )


def test_erasure_reaches_the_merged_their_changes_and_what_the_merge_kept() -> None:
    one, other = two()
    joined(one, other, keep={"name": "loser"})
    run(Journey.objects.filter(contact=one).first(), "personal_data_erased", {"sure": True})
    left = [*Contact.objects.filter(pk__in=[one.pk, other.pk]).values_list("name", "email", "phone")]
    assert left == [("", "", "")] * 2
    assert not FieldChange.objects.filter(contact=one).exists()
    done = ContactMerge.objects.get()
    assert (done.kept, done.written) == ({}, {})
    words = refused(
        lambda: unmerge(loser=Contact.objects.get(pk=other.pk), actor=people(Role.MANAGER), at=timezone.now())
    )
    assert "erased" in words


def test_a_past_of_somebody_merged_is_the_survivors() -> None:
    load_rows(["E1,A,lead_created,2026-03-02T08:00:00Z,,"], journeys=["A,C1,web,,,,"])
    one = lead().contact
    joined(one, Contact.objects.get(external_id="C1"))
    load_rows(["E2,B,lead_created,2026-03-03T08:00:00Z,,"], journeys=["B,C1,web,,,,"])
    assert set(Journey.objects.filter(contact=one).values_list("external_id", flat=True)) == {"A", "B", None}


@pytest.mark.django_db(transaction=True)
def test_an_application_that_comes_while_its_person_is_merged_is_the_survivors() -> None:
    one, other = two()
    came: list[Journey] = []

    def capture_beside() -> None:
        came.append(lead(name="Ada", email="ada@home.example", at=later(days=1)))
        connection.close()

    beside = threading.Thread(target=capture_beside)
    with transaction.atomic(), connection.cursor() as cursor:
        joined(one, other)
        beside.start()
        waiting = 0
        while not waiting and beside.is_alive():  # until it waits for us, or has not waited
            cursor.execute("SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE NOT granted")
            waiting = cursor.fetchone()[0]
        assert waiting
    beside.join()
    assert Journey.objects.get(pk=came[0].pk).contact_id == one.pk


def test_whoever_holds_a_party_that_was_merged_is_led_to_its_survivor() -> None:
    one, other = two()
    joined(one, other)
    assert merging.standing(other) == one
    assert merging.standing(one) == one
