"""Where settings come from: the environment, then `.env` beside manage.py, then the defaults.

Read before Django loads, because the embedded servers have to be up by then.
"""

from __future__ import annotations

import os
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

MEMORY = "/dev/shm"  # noqa: S108 - files in memory, in private folders: a full disk does not reach them

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")  # a variable that is set already wins


def data_folder() -> Path:
    """The folder with everything that is not code: databases, uploads, keys. `FUNNEL_DATA_DIR` or .data/."""
    given = os.environ.get("FUNNEL_DATA_DIR") or BASE_DIR / ".data"
    return Path(given).expanduser().resolve()
