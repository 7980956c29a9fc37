from django.db import migrations

KEEP = """
UPDATE funnel_journey AS journey SET decide_by = offer.due_at
  FROM deals_handoff AS offer
 WHERE offer.journey_id = journey.id AND offer.decision = '' AND journey.stage = 'handed_off'
"""


class Migration(migrations.Migration):
    """Let the journeys that wait for a decision keep the time by which it is due."""

    dependencies = [("deals", "0006_answers_once_a_version"), ("funnel", "0028_offers_decided_by")]

    operations = [migrations.RunSQL(KEEP, migrations.RunSQL.noop)]
