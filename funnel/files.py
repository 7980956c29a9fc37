"""Files on journeys: which are taken, how they are kept, removed, brought back and, in the end, gone for good."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from . import access
from .models import Attachment, Event, Journey, User

log = logging.getLogger(__name__)

LARGEST: Final = 20 * 1024**2
"""Bytes of one file."""
AT_ONCE: Final = 10
MOST: Final = 500
"""Files of one journey, those that were removed left out."""
UNDO_WITHIN: Final = timedelta(days=30)
"""How long the contents of a removed file are kept."""

KINDS: Final[dict[str, tuple[bytes, ...]]] = {
    "pdf": (b"%PDF-",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF87a", b"GIF89a"),
    "webp": (b"RIFF",),
    "heic": (),
    "tif": (b"II*\x00", b"MM\x00*"),
    "tiff": (b"II*\x00", b"MM\x00*"),
    "doc": (b"\xd0\xcf\x11\xe0",),
    "xls": (b"\xd0\xcf\x11\xe0",),
    "ppt": (b"\xd0\xcf\x11\xe0",),
    "msg": (b"\xd0\xcf\x11\xe0",),
    "docx": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
    "pptx": (b"PK\x03\x04",),
    "odt": (b"PK\x03\x04",),
    "ods": (b"PK\x03\x04",),
    "odp": (b"PK\x03\x04",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "rtf": (b"{\\rtf",),
    "txt": (),
    "csv": (),
    "md": (),
    "eml": (),
    "ics": (b"BEGIN:VCALENDAR", b"\xef\xbb\xbfBEGIN:VCALENDAR"),
    "vcf": (b"BEGIN:VCARD", b"\xef\xbb\xbfBEGIN:VCARD"),
    "mp3": (),
    "m4a": (),
    "wav": (b"RIFF",),
    "ogg": (b"OggS",),
    "mp4": (),
    "dwg": (b"AC10",),
    "dxf": (),
}
"""The endings that are taken, and how such files begin; nothing that a browser or a desk would run."""

RUNS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe")
"""How programs begin; they are refused whatever they call themselves."""


def ending(name: str) -> str:
    """Return what follows the last full stop of a file's name, in small letters."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def check(file: UploadedFile) -> None:
    """Refuse what is empty, too large, of a kind that is not taken, or not what it says it is: ValidationError."""
    name = file.name or ""
    size = file.size or 0
    params: dict[str, Any] = {"name": name, "limit": filesizeformat(LARGEST), "size": filesizeformat(size)}
    if size == 0:
        raise ValidationError(_("“%(name)s” is empty."), params=params, code="empty")
    if size > LARGEST:
        words = _("“%(name)s” has %(size)s; at most %(limit)s are taken.")
        raise ValidationError(words, params=params, code="size")
    kind = ending(name)
    if kind not in KINDS:
        words = _("“%(name)s” is of a kind that is not taken. Documents, pictures, sound and archives are.")
        raise ValidationError(words, params=params, code="kind")
    start = file.read(32)
    file.seek(0)
    if start.startswith(RUNS) or (KINDS[kind] and not start.startswith(KINDS[kind])):
        words = _("“%(name)s” is not what its ending says.")
        raise ValidationError(words, params=params, code="contents")


def shown_name(name: str) -> str:
    """Return a file's name as it is kept: without folders and control characters, its ending kept."""
    bare = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable()).strip() or "file"
    if len(bare) <= 200:
        return bare
    tail = f".{ending(bare)}" if ending(bare) else ""
    return bare[: 200 - len(tail)] + tail


def attach(
    *,
    journey: Journey,
    files: Sequence[UploadedFile],
    actor: User | None,
    at: datetime,
    event: Event | None = None,
) -> list[Attachment]:
    """Keep checked files on a journey, inside the caller's transaction; should that fail, nothing is left on the disk.

    Raises ValidationError where the journey would have more than it may.
    """
    there = Attachment.objects.filter(journey=journey, removed_at=None).count()
    if there + len(files) > MOST:
        raise ValidationError(
            _("A journey takes at most %(limit)s files."), params={"limit": MOST}, code="many"
        )
    written: list[Attachment] = []
    try:
        for file in files:
            name = shown_name(file.name or "")
            row = Attachment(
                journey=journey,
                event=event,
                name=name,
                size=file.size or 0,
                kind=mimetypes.guess_type(f"x.{ending(name)}")[0] or "application/octet-stream",
                uploaded_by=actor,
                at=at,
            )
            row.file.save(name, file, save=False)
            written.append(row)
            row.save()
    except BaseException:
        drop_contents(written)
        raise
    return written


def may_remove(user: User, attachment: Attachment) -> bool:
    """Tell whether somebody may remove a file on a journey that they see: their own, or anyone's for leaders."""
    return access.may_undo(user, actor_id=attachment.uploaded_by_id)


def remove(*, attachment: Attachment, actor: User, at: datetime) -> bool:
    """Take a file out of sight; return whether it was there: one statement."""
    there = Attachment.objects.filter(pk=attachment.pk, removed_at=None)
    return bool(there.update(removed_at=at, removed_by=actor))


def restore(*, attachment: Attachment) -> bool:
    """Bring a removed file back; return whether it was removed: one statement."""
    gone = Attachment.objects.filter(pk=attachment.pk, removed_at__isnull=False)
    return bool(gone.update(removed_at=None, removed_by=None))


def erase(journeys: Sequence[int]) -> None:
    """Delete the files of journeys for good, the contents once the transaction has committed."""
    _delete(Attachment.objects.filter(journey__in=journeys))


def sweep(*, at: datetime, limit: int = 500) -> int:
    """Delete for good what was removed so long ago that nobody undoes it; return how many."""
    old = Attachment.objects.filter(removed_at__lt=at - UNDO_WITHIN).order_by("pk")[:limit]
    with transaction.atomic():
        return _delete(Attachment.objects.filter(pk__in=list(old.values_list("pk", flat=True))))


def _delete(found: Any) -> int:
    rows = list(found)
    found.delete()
    transaction.on_commit(lambda: drop_contents(rows), robust=True)
    return len(rows)


def drop_contents(rows: Iterable[Attachment]) -> None:
    """Delete what lies on the disk for these rows; what cannot be deleted is logged and left."""
    for row in rows:
        try:
            row.file.storage.delete(row.file.name)
        except OSError:
            log.exception("the contents of file %s are still on the disk", row.pk)
