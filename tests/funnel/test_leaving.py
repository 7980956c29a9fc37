"""People are invited, change roles and leave; what they have open goes to others, and nothing is lost."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from funnel import todo_acts
from funnel.models import Event, Journey, SettingChange, Task, User
from funnel.stages import Happening, Role, Stage
from tests.factories import journey_at, lead, people, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = people(Role.ADMINISTRATOR, "ada")
    client.force_login(user)
    return user


NEW = {
    "username": "ben",
    "name": "Ben Carter",
    "email": "ben@funnel.example",
    "role": "salesperson",
    "takes_handoffs": "on",
    "way": "invitation",
}


def test_an_invitation_lets_one_person_in_once(client, ada, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    answer = client.post(reverse("funnel:user-new"), NEW)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    (letter,) = mail.outbox
    assert letter.to == ["ben@funnel.example"]
    link = re.search(r"https?://\S+/password/reset/key/\S+", letter.body)[0]
    assert link == answer.context["invitation"].link
    assert "Invited" in client.get(reverse("funnel:user-list")).content.decode()
    his = Client()
    page = his.get(link.removeprefix(settings.PUBLIC_URL), follow=True)
    new = "a long and new password"
    done = his.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert done.status_code == 302
    assert User.objects.get(username="ben").check_password(new)
    assert his.get(reverse("funnel:journey-list")).status_code == 200, "who chose a password is in"
    # the link is used up, and whoever is in cannot be invited again
    again = Client().get(link.removeprefix(settings.PUBLIC_URL), follow=True)
    assert "password1" not in again.content.decode()
    ben = User.objects.get(username="ben")
    client.post(reverse("funnel:user-invite", args=[ben.pk]))
    assert len(mail.outbox) == 1


def test_an_invitation_that_cannot_be_sent_leaves_the_link(client, ada, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = client.post(reverse("funnel:user-new"), NEW).content.decode()
    assert "the mail server did not take the letter" in page
    assert "/password/reset/key/" in page
    assert User.objects.filter(username="ben").exists()


def test_who_has_no_address_cannot_be_invited(client, ada) -> None:
    answer = client.post(reverse("funnel:user-new"), NEW | {"email": ""})
    assert answer.status_code == 422
    assert "An invitation needs an e-mail address." in answer.content.decode()
    assert not User.objects.filter(username="ben").exists()


def task_for(user: User, journey: Journey | None = None) -> Task:
    at = timezone.now()
    return todo_acts.create(
        actor=people(Role.MANAGER),
        at=at,
        title="Call",
        due_at=at + timedelta(days=1),
        assignee=user,
        journey=journey,
    )


def test_whoever_leaves_hands_over_all_that_is_open_and_is_out(client, ada) -> None:
    ben, cid = people(Role.SALESPERSON, "ben"), people(Role.SALESPERSON, "cid")
    fay = people(Role.FIRST_TOUCH, "fay")
    deal = journey_at(Stage.ACCEPTED)
    run(deal, "owner_changed", {"owner": "ben"}, actor=ada)
    application = lead(owner=ben)
    offered = run(journey_at(Stage.BRIEFED), "hand_off", {"salesperson": "ben"})
    done = journey_at(Stage.LOST)
    run(done, "owner_changed", {"owner": "ben"}, actor=ada)
    tasks = [task_for(ben, deal), task_for(ben)]
    page = reverse("funnel:user-leave", args=[ben.pk])
    shown = client.get(page).context["work"]
    assert (shown.marketing, shown.sales, shown.offers, shown.tasks) == (1, 1, 1, 2)
    his = Client()
    his.force_login(ben)
    answer = client.post(page, {"marketing": "fay", "sales": "cid", "deactivate": "on"}, follow=True)
    assert (
        "ben may no longer sign in. 3 journeys handed over. 2 tasks handed over." in answer.content.decode()
    )
    for journey in (deal, application, offered, done):
        journey.refresh_from_db()
    assert (deal.owner, application.owner, offered.offered_to) == (cid, fay, cid)
    assert done.owner == ben, "what is closed stays with who did it"
    assert Event.objects.filter(journey=deal, event=Happening.OWNER_CHANGED, actor=ada, value="cid").exists()
    assert {task.title: task.assignee for task in Task.objects.filter(pk=tasks[0].pk)} == {"Call": cid}
    assert not Task.objects.filter(assignee=ben, state=Task.State.OPEN).exists()
    assert his.get(reverse("funnel:journey-list")).status_code == 302
    # coming back gives the right to sign in back, and no work
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    ben.refresh_from_db()
    assert ben.is_active
    deal.refresh_from_db()
    assert deal.owner == cid


def test_work_may_go_to_nobody_and_waits(client, ada) -> None:
    fay = people(Role.FIRST_TOUCH, "fay")
    journey = lead(owner=fay)
    client.post(reverse("funnel:user-leave", args=[fay.pk]), {"deactivate": "on"})
    journey.refresh_from_db()
    fay.refresh_from_db()
    assert (journey.owner, fay.is_active) == (None, False)


def test_nobody_takes_over_what_their_role_does_not_do(client, ada) -> None:
    ben = people(Role.SALESPERSON, "ben")
    deal = journey_at(Stage.ACCEPTED)
    run(deal, "owner_changed", {"owner": "ben"}, actor=ada)
    people(Role.FIRST_TOUCH, "fay")
    page = reverse("funnel:user-leave", args=[ben.pk])
    for taker in ("fay", "ben", "nobody"):
        assert client.post(page, {"sales": taker, "deactivate": "on"}).status_code == 422
    ben.refresh_from_db()
    assert ben.is_active


def test_a_new_role_asks_who_takes_over_what_it_does_not_do(client, ada) -> None:
    ben = people(Role.SALESPERSON, "ben")
    deal = journey_at(Stage.ACCEPTED)
    run(deal, "owner_changed", {"owner": "ben"}, actor=ada)
    answer = client.post(
        reverse("funnel:user", args=[ben.pk]), {"name": "Ben", "role": "marketer", "email": ben.email}
    )
    assert answer.url == reverse("funnel:user-leave", args=[ben.pk]) + "?role=1"
    page = client.get(answer.url)
    assert "The new role has no business with some of what they have open." in page.content.decode()
    assert "checked" not in str(page.context["form"]["deactivate"])
