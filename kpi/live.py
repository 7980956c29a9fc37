"""Reading what is kept for now: rollups where a period is made of their months and days, facts for the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import connection

from funnel.clock import BusinessClock
from funnel.periods import DAY, Period
from kpi import flow, sources, sql
from kpi.measures import Column
from kpi.queries import Bucket, Columns, Question, Span
from kpi.rollup import COLUMNS


class Pieces(NamedTuple):
    """A stretch of time as whole months, whole days and (start, end) pairs that are neither."""

    months: list[date]
    days: list[date]
    rest: list[tuple[datetime, datetime]]

    @property
    def is_month(self) -> bool:
        return len(self.months) == 1 and not self.days and not self.rest


def pieces_of(clock: BusinessClock, starts: datetime, ends: datetime, *, days: bool) -> Pieces:
    """Take a stretch to pieces; without `days` what is no whole month is left as it is."""
    if ends <= starts:
        return Pieces([], [], [])
    first, last = (at.astimezone(clock.zone).date() for at in (starts, ends))
    if starts != clock.start_of(first):
        first += DAY
    if clock.start_of(first) >= ends or first >= last:
        return Pieces([], [], [(starts, ends)])
    grid = [first]
    while grid[-1] < last:
        until = Period.month_of(grid[-1]).until
        whole = grid[-1].day == 1 and until <= last
        grid.append(until if whole else grid[-1] + DAY if days else min(until, last))
    found = Pieces([], [], [])
    if starts < clock.start_of(first):
        found.rest.append((starts, clock.start_of(first)))
    for day, until in pairwise(grid):
        if day.day == 1 and until == Period.month_of(day).until:
            found.months.append(day)
        elif days:
            found.days.append(day)
        else:
            found.rest.append((clock.start_of(day), clock.start_of(until)))
    if clock.start_of(last) < ends:
        found.rest.append((clock.start_of(last), ends))
    return found


@dataclass(slots=True)
class Kept:
    """Counts from facts and rollups: what is known now."""

    question: Question
    eager: bool = field(default=False, init=False)

    def columns(self, wanted: Sequence[Column], spans: Sequence[Span]) -> Columns:
        cut, value = self._rolled_up
        if cut is None or any(column not in COLUMNS[column.family] for column in wanted):
            return self._from_facts(wanted, spans)
        pieces = {
            span.name: pieces_of(self.question.clock, span.starts, span.ends, days=not cut) for span in spans
        }
        found = self._from_rollups(wanted, pieces, cut, value)
        merged = [column for column in wanted if column.merge]
        rest = [Span(name, *ends) for name, each in pieces.items() for ends in each.rest]
        if rest and merged:
            for bucket, columns in self._from_facts(merged, rest).items():
                _add(found.setdefault(bucket, {}), columns)
        whole = [column for column in wanted if not column.merge]
        odd = [span for span in spans if not pieces[span.name].is_month and not span.rough]
        if odd and whole:
            for bucket, columns in self._from_facts(whole, odd).items():
                found.setdefault(bucket, {}).update(columns)
        return found

    def visits(self) -> Iterable[tuple[Any, ...]]:
        statement, parameters = flow.counts(self.question.by, self.question.filters, visits="kpi_visit")
        return sources.run(f"WITH {sql.SPANS}{statement}", self.question.span_parameters | parameters)

    def clients(self, *, with_map: bool) -> Iterable[tuple[Any, ...]]:
        statement, parameters = sources.clients(
            sql.MONEY_KEPT, self.question.by, self.question.filters, with_map=with_map
        )
        return sources.run(f"WITH {sql.SPANS},{statement}", self.question.span_parameters | parameters)

    @property
    def _rolled_up(self) -> tuple[str | None, str | None]:
        """The cut of the rollups that answer the question, and the one value of it; (None, None) where none do."""
        question = self.question
        if not question.filters:
            return question.by, None
        if not question.by and len(question.filters) == 1:
            ((cut, values),) = question.filters.items()
            if len(values) == 1:
                return cut, values[0]
        return None, None

    def _from_facts(self, wanted: Sequence[Column], spans: Sequence[Span]) -> Columns:
        statement, parameters = sources.gather("kpi_fact", wanted, self.question.by, self.question.filters)
        asked = {
            "spans": [span.name for span in spans],
            "starts": [span.starts for span in spans],
            "ends": [span.ends for span in spans],
        }
        rows = sources.run(
            f"WITH {sql.SPANS}{statement}", {**self.question.span_parameters, **asked, **parameters}
        )
        return sources.read(rows, wanted)

    def _from_rollups(
        self, wanted: Sequence[Column], pieces: dict[str, Pieces], cut: str, value: str | None
    ) -> Columns:
        where: dict[tuple[str, date], list[str]] = {}
        for name, each in pieces.items():
            for grain, days in (("month", each.months), ("day", each.days)):
                for day in days:
                    where.setdefault((grain, day), []).append(name)
        places = {column: COLUMNS[column.family].index(column) for column in wanted}
        by_family: dict[str, list[Column]] = {}
        for column in wanted:
            by_family.setdefault(column.family, []).append(column)
        found: Columns = {}
        is_month = {name: each.is_month for name, each in pieces.items()}
        for grain, starts, family, key, numbers in self._rows(where, list(by_family), cut, value):
            for name in where[grain, starts]:
                columns = {
                    column: numbers[places[column]]
                    for column in by_family[family]
                    if column.merge or is_month[name]
                }
                _add(found.setdefault(Bucket(name, key), {}), columns)
        return found

    def _rows(
        self, where: Iterable[tuple[str, date]], families: list[str], cut: str, value: str | None
    ) -> list[tuple[Any, ...]]:
        """(grain, starts, family, key or None for the total, numbers) of the rollups wanted."""
        listed = list(where)
        table, name = sql.CUTS[cut] if cut else ("", "")
        parts = [("", "NULL::text", "", "")]
        if cut:
            label = f"coalesce(cut.{name}, '')"
            joined = f"LEFT JOIN {table} cut ON cut.id = rollup.key"
            chosen = "" if value is None else f"AND {label} = %(value)s"
            parts = [(cut, "NULL::text" if value is not None else label, joined, chosen)]
            if value is None:
                parts.append(("", "NULL::text", "", ""))
        statement = " UNION ALL ".join(
            f"SELECT grain, starts, family, {label}, numbers FROM kpi_rollup rollup {joined}"
            f" WHERE rollup.cut = '{of}' AND (grain, starts) IN (SELECT * FROM unnest(%(grains)s::text[], %(days)s::date[]))"
            f" AND family = ANY(%(families)s) {chosen}"
            for of, label, joined, chosen in parts
        )
        parameters: dict[str, Any] = {
            "grains": [grain for grain, _ in listed],
            "days": [day for _, day in listed],
            "families": families,
            "value": value,
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _add(total: dict[Column, Any], part: dict[Column, Any]) -> None:
    """Put the columns of a part to those of the whole."""
    for column, number in part.items():
        before = total.get(column)
        if before is None or number is None:
            total[column] = number if before is None else before
        else:
            total[column] = before + number if column.merge == "add" else max(before, number)
