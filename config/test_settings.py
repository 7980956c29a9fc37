"""Settings of the tests: the same real parts, apart for each worker of pytest-xdist."""

from __future__ import annotations

import os

from config import embedded
from config.settings import *  # noqa: F403
from config.settings import CACHES, DATA_DIR, STORAGES

# pytest-django names the worker's database; cache keys, queue and files are told apart here.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "master")
CACHES = {"default": {**CACHES["default"], "KEY_PREFIX": f"test-{WORKER}"}}
if not embedded.redis_url_given():  # a database of its own, which tests may empty
    _number = 1 if WORKER == "master" else 2 + int(WORKER.removeprefix("gw"))
    CACHES["default"]["LOCATION"] = CACHES["default"]["LOCATION"].replace("?db=1", f"?db={_number}")
CELERY_TASK_DEFAULT_QUEUE = f"test-{WORKER}"
MEDIA_ROOT = DATA_DIR / "files" / WORKER
STATIC_ROOT = DATA_DIR / "static" / WORKER
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; these passwords guard nothing
