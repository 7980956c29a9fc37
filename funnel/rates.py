"""Rates of exchange by day: what other currencies are worth in the organisation's, and freezing an amount at one."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from . import cleaning, currencies
from .formats import day as day_words
from .formats import money, number
from .machine import Refusal, Refused
from .models import Journey, Organisation, SettingChange, User
from .models.organisation import Rate
from .settings_log import Values, note
from .subjects import RATE

COLUMNS: Final = ("date", "currency", "rate")
PLACES: Final = 10
"""Decimals of a rate."""
CODE: Final = re.compile(r"[A-Z]{3}")
NUMBER: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?")


class BadFile(Exception):
    """The file as a whole is no list of rates; the message says why."""


class NoRate(Exception):
    """Nobody has told what a currency was worth on a day; the message says so."""


class MissingRate(Refused):
    """An act on a journey was refused for want of a rate: of `currency`, for `day`."""

    def __init__(self, journey: int, currency: str, day: date, words: str) -> None:
        super().__init__({journey: Refusal("data", ("currency",), words)})
        self.currency, self.day = currency, day


@dataclass(frozen=True, slots=True)
class Frozen:
    """An amount in the organisation's currency. `inputs` keeps what it was before, {} where it was just that."""

    amount: Decimal
    rate: Decimal
    inputs: dict[str, Any]
    step: Decimal = Decimal("0.01")

    def also(self, amount: Decimal) -> Decimal:
        """Another amount at the same rate."""
        return (amount * self.rate).quantize(self.step, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: its line in the file (the head is line 1), the column at fault and why."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows = set + unchanged + rejected."""

    rows: int
    set: int
    unchanged: int
    rejected: Sequence[Rejection]


def freeze(amount: Decimal, currency: str, *, day: date) -> Frozen:
    """Give an amount in the organisation's currency at the rate of the organisation's day: the last one until then.

    A blank currency is the organisation's own, and costs no query. Raises NoRate where none is known by that day.
    """
    own = Organisation.current().currency
    if currency in {"", own}:
        return Frozen(amount, Decimal(1), {})
    found = Rate.objects.filter(currency=currency, into=own, day__lte=day).order_by("-day").first()
    if found is None:
        words = _("No rate of %(currency)s to %(own)s is known for %(day)s or a day before it.")
        raise NoRate(words % {"currency": currency, "own": own, "day": day_words(day)})
    frozen = Frozen(amount, found.rate, {}, currencies.step(own))
    frozen.inputs["original"] = {
        "amount": f"{amount:f}",
        "currency": currency,
        "rate": f"{found.rate.normalize():f}",
        "day": found.day.isoformat(),
    }
    return replace(frozen, amount=frozen.also(amount))


def origin_words(original: Mapping[str, Any] | None) -> str:
    """Return what an amount was before it was frozen, the rate and the day from which that holds; "" for none."""
    if not original:
        return ""
    told = {
        "amount": money(original["amount"], original["currency"]),
        "rate": number(original["rate"], PLACES),
    }
    if "day" not in original:  # of earlier versions
        return _("%(amount)s at %(rate)s") % told
    day = day_words(date.fromisoformat(original["day"]))
    return _("%(amount)s at %(rate)s, the rate of %(day)s") % {**told, "day": day}


def freeze_for(journey: Journey, amount: Decimal, currency: str, *, day: date) -> Frozen:
    """The same for an act on a journey: raises MissingRate where none is known, Refused where nothing would be left."""
    try:
        frozen = freeze(amount, currency, day=day)
    except NoRate as fault:
        raise MissingRate(journey.pk, currency, day, str(fault)) from None
    if not frozen.amount:
        words = _("At the rate of that day it comes to nothing.")
        raise Refused({journey.pk: Refusal("data", ("currency",), words)})
    return frozen


def set_missing(*, currency: str, day: date, rate: Decimal, actor: User, at: datetime) -> None:
    """Set the rate of a day that has none, in the caller's transaction; one that came in meanwhile stays."""
    own = Organisation.current().currency
    found, made = Rate.objects.get_or_create(currency=currency, into=own, day=day, defaults={"rate": rate})
    if made:
        found.refresh_from_db()
        after = RATE.values_of(found)
        note(RATE, key=str(found.pk), name=str(found), before=None, after=after, actor=actor, at=at)


def rows_of(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file by line; further columns are ignored. Raises BadFile where it is no such file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(_("the file is not UTF-8 text.")) from None
    if "\0" in text:
        raise BadFile(_("the file is not text."))
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        reader.fieldnames = columns = [cleaning.line(name or "").lower() for name in reader.fieldnames or []]
        if missing := [name for name in COLUMNS if name not in columns]:
            raise BadFile(_("the column %(name)s is missing from line 1.") % {"name": missing[0]})
        for row in reader:
            yield reader.line_num, {name: cleaning.line(row.get(name) or "") for name in COLUMNS}
    except csv.Error as error:
        raise BadFile(_("line %(line)s: %(error)s.") % {"line": reader.line_num, "error": error}) from None


def take(
    rows: Iterator[tuple[int, dict[str, str]]], *, actor: User | None = None, at: datetime | None = None
) -> Outcome:
    """Set the rates of numbered rows of text, each what one unit is worth in the organisation's currency.

    Good rows land though others are rejected; a row for a currency and day that has a rate replaces it. What was
    frozen before stays as it is; each change is kept with who made it. A fixed number of statements for any rows.
    """
    own = Organisation.current().currency
    wanted: dict[tuple[str, date], Decimal] = {}
    rejected, count = [], 0
    for line, row in rows:
        count += 1
        fault = _fault(row, own)
        if not fault and (key := (row["currency"].upper(), date.fromisoformat(row["date"]))) not in wanted:
            wanted[key] = Decimal(row["rate"])
        else:
            rejected.append(
                Rejection(line, *(fault or ("date", _("An earlier row has this currency and day."))))
            )
    with transaction.atomic(), connection.cursor() as cursor:
        days = {day for _currency, day in wanted}
        cursor.execute(
            "LOCK TABLE funnel_rate IN SHARE ROW EXCLUSIVE MODE"
        )  # what stood is kept beside what stands
        stood = {
            (rate.currency, rate.day): RATE.values_of(rate)
            for rate in Rate.objects.filter(into=own, day__in=days)
        }
        cursor.execute(
            "INSERT INTO funnel_rate AS rate (currency, into_currency, day, rate)"
            " SELECT currency, %s, day, told FROM unnest(%s::text[], %s::date[], %s::numeric[]) AS t(currency, day, told)"
            " ON CONFLICT (currency, into_currency, day) DO UPDATE SET rate = EXCLUDED.rate"
            " WHERE rate.rate <> EXCLUDED.rate",
            [own, [key[0] for key in wanted], [key[1] for key in wanted], list(wanted.values())],
        )
        written = cursor.rowcount
        if written:
            _keep(own, wanted, stood, actor, at or timezone.now())
    return Outcome(count, written, len(wanted) - written, rejected)


def _keep(
    own: str,
    wanted: Mapping[tuple[str, date], Decimal],
    stood: Mapping[tuple[str, date], Values],
    actor: User | None,
    at: datetime,
) -> None:
    """Keep what a file of rates changed, rate by rate."""
    changes = []
    for rate in Rate.objects.filter(into=own, day__in={day for _currency, day in wanted}).order_by("pk"):
        place = (rate.currency, rate.day)
        before, after = stood.get(place), RATE.values_of(rate)
        if place not in wanted or before == after:
            continue
        if before is not None:
            before, after = {"rate": before["rate"]}, {"rate": after["rate"]}
        changes.append(
            SettingChange(
                subject=RATE.slug,
                key=str(rate.pk),
                name=str(rate),
                before=before,
                after=after,
                actor=actor,
                at=at,
            )
        )
    SettingChange.objects.bulk_create(changes, batch_size=1000)


def _fault(row: dict[str, str], own: str) -> tuple[str, str] | None:
    """The column of a rate that is wrong, and why."""
    try:
        date.fromisoformat(row["date"])
    except ValueError:
        return "date", _("“%(text)s” is not a date: write it as 2026-03-31.") % {"text": row["date"][:40]}
    currency = row["currency"].upper()
    if not CODE.fullmatch(currency):
        return "currency", _("A currency has three capital letters, such as EUR.")
    if currency == own:
        return "currency", _("It is the organisation's own currency.")
    if not NUMBER.fullmatch(row["rate"]) or not Decimal(row["rate"]):
        return "rate", _("“%(text)s” is not a rate above zero, such as 0.9215.") % {"text": row["rate"][:40]}
    return None
