"""Templates and web forms under the eyes of two people: both versions, who changed what, undo."""

import pytest
from django.urls import reverse

from briefs.models import BriefTemplate
from funnel.models import Service, SettingChange
from funnel.stages import Role
from leads.models import WebForm
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def mia(client):
    user = people(Role.MANAGER, "mia")
    client.force_login(user)
    return user


def asked(*labels: str, mark: str) -> dict[str, str]:
    data = {"act": "save", "mark": mark}
    for number, label in enumerate(labels):
        data |= {
            f"q{number}-label": label,
            f"q{number}-kind": "text",
            f"q{number}-required": "on",
            f"q{number}-active": "on",
            f"q{number}-key": f"k{number}",
        }
    return data


def questions(service: Service) -> list[str]:
    template = BriefTemplate.objects.filter(service=service, active=True).first()
    return [question.label for question in template.questions.all()] if template else []


def test_two_who_change_the_questions_see_both_versions(client, mia) -> None:
    service = Service.objects.create(key="audit")
    page = reverse("briefs:template-edit", args=[service.pk])
    mark = client.get(page).context["mark"]
    assert client.post(page, asked("What for?", mark=mark)).status_code == 303
    answer = client.post(page, asked("Why?", "By when?", mark=mark))
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "<td>What for? *</td><td>Why? *; By when? *</td>" in shown
    assert 'value="Why?"' in shown
    assert questions(service) == ["What for?"]
    # rearranging keeps the mark of what the form was drawn from
    moved = client.post(page, asked("Why?", mark=mark) | {"act": "add"})
    assert moved.context["mark"] == mark
    again = asked("Why?", "By when?", mark=answer.context["mark"])
    assert client.post(page, again).status_code == 303
    assert questions(service) == ["Why?", "By when?"]
    for expected in (["What for?"], ["Why?", "By when?"]):
        change = SettingChange.objects.latest("pk")
        assert change.actor == mia
        client.post(reverse("funnel:setting-undo", args=[change.pk]))
        assert questions(service) == expected


def test_going_back_to_the_default_questions_is_undone(client, mia) -> None:
    service = Service.objects.create(key="audit")
    page = reverse("briefs:template-edit", args=[service.pk])
    client.post(page, asked("What for?", mark=client.get(page).context["mark"]))
    client.post(reverse("briefs:template-drop", args=[service.pk]))
    assert questions(service) == []
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    assert questions(service) == ["What for?"]
    assert "What for? *" in client.get(page).content.decode()


def test_two_who_change_a_web_form_see_both_versions(client, mia) -> None:
    web_form = WebForm.objects.first()
    page = reverse("leads:form-edit", args=[web_form.pk])
    drawn = client.get(page).context
    data = {
        field.html_name: field.value()
        for field in drawn["form"]
        if field.value() is not None and field.value() is not False
    } | {"mark": drawn["mark"]}
    assert client.post(page, data | {"title": "Ask us"}).status_code == 303
    answer = client.post(page, data | {"title": "Write to us"})
    assert answer.status_code == 409
    assert "<td>Ask us</td><td>Write to us</td>" in answer.content.decode()
    assert WebForm.objects.get(pk=web_form.pk).title == "Ask us"
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    assert WebForm.objects.get(pk=web_form.pk).title == web_form.title
