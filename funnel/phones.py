"""One way to write a phone, so that the same person is found again, and which phones say who somebody is."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from . import cleaning

LONGEST: Final = 64
MOST_DIGITS: Final = 15
REAL: Final = "real"
PLACEHOLDER: Final = "placeholder"
IMPOSSIBLE: Final = "impossible"
KINDS: Final = (REAL, PLACEHOLDER, IMPOSSIBLE)
NOTES: Final = {
    PLACEHOLDER: _("%(phone)s is a placeholder, not somebody's number: it is compared with nobody's."),
    IMPOSSIBLE: _("%(phone)s is not a possible phone number; it is kept as it was typed."),
}
"""What is to be known of a phone that is not a real one."""

_LINK: Final = re.compile(
    r"(?:tel(?:efon|ephone)?|callto|sms|phone|mob(?:il|ile)?|тел(?:ефон)?|моб(?:ильный)?|[tmтм](?=[\s.:]))[\s.:]*(?://)?(?=[+(\d%])",
    re.IGNORECASE,
)
"""What a link or a letterhead puts before a number."""
_EXTENSION: Final = re.compile(
    r"[\s,;(\[/-]*(?:ext=|extension|extn?|доб(?:авочный)?(?:\s+номер)?|доп|внутр(?:енний)?|вн|poste|durchwahl|dw|int(?:ern)?|[x×х]|#)"
    r"[\s.:№]*(\d{1,7})[\s)\]]*\Z",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"(?:\+|\(\+)?[\d\s()./\-\u2010-\u2015\u2212]*\Z")
_FRACTION: Final = re.compile(r"\+?\d{7,}[.,]\d{1,2}\Z")
_KEPT_EXTENSION: Final = " ext. "
_RUNS: Final = "0123456789012 9876543210"
_REPEATED: Final = re.compile(r"(\d)\1{6,}\Z")
_RESERVED: Final = re.compile(
    r"\+(?:1\d{3}55501\d\d"
    r"|44(?:1(?:1[3-8]|21|31|41|51|61)4960\d{3}|1914980\d{3}|2079460\d{3}|2896496\d{3}|2920180\d{3}|1632960\d{3}"
    r"|7700900\d{3}|8081570\d{3}|9098790\d{3}|3069990\d{3})"
    r"|49(?:3023125\d{3}|6990009\d{3}|4066969\d{3}|2214710\d{3}|8999998\d{3}|17139200\d\d|17604069\d{3})"
    r"|33(?:19900|26191|35301|46571|53649|63998)\d{4}"
    r"|61(?:[2378](?:5550|7010)\d{4}|49157\d{4})"
    r"|35320910\d{4}"
    r"|46(?:3139006\d\d|4062804\d\d|8465004\d\d|9803192\d\d|7017406\d\d))\Z"
)
"""Numbers that regulators keep free for films, books and tests."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone as it is kept, and what it is: REAL, PLACEHOLDER, IMPOSSIBLE or "" for none.

    A real one is kept in E.164, with its extension behind; another as it was typed. Where no country is known a real
    one keeps its digits: an application is worth more than its notation.
    """

    text: str = ""
    kind: str = ""

    @property
    def compared(self) -> str:
        """Return the phone in the form it is compared in; "" where it tells nobody apart."""
        return self.text if self.kind == REAL else ""


@lru_cache(maxsize=2048)
def _read(text: str, home: str) -> Phone:
    typed = text
    if link := _LINK.match(text):
        typed = text[link.end() :]
        text = cleaning.unquoted(typed).partition(";phone-context=")[0]
    text, extension = apart(cleaning.number(text))
    digits = "".join(str(unicodedata.decimal(letter)) for letter in text if letter.isdecimal())
    if not digits or not _BARE.match(text) or _FRACTION.match(text):
        return Phone(typed, IMPOSSIBLE)
    number = _parsed(text, digits, home)
    whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else digits
    national = str(number.national_number) if number else digits
    if MOST_DIGITS >= len(digits) >= 5 and (
        len(set(national)) == 1
        or _REPEATED.search(digits)
        or _RESERVED.match(whole)
        or any(len(run) > 6 and run in _RUNS for run in (digits, national))
    ):
        return Phone(typed, PLACEHOLDER)
    if number is None and (text.startswith(("+", "00")) or home or not 5 <= len(digits) <= MOST_DIGITS):
        return Phone(typed, IMPOSSIBLE)
    return Phone(f"{whole}{_KEPT_EXTENSION}{extension}" if extension else whole, REAL)


def apart(text: str) -> tuple[str, str]:
    """Return a number and its extension."""
    found = _EXTENSION.search(text)
    return (text[: found.start()], found[1]) if found and found.start() else (text, "")


def _parsed(text: str, digits: str, home: str) -> phonenumbers.PhoneNumber | None:
    """Return the number where its country is known and it is a possible one there."""
    if text.startswith("00"):
        ways = [(f"+{text[2:]}", None)]
    else:
        ways = [(text, home or None)]
        if not text.startswith("+") and len(digits) >= 11 and not digits.startswith(("0", "8")):
            ways.append((f"+{digits}", None))  # a spreadsheet drops the plus of a number
    for way, region in ways:
        try:
            number = phonenumbers.parse(way, region)
        except phonenumbers.NumberParseException:
            continue
        bare = text.startswith(("+", "00")) or region
        if phonenumbers.is_possible_number(number) and (bare or phonenumbers.is_valid_number(number)):
            return number
    return None


def read(text: str, *, region: str = "") -> Phone:
    """Return what a phone is, and how it is kept.

    `region` (two letters, "DE") says where a number without a country code is dialled; without it the setting
    PHONE_REGION does.
    """
    text = cleaning.line(text)
    if not text:
        return Phone()
    if len(text) > LONGEST:
        return Phone(text, IMPOSSIBLE)
    return _read(text, (region or getattr(settings, "PHONE_REGION", "")).upper())


def phone(text: str, *, region: str = "", kept: str | None = None) -> str:
    """Return a phone as it is kept, "" for none. Raises ValidationError where it is impossible and not `kept` already."""
    found = read(text, region=region)
    if found.kind == IMPOSSIBLE and found.text != kept:
        raise ValidationError(_("Give a phone number such as +49 30 901820."), code="phone")
    return found.text


def reachable(text: str, *, region: str = "", email: str = "") -> str:
    """Return the phone of somebody who applies: an impossible one is kept as typed where an e-mail reaches them.

    Raises ValidationError.
    """
    kept = read(text, region=region).text if email and "\ufffd" not in text else None
    return phone(text, region=region, kept=kept)


def note(text: str) -> str:
    """Return what is to be known of a phone, "" of a real one."""
    found = read(text)
    return str(NOTES[found.kind]) % {"phone": found.text} if found.kind in NOTES else ""


def marked(text: str) -> str:
    """Return a phone as people read it: an impossible one says so."""
    if read(text).kind != IMPOSSIBLE:
        return text
    return str(_("%(phone)s (not a possible number)")) % {"phone": text}


def link(text: str) -> str:
    """Return what a telephone dials, "" where it cannot: an extension follows the number."""
    found = read(text)
    if found.kind in {"", IMPOSSIBLE}:
        return ""
    number, extension = apart(found.text)
    number = "".join(letter for letter in number if letter == "+" or letter.isdecimal())
    return f"tel:{number};ext={extension}" if extension else f"tel:{number}"
