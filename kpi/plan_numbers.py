"""Numbers of plans as people write them and as cells show them: "1 234,5", "1,234.5", "44%", "$1,000"."""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.numbers import get_decimal_symbol, get_group_symbol
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from funnel import formats
from kpi.measures import Metric

STEP: Final = Decimal("0.0001")
MOST: Final = Decimal(10) ** 14
SPACES: Final = re.compile(r"[\s'’\u00a0\u2007\u2009\u202f]+")


class NoNumber(ValueError):
    """The text is no number that a plan may have; the message says so to whoever wrote it."""


def parse(text: str, metric: Metric) -> Decimal | None:
    """Return the number that a cell of the metric holds, to four decimals; None where it is empty.

    A share may be written as "44%", "44" or "0.44": a bare number up to 1 is the share itself, a larger one per cent.
    Raises NoNumber. `static/js/plans.js` reads by the same rules.
    """
    plain = text.strip()
    if not plain or plain in {"-", formats.DASH, "–"}:
        return None
    share = plain.endswith("%")
    found = _number(_bare(plain.removesuffix("%")))
    if found is None or (share and metric.unit != "percent"):
        raise NoNumber(_("“%(text)s” is no number from 0 up.") % {"text": plain[:40]})
    if metric.unit == "percent" and (share or found > 1):
        found /= 100
    if found >= MOST:
        raise NoNumber(_("“%(text)s” is too large for a plan.") % {"text": plain[:40]})
    return found.quantize(STEP)


def shown(value: Decimal | None, metric: Metric) -> str:
    """Return the text of a cell: what `parse` reads back as the same number."""
    if value is None:
        return ""
    return formats.percent(value, 2) if metric.unit == "percent" else formats.number(value, 4)


def separators() -> tuple[str, str]:
    """Return the decimal and the group separator of the reader's language."""
    locale = Locale.parse(get_language() or "en", sep="-")
    return get_decimal_symbol(locale), get_group_symbol(locale)


def _bare(text: str) -> str:
    """The text without signs and codes of currencies, its spaces and apostrophes made plain."""
    text = re.sub(r"^\s*[A-Za-z]{3}\b|\b[A-Za-z]{3}\s*$", "", text)
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Sc")
    return SPACES.sub(" ", text).strip()


def _number(text: str) -> Decimal | None:
    """The number, or None where the text is none: digits in groups of three or in none, one decimal separator."""
    decimal, _group = separators()
    marks = [mark for mark in ",." if mark in text]
    point = ""
    if len(marks) == 2:
        point = max(marks, key=text.rindex)
    elif marks and text.count(marks[0]) == 1 and not _groups(text, marks[0], decimal):
        point = marks[0]
    whole, _point, rest = text.partition(point) if point else (text, "", "")
    if not re.fullmatch(r"[0-9]+|[0-9]{1,3}([ ,.])[0-9]{3}(\1[0-9]{3})*", whole) and not (not whole and rest):
        return None
    if not re.fullmatch(r"[0-9]*", rest):
        return None
    digits = re.sub(r"[^0-9]", "", whole) or "0"
    return Decimal(f"{digits}.{rest or 0}") if len(digits) + len(rest) <= 60 else None


def _groups(text: str, mark: str, decimal: str) -> bool:
    """Whether a single mark parts thousands: where the language does not write decimals with it, in "1,234"."""
    return mark == "," and decimal != "," and bool(re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", text))
