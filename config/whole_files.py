"""Files are kept whole or not at all: the part of one that a full disk cut off is removed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class WholeFiles(FileSystemStorage):
    def _save(self, name: str, content: File[Any]) -> str:
        try:
            return str(super()._save(name, content))  # type: ignore[misc]
        except OSError:
            with suppress(OSError, AttributeError):  # gone already, or of no known size
                if self.size(name) < content.size:
                    self.delete(name)
            raise
