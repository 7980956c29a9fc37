"""Where journeys went from each stage: entered = advanced + lost + returned + referred + voided + still here.

A visit begins when a journey enters an open stage and ends when it leaves it; it counts in the period, and for the
owner, of its beginning. Journeys that have since become spam or duplicates are here too, as voided: without them what
was entered would not add up.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from funnel.stages import OPEN_STAGES, REOPEN_STAGES, RETURNS, TARGETS, Stage
from kpi import sql
from kpi.values import Flow, Visits

ORDER: Final = [stage.value for stage in Stage]
NOBODY: Final = Visits(0, 0, 0, 0, 0, 0, 0, None, None)


def empty() -> Flow:
    """What a period in which nothing entered any stage comes to."""
    return Flow({stage: NOBODY for stage in ORDER if stage in OPEN_STAGES})


def parameters() -> dict[str, Any]:
    """What `VISITS` needs of the table of stages: each by its number in the funnel's order, from 1."""
    fixed = {event: target for event, target in TARGETS.items() if target is not None}
    named = [(event, stage) for event, stages in RETURNS.items() for stage in sorted(stages)]
    return {
        "stage_events": list(TARGETS),
        "stages": ORDER,
        "events": list(fixed),
        "targets": [_number(target.value) for target in fixed.values()],
        "naming": [event for event, _stage in named],
        "names": [stage for _event, stage in named],
        "name_numbers": [_number(stage) for _event, stage in named],
        "reopen_numbers": [_number(stage.value) for stage in REOPEN_STAGES],
        "open_numbers": [_number(stage) for stage in ORDER if stage in OPEN_STAGES],
    }


def _number(stage: str) -> int:
    return ORDER.index(stage) + 1


def counts(
    by: str, filters: Mapping[str, Sequence[str]], visits: str = "visit"
) -> tuple[str, dict[str, Any]]:
    """The SQL, and its parameters, that counts a relation of visits by span, cut and stage: needs `span`."""
    cut_from, cut = sql.cut_of(by, "visit")
    condition, parameters = sql.kept(filters, "visit")
    groups = "GROUPING SETS ((span, stage), (span, cut, stage))" if by else "span, stage"
    with_cut = "CASE WHEN grouping(cut) = 0 THEN cut END" if by else "NULL::text"
    return (
        _COUNTS.format(
            visits=visits, cut_from=cut_from, cut=cut, condition=condition, groups=groups, with_cut=with_cut
        ),
        parameters,
    )


def read(rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, str | None, str, Visits]]:
    """Turn rows of the statement into (span, cut, stage, visits)."""
    for span, cut, stage, *numbers in rows:
        yield span, cut, stage, Visits(*numbers)


# `stage` is the number of a stage in the funnel's order: the one that the event's value names, where the table lets it
# lead back to that, else the one it always leads to. A reopening without a stage of its own leads to the furthest
# of those that it may lead to and that the journey had entered; an unmerging to the stage before the merge.
VISITS: Final = """
target AS (SELECT * FROM unnest(%(events)s::text[], %(targets)s::int[]) AS listed(event, stage)),
goal AS (
    SELECT * FROM unnest(%(naming)s::text[], %(names)s::text[], %(name_numbers)s::int[]) AS listed(event, name, stage)
),
told AS (
    SELECT heard.journey_id, heard.place, heard.at, heard.event, heard.owner_id, heard.team_id, heard.source_id,
        heard.campaign_id, heard.service_id,
        coalesce(goal.stage, target.stage) AS stage
    FROM heard
    LEFT JOIN target ON target.event = heard.event
    LEFT JOIN goal ON goal.event = heard.event AND goal.name = heard.value
    WHERE heard.event = 'merged_into' OR CASE WHEN in_spam THEN heard.event = 'reopened' ELSE NOT signed END
),
resolved AS (
    SELECT told.*,
        coalesce(stage, max(stage) FILTER (WHERE stage = ANY(%(reopen_numbers)s)) OVER before, 1) AS reached
    FROM told
    WINDOW before AS (PARTITION BY journey_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
restored AS (
    SELECT known.journey_id, known.place, known.at, known.owner_id, known.team_id, known.source_id, known.campaign_id,
        known.service_id, earlier.reached
    FROM merging known
    CROSS JOIN LATERAL (
        SELECT reached FROM resolved
        WHERE resolved.journey_id = known.journey_id AND resolved.place < known.place AND resolved.event <> 'merged_into'
        ORDER BY resolved.place DESC LIMIT 1
    ) AS earlier
    WHERE known.event = 'unmerged' AND known.in_merge
),
entry AS (
    SELECT *, lag(reached) OVER (PARTITION BY journey_id ORDER BY place) AS came_from
    FROM (
        SELECT journey_id, place, at, owner_id, team_id, source_id, campaign_id, service_id, reached FROM resolved
        UNION ALL
        SELECT journey_id, place, at, owner_id, team_id, source_id, campaign_id, service_id, reached FROM restored
    ) AS every
),
stay AS (
    SELECT entry.*, lead(reached) OVER later AS next_reached, lead(at) OVER later AS left_at
    FROM entry WHERE came_from IS DISTINCT FROM reached
    WINDOW later AS (PARTITION BY journey_id ORDER BY place)
),
visit AS (
    SELECT stay.journey_id, (%(stages)s::text[])[reached] AS stage, at, left_at,
        coalesce((%(stages)s::text[])[next_reached], '') AS went_to,
        source_id, campaign_id, service_id, owner_id, team_id
    FROM stay JOIN firsts USING (journey_id)
    WHERE reached = ANY(%(open_numbers)s)
)"""
"""The relation `visit`, of the columns of `models.Visit`: needs `known`, `firsts`, `merging` and `heard`."""

_COUNTS: Final = """
SELECT span, {with_cut}, stage, count(*),
    count(*) FILTER (WHERE went_to NOT IN ('', 'lost', 'returned', 'referred', 'spam', 'merged')),
    count(*) FILTER (WHERE went_to = 'lost'),
    count(*) FILTER (WHERE went_to = 'returned'),
    count(*) FILTER (WHERE went_to = 'referred'),
    count(*) FILTER (WHERE went_to IN ('spam', 'merged')),
    count(*) FILTER (WHERE went_to = ''),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY days::float8),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY days::float8)
FROM (
    SELECT span.span, {cut} AS cut, visit.stage, visit.went_to,
        extract(epoch FROM coalesce(visit.left_at, %(as_of)s) - visit.at) / 86400 AS days
    FROM span
    JOIN {visits} AS visit ON visit.at >= span.starts AND visit.at < span.ends
    {cut_from}
    WHERE {condition}
) AS counted
GROUP BY {groups}
"""
