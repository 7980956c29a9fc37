"""The records that a history names and that are not there yet: sources, people, contacts, reasons, partners."""

from typing import Any

from django.db import connection

from funnel import registry
from funnel.models import Reason, User
from funnel.stages import Happening, Role

from .staging import batches

_REASONS = {
    Happening.LEAD_LOST: Reason.Kind.LOST,
    Happening.DEAL_LOST: Reason.Kind.LOST,
    Happening.SAL_REJECTED: Reason.Kind.REJECTED,
    Happening.OBJECTION_RAISED: Reason.Kind.OBJECTION,
}
"""Events whose value is the key of a reason."""


def create() -> None:
    """Create what is missing, then complete `history_target` with the keys of all of it."""
    with connection.cursor() as cursor:
        for table, column in (
            ("funnel_source", "source"),
            ("funnel_campaign", "campaign"),
            ("funnel_service", "service"),
        ):
            cursor.execute(
                f"INSERT INTO {table} (key, label, active)"  # noqa: S608  names from the list above
                f" SELECT DISTINCT {column}, '', TRUE FROM history_journey WHERE {column} <> ''"
                " ON CONFLICT (key) DO NOTHING"
            )
        cursor.execute(
            "INSERT INTO funnel_contact (external_id, name, email, phone, language, region, created_at)"
            " SELECT DISTINCT client_id, '', '', '', '', '', now() FROM history_journey"
            " ON CONFLICT (external_id) DO NOTHING"
        )
        for event, kind in _REASONS.items():
            cursor.execute(
                "INSERT INTO funnel_reason (kind, key, label, active)"
                " SELECT DISTINCT %s, value, '', TRUE FROM history_event WHERE event = %s AND value <> ''"
                " ON CONFLICT (kind, key) DO NOTHING",
                [kind, event],
            )
        for event, make in registry.history_values.items():
            cursor.execute(
                "SELECT DISTINCT value FROM history_event WHERE event = %s AND value <> '' ORDER BY 1",
                [event],
            )
            if values := [value for (value,) in cursor.fetchall()]:
                make(values)
        cursor.execute(
            "SELECT owner FROM history_journey WHERE owner <> ''"
            " UNION SELECT value FROM history_event WHERE event = %s AND value <> ''"
            " EXCEPT SELECT username FROM funnel_user ORDER BY 1",
            [Happening.OWNER_CHANGED],
        )
        _create_owners(cursor.fetchall())
        cursor.execute(_COMPLETE)


def _create_owners(rows: list[tuple[str]]) -> None:
    """Create people known only from the past: they own journeys, cannot sign in, and are offered nothing."""
    for batch in batches(rows, 1000):
        people: list[Any] = [
            User(username=name, role=Role.SALESPERSON, takes_handoffs=False) for (name,) in batch
        ]
        for person in people:
            person.set_unusable_password()
        User.objects.bulk_create(people, ignore_conflicts=True)


_COMPLETE = """
UPDATE history_target t SET
    pk = nextval(pg_get_serial_sequence('funnel_journey', 'id')),
    contact_id = coalesce(contact.merged_into_id, contact.id),
    source_id = source.id,
    campaign_id = campaign.id,
    service_id = service.id,
    owner_id = owner.id,
    note = coalesce(staged.note, '')
FROM history_journey staged
JOIN funnel_contact contact ON contact.external_id = staged.client_id
JOIN funnel_source source ON source.key = staged.source
LEFT JOIN funnel_campaign campaign ON campaign.key = staged.campaign
LEFT JOIN funnel_service service ON service.key = staged.service
LEFT JOIN funnel_user owner ON owner.username = staged.owner
WHERE t.fresh AND staged.journey_id = t.journey_id;
ANALYZE history_target
"""
