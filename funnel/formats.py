"""How figures, money and time read: in the reader's language, in the zone that is active, for people.

Every function takes None and answers with a dash, so that templates need no conditions. Nothing here is for machines:
URLs, `data-*` and SVG geometry use plain `str()`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_compact_currency, format_compact_decimal, format_currency, format_decimal
from babel.numbers import format_percent as babel_percent
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

Number = int | float | Decimal
DASH = "—"
MINUS = "\N{MINUS SIGN}"


def _language() -> str:
    return get_language() or "en"


def _numbers(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def _dates(language: str) -> Locale:
    # English readers get "13 Nov" and the 24-hour clock: the order that the rest of the world reads too.
    return Locale.parse("en-GB" if language == "en" else language, sep="-")


# A list shows the same days and amounts over and over, and Babel takes its patterns apart each time.
_remember = lru_cache(maxsize=4096)


def as_number(value: object) -> Decimal | None:
    """Return `value` as a Decimal, or None where it is no number."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _spaced(text: str) -> str:
    """Keep letters apart from figures, as CLDR asks: "RUB 5", where "$5" needs nothing."""
    return re.sub(r"^(\W?[A-Za-z]+)(?=\d)", "\\1\N{NO-BREAK SPACE}", _signed(text))


def money(amount: object, currency: str = "") -> str:
    """Return "$5,120" or "5 120 $"; cents only where there are some; without a currency, the plain amount."""
    value = as_number(amount)
    return DASH if value is None else _money(value, currency, _language())


@_remember
def _money(value: Decimal, currency: str, language: str, further: str = "") -> str:
    whole, locale = value == value.to_integral_value(), _numbers(language)
    if not currency:
        return _signed(format_decimal(value, format="#,##0" if whole else "#,##0.00", locale=locale))
    pattern = locale.currency_formats["standard"].pattern
    # Babel's pattern carries ".00"; whole amounts drop it in both halves (positive;negative)
    pattern = pattern.replace(".00", "" if whole else f".00{further}")
    return _spaced(format_currency(value, currency, format=pattern, locale=locale, currency_digits=False))


def price(amount: object, currency: str) -> str:
    """Return the same for a unit price: with up to four decimals, "$0.1234"."""
    value = as_number(amount)
    return DASH if value is None else _money(value, currency, _language(), "##")


def money_short(amount: object, currency: str = "") -> str:
    """Return "$916K" or "916 тыс. $", three digits at most: for tiles and column heads."""
    value = as_number(amount)
    if value is None:
        return DASH
    digits = 1 if abs(value) >= 1_000_000 else 0
    if not currency:
        return _signed(format_compact_decimal(value, locale=_numbers(_language()), fraction_digits=digits))
    return _spaced(
        format_compact_currency(value, currency, locale=_numbers(_language()), fraction_digits=digits)
    )


def number(value: object, digits: int = 0) -> str:
    """Return "1,240" or "1 240", with at most `digits` decimals."""
    found = as_number(value)
    if found is None:
        return DASH
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return _signed(format_decimal(found, format=pattern, locale=_numbers(_language())))


def capped(value: object, cap: int = 10_000) -> str:
    """Return the count, or "10,000+" from `cap` on: exact counts of long lists cost more than they tell."""
    found = as_number(value)
    if found is None:
        return DASH
    return number(found) if found < cap else f"{number(cap)}+"


def percent(ratio: object, digits: int = 0) -> str:
    """Return "44%" or "44 %" for 0.44."""
    value = as_number(ratio)
    if value is None:
        return DASH
    pattern = _numbers(_language()).percent_formats[None].pattern
    pattern = pattern.replace("0%", "0." + "#" * digits + "%").replace(
        "0\xa0%", "0." + "#" * digits + "\xa0%"
    )
    return _signed(babel_percent(value, format=pattern if digits else None, locale=_numbers(_language())))


def change(value: object, unit: str = "pct") -> str:
    """Return "+15%", "−13%" for a change in per cent (15, −13), "+2.1 pp" for percentage points."""
    found = as_number(value)
    if found is None:
        return _("n/a")
    sign = "+" if found > 0 else ""
    if unit == "pp":
        return _("%(points)s pp") % {"points": sign + number(found, 1)}
    return sign + percent(found / 100)


def local(moment: datetime | date) -> datetime | date:
    """Return the moment in the active time zone; a date stays what it is."""
    if isinstance(moment, datetime) and timezone.is_aware(moment):
        return timezone.localtime(moment)
    return moment


def _day_of(moment: datetime | date) -> date:
    here = local(moment)
    return here.date() if isinstance(here, datetime) else here


@_remember
def _written(when: date, pattern: str, language: str) -> str:
    return format_date(when, pattern, locale=_dates(language))


def day(moment: datetime | date | None) -> str:
    """Return "13 Nov" within this year, "13 Nov 2025" outside it."""
    if not moment:
        return DASH
    here = _day_of(moment)
    return _written(here, "d MMM" if here.year == timezone.localdate().year else "d MMM y", _language())


def full_day(moment: datetime | date | None) -> str:
    """Return "13 November 2026": for papers and headings."""
    return _written(_day_of(moment), "long", _language()) if moment else DASH


def clock(moment: datetime | None) -> str:
    """Return "14:05"."""
    here = local(moment) if moment else None
    return f"{here:%H:%M}" if isinstance(here, datetime) else DASH


def day_time(moment: datetime | None) -> str:
    """Return "13 Nov, 14:05"."""
    return f"{day(moment)}, {clock(moment)}" if moment else DASH


def month(moment: datetime | date | None) -> str:
    """Return "November 2026" as a heading."""
    if not moment:
        return DASH
    text = _written(_day_of(moment).replace(day=1), "LLLL y", _language())
    return text[:1].upper() + text[1:]


def quarter(moment: date) -> str:
    """Return "Q1 2026", the quarter of a day."""
    return _written(moment, "QQQ y", _language())


def span(minutes: object) -> str:
    """Return "3 h 57 min", "11 min", "2 d 4 h": the size of a time span, without its sign."""
    found = as_number(minutes)
    if found is None:
        return DASH
    total = int(abs(found))
    if total < 60:
        return _("%(n)s min") % {"n": total}
    hours, rest = divmod(total, 60)
    if hours < 24:
        whole = _("%(n)s h") % {"n": hours}
        return f"{whole} {_('%(n)s min') % {'n': rest}}" if rest else whole
    days, hours = divmod(hours, 24)
    whole = _("%(n)s d") % {"n": days}
    return f"{whole} {_('%(n)s h') % {'n': hours}}" if hours and days < 3 else whole


def age(since: datetime | date | None, now: datetime | None = None) -> str:
    """Return "11 min", "5 h" or "3 d": how long ago, in one unit."""
    if not since:
        return DASH
    if not isinstance(since, datetime):
        return _("%(n)s d") % {"n": max(0, (timezone.localdate() - since).days)}
    minutes = max(timedelta(), (now or timezone.now()) - since) // timedelta(minutes=1)
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    if minutes < 24 * 60:
        return _("%(n)s h") % {"n": minutes // 60}
    return _("%(n)s d") % {"n": minutes // (24 * 60)}


def due(moment: datetime | date | None, now: datetime | None = None) -> tuple[str, str]:
    """Return (tone, words) of something due: ("late", "2 d late"), ("soon", "Today"), ("", "Tomorrow"), ("", "3 Dec")."""
    if not moment:
        return "", DASH
    present = now or timezone.now()
    today = _day_of(present)
    days = (_day_of(moment) - today).days
    if days < 0:
        return "late", _("%(span)s late") % {"span": _("%(n)s d") % {"n": -days}}
    if isinstance(moment, datetime) and moment < present:
        return "late", _("%(span)s late") % {"span": age(moment, present)}
    if days == 0:
        return "soon", _("Today")
    return "", _("Tomorrow") if days == 1 else day(moment)
