"""Two people change the same value at the same moment, each by a journey of their own: one is saved, one is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from funnel import acts, machine
from funnel.lists import editing
from funnel.models import Company, Contact, FieldChange, Journey
from funnel.stages import Role
from tests.factories import lead, people
from tests.leads.test_capture import together

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""


def cell(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-cell", args=[journey.pk, name])


def row(journey: Journey, name: str) -> str:
    return reverse("funnel:journey-field", args=[journey.pk, name])


def at_once(hold: Callable[[], object], *saves: tuple[str, dict[str, str]]) -> list[int]:
    """Send the saves at once, all of them under way before `hold` lets its lock go; return their status codes."""
    answers: list[int] = [0] * len(saves)

    def send(number: int, url: str, data: dict[str, str]) -> None:
        try:
            client = Client()
            client.force_login(users[number])
            answers[number] = client.post(url, data, headers=HTMX).status_code
        finally:
            connection.close()

    users = [people(Role.MANAGER, f"manager{number}") for number in range(len(saves))]
    threads = [threading.Thread(target=send, args=(number, *save)) for number, save in enumerate(saves)]
    with transaction.atomic():
        hold()
        for thread in threads:
            thread.start()
        waiting = 0
        while waiting < len(threads) and any(thread.is_alive() for thread in threads):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute(WAITING)
                waiting = cursor.fetchone()[0]
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("doors", [(cell, cell), (row, row), (cell, row)])
def test_of_two_journeys_of_one_contact_the_second_save_is_told(
    doors: tuple[Callable[..., str], ...],
) -> None:
    one, two = (lead(name="Ann", email="ann@client.example", message=words) for words in ("One", "Two"))
    assert one.contact_id == two.contact_id
    was = editing.mark_of(one, "region")
    answers = at_once(
        lambda: Contact.objects.select_for_update().get(pk=one.contact_id),
        (doors[0](one, "region"), {"region": "Berlin", "was": was}),
        (doors[1](two, "region"), {"region": "Hamburg", "was": was}),
    )
    assert sorted(answers) == [200, 409]
    kept = ["Berlin", "Hamburg"][answers.index(200)]
    assert Contact.objects.get(pk=one.contact_id).region == kept
    assert [change.new for change in FieldChange.objects.all()] == [kept]


@pytest.mark.parametrize("doors", [(cell, cell), (row, row), (cell, row)])
def test_of_two_contacts_of_one_company_the_second_save_is_told(
    doors: tuple[Callable[..., str], ...],
) -> None:
    one, two = (
        lead(name=name, email=f"{name}@works.example", company="Client Works") for name in ("ann", "bob")
    )
    assert one.company_id == two.company_id and one.contact_id != two.contact_id
    was = editing.mark_of(one, "company_name")
    answers = at_once(
        lambda: Company.objects.select_for_update().get(pk=one.company_id),
        (doors[0](one, "company_name"), {"company_name": "North Works", "was": was}),
        (doors[1](two, "company_name"), {"company_name": "South Works", "was": was}),
    )
    assert sorted(answers) == [200, 409]
    kept = ["North Works", "South Works"][answers.index(200)]
    assert Company.objects.get(pk=one.company_id).name == kept
    assert [change.new for change in FieldChange.objects.all()] == [kept]


def test_two_people_do_not_take_away_the_last_two_ways_to_reach_somebody() -> None:
    one, two = (
        lead(name="", email="ann@client.example", phone="+49301112223", message=words) for words in "ab"
    )
    answers = at_once(
        lambda: Contact.objects.select_for_update().get(pk=one.contact_id),
        (cell(one, "email"), {"email": "", "was": editing.mark_of(one, "email")}),
        (row(two, "phone"), {"phone": "", "was": editing.mark_of(two, "phone")}),
    )
    assert sorted(answers) == [200, 409]
    contact = Contact.objects.get(pk=one.contact_id)
    assert bool(contact.email) != bool(contact.phone)


@pytest.mark.parametrize("held", [0, 1])
def test_of_two_journeys_merged_into_each_other_at_once_one_stays_and_the_second_is_told(held: int) -> None:
    both = [lead(name="Ann").pk, lead(name="Bo").pk]
    manager, holding = people(Role.MANAGER), threading.Event()

    def act(number: int) -> None:
        if number < 2:
            holding.wait()
            inputs = {"survivor": both[1 - number]}
            acts.run(name="merge", journeys=[both[number]], actor=manager, inputs=inputs)
            return
        with transaction.atomic(), connection.cursor() as cursor:
            list(Journey.objects.select_for_update().filter(pk=both[held]))
            holding.set()
            waiting = 0
            while waiting < 2:
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute(WAITING)
                waiting = cursor.fetchone()[0]

    refused = [error for error in together(3, act) if error is not None]
    assert [type(error) for error in refused] == [machine.Refused]
    assert sorted(Journey.objects.values_list("stage", flat=True)) == ["merged", "new"]
