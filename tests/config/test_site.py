"""What the installation itself answers, and how it guards itself."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache
from django.test import Client

from config import tasks
from funnel.stages import Role
from tests.config.conftest import Installation
from tests.factories import lead, people, token

pytestmark = pytest.mark.django_db


@pytest.fixture
def canary() -> None:
    tasks.canary()


def test_the_process_says_that_it_is_alive(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.usefixtures("canary")
def test_it_is_ready_when_database_broker_migrations_and_jobs_are(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "broker": "ok",
        "jobs": "ok",
        "disk": "ok",
    }


def test_it_is_not_ready_before_a_task_has_run(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["jobs"] == "no task has run yet"


def test_it_is_not_ready_when_the_last_task_is_long_ago(client: Client) -> None:
    cache.set(tasks.CANARY_KEY, time.time() - 91)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["jobs"] == "no task has run for 91 s"


def test_metrics_are_for_this_machine_only(client: Client) -> None:
    assert b"django_http_requests" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.5").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403


def test_metrics_open_with_their_token(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "open sesame"  # type: ignore[attr-defined]
    from_afar = {"REMOTE_ADDR": "203.0.113.5"}
    assert (
        client.get("/metrics", headers={"Authorization": "Bearer open sesame"}, **from_afar).status_code
        == 200
    )
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}, **from_afar).status_code == 403
    assert client.get("/metrics").status_code == 403


def test_every_answer_carries_a_strict_policy_and_a_request_id(client: Client) -> None:
    answer = client.get("/accounts/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_plain_request_id_is_kept_and_a_forged_one_replaced(client: Client) -> None:
    plain = client.get("/healthz", headers={"X-Request-ID": "order-12345"})
    assert plain.headers["X-Request-ID"] == "order-12345"
    forged = client.get("/healthz", headers={"X-Request-ID": '{"event": "forged"}'})
    assert len(forged.headers["X-Request-ID"]) == 32


def test_nobody_signs_up_by_himself(client: Client) -> None:
    client.post(
        "/accounts/signup/",
        {
            "username": "mallory",
            "email": "m@x.example",
            "password1": "long-secret-9",
            "password2": "long-secret-9",
        },
    )
    assert not client.login(username="mallory", password="long-secret-9")


def test_the_schema_and_its_documentation_are_served_from_here(client: Client) -> None:
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/").content.decode()
    assert "https://" not in page
    assert "<style" not in page
    assert "<script>" not in page
    script = client.get("/api/v1/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert 'url: "/api/v1/schema/"' in script.content.decode()


def test_the_deployment_check_has_nothing_to_say(installation: Installation) -> None:
    checked = installation.manage("check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == "System check identified no issues (0 silenced).\n"


def test_the_secret_key_is_made_once_and_kept_private(installation: Installation) -> None:
    show = ("shell", "-v0", "-c", "from django.conf import settings; print(settings.SECRET_KEY)")
    first, second = installation.manage(*show).stdout, installation.manage(*show).stdout
    assert first == second
    assert len(first) > 60
    assert (installation.data / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("process", "expected"), [("web", "15s 3s 1min"), ("", "0 3s 1min")])
def test_only_pages_have_a_time_limit_for_a_statement(
    installation: Installation, process: str, expected: str
) -> None:
    ask = (
        "from django.db import connection as c; k = c.cursor(); names = "
        "['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']; "
        "print(*[(k.execute('SHOW ' + name), k.fetchone()[0])[1] for name in names])"
    )
    assert installation.manage("shell", "-v0", "-c", ask, FUNNEL_PROCESS=process).stdout.strip() == expected


def test_without_redis_the_cache_forgets_and_no_page_fails(installation: Installation) -> None:
    ask = (
        "from django.core.cache import cache as c; "
        "print(c.get('k', 'default'), c.set('k', 1), c.add('k', 1), c.get_many(['k']), c.delete('k'))"
    )
    done = installation.manage("shell", "-v0", "-c", ask, CACHE_URL="redis://127.0.0.1:1/0")
    assert done.stdout == "default None True {} False\n", done.stderr


def test_migrate_works_on_its_own_when_nothing_runs(installation: Installation) -> None:
    done = installation.manage("migrate")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "Applying funnel.0001_initial" in done.stderr
    assert not installation.processes()


def test_a_write_does_not_wait_for_a_broker_that_is_away(installation: Installation) -> None:
    send = (
        "import time; from config.tasks import canary; from kombu.exceptions import OperationalError as Away\n"
        "for _ in range(3):\n"
        "    began = time.monotonic()\n"
        "    try: canary.delay()\n"
        "    except Away: print(time.monotonic() - began < 1)"
    )
    done = installation.manage("shell", "-v0", "-c", send, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.stdout == "True\nTrue\nTrue\n", done.stderr


def test_what_signed_in_people_and_programs_read_stays_in_no_cache(client: Client) -> None:
    reader = people(Role.MANAGER)
    client.force_login(reader)
    lead()
    for path in (
        "/",
        "/journeys/",
        "/contacts/",
        "/nowhere/",
        "/api/v1/journeys/",
        "/api/v1/nowhere/",
        "/api/v1/docs/",
    ):
        assert "no-store" in client.get(path, follow=True).headers["Cache-Control"], path
    program = Client(headers=token(reader, "read"))
    for path in ("/api/v1/journeys/", "/api/v1/journeys/0/"):
        assert "no-store" in program.get(path).headers["Cache-Control"], path


def test_every_answer_turns_off_what_no_page_needs(client: Client) -> None:
    for path in ("/accounts/login/", "/nowhere/", "/api/v1/journeys/", "/healthz"):
        policy = client.get(path).headers["Permissions-Policy"]
        for feature in ("camera=()", "microphone=()", "geolocation=()", "payment=()"):
            assert feature in policy.split(", "), path
