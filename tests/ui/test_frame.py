"""The frame of the workspace: bar, theme, language and zone of the reader."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.utils import timezone

from funnel import registry
from funnel.frame import ReaderMiddleware, _mark_current
from funnel.models import Organisation, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client) -> User:
    user = User.objects.create_user("ann", role="administrator", name="Ann Berg")
    client.force_login(user)
    return user


def test_the_gallery_is_for_administrators(client):
    assert client.get("/components/").status_code == 403
    client.force_login(User.objects.create_user("mia", role="marketer"))
    assert client.get("/components/").status_code == 403


def test_the_longest_fitting_entry_is_the_current_one():
    entries = [{"url": url, "current": False} for url in ("/", "/deals/", "/deals/won/", "/de")]
    _mark_current("/deals/won/5/", entries)
    assert [entry["url"] for entry in entries if entry["current"]] == ["/deals/won/"]


def test_only_the_start_page_marks_the_start_page():
    entries = [{"url": "/", "current": False}]
    _mark_current("/deals/", entries)
    assert not entries[0]["current"]
    _mark_current("/", entries)
    assert entries[0]["current"]


def test_entries_stand_by_weight_and_unknown_addresses_do_not(client, ann, monkeypatch):
    entries = [
        {"url_name": "account_logout", "icon": "x", "label": "Later", "weight": 20},
        {"url_name": "funnel:gallery", "icon": "inbox", "label": "Sooner", "weight": 10, "count": 3},
        {"url_name": "nowhere:at-all", "icon": "x", "label": "Dead end", "weight": 1},
        {"url_name": "account_login", "icon": "settings", "label": "Under the avatar", "place": "account"},
    ]
    monkeypatch.setattr(registry, "navigation", [lambda user: entries])
    answer = client.get("/components/")
    assert [entry["label"] for entry in answer.context["nav"]] == ["Sooner", "Later"]
    assert [entry["label"] for entry in answer.context["user_menu"]] == ["Under the avatar"]
    page = answer.content.decode()
    assert "Dead end" not in page
    assert '<a href="/components/" aria-current="page">' in page


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_theme_is_remembered_without_scripts(client, ann, theme):
    answer = client.post("/theme/", {"theme": theme, "next": "/components/"})
    assert answer["Location"] == "/components/"
    assert f'data-theme="{theme}"' in client.get("/components/").content.decode()


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""]
)
def test_the_theme_leads_nowhere_else(client, back):
    assert client.post("/theme/", {"theme": "dark", "next": back})["Location"] == "/"


def test_an_unknown_theme_changes_nothing(client, ann):
    answer = client.post("/theme/", {"theme": '"><script>'})
    assert "theme" not in answer.cookies
    client.cookies["theme"] = "purple"
    assert 'data-theme="system"' in client.get("/components/").content.decode()


def test_times_are_in_the_readers_zone_or_the_organisations(rf, ann):
    seen = []
    middleware = ReaderMiddleware(lambda request: seen.append(timezone.get_current_timezone_name()))
    Organisation.objects.update_or_create(pk=1, defaults={"timezone": "Europe/Berlin"})
    for path, zone in [
        ("/", "Asia/Almaty"),
        ("/", ""),
        ("/", "Mars/Base"),
        ("/api/v1/leads/", "Asia/Almaty"),
    ]:
        request = rf.get(path)
        request.user = User(username="x", time_zone=zone)
        middleware(request)
    assert seen == ["Asia/Almaty", "Europe/Berlin", "Europe/Berlin", "UTC"]


def test_the_profiles_language_is_spoken_until_the_reader_chooses_one(client, ann):
    User.objects.filter(pk=ann.pk).update(language="ru")
    assert '<html lang="ru"' in client.get("/components/").content.decode()
    client.post("/i18n/setlang/", {"language": "en", "next": "/components/"})
    assert '<html lang="en"' in client.get("/components/").content.decode()


@pytest.mark.parametrize("status", ["404"])
def test_a_missing_page_is_drawn_in_the_look_of_the_site(client, status):
    answer = client.get("/there/is/no/such/page/")
    assert answer.status_code == 404
    assert "big-code" in answer.content.decode()


@override_settings(DEBUG=False, DEBUG_PROPAGATE_EXCEPTIONS=False)
def test_a_broken_page_is_drawn_without_any_context():
    from django.template.loader import render_to_string

    for name in ("400.html", "403.html", "403_csrf.html", "429.html", "500.html"):
        assert f'big-code">{name[:3]}' in render_to_string(name)
