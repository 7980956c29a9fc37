"""What staged rows refer to: each check takes the rows that fail it out of the staging tables, in one statement.

The order matters: what a check removes, later ones no longer count on.
"""

from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from funnel.models import Journey
from funnel.models.journey import ERASED

_REJECT: Final = """
WITH bad AS (DELETE FROM {table} r USING ({found}) found WHERE r.ctid = found.place
    RETURNING r.line, {value} AS value{more})
INSERT INTO history_rejected
SELECT '{file}', line, '{column}', left(value, 200), {reason} FROM bad"""

_AS_ERASED: Final = """
UPDATE {table} r SET {column} = j.external_id FROM funnel_journey j
WHERE {where} AND j.external_id = %(erased)s || encode(sha256(convert_to(r.{column}, 'UTF8')), 'hex')"""
"""Names a journey whose person was erased as it is kept since, so that a file read again finds it."""

_SHOWN: Final = {
    "occurred_at_utc": """to_char(r.occurred AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}
"""How a rejection shows what is not staged as it was written."""


def _run(sql: str, parameters: dict[str, Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or {})
        return int(cursor.rowcount)


def _reject(file: str, column: str, found: str, words: str, more: str = "") -> int:
    """Reject the rows of `file` that `found` names by `place`; `words` may hold %s for its column `detail`."""
    reason = "format(%(words)s, detail)" if more else "%(words)s"
    sql = _REJECT.format(
        table={"journeys": "history_journey", "events": "history_event"}[file],
        file=file,
        column=column,
        value=_SHOWN.get(column, f"r.{column}"),
        found=found,
        more=more,
        reason=reason,
    )
    return _run(sql, {"words": words})


def repeated_rows() -> tuple[int, int]:
    """Take out rows whose key stood in their file before; return how many in each say the same, as if there already.

    One that says something else is rejected.
    """
    same = []
    for file, table, key, rest in (
        ("journeys", "history_journey", "journey_id", "client_id, source, campaign, owner, service, note"),
        ("events", "history_event", "event_id", "journey_id, event, occurred, recorded, value"),
    ):
        found = f"""
            SELECT place, detail, same FROM (
                SELECT ctid AS place, line, min(line) OVER key AS detail,
                    ROW({rest}) IS NOT DISTINCT FROM first_value(ROW({rest})) OVER (key ORDER BY line) AS same
                FROM {table} WHERE {key} IN (SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1)
                WINDOW key AS (PARTITION BY {key})
            ) ranked WHERE line > detail"""  # noqa: S608  names of our own tables and columns
        words = _("Stands on line %s already, with other values.")
        _reject(file, key, f"SELECT * FROM ({found}) other WHERE NOT same", words, ", found.detail")  # noqa: S608
        same.append(_run(f"DELETE FROM {table} r USING ({found}) found WHERE r.ctid = found.place"))  # noqa: S608
    return same[0], same[1]


def already_there() -> tuple[int, int]:
    """Take out the journeys and events that the database has; return how many of each there were."""
    if Journey.objects.filter(external_id__startswith=ERASED).exists():
        for table, column, where in (
            ("history_journey", "journey_id", "TRUE"),
            ("history_event", "journey_id", "TRUE"),
            ("history_event", "value", "r.event = 'merged_into'"),
        ):
            _run(_AS_ERASED.format(table=table, column=column, where=where), {"erased": ERASED})
    return (
        _run("DELETE FROM history_journey r USING funnel_journey j WHERE j.external_id = r.journey_id"),
        _run("DELETE FROM history_event r USING funnel_event e WHERE e.external_id = r.event_id"),
    )


def find_targets() -> None:
    """Make `history_target`: each journey of the staged events, new or known, with the time it arrived.

    Known ones are locked, in the order of their keys, so that nobody moves them meanwhile.
    """
    _run("""
        CREATE TEMPORARY TABLE history_target ON COMMIT DROP AS
        WITH held AS (
            SELECT j.* FROM funnel_journey j
            WHERE j.external_id IN (SELECT journey_id FROM history_event)
            ORDER BY j.id FOR NO KEY UPDATE
        ),
        arrived AS (
            SELECT journey_id, min(occurred) AS at FROM history_event WHERE event = 'lead_created' GROUP BY 1
        ),
        arrived_before AS (
            SELECT DISTINCT ON (held.id) held.id, e.occurred_at AS at, e.owner_id
            FROM held JOIN funnel_event e ON e.journey_id = held.id AND e.event = 'lead_created'
            WHERE NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id)
            ORDER BY held.id, e.occurred_at, e.seq
        )
        SELECT FALSE AS fresh, held.id AS pk, held.external_id AS journey_id, least(arrived.at, before.at) AS created_at,
            held.seq, held.contact_id, held.source_id, held.campaign_id, held.service_id,
            CASE WHEN before.id IS NULL THEN held.owner_id ELSE before.owner_id END AS owner_id, '' AS note
        FROM held LEFT JOIN arrived ON arrived.journey_id = held.external_id
        LEFT JOIN arrived_before before USING (id)
        UNION ALL
        SELECT TRUE, NULL, staged.journey_id, arrived.at, 0, NULL, NULL, NULL, NULL, NULL, ''
        FROM history_journey staged LEFT JOIN arrived USING (journey_id);
        CREATE INDEX ON history_target (journey_id);
        ANALYZE history_target
    """)


def unknown_journeys() -> None:
    """Reject events of journeys that neither the file nor the database has."""
    _reject(
        "events",
        "journey_id",
        """SELECT e.ctid AS place FROM history_event e
        WHERE NOT EXISTS (SELECT FROM history_target t WHERE t.journey_id = e.journey_id)""",
        _("No such journey, or its row was rejected."),
    )


def without_arrival() -> None:
    """Reject journeys that have no `lead_created`, with all their events."""
    words = _("The journey has no lead_created.")
    empty = (
        "SELECT r.ctid AS place FROM {} r JOIN history_target t USING (journey_id) WHERE t.created_at IS NULL"
    )
    _reject("events", "journey_id", empty.format("history_event"), words)
    _reject("journeys", "journey_id", empty.format("history_journey"), words)
    _run("DELETE FROM history_target WHERE created_at IS NULL")


def before_arrival() -> None:
    """Reject events that precede their journey's `lead_created`."""
    _reject(
        "events",
        "occurred_at_utc",
        """SELECT r.ctid AS place FROM history_event r JOIN history_target t USING (journey_id)
        WHERE r.occurred < t.created_at""",
        _("Precedes the lead_created of its journey."),
    )


def merges() -> None:
    """Reject merges into a journey that is not there, or into itself."""
    _reject(
        "events",
        "value",
        """SELECT ctid AS place FROM history_event WHERE event = 'merged_into' AND value = journey_id""",
        _("A journey cannot be merged into itself."),
    )
    _reject(
        "events",
        "value",
        """SELECT e.ctid AS place FROM history_event e WHERE e.event = 'merged_into'
        AND NOT EXISTS (SELECT FROM history_target t WHERE t.journey_id = e.value)
        AND NOT EXISTS (SELECT FROM funnel_journey j WHERE j.external_id = e.value)""",
        _("No such journey."),
    )


def annulments() -> None:
    """Find what staged annulments annul, into `history_annulled`; reject those that cannot be."""
    _run("""
        CREATE TEMPORARY TABLE history_annulled ON COMMIT DROP AS
        SELECT a.line, a.ctid AS place, a.journey_id, a.value AS event_id, known.id,
            coalesce(staged.event, known.event) AS event,
            coalesce(staged.journey_id, journey.external_id, '') AS theirs,
            EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = known.id)
                OR row_number() OVER (PARTITION BY a.value ORDER BY a.occurred, a.event_id COLLATE "C") > 1 AS again
        FROM history_event a
        LEFT JOIN history_event staged ON staged.event_id = a.value
        LEFT JOIN funnel_event known ON known.external_id = a.value
        LEFT JOIN funnel_journey journey ON journey.id = known.journey_id
        WHERE a.event = 'annulled'
    """)
    _reject_annulments("event IS NULL", _("No such event, or its row was rejected."))
    _reject_annulments("event = 'annulled'", _("An annulment cannot be annulled."))
    _reject_annulments("theirs <> journey_id", _("The event belongs to another journey."))
    _reject_annulments("again", _("The event is annulled already."))
    _reject_annulments(
        """event = 'lead_created' AND EXISTS (
            SELECT FROM history_event e WHERE e.journey_id = found.journey_id AND e.event <> 'annulled'
                AND NOT EXISTS (SELECT FROM history_annulled gone WHERE gone.event_id = e.event_id)
            UNION ALL
            SELECT FROM funnel_event e JOIN history_target t ON t.pk = e.journey_id
            WHERE t.journey_id = found.journey_id AND e.event <> 'annulled'
                AND NOT EXISTS (SELECT FROM funnel_event undone WHERE undone.annuls_id = e.id)
                AND NOT EXISTS (SELECT FROM history_annulled gone WHERE gone.id = e.id)
        )""",
        _("A lead_created can be annulled only with every other event of its journey."),
    )


def _reject_annulments(condition: str, words: str) -> None:
    _run(
        f"""WITH bad AS (DELETE FROM history_annulled found WHERE {condition} RETURNING place),
        gone AS (DELETE FROM history_event r USING bad WHERE r.ctid = bad.place RETURNING r.line, r.value)
        INSERT INTO history_rejected SELECT 'events', line, 'value', left(value, 200), %(words)s FROM gone""",  # noqa: S608
        {"words": words},
    )
