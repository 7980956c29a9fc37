"""Static files under hashed names, compressed once, cached for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

STYLE = "css/app.css"
IMPORT = re.compile(r'^@import url\("([\w./-]+)"\);\n', re.MULTILINE)


class CompressedStorage(CompressedManifestStaticFilesStorage):
    """Writes the imports of the style sheet into it: one request instead of a chain of them.

    A file that nobody collected keeps its plain name instead of breaking the page that mentions it.
    """

    manifest_strict = False

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if STYLE in paths and not dry_run:
            paths[STYLE] = (self, self._save_whole_style(paths))
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _save_whole_style(self, paths: dict[str, Any]) -> str:
        """Save the style sheet with its parts, read from where they were collected; return its name."""
        folder = STYLE.rpartition("/")[0]

        def read(name: str) -> str:
            source, path = paths[name]
            with source.open(path) as file:
                return str(file.read().decode())

        whole = IMPORT.sub(lambda found: read(f"{folder}/{found[1]}"), read(STYLE))
        self.delete(STYLE)
        return str(self.save(STYLE, ContentFile(whole.encode())))
