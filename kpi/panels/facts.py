"""The relation of facts that a panel's own SQL counts: what is kept for now, or the ledger as known at a moment."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kpi import rollup, sql
from kpi.panels.frame import Asked
from kpi.queries import Span, windows_of
from kpi.sources import clock_parameters, run


class Relation(NamedTuple):
    """A WITH clause that gives `span` and, under `name`, the facts; and the parameters of both."""

    with_clause: str
    name: str
    parameters: dict[str, Any]


def relation(asked: Asked, spans: Sequence[Span], events: Sequence[str]) -> Relation:
    """Where the facts of these events within these spans are: kept ones where they are no further behind than asked.

    Of a journey that is spam or merged only the application is a fact, and void: panels count `NOT void`.
    """
    parameters = asked.question(spans).span_parameters | {"counted": list(events)}
    organisation = asked.organisation
    if asked.lag is not None and rollup.is_current(
        clock=organisation.clock, windows=windows_of(organisation), lag=asked.lag
    ):
        return Relation(f"WITH {sql.SPANS}", "kpi_fact", parameters)
    relations = ",".join((sql.SPANS, sql.TOUCHED_BY_EVENTS, sql.fact(in_spans=True)))
    until = max(asked.as_of, *(span.ends for span in spans))
    return Relation(f"WITH {relations}", "fact", parameters | clock_parameters(organisation.clock, until))


def count(
    asked: Asked,
    spans: Sequence[Span],
    events: Sequence[str],
    statement: str,
    parameters: Mapping[str, Any] | None = None,
) -> list[tuple[Any, ...]]:
    """Run a panel's statement over the facts of the spans: two queries.

    In the statement `{facts}` is the relation, `{kept}` the condition of the filters on `fact`; `span` is there, and
    `%(counted)s` are the events.
    """
    found = relation(asked, spans, events)
    condition, filters = sql.kept(asked.filters)
    own = statement.format(facts=found.name, kept=condition)
    return run(f"{found.with_clause} {own}", {**found.parameters, **filters, **(parameters or {})})
