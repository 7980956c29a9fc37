"""Static files under hashed names, compressed once, cached for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CompressedStorage(CompressedManifestStaticFilesStorage):
    """A file that nobody collected keeps its plain name instead of breaking the page that mentions it."""

    manifest_strict = False
