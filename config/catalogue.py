"""Gathers the words of the interface into `locale/<language>/LC_MESSAGES/django.po`: no gettext tools needed.

Python is read by Babel; templates by Django's own reader, which turns them into calls that Babel understands.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import templatize

from config.env import BASE_DIR

APPS = ("config", "funnel", "leads", "partners", "briefs", "deals", "kpi")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER = "# Words of the interface. Written by `make messages`; the translations by people.\n#"


def sources() -> list[Path]:
    """Every file that may hold words."""
    python = (path for app in APPS for path in (BASE_DIR / app).rglob("*.py"))
    templates = (
        path for path in (BASE_DIR / "templates").rglob("*") if path.suffix in {".html", ".txt", ".typ"}
    )
    return sorted(path for path in (*python, *templates) if path.is_file())


def gather(paths: Iterable[Path] | None = None) -> Catalog:
    """Return all messages with the files that use them."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    for path in sources() if paths is None else paths:
        text = path.read_text()
        where = path.relative_to(BASE_DIR).as_posix() if path.is_relative_to(BASE_DIR) else path.name
        if path.suffix != ".py":
            text = _as_python(text, where)
        for _line, words, comments, context in extract(
            "python", io.BytesIO(text.encode()), keywords=KEYWORDS, comment_tags=("Translators:",)
        ):
            catalogue.add(words, locations=[(where, 0)], auto_comments=comments, context=context)
    return catalogue


# templatize() writes each call on one line with repr(); what stood around it is X, B and blanks
_CALL = re.compile(r"""\b(?:_|n?p?gettext)\((?:[^()'"]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*\)""")


def _as_python(template: str, where: str) -> str:
    """Return the words of a template as calls, one a line."""
    return "\n".join(_CALL.findall(templatize(template, origin=where)))


def path_of(language: str) -> Path:
    return BASE_DIR / "locale" / language / "LC_MESSAGES" / "django.po"


def languages() -> list[str]:
    """The languages that need a catalogue: all but the one the code is written in."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def read(language: str) -> Catalog:
    """Return the stored catalogue, empty where there is none yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> Catalog:
    """Bring a language's catalogue up to the words that the code uses now, keeping every translation."""
    catalogue = read(language)
    catalogue.update(gather(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = HEADER
    catalogue.project, catalogue.version = "Onefunnel", "1"
    catalogue.fuzzy = False
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = io.BytesIO()
    write_po(whole, catalogue, width=110, include_lineno=False, sort_output=True, ignore_obsolete=True)
    path.write_bytes(_without_dates(whole.getvalue()))
    return catalogue


def _without_dates(text: bytes) -> bytes:
    # the dates would change with each run and say less than the history of the file
    return re.sub(
        rb'^"(?:POT-Creation-Date|Report-Msgid-Bugs-To|PO-Revision-Date|Generated-By|Last-Translator|Language-Team):.*\n',
        b"",
        text,
        flags=re.MULTILINE,
    )


def untranslated(catalogue: Catalog) -> list[Message]:
    """The messages that have no translation, or not one for each plural form."""
    return [message for message in catalogue if message.id and not _is_whole(message)]


def _is_whole(message: Message) -> bool:
    words = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(words) and all(words) and not message.fuzzy


def missing(language: str) -> list[str]:
    """What the code says and the stored catalogue does not translate; empty when all is well."""
    stored = read(language)
    lacking = [message.id for message in gather() if message.id and _translation(stored, message) is None]
    return sorted(str(words[0] if isinstance(words, list | tuple) else words) for words in lacking)


def _translation(stored: Catalog, message: Message) -> Message | None:
    found = stored.get(message.id, message.context)
    return found if found is not None and _is_whole(found) else None
