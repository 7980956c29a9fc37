"""The secret key: given, or made once and kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.embedded.errors import clear_sentences


def secret_key(given: str, data: Path) -> str:
    """The given key, else the one in `data/secret_key`, which the first process makes for all."""
    if given:
        return given
    kept = data / "secret_key"
    with clear_sentences(data):
        if not kept.exists():
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = data / f"secret_key.{os.getpid()}"
            made.touch(mode=0o600)
            made.write_text(secrets.token_urlsafe(64))
            try:
                os.link(made, kept)  # whoever is first wins; the others read the winner's
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return kept.read_text()
