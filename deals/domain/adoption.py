"""What an imported past leaves beside the ledger: the records of its money, and demos that it took out of the calendar."""

from __future__ import annotations

from django.db import connection

from funnel import machine

from . import schedule

_FORGET = """
DELETE FROM {table} record USING funnel_event annulment
 WHERE annulment.annuls_id = record.event_id AND annulment.xact = %(xact)s
"""
_SHARES = """
DELETE FROM deals_paymentshare share USING deals_payment record, funnel_event annulment
 WHERE share.payment_id = record.id AND annulment.annuls_id = record.event_id AND annulment.xact = %(xact)s
"""
_SCHEDULED = """
SELECT DISTINCT event.journey_id FROM funnel_event event
  JOIN funnel_journey journey ON journey.id = event.journey_id AND journey.annulled_at IS NULL
  JOIN deals_contract contract ON contract.journey_id = event.journey_id
  JOIN deals_instalment instalment ON instalment.contract_id = contract.id
 WHERE event.xact = %(xact)s
"""
_LIVE = """
  FROM funnel_event event, funnel_organisation organisation
 WHERE event.xact = %(xact)s AND event.amount > 0
   AND NOT EXISTS (SELECT 1 FROM funnel_event annulment WHERE annulment.annuls_id = event.id)
"""
_PAYMENTS = (
    """
INSERT INTO deals_payment (journey_id, event_id, kind, amount, paid_on, method)
SELECT event.journey_id, event.id, CASE event.event WHEN 'refund_paid' THEN 'refund' ELSE 'payment' END,
       event.amount, (event.occurred_at AT TIME ZONE organisation.timezone)::date, 'other'
"""
    + _LIVE
    + """   AND event.event IN ('payment_received', 'refund_paid')
 ORDER BY event.journey_id, event.occurred_at, event.seq
ON CONFLICT (event_id) DO NOTHING
"""
)
_COSTS = (
    """
INSERT INTO deals_directcost (journey_id, event_id, kind, amount, spent_on)
SELECT event.journey_id, event.id, 'other', event.amount,
       (event.occurred_at AT TIME ZONE organisation.timezone)::date
"""
    + _LIVE
    + """   AND event.event = 'direct_cost'
ON CONFLICT (event_id) DO NOTHING
"""
)
_DEMOS = """
UPDATE deals_meeting meeting
   SET closing_event_id = last.id,
       state = CASE last.event WHEN 'demo_held' THEN 'held' WHEN 'demo_no_show' THEN 'missed' ELSE 'cancelled' END
  FROM funnel_journey journey, LATERAL (
      SELECT event.id, event.event FROM funnel_event event
       WHERE event.journey_id = journey.id AND event.xact = %(xact)s AND event.stage_to <> ''
       ORDER BY event.stage_from = 'demo_scheduled' DESC, event.occurred_at, event.seq LIMIT 1
  ) last
 WHERE meeting.journey_id = journey.id AND meeting.state = 'scheduled' AND journey.stage <> 'demo_scheduled'
"""


def adopt(xact: int) -> None:
    """Follow what a transaction imported: records of payments, refunds and costs, money spread over schedules, demos ended.

    A fixed number of statements for any number of events.
    """
    with connection.cursor() as cursor:
        given = {"xact": xact}
        cursor.execute(_SHARES, given)
        for table in ("deals_payment", "deals_directcost"):
            cursor.execute(_FORGET.format(table=table), given)
        cursor.execute(_PAYMENTS, given)
        cursor.execute(_COSTS, given)
        cursor.execute(_DEMOS, given)
        cursor.execute(_SCHEDULED, given)
        scheduled = {key for (key,) in cursor.fetchall()}
    if scheduled:
        machine.lock(scheduled)
        schedule.allocate(scheduled)
