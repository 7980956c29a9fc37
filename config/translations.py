"""Compiles `locale/*/LC_MESSAGES/*.po` where it is newer than what was compiled: no gettext tools needed."""

from __future__ import annotations

import os

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from config.env import BASE_DIR


def compile_changed() -> list[str]:
    """The languages that were compiled."""
    done = []
    for source in sorted((BASE_DIR / "locale").glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as text:
            catalogue = read_po(text, locale=source.parent.parent.name)
        beside = target.with_suffix(f".{os.getpid()}")
        with beside.open("wb") as compiled:
            write_mo(compiled, catalogue)
        beside.replace(target)
        done.append(source.parent.parent.name)
    return done


if __name__ == "__main__":
    compile_changed()
