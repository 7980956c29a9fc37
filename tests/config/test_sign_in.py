"""Signing in: how often one may try, and what ends a session or a token."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import update_last_login
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory

from config.accounts import AuthenticateForm
from funnel import people
from funnel.models import ApiToken, User
from leads.models import Attempts

SIGN_IN = "/accounts/login/"
PASSWORD = "a-long-secret-9"
TOO_MANY = "Too many failed login attempts"


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna", email="anna@one.example", password=PASSWORD, role="salesperson")


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_user("boss", password=PASSWORD, role="administrator")


def attempt(login: str, password: str, *, address: str = "203.0.113.5") -> str:
    """Try to sign in; return "in", "wrong" or "refused"."""
    answer = Client().post(SIGN_IN, {"login": login, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302:
        return "in"
    return "refused" if TOO_MANY in answer.content.decode() else "wrong"


def limit(settings: Any, **limits: str) -> None:
    settings.LIMITS = {**settings.LIMITS, **limits}


def test_the_limit_of_an_address_holds_whichever_account_is_tried(anna: User, settings: Any) -> None:
    limit(settings, login_address="3/h", login_account="100/d")
    assert [attempt(f"somebody{n}", "wrong") for n in range(4)] == ["wrong", "wrong", "wrong", "refused"]
    assert attempt("anna", PASSWORD) == "refused"
    assert attempt("anna", PASSWORD, address="203.0.113.6") == "in"


def test_the_limit_of_an_account_holds_from_any_address_and_by_either_name(anna: User, settings: Any) -> None:
    limit(settings, login_address="100/h", login_account="3/d")
    names = ["anna", "ANNA@one.example", " Anna ", "anna@one.example"]
    answers = [attempt(name, "wrong", address=f"203.0.113.{n}") for n, name in enumerate(names)]
    assert answers == ["wrong", "wrong", "wrong", "refused"]
    assert attempt("anna", PASSWORD, address="203.0.113.9") == "refused"


def test_a_right_password_is_not_counted(anna: User, settings: Any) -> None:
    limit(settings, login_address="2/h", login_account="2/d")
    assert [attempt("anna", PASSWORD) for _ in range(4)] == ["in"] * 4
    assert attempt("anna", "wrong") == "wrong"
    assert attempt("anna", PASSWORD) == "in"


def test_the_limits_hold_when_the_cache_forgets_everything(anna: User, settings: Any) -> None:
    limit(settings, login_address="2/h", login_account="100/d")
    answers = []
    for _ in range(3):
        answers.append(attempt("anna", "wrong"))
        cache.clear()
    assert answers == ["wrong", "wrong", "refused"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("which", ["login_address", "login_account"])
def test_of_many_attempts_at_once_exactly_as_many_pass_as_the_limit_says(which: str, settings: Any) -> None:
    User.objects.create_user("anna", password=PASSWORD, role="salesperson")
    limit(settings, **{"login_address": "100/h", "login_account": "100/d", which: "5/h"})
    answers: list[str] = []
    together = threading.Barrier(12)

    def run() -> None:
        try:
            together.wait(timeout=30)
            answers.append(attempt("anna", "wrong"))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["refused"] * 7 + ["wrong"] * 5


def test_who_resets_the_password_is_no_longer_locked_out(anna: User, settings: Any) -> None:
    limit(settings, login_account="1/d")
    attempt("anna", "wrong")
    assert attempt("anna", PASSWORD) == "refused"
    get_adapter()._delete_login_attempts_cached_email(None, email=anna.email)
    assert attempt("anna", PASSWORD) == "in"
    assert not Attempts.objects.filter(count__lt=0).exists()


def doors_of(user: User) -> tuple[Client, str]:
    """A session and a token of a person, both open."""
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    _token, secret = ApiToken.issue(user=user, scopes=["read"], name="sync")
    assert are_open((client, secret)) == (True, True)
    return client, secret


def are_open(doors: tuple[Client, str]) -> tuple[bool, bool]:
    client, secret = doors
    by_session = client.get("/my-day/").status_code == 200
    answer = Client().get("/api/v1/journeys/", headers={"Authorization": f"Bearer {secret}"})
    return by_session, answer.status_code == 200


def by_administrator(user: User, boss: User) -> None:
    people.set_temporary_password(actor=boss, user=user)


def by_themselves(user: User, boss: User) -> None:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    new = {"oldpassword": PASSWORD, "password1": "another-secret-7", "password2": "another-secret-7"}
    assert client.post("/accounts/password/change/", new).status_code == 302


def by_reset(user: User, boss: User) -> None:
    get_adapter().set_password(user, "another-secret-7")


def by_command(user: User, boss: User) -> None:
    user.set_password("another-secret-7")  # as manage.py changepassword and any other program does
    user.save()


@pytest.mark.parametrize("change", [by_administrator, by_themselves, by_reset, by_command])
def test_a_new_password_ends_sessions_and_tokens_by_whichever_door(
    anna: User, boss: User, change: Any
) -> None:
    doors = doors_of(anna)
    change(User.objects.get(pk=anna.pk), boss)
    assert are_open(doors) == (False, False)


def test_disabling_ends_sessions_and_tokens_for_good(anna: User, boss: User) -> None:
    doors, others = doors_of(anna), doors_of(boss)
    people.change_user(actor=boss, user=anna, is_active=False)
    assert are_open(doors) == (False, False)
    people.change_user(actor=boss, user=anna, is_active=True)
    assert are_open(doors) == (False, False)
    assert are_open(others) == (True, True)
    doors_of(User.objects.get(pk=anna.pk))


def test_other_changes_of_a_person_leave_them_signed_in(anna: User, boss: User) -> None:
    doors = doors_of(anna)
    people.change_user(actor=boss, user=anna, name="Anna Field")
    update_last_login(None, User.objects.get(pk=anna.pk))
    anna.set_password(PASSWORD)  # Django strengthens an old hash like this
    anna._password = None
    anna.save(update_fields=["name"])
    assert are_open(doors) == (True, True)


def test_a_code_of_the_second_step_is_guessed_no_more_often_than_a_password(
    anna: User, settings: Any
) -> None:
    limit(settings, login_account="2/d")
    RecoveryCodes.activate(anna)
    said = []
    for _ in range(3):
        cache.clear()
        form = AuthenticateForm({"code": "00000000"}, user=anna)
        with context.request_context(RequestFactory().post(SIGN_IN)):
            form.is_valid()
        said.append(TOO_MANY in str(form.errors))
    assert said == [False, False, True]


def disabled_and_enabled(user: User, boss: User) -> None:
    people.change_user(actor=boss, user=user, is_active=False)
    people.change_user(actor=boss, user=User.objects.get(pk=user.pk), is_active=True)


@pytest.mark.parametrize("change", [None, by_administrator, by_command, disabled_and_enabled])
def test_who_is_between_password_and_code_when_the_password_changes_begins_anew(
    anna: User, boss: User, change: Any
) -> None:
    TOTP.activate(anna, generate_totp_secret())
    codes = RecoveryCodes.activate(anna)
    client = Client()
    begun = client.post(SIGN_IN, {"login": "anna", "password": PASSWORD})
    assert begun.headers["Location"] == "/accounts/2fa/authenticate/"
    if change:
        change(User.objects.get(pk=anna.pk), boss)
    done = client.post("/accounts/2fa/authenticate/", {"code": codes.get_unused_codes()[0]})
    assert done.headers["Location"] == (SIGN_IN if change else "/")
    assert client.get("/my-day/").status_code == (302 if change else 200)
