#!/usr/bin/env python
"""Onefunnel's commands. The embedded servers are up before Django loads, and stay as long as they are needed."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from config import embedded
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: run `make install` and use .venv/bin/python.")
    try:
        embedded.acquire()
    except embedded.ServerError as error:
        sys.exit(str(error))

    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        where = "DATABASE_URL" if embedded.database_url_given() else "the embedded PostgreSQL"
        sys.exit(f"The database of {where} refused: {reason}.")
    except BrokenPipeError:  # `manage.py … | head`
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
