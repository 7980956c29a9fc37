"""What the numbers of a chart are, and how they read: exactly in tooltips and tables, shortly beside bars and axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10
from typing import Literal

from babel import Locale
from babel.numbers import format_compact_currency, format_compact_decimal
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from funnel import formats

Number = int | float | Decimal
Kind = Literal["count", "money", "share", "minutes", "days", "index"]
MINUTE_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


@dataclass(frozen=True)
class Unit:
    """count, money (in `currency`), share (0.44 is 44%), minutes (of open time), days or index (1 is usual)."""

    kind: Kind = "count"
    currency: str = ""

    def text(self, value: Number | None) -> str:
        """Return the exact number in the reader's language; None is a dash."""
        if value is None:
            return formats.DASH
        match self.kind:
            case "money":
                return formats.money(value, self.currency)
            case "share":
                return formats.percent(value, 1)
            case "minutes":
                return (formats.MINUS if value < 0 else "") + _open_time(abs(float(value)))
            case "days":
                return _("%(n)s d") % {"n": formats.number(value, 1)}
            case "index":
                return formats.number(value, 2)
        return formats.number(value, 1)

    def short(self, value: Number | None) -> str:
        """Return the number in three digits or so: "$602K", "12.5K"."""
        if value is None:
            return formats.DASH
        size = abs(float(value))
        if self.kind == "share":
            return formats.percent(value, 1 if 0 < size < 0.01 else 0)
        if self.kind == "minutes" and size >= 60:
            return _("%(n)s h") % {"n": formats.number(float(value) / 60, 1 if size < 6000 else 0)}
        if self.kind in {"count", "money"} and size >= 1000:
            place = floor(log10(size)) % 3
            return self._compact(value, 0 if place else 1)
        return self.text(value)

    def ticks(self, low: Number, high: Number, about: int = 4) -> tuple[float, ...]:
        """Return round numbers, evenly apart, that cover `low` to `high` and zero."""
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        if low == high:
            high = 1.0
        step = self._step((high - low) / about)
        first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        return tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))

    def _step(self, raw: float) -> float:
        if self.kind == "minutes" and raw <= MINUTE_STEPS[-1]:
            return next(step for step in MINUTE_STEPS if raw <= step)
        if self.kind == "minutes":
            return 60 * _round_up(raw / 60, whole=True)
        return _round_up(raw, whole=self.kind in {"count", "money"} and raw < 10)

    def tick_texts(self, ticks: Sequence[float]) -> list[str]:
        """Return the labels of an axis: as short as they can be while no two are alike and none lies."""
        if self.kind == "share":
            digits = next((n for n in range(6) if all(_is_whole(tick * 10 ** (n + 2)) for tick in ticks)), 6)
            return [formats.percent(tick, digits) for tick in ticks]
        if self.kind in {"count", "money"} and max(abs(tick) for tick in ticks) >= 1000:
            return [self._compact(tick, self._digits(tick)) for tick in ticks]
        return [self.text(tick) for tick in ticks]

    @staticmethod
    def _digits(tick: float) -> int:
        if tick == 0:
            return 0
        thousands = 1000.0 ** (floor(log10(abs(tick)) + 1e-9) // 3)
        return next((n for n in range(3) if _is_whole(tick / thousands * 10**n)), 2)

    def _compact(self, value: Number, digits: int) -> str:
        number = Decimal(str(value))
        locale = Locale.parse(get_language() or "en", sep="-")
        if self.kind == "money" and self.currency:
            written = format_compact_currency(number, self.currency, locale=locale, fraction_digits=digits)
        else:
            written = format_compact_decimal(number, locale=locale, fraction_digits=digits)
        return written.replace("-", formats.MINUS)


def _open_time(minutes: float) -> str:
    """Write minutes of open time: never as days, for a business day has no 24 hours."""
    if minutes < 1440:
        return formats.span(minutes)
    return _("%(n)s h") % {"n": formats.number(minutes / 60, 0)}


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6


def _round_up(raw: float, *, whole: bool) -> float:
    """Return the next of 1, 2, 2.5, 5, 10 × 10ⁿ; `whole` leaves out what is no whole number."""
    if whole and raw <= 1:
        return 1.0
    power = 10.0 ** floor(log10(raw))
    found = (factor * power for factor in (1, 2, 2.5, 5, 10) if raw <= factor * power * (1 + 1e-9))
    return next(step for step in found if not whole or _is_whole(step))
