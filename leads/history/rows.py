"""What one row must hold on its own: types, vocabulary and time. What it refers to is checked in `checks`."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Final, NamedTuple

from django.utils.translation import gettext as _

from funnel import cleaning
from funnel.periods import FIRST_YEAR
from funnel.stages import MONEY_EVENTS, WORDS, Happening

from .files import CsvFile, Record

JOURNEY_COLUMNS: Final = ("journey_id", "client_id", "source", "campaign", "owner_at_start", "service")
EVENT_COLUMNS: Final = ("event_id", "journey_id", "event", "occurred_at_utc", "recorded_at_utc", "value")

LONGEST: Final = {
    "journey_id": 200,
    "client_id": 200,
    "event_id": 200,
    "source": 100,
    "campaign": 100,
    "service": 100,
    "owner_at_start": 150,
}
"""What the records that these keys name can hold."""
LONGEST_VALUE: Final = {
    Happening.OWNER_CHANGED.value: 150,
    Happening.LEAD_LOST.value: 100,
    Happening.DEAL_LOST.value: 100,
    Happening.SAL_REJECTED.value: 100,
    Happening.OBJECTION_RAISED.value: 100,
    Happening.PARTNER_HANDOFF.value: 100,
}
MOST_DIGITS: Final = 14

_EVENTS: Final = frozenset(Happening.values)
_MONEY: Final = frozenset(event.value for event in MONEY_EVENTS)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_DECIMAL: Final = re.compile(r"\+?(\d+)(?:\.(\d*?)0*)?", re.ASCII)


class Rejection(NamedTuple):
    """A row that does not land: `file` is journeys or events, `value` what the column held."""

    file: str
    line: int
    column: str
    value: str
    reason: str


class _Bad(Exception):
    def __init__(self, column: str, value: str, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason


class Reader:
    """Turns the records of one file into rows ready to be staged, or rejections."""

    def __init__(
        self, file: str, table: CsvFile, columns: Sequence[str], parse: Callable[..., Sequence[object]]
    ):
        self.file, self.columns, self.parse = file, columns, parse
        self.width = len(table.header)
        self.header = table.header
        self.take = itemgetter(*(table.header.index(column) for column in columns))

    def read(self, record: Record) -> Sequence[object] | Rejection:
        """Return the row with its line number first, or why it is rejected."""
        line, fields, fault = record
        if fault:
            return Rejection(self.file, line, self.header[0], "", fault)
        if len(fields) != self.width:
            return self._misshapen(line, fields)
        values = self.take(fields)
        try:
            whole = "".join(values)
            if not whole.isascii() or "\0" in whole:
                self._check_characters(values)
            return (line, *self.parse(*values))
        except _Bad as bad:
            return Rejection(self.file, line, bad.column, bad.value[:200], bad.reason)

    def _misshapen(self, line: int, fields: Sequence[str]) -> Rejection:
        if len(fields) < self.width:
            column = self.header[len(fields)]
            return Rejection(self.file, line, column, "", _("The row ends before this column."))
        reason = _("The row has more fields than the header: is a comma unquoted?")
        return Rejection(self.file, line, self.header[-1], fields[self.width][:200], reason)

    def _check_characters(self, values: Sequence[str]) -> None:
        for column, value in zip(self.columns, values, strict=True):
            if "\0" in value:
                raise _Bad(column, value.replace("\0", "\N{REPLACEMENT CHARACTER}"), _("A NUL character."))
            try:
                value.encode()
            except UnicodeEncodeError:
                shown = value.encode(errors="replace").decode()
                raise _Bad(column, shown, _("Bytes that are no text in UTF-8.")) from None


def parse_journey(
    journey_id: str, client_id: str, source: str, campaign: str, owner: str, service: str, note: str = ""
) -> tuple[object, ...]:
    """Return the fields of a journey. Keys stay verbatim."""
    for column, value in (("journey_id", journey_id), ("client_id", client_id), ("source", source)):
        if not value.strip():
            raise _Bad(column, value, _("May not be blank."))
    for column, value in (
        ("journey_id", journey_id),
        ("client_id", client_id),
        ("source", source),
        ("campaign", campaign),
        ("owner_at_start", owner),
        ("service", service),
    ):
        if len(value) > LONGEST[column]:
            raise _too_long(column, value, LONGEST[column])
    return journey_id, client_id, source, campaign, owner, service, note


class EventParser:
    """Reads event rows as seen at one instant: nothing may lie after `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(
        self, event_id: str, journey_id: str, event: str, occurred: str, recorded: str, value: str
    ) -> tuple[object, ...]:
        """Return the fields of an event; an amount where the event carries money."""
        for column, key in (("event_id", event_id), ("journey_id", journey_id)):
            if not key.strip():
                raise _Bad(column, key, _("May not be blank."))
            if len(key) > LONGEST[column]:
                raise _too_long(column, key, LONGEST[column])
        event = cleaning.line(event)
        if event not in _EVENTS:
            raise _Bad("event", event, _("No such event."))
        happened = self._instant("occurred_at_utc", occurred)
        known = self._instant("recorded_at_utc", recorded) if recorded.strip() else happened
        if known < happened:
            raise _Bad("recorded_at_utc", recorded, _("Recorded before it occurred."))
        amount = _amount(value) if event in _MONEY else None
        longest = LONGEST_VALUE.get(event)
        if longest and len(value) > longest:
            raise _too_long("value", value, longest)
        if event in WORDS and value not in WORDS[event]:
            words = ", ".join(sorted(WORDS[event]))
            raise _Bad("value", value, _("Must be one of: %(words)s.") % {"words": words})
        if event in {"merged_into", "annulled"} and not value.strip():
            raise _Bad("value", value, _("May not be blank."))
        return event_id, journey_id, event, happened, known, value, amount

    def _instant(self, column: str, text: str) -> datetime:
        plain = cleaning.line(text)
        if not plain:
            raise _Bad(column, text, _("May not be blank."))
        try:
            at = datetime.fromisoformat(plain) if _INSTANT.fullmatch(plain) else None
            if at is not None:
                at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            at = None
        if at is None or at.year < FIRST_YEAR:
            raise _Bad(column, text, _("Not a date and time such as 2026-03-02T08:00:00Z."))
        if at > self.now:
            raise _Bad(column, text, _("Lies in the future."))
        return at


def _amount(text: str) -> Decimal:
    found = _DECIMAL.fullmatch(cleaning.line(text))
    if found is None:
        raise _Bad("value", text, _("Not an amount: a decimal of 0 or more, such as 1200.50, is wanted."))
    whole, cents = found[1].lstrip("0"), found[2] or ""
    if len(cents) > 2 or len(whole) > MOST_DIGITS:
        reason = _("The amount has more than two decimals, or more than fourteen digits before them.")
        raise _Bad("value", text, reason)
    return Decimal(f"{whole or 0}.{cents or 0}")


def _too_long(column: str, value: str, longest: int) -> _Bad:
    return _Bad(column, value, _("Longer than %(longest)s characters.") % {"longest": longest})
