"""Settings: each role finds what it may set, and nothing else; secrets are shown once."""

import datetime as dt
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from funnel.models import ApiToken, Campaign, Organisation, Reason, Service, Source, Team, User
from funnel.people import change_user
from funnel.stages import Role
from tests.factories import lead, people, team, token

pytestmark = pytest.mark.django_db

CATALOGUES = ("sources", "campaigns", "services", "reasons")


@pytest.fixture
def ada(client):
    user = people(Role.ADMINISTRATOR, "ada")
    client.force_login(user)
    return user


def sign_in(client: Client, role: str) -> User:
    user = people(role)
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (Role.ADMINISTRATOR, {"organisation", "user-list", "catalogue", "profile", "token-list"}),
        (Role.MANAGER, {"catalogue", "profile", "token-list"}),
        (Role.MARKETER, {"catalogue", "profile", "token-list"}),
        (Role.SALESPERSON, {"profile", "token-list"}),
        (Role.LAWYER, {"profile", "token-list"}),
        (Role.PARTNER, {"profile", "token-list"}),
    ],
)
def test_the_first_page_shows_what_the_role_may_set(client, role, names) -> None:
    sign_in(client, role)
    page = client.get(reverse("funnel:settings")).content.decode()
    kernel = {
        "organisation": reverse("funnel:organisation"),
        "user-list": reverse("funnel:user-list"),
        "catalogue": reverse("funnel:catalogue", args=["sources"]),
        "profile": reverse("funnel:profile"),
        "token-list": reverse("funnel:token-list"),
    }
    main = page[page.index("<main") :]
    assert {name for name, url in kernel.items() if f'href="{url}"' in main} == names


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.ADMINISTRATOR, Role.SERVICE}])
def test_only_an_administrator_opens_organisation_and_users(client, role) -> None:
    sign_in(client, role)
    other = people(Role.MANAGER, "other")
    for address in (
        reverse("funnel:organisation"),
        reverse("funnel:user-list"),
        reverse("funnel:user-new"),
        reverse("funnel:user", args=[other.pk]),
        reverse("funnel:team-new"),
    ):
        assert client.get(address).status_code == 403
        assert client.post(address, {"name": "x"}).status_code == 403
    assert client.post(reverse("funnel:user-password", args=[other.pk])).status_code == 403


@pytest.mark.parametrize(
    "role", [Role.SALESPERSON, Role.FIRST_TOUCH, Role.SPECIALIST, Role.LAWYER, Role.PARTNER]
)
@pytest.mark.parametrize("slug", CATALOGUES)
def test_the_catalogue_is_for_those_who_manage_it(client, role, slug) -> None:
    sign_in(client, role)
    assert client.get(reverse("funnel:catalogue", args=[slug])).status_code == 403
    assert client.post(reverse("funnel:catalogue-new", args=[slug]), {"key": "x"}).status_code == 403


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_page_of_the_settings_is_drawn_in_each_language(client, ada, language) -> None:
    ada.language = language
    ada.save()
    Campaign.objects.create(key="spring", source=Source.objects.get(key="web"))
    addresses = [
        reverse(f"funnel:{name}")
        for name in ("settings", "organisation", "user-list", "user-new", "team-new", "token-list", "profile")
    ]
    addresses += [reverse("funnel:user", args=[ada.pk]), reverse("funnel:team", args=[team().pk])]
    addresses += [reverse("funnel:catalogue", args=[slug]) for slug in CATALOGUES]
    addresses += [reverse("funnel:catalogue-new", args=[slug]) for slug in CATALOGUES]
    addresses += [reverse("funnel:catalogue-entry", args=["reasons", Reason.objects.first().pk])]
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert f'<html lang="{language}"' in answer.content.decode()


# organisation --------------------------------------------------------------------------------------------------------

FINE = {
    "name": "Northlane",
    "timezone": "Europe/Berlin",
    "currency": "usd",
    "opens": "08:30",
    "closes": "17:00",
    "business_days": ["1", "2", "3", "4", "6"],
    "holidays": "2026-12-25\n2026-12-26, 2027-01-01",
    "first_response_minutes": "45",
    "handoff_hours": "8",
    "meeting_to_brief_days": "14",
    "sal_quality_days": "7",
    "undo_days": "30",
    "referral_hours": "0",
    "link_days": "90",
}


def test_the_organisation_is_changed(client, ada) -> None:
    assert client.post(reverse("funnel:organisation"), FINE).status_code == 303
    found = Organisation.current()
    assert (found.timezone, found.currency, found.opens) == ("Europe/Berlin", "USD", dt.time(8, 30))
    assert found.business_days == [1, 2, 3, 4, 6]
    assert found.holidays == [dt.date(2026, 12, 25), dt.date(2026, 12, 26), dt.date(2027, 1, 1)]
    page = client.get(reverse("funnel:organisation")).content.decode()
    assert "2026-12-25\n2026-12-26\n2027-01-01" in page


def test_a_day_may_last_until_midnight(client, ada) -> None:
    assert (
        client.post(reverse("funnel:organisation"), FINE | {"opens": "00:00", "closes": "00:00"}).status_code
        == 303
    )
    clock = Organisation.current().clock
    assert clock.business_hours(*clock.period_bounds("2026-03-02..2026-03-02")) == 24
    call_command("org", "set", "business_hours=14:00-24:00", stdout=(out := StringIO()))
    assert '"business_hours": "14:00-24:00"' in out.getvalue()
    clock = Organisation.current().clock
    assert clock.business_hours(*clock.period_bounds("2026-03-02..2026-03-02")) == 10
    with pytest.raises(CommandError, match="The day must close after it opens"):
        call_command("org", "set", "business_hours=22:00-06:00", stdout=StringIO())


def test_the_zone_of_one_machine_alone_cannot_be_chosen() -> None:
    with pytest.raises(CommandError, match="not a known time zone"):
        call_command("org", "set", "timezone=localtime", stdout=StringIO())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"holidays": "Christmas"}, "Not a date: Christmas."),
        ({"closes": "08:00"}, "The day must close after it opens."),
        ({"business_days": []}, "This field is required."),
        ({"business_days": ["9"]}, "Select a valid choice"),
        ({"timezone": "Mars/Base"}, "Select a valid choice"),
        ({"currency": "EURO"}, "at most 3 characters"),
        ({"currency": "E1"}, "three capital letters"),
        ({"first_response_minutes": "-5"}, "greater than or equal to 0"),
        ({"first_response_minutes": "99999999999"}, "less than or equal to"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_an_impossible_organisation_is_refused_at_its_field(client, ada, change, words) -> None:
    before = Organisation.objects.values().get()
    answer = client.post(reverse("funnel:organisation"), FINE | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Organisation.objects.values().get() == before


# people --------------------------------------------------------------------------------------------------------------


def test_a_person_is_added_with_a_temporary_password_that_works(client, ada) -> None:
    data = {
        "username": "ben",
        "name": "Ben Carter",
        "email": "ben@funnel.example",
        "role": "salesperson",
        "team": team("North").pk,
        "takes_handoffs": "on",
        "is_active": "on",
    }
    answer = client.post(reverse("funnel:user-new"), data)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    password = answer.context["secret"]
    assert password in answer.content.decode()
    ben = User.objects.get(username="ben")
    assert (ben.role, ben.team, ben.takes_handoffs) == (Role.SALESPERSON, team("North"), True)
    assert ben.check_password(password)
    assert password not in client.get(reverse("funnel:user", args=[ben.pk])).content.decode()


def test_a_service_account_gets_no_password(client, ada) -> None:
    answer = client.post(
        reverse("funnel:user-new"), {"username": "robot", "role": "service", "is_active": "on"}
    )
    assert answer.status_code == 303
    robot = User.objects.get(username="robot")
    assert not robot.has_usable_password()
    client.post(reverse("funnel:user-password", args=[robot.pk]))
    robot.refresh_from_db()
    assert not robot.has_usable_password()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"username": "ada"}, "already exists"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"role": "king"}, "Select a valid choice"),
        ({"email": "ADA@funnel.example"}, "Somebody else has this address."),
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"team": "99"}, "Select a valid choice"),
    ],
)
def test_a_faulty_person_is_refused_at_the_field(client, ada, change, words) -> None:
    answer = client.post(reverse("funnel:user-new"), {"username": "ben", "role": "salesperson"} | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert User.objects.count() == 1


def test_a_disabled_person_is_out_at_the_next_request(client, ada) -> None:
    ben = people(Role.SALESPERSON, "ben")
    his = Client()
    his.force_login(ben)
    headers = token(ben)
    assert his.get(reverse("funnel:journey-list")).status_code == 200
    assert Client().get("/api/v1/journeys/", headers=headers).status_code in {200, 404}
    answer = client.post(reverse("funnel:user-leave", args=[ben.pk]), {"deactivate": "on"})
    assert answer.status_code == 303
    assert his.get(reverse("funnel:journey-list")).status_code == 302
    assert not ApiToken.alive().filter(user=ben).exists()


def test_a_temporary_password_ends_sessions_and_tokens(client, ada) -> None:
    ben = people(Role.SALESPERSON, "ben")
    his = Client()
    his.force_login(ben)
    token(ben)
    answer = client.post(reverse("funnel:user-password", args=[ben.pk]))
    ben.refresh_from_db()
    assert ben.check_password(answer.context["secret"])
    assert his.get(reverse("funnel:journey-list")).status_code == 302
    assert not ApiToken.alive().filter(user=ben).exists()
    assert client.get(reverse("funnel:user-password", args=[ben.pk])).status_code == 405


def test_a_password_changed_by_its_owner_ends_other_sessions_and_tokens(client) -> None:
    ben = people(Role.SALESPERSON, "ben")
    ben.set_password("the old long password")
    ben.save()
    his, other = Client(), Client()
    for browser in (his, other):
        browser.force_login(ben)
    token(ben)
    new = "a new and longer password"
    data = {"oldpassword": "the old long password", "password1": new, "password2": new}
    his.post(reverse("account_change_password"), data)
    ben.refresh_from_db()
    assert ben.check_password(new)
    assert other.get(reverse("funnel:journey-list")).status_code == 302
    assert not ApiToken.alive().filter(user=ben).exists()


def test_an_administrator_cannot_lock_themselves_out(client, ada) -> None:
    people(Role.ADMINISTRATOR, "second")
    for address, data in (("user", {"role": "manager"}), ("user-leave", {"deactivate": "on"})):
        answer = client.post(reverse(f"funnel:{address}", args=[ada.pk]), data)
        assert answer.status_code == 422
        assert "cannot take your own administration away" in answer.content.decode()
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == (Role.ADMINISTRATOR, True)


def test_the_last_administrator_stays(ada) -> None:
    from django.core.exceptions import ValidationError

    other = people(Role.ADMINISTRATOR, "other")
    change_user(actor=ada, user=other, is_active=False)
    ghost = User(pk=0, username="ghost", role=Role.ADMINISTRATOR)
    with pytest.raises(ValidationError, match="last administrator"):
        change_user(actor=ghost, user=ada, role=Role.MANAGER)


def test_the_open_work_of_a_person_is_told(client, ada) -> None:
    ben = people(Role.FIRST_TOUCH, "ben")
    lead(owner=ben)
    assert "Owns 1 open journey." in client.get(reverse("funnel:user", args=[ben.pk])).content.decode()


def test_a_team_is_made_and_renamed(client, ada) -> None:
    client.post(reverse("funnel:team-new"), {"name": "North"})
    north = Team.objects.get()
    client.post(reverse("funnel:team", args=[north.pk]), {"name": "South"})
    north.refresh_from_db()
    assert north.name == "South"
    assert client.post(reverse("funnel:team-new"), {"name": "South"}).status_code == 422


# catalogue -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "model", "extra"),
    [
        ("sources", Source, {}),
        ("campaigns", Campaign, {}),
        ("services", Service, {}),
        ("reasons", Reason, {"kind": "lost"}),
    ],
)
def test_an_entry_is_made_renamed_and_put_out_of_use(client, ada, slug, model, extra) -> None:
    new = reverse("funnel:catalogue-new", args=[slug])
    assert client.post(new, {"key": "expo-2026", "label": "Expo"} | extra).status_code == 303
    entry = model.objects.get(key="expo-2026")
    assert (entry.label, entry.active) == ("Expo", True)
    change = reverse("funnel:catalogue-entry", args=[slug, entry.pk])
    assert client.post(change, {"key": "other", "label": "Expo Berlin"}).status_code == 303
    entry.refresh_from_db()
    assert (entry.key, entry.label, entry.active) == ("expo-2026", "Expo Berlin", False)
    assert client.post(new, {"key": "expo-2026", "label": "Again"} | extra).status_code == 422
    assert client.post(new, {"key": "with spaces"} | extra).status_code == 422


def test_an_unknown_catalogue_or_entry_is_not_found(client, ada) -> None:
    assert client.get("/settings/planets/").status_code == 404
    assert client.get("/settings/sources/999999/").status_code == 404
    assert client.post("/settings/planets/new/", {"key": "x"}).status_code == 404


# tokens --------------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_opens_the_door_until_revoked(client) -> None:
    mia = sign_in(client, Role.MARKETER)
    page = reverse("funnel:token-list")
    answer = client.post(page, {"user": mia.pk, "name": "Website", "scopes": ["read"]})
    assert answer.status_code == 200
    secret = re.search(r"of_[\w-]{20,}", answer.content.decode())[0]
    assert "no-store" in answer["Cache-Control"]
    assert secret not in client.get(page).content.decode()
    issued = ApiToken.alive().get()
    assert issued.digest == ApiToken.digest_of(secret)
    assert issued.scopes == ["read"]
    client.post(reverse("funnel:token-revoke", args=[issued.pk]))
    assert not ApiToken.alive().exists()


def test_people_see_and_revoke_only_their_own_tokens(client, ada) -> None:
    token(ada)
    hers = ApiToken.objects.get()
    sign_in(client, Role.MARKETER)
    assert list(client.get(reverse("funnel:token-list")).context["tokens"]) == []
    assert client.post(reverse("funnel:token-revoke", args=[hers.pk])).status_code == 404
    assert ApiToken.alive().exists()


def test_nobody_but_an_administrator_issues_for_others_or_for_administering(client) -> None:
    mia = sign_in(client, Role.MARKETER)
    boss = people(Role.ADMINISTRATOR)
    page = reverse("funnel:token-list")
    for data in (
        {"user": boss.pk, "scopes": ["read"]},
        {"user": mia.pk, "scopes": ["admin"]},
        {"user": mia.pk},
    ):
        assert client.post(page, {"name": "x"} | data).status_code == 422
    client.force_login(boss)
    assert client.post(page, {"name": "x", "user": mia.pk, "scopes": ["admin"]}).status_code == 422
    assert not ApiToken.objects.exists()
    assert client.post(page, {"name": "x", "user": mia.pk, "scopes": ["read"]}).status_code == 200


# oneself -------------------------------------------------------------------------------------------------------------


def test_the_profile_sets_name_language_and_zone_at_once(client) -> None:
    sign_in(client, Role.LAWYER)
    client.cookies["django_language"] = "en"
    answer = client.post(
        reverse("funnel:profile"), {"name": "Lara Kim", "language": "ru", "time_zone": "Asia/Tokyo"}
    )
    assert answer.status_code == 303
    page = client.get(answer.url).content.decode()
    assert '<html lang="ru"' in page
    assert "Lara Kim" in page
    assert User.objects.get(role=Role.LAWYER).time_zone == "Asia/Tokyo"


@pytest.mark.parametrize("data", [{"language": "xx"}, {"time_zone": "Mars/Base"}, {"name": "x" * 151}])
def test_a_faulty_profile_is_refused(client, data) -> None:
    user = sign_in(client, Role.LAWYER)
    assert client.post(reverse("funnel:profile"), data).status_code == 422
    user.refresh_from_db()
    assert (user.language, user.time_zone) == ("", "")


def test_a_role_cannot_be_changed_by_the_profile(client) -> None:
    user = sign_in(client, Role.LAWYER)
    client.post(reverse("funnel:profile"), {"name": "x", "role": "administrator", "is_superuser": "on"})
    user.refresh_from_db()
    assert (user.role, user.is_superuser) == (Role.LAWYER, False)
