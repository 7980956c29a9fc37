"""What people type, paste and export, brought to plain characters before anything judges or compares it."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, validate_email

EMAIL_LENGTH: Final = 254

# signs that NFKC would spell out or tear apart, though they mean something as they stand
_AS_IT_STANDS: Final = re.compile("([№™´¨¯¸˘˙˚˛˜˝]+)")
_KEPT_CONTROLS: Final = frozenset("\0\t\n\r")  # NUL is refused by the fields, not taken out
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_MAILTO: Final = re.compile(r"mailto:\s*([^?]*)(?:\?.*)?\Z", re.IGNORECASE | re.DOTALL)
_IN_BRACKETS: Final = re.compile(r"[^<>@]*<([^<>]*)>[\s,;]*\Z")
_WHOLE_NUMBER: Final = re.compile(r"([+-]?\d+)[.,]0+\Z")
_POWER: Final = re.compile(r"(\d)[.,](\d+)E\+?(\d+)\Z", re.IGNORECASE)
_AS_TEXT: Final = re.compile(r"(?:=\"(.*)\"|'(?=[+\d(])(.*))\Z")


def plain(text: str) -> str:
    """Return text in NFKC without invisible and direction characters; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    parts = _AS_IT_STANDS.split(text)
    parts[::2] = (unicodedata.normalize("NFKC", part) for part in parts[::2])
    return "".join(letter for letter in "".join(parts) if not _is_invisible(letter))


def _is_invisible(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return (
        kind == "Cf"
        or letter in _FILLERS
        or (kind == "Cc" and letter not in _KEPT_CONTROLS)
        or "\ufe00" <= letter <= "\ufe0f"
        or "\U000e0100" <= letter <= "\U000e01ef"
    )


def line(text: str) -> str:
    """Return plain text on one line, its white space evened out."""
    return " ".join(plain(text).split())


def number(text: str) -> str:
    """Return a cell as it was typed, where a spreadsheet kept it as text or made a number of it.

    49301112223.0 and 4.9301112223E+10 are 49301112223; a power that has lost digits stays as it is.
    """
    text = line(text)
    if quoted := _AS_TEXT.match(text):
        text = (quoted[1] or quoted[2] or "").strip()
    if (power := _POWER.match(text)) and len(power[2]) == int(power[3][:3]):
        return power[1] + power[2]
    whole = _WHOLE_NUMBER.match(text)
    return whole[1] if whole else text


def email(text: str) -> str:
    """Return an e-mail address in the form it is compared in, "" for none.

    The name server is not asked: an address that is down today is still an address. Raises ValidationError.
    """
    text = address(text)
    if not text:
        return ""
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise ValidationError(_("Give an e-mail address such as name@company.com."), code="email") from error
    if len(found) > EMAIL_LENGTH:
        raise ValidationError(_("This e-mail address is too long."), code="email")
    return found


def address(text: str) -> str:
    """Return an e-mail address without what a link, a letter or a spreadsheet put around it, in lower case; not judged."""
    text = line(text)
    if link := _MAILTO.match(text):
        text = line(unquoted(link[1]))
    if found := _IN_BRACKETS.match(text):
        text = found[1]
    if "@" in text:
        text = text.strip(" ,;'\"").rstrip(".")
    return text.replace("İ", "i").lower()


def unquoted(text: str) -> str:
    """Return what a link says in place of its escapes; as it stands where that is no text that can be kept."""
    said = unquote(text)
    return text if "\0" in said else said


class LineField(forms.CharField):
    """One line of text, cleaned before its length and its characters are judged."""

    def to_python(self, value: object) -> str:
        return super().to_python(line(value) if isinstance(value, str) else value)


class EmailField(forms.EmailField):
    """An e-mail address, cleaned before it is judged."""

    def to_python(self, value: object) -> str:
        return super().to_python(address(value) if isinstance(value, str) else value)
