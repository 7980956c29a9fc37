"""The first run: an administrator of an empty installation is led through it once, and never nagged."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from config import demo
from config.models import Milestone
from config.welcome import steps
from funnel.models import Contact, Journey, Organisation, SettingChange, Task, User
from funnel.stages import Role
from kpi.models import Plan
from leads.models import CampaignCost, WebForm
from tests.factories import lead, people

pytestmark = pytest.mark.django_db

SKIP = {"act": "skip"}


@pytest.fixture
def ada(client):
    user = people(Role.ADMINISTRATOR, "ada")
    client.force_login(user)
    return user


def page(key: str) -> str:
    return reverse("welcome:step", args=[key])


def test_an_empty_installation_leads_its_administrator_through_the_steps_in_order(client, ada) -> None:
    seen = [client.get("/", follow=True).redirect_chain[-1][0]]
    assert seen == [page("organisation")]
    form = {
        "name": "Northlane",
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "opens": "09:00",
        "closes": "17:00",
        "business_days": ["1", "2", "3"],
        "country": "DE",
    }
    answer = client.post(page("organisation"), form, follow=True)
    assert answer.redirect_chain[-1][0] == page("people")
    found = Organisation.current()
    assert (found.name, found.timezone) == ("Northlane", "Europe/Berlin")
    assert {day.year for day in found.holidays} == {timezone.localdate().year, timezone.localdate().year + 1}
    assert SettingChange.objects.get().actor == ada
    row = {"people-0-name": "Ben Carter", "people-0-email": "ben@x.example", "people-0-role": "salesperson"}
    words = client.post(page("people"), row | {"act": "save"}).content.decode()
    ben = User.objects.get(email="ben@x.example")
    assert (ben.username, ben.role, ben.has_usable_password()) == ("ben", Role.SALESPERSON, False)
    assert "/password/reset/key/" in words
    assert client.get(reverse("welcome:welcome")).url == page("form")
    shown = client.get(page("form")).content.decode()
    assert "&lt;iframe" in shown
    data = {
        "title": "Ask us",
        "fields_shown": ["name", "email", "message"],
        "embed_origins": "https://www.northlane.example",
        "act": "go",
    }
    assert client.post(page("form"), data, follow=True).redirect_chain[-1][0] == page("data")
    assert WebForm.objects.order_by("pk")[0].embed_origins == ["https://www.northlane.example"]
    answer = client.post(page("data"), {"act": "done"}, follow=True)
    assert "Ready to work" in answer.content.decode()
    assert "4 of 4 steps done" in answer.content.decode()
    # through: it never comes up by itself again
    assert client.get("/").url != reverse("welcome:welcome")
    assert "First steps" not in client.get(reverse("funnel:settings")).content.decode()


def test_steps_are_skipped_taken_up_again_and_left_for_later(client, ada) -> None:
    assert client.post(page("organisation"), SKIP).url == reverse("welcome:welcome")
    assert client.get(reverse("welcome:welcome")).url == page("people")
    assert "1 of 4 steps done" in client.get(page("people")).content.decode()
    # a session later it goes on where it was left
    client.logout()
    client.force_login(ada)
    assert client.get("/", follow=True).redirect_chain[-1][0] == page("people")
    client.post(reverse("welcome:leave"))
    assert client.get("/").url != reverse("welcome:welcome")
    assert "1 of 4 steps done." in client.get(reverse("funnel:settings")).content.decode()
    client.post(page("organisation"), {"name": ""})
    assert steps.progress().skipped == {"organisation"}
    assert client.get(reverse("welcome:welcome")).url == page("people")
    for key in ("people", "form", "data"):
        client.post(page(key), SKIP)
    assert "4 of 4 steps done" in client.get(reverse("welcome:welcome")).content.decode()


def test_nobody_else_and_no_installation_that_works_already_is_led(client, ada) -> None:
    client.force_login(people(Role.MANAGER))
    assert client.get("/").url != reverse("welcome:welcome")
    for address in (reverse("welcome:welcome"), page("people"), reverse("welcome:demo")):
        assert client.get(address).status_code == 403
    for name in ("leave", "demo-load", "demo-remove"):
        assert client.post(reverse(f"welcome:{name}")).status_code == 403
    client.force_login(ada)
    lead()
    assert client.get("/").url != reverse("welcome:welcome")
    assert client.get(page("nowhere")).status_code == 404


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"people-0-name": "Ben", "people-0-email": "nonsense"}, "valid email"),
        ({"people-0-email": "ben@x.example"}, "required"),
        ({"people-0-name": "Ben", "people-0-email": "ADA@funnel.example"}, "Somebody else has this address."),
        (
            {
                "people-0-name": "Ben",
                "people-0-email": "ben@x.example",
                "people-1-name": "Bea",
                "people-1-email": "BEN@x.example",
                "people-1-role": "manager",
            },
            "Somebody else has this address.",
        ),
    ],
)
def test_wrong_people_are_marked_and_nobody_is_added(client, ada, rows, words) -> None:
    answer = client.post(page("people"), {"people-0-role": "manager"} | rows)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert User.objects.count() == 1


def test_sign_in_names_are_made_of_addresses_and_stay_apart(client, ada) -> None:
    people(Role.MANAGER, "ben")
    rows = {}
    for number, host in enumerate(("a", "b")):
        rows |= {
            f"people-{number}-name": "Ben",
            f"people-{number}-email": f"ben@{host}.example",
            f"people-{number}-role": "marketer",
        }
    client.post(page("people"), rows)
    names = User.objects.filter(name="Ben").order_by("pk").values_list("username", flat=True)
    assert list(names) == ["ben2", "ben3"]


# demo data -----------------------------------------------------------------------------------------------------------


def test_the_demo_is_loaded_once_and_taken_out_without_a_trace_in_lists_and_figures(client, ada) -> None:
    assert demo.load(journeys=20, sign_in=False) == ""
    assert demo.state().phase == "loaded" and demo.state().removable
    assert Journey.objects.filter(annulled_at=None).count() == 20
    assert not any(user.has_usable_password() for user in User.objects.exclude(pk=ada.pk))
    assert demo.load(journeys=20, sign_in=False) == ""
    assert Journey.objects.count() == 20, "a second load adds nothing"
    assert reverse("welcome:demo") in client.get(reverse("funnel:settings")).content.decode()
    assert reverse("welcome:demo-remove") in client.get(reverse("welcome:demo")).content.decode()
    one_of_two = Contact.objects.order_by("pk")[0]
    Contact.objects.filter(pk=Contact.objects.order_by("-pk")[0].pk).update(merged_into=one_of_two)
    mine = lead(name="Real Person", email="real@client.example")
    # work on the demo does not keep it
    one = Journey.objects.filter(stage="new", annulled_at=None).exclude(pk=mine.pk).first()
    if one is not None:
        client.post(reverse("funnel:journey-compose", args=[one.pk]), {"kind": "note", "text": "Tried it"})
    told: list[int] = []
    left = demo.remove(actor=ada, at=timezone.now(), progress=lambda done, _total: told.append(done))
    assert left == told[-1] == 20
    assert list(Journey.objects.visible_to(ada).values_list("pk", flat=True)) == [mine.pk]
    assert list(Contact.objects.exclude(name="").values_list("name", flat=True)) == ["Real Person"]
    assert not Plan.objects.exists() and not CampaignCost.objects.exists()
    assert not Task.objects.exclude(journey=mine).filter(journey__isnull=False).exists()
    assert list(User.objects.filter(is_active=True)) == [ada]
    assert demo.state().phase == "removed"
    assert reverse("welcome:demo") not in client.get(reverse("funnel:settings")).content.decode()
    out = StringIO()
    call_command("verify_ledger", stdout=out)  # exits where a snapshot differs from its ledger
    with pytest.raises(demo.CannotRemove):
        demo.remove(actor=ada, at=timezone.now())
    assert "taken out" in client.get(reverse("welcome:demo")).content.decode()
    assert demo.load(journeys=20, sign_in=False) == "" and Journey.objects.count() == 21


def test_one_of_yours_merged_into_the_demo_keeps_all_of_it(ada) -> None:
    demo.load(journeys=20, sign_in=False)
    mine = lead()
    theirs = Journey.objects.filter(annulled_at=None, stage="contacted").exclude(pk=mine.pk).first()
    Journey.objects.filter(pk=mine.pk).update(stage="merged", merged_into=theirs)
    with pytest.raises(demo.CannotRemove, match=f"Number {mine.pk}, one of yours"):
        demo.remove(actor=ada, at=timezone.now())
    assert Journey.objects.filter(annulled_at=None).count() == 21
    assert demo.state().phase == "loaded"


def test_a_demo_loaded_before_what_it_makes_was_kept_stays(client, ada) -> None:
    Milestone.objects.create(name=demo.NAME)
    lead()
    words = client.get(reverse("welcome:demo")).content.decode()
    assert "cannot be told from your own data" in words
    client.post(reverse("welcome:demo-remove"))
    assert Journey.objects.filter(annulled_at=None).count() == 1


def test_how_far_a_load_is_and_why_it_failed_is_told(client, ada) -> None:
    demo.tell("loading", 5, 20)
    part = client.get(reverse("welcome:demo"), headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in part
    assert "<progress" in part and "<html" not in part
    demo.tell("failed", error="No room left.")
    assert "No room left." in client.get(reverse("welcome:demo")).content.decode()
