"""Calendar periods: the months, quarters, years and ranges of days that figures are told in and compared by."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Self

DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 1900, 9000


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days from `first` up to, not including, `until`; `name` is how people and URLs write it."""

    name: str
    kind: Literal["month", "quarter", "year", "range"]
    first: date
    until: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-03`, `2026-Q1`, `2026` or `2026-03-01..2026-03-15` (both days included).

        Raises ValueError, in a sentence fit to be shown, for anything else.
        """
        try:
            if found := re.fullmatch(r"([0-9]{4})-([0-9]{2})", text):
                return cls._whole("month", int(found[1]), int(found[2]))
            if found := re.fullmatch(r"([0-9]{4})-Q([1-4])", text):
                return cls._whole("quarter", int(found[1]), int(found[2]) * 3 - 2)
            if re.fullmatch(r"[0-9]{4}", text):
                return cls._whole("year", int(text), 1)
            if found := re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})", text):
                first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
                if first <= last and first.year >= FIRST_YEAR and last.year <= LAST_YEAR:
                    return cls(text, "range", first, last + DAY)
        except ValueError:  # a thirteenth month, a 30th of February
            pass
        raise ValueError(
            f"“{text[:40]}” is not a period: write 2026-03, 2026-Q1, 2026 or 2026-03-01..2026-03-15"
            f" (years {FIRST_YEAR} to {LAST_YEAR})."
        )

    @classmethod
    def month(cls, text: str) -> Self:
        """Read a month, `2026-03`, and nothing else; ValueError otherwise."""
        if (
            not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text)
            or not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR
        ):
            raise ValueError(
                f"“{text[:40]}” is not a month: write it as 2026-03 (years {FIRST_YEAR} to {LAST_YEAR})."
            )
        return cls.parse(text)

    @classmethod
    def month_of(cls, day: date) -> Self:
        """The month that the day lies in."""
        return cls._whole("month", day.year, day.month)

    @classmethod
    def _whole(cls, kind: Literal["month", "quarter", "year"], year: int, month: int) -> Self:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError(f"The year {year} is outside {FIRST_YEAR} to {LAST_YEAR}.")
        first = date(year, month, 1)
        name, length = {
            "month": (f"{year:04}-{month:02}", 1),
            "quarter": (f"{year:04}-Q{(month + 2) // 3}", 3),
            "year": (f"{year:04}", 12),
        }[kind]
        return cls(name, kind, first, _shift_months(first, length))

    def previous(self) -> "Period":
        """The period to compare with: the month, quarter or year before; for a range the same days so many whole
        months earlier that the two do not overlap (one month for 1 to 15 March)."""
        months = 1
        while self._earlier(months).until > self.first:
            months += 1
        return self._earlier(months)

    def year_before(self) -> "Period":
        """The same days a year earlier; for a range over a year long, as many years as keep the two apart."""
        months = 12
        while self._earlier(months).until > self.first:
            months += 12
        return self._earlier(months)

    def next(self) -> "Period":
        """The month, quarter or year after; a range has none (ValueError)."""
        if self.kind == "range":
            raise ValueError("A range of days has no next period.")
        return Period._whole(self.kind, self.until.year, self.until.month)

    def months(self) -> "list[Period]":
        """The calendar months that the period touches, in order."""
        found = [Period.month_of(self.first)]
        while found[-1].until < self.until:
            found.append(found[-1].next())
        return found

    def _earlier(self, months: int) -> "Period":
        first = _shift_months(self.first, -months)
        if self.kind != "range":
            return Period._whole(self.kind, first.year, first.month)
        # A range that ends with its month keeps doing so; another keeps the number of its last day where it can.
        whole = self.until.day == 1
        until = (
            _shift_months(self.until, -months) if whole else _shift_months(self.until - DAY, -months) + DAY
        )
        return Period(f"{first}..{until - DAY}", "range", first, until)


def _shift_months(day: date, months: int) -> date:
    """The day so many months on; the last of the month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    length = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - DAY).day
    return date(year, month + 1, min(day.day, length))
