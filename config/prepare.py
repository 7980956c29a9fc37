"""What must be true before the web, worker and beat start: `python -m config.prepare`.

Migrations applied, an administrator, static files collected, demo data once. Safe to run at any time and by
several at once. Progress goes to standard error; standard output carries a new administrator's password and
the demo sign-ins.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path

import django
from django.core.management import call_command

from config import embedded
from config.env import env

ADMIN = "admin"
UNUSED_STATIC = ["redoc", "rest_framework"]  # of packages whose pages are not served here


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        embedded.acquire()
    except embedded.ServerError as error:
        sys.exit(str(error))
    django.setup()
    from config.locks import advisory_lock
    from config.translations import compile_changed

    compile_changed()
    check_services()
    with advisory_lock("prepare"):
        tell("Applying migrations")
        call_command("migrate", verbosity=0, interactive=False)
        add_administrator()
        collect_static()
        if os.environ.get("DEMO", "1") not in {"0", "false", "no"}:
            seed_once()
        repeat_words()


def tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()


def check_services() -> None:
    """Leaves with one sentence where the database or the broker does not answer."""
    import redis
    from django.conf import settings
    from django.db import OperationalError, connection

    try:
        connection.ensure_connection()
    except OperationalError as error:
        where = "DATABASE_URL" if embedded.database_url_given() else str(settings.DATA_DIR)
        target = "{HOST}:{PORT}/{NAME}".format(**{**settings.DATABASES["default"], "PORT": _port()})
        sys.exit(f"PostgreSQL at {target} does not answer ({_reason(error)}): check {where}.")
    version = connection.connection.server_version // 10000
    if version < 15:
        sys.exit(f"PostgreSQL 15 or newer is needed; DATABASE_URL names {version}.")
    if embedded.redis_url_given():
        try:
            redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_connect_timeout=5).ping()
        except (redis.RedisError, ValueError) as error:
            sys.exit(f"Redis does not answer ({_reason(error)}): check REDIS_URL.")


def _port() -> str:
    from django.conf import settings

    return str(settings.DATABASES["default"].get("PORT") or 5432)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split("failed: ")[-1].rstrip(".")


def add_administrator() -> None:
    """The first account; its password is shown once, or is FUNNEL_ADMIN_PASSWORD."""
    from django.contrib.auth import get_user_model

    from funnel.stages import Role

    users = get_user_model().objects
    if users.filter(username=ADMIN).exists():
        return
    given = os.environ.get("FUNNEL_ADMIN_PASSWORD", "")
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, email="", password=password, role=Role.ADMINISTRATOR)
    shown = "the one of FUNNEL_ADMIN_PASSWORD" if given else password
    sys.stdout.write(f"Administrator: {ADMIN}   password, shown only now: {shown}\n")
    sys.stdout.flush()


def collect_static() -> None:
    """Collects and compresses the static files where a source has changed since the last time."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders

    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in sorted(finder.list(UNUSED_STATIC), key=lambda found: found[0]):
            file = Path(storage.path(path)).stat()
            seen.update(f"{path} {file.st_size} {file.st_mtime_ns}\n".encode())
    mark = Path(settings.STATIC_ROOT) / ".collected"
    if mark.exists() and mark.read_text() == seen.hexdigest():
        return
    tell("Collecting static files")
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED_STATIC)
    mark.write_text(seen.hexdigest())


def seed_once() -> None:
    """Demo data for a database that has never seen any journey: all of it or none, and only once."""
    from config import demo
    from config.models import Milestone
    from funnel.models import Journey

    if Milestone.objects.filter(name=demo.NAME).exists() or Journey.objects.exists():
        return
    tell("Making demo data, only this once (DEMO=0 leaves it out)")
    demo.load(journeys=env.int("DEMO_JOURNEYS", default=300), sign_in=True)


def repeat_words() -> None:
    """Tell at every start what was told when a milestone was reached: the demo sign-ins."""
    from config.models import Milestone

    for words in Milestone.objects.exclude(words="").order_by("pk").values_list("words", flat=True):
        sys.stdout.write(f"{words.rstrip()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
