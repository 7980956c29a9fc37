"""A message reaches whoever caused it, on the next page or with the fragment, and an undo is one press away."""

from __future__ import annotations

import pytest
from django.urls import reverse

GALLERY = "/components/"
DIALOG = f"{GALLERY}?part=dialog"

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client, django_user_model):
    user = django_user_model.objects.create_user("ann", role="administrator")
    client.force_login(user)
    return user


def test_a_page_draws_its_messages_with_the_undo_form(client, administrator):
    page = client.post(GALLERY).content.decode()
    assert "Evergreen Travel moved to Brief" in page
    assert f'<form method="post" action="{reverse("funnel:gallery")}">' in page
    assert 'class="toast error" role="alert"' in page


def test_a_fragment_brings_its_messages_along(client, administrator):
    answer = client.post(DIALOG, {"budget": "10"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Reswap"] == "none"  # there was nothing to swap but the toast
    assert answer["HX-Trigger"] == "closeDialog"
    words = answer.content.decode()
    assert words.startswith('<div hx-swap-oob="beforeend:#toasts">')
    assert "Evergreen Travel moved to Proposal" in words
    assert "Evergreen" not in client.get(GALLERY, {"part": "dialog"}).content.decode(), "it is shown once"


def test_a_redirect_keeps_its_message_for_the_page_it_leads_to(client, administrator):
    answer = client.post(DIALOG, {"budget": "10"}, follow=True)
    assert answer.redirect_chain == [(GALLERY, 302)]
    assert "Evergreen Travel moved to Proposal" in answer.content.decode()


def test_a_refused_dialog_answers_422_with_the_form(client, administrator):
    answer = client.post(DIALOG, {"budget": "-1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "<html" not in answer.content.decode()
    assert 'id="dialog-title"' in answer.content.decode()
    assert 'href="#id_budget"' in answer.content.decode()


def test_words_of_a_message_are_escaped(rf, client, administrator):
    from django.contrib.messages.storage.fallback import FallbackStorage
    from django.http import HttpResponse

    from funnel.toasts import ToastMiddleware, toast

    request = rf.get("/", headers={"HX-Request": "true"})
    request.session, request._messages = {}, None
    request._messages = FallbackStorage(request)

    def view(request):
        toast(request, "<b>Ann</b>", undo='/x/"onclick="')
        return HttpResponse("ok")

    words = ToastMiddleware(view)(request).content.decode()
    assert "&lt;b&gt;Ann&lt;/b&gt;" in words
    assert 'action="/x/&quot;onclick=&quot;"' in words
