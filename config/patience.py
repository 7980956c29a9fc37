"""A server that lets its callers wait in vain is left alone for a while: one caller waits for it, not all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONG: Final = 1.0  # seconds; a failure that took longer kept somebody waiting
PAUSE: Final = 10.0  # seconds until somebody asks again


class Patience:
    """One of each server and process."""

    def __init__(self) -> None:
        self._again_at = 0.0

    @property
    def is_out(self) -> bool:
        """Whether the server let somebody wait in vain a moment ago."""
        return time.monotonic() < self._again_at

    @contextmanager
    def asking(self) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        except Exception:
            if time.monotonic() - begun > LONG:
                self._again_at = time.monotonic() + PAUSE
            raise


broker, cache = Patience(), Patience()
