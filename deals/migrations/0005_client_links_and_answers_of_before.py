from django.db import migrations

FILL = [
    """
UPDATE deals_contract SET token = replace(gen_random_uuid()::text, '-', '')
""",
    """
UPDATE deals_proposalversion version
   SET answer = proposal.answer, answered_at = coalesce(proposal.answered_at, version.sent_at),
       answer_text = proposal.answer_text
  FROM deals_proposal proposal
 WHERE version.proposal_id = proposal.id AND version.number = proposal.answered_version
   AND version.state = 'sent' AND proposal.answer <> ''
""",
    """
UPDATE deals_proposalversion SET link_expires_at = now() + interval '90 days' WHERE state = 'sent'
""",
    """
UPDATE deals_contractversion SET link_expires_at = now() + interval '90 days' WHERE state = 'sent'
""",
]
BACK = """
UPDATE deals_proposal proposal
   SET answer = version.answer, answered_version = version.number, answered_at = version.answered_at,
       answer_text = version.answer_text
  FROM deals_proposalversion version
 WHERE version.proposal_id = proposal.id AND version.answer <> ''
   AND NOT EXISTS (SELECT FROM deals_proposalversion later WHERE later.proposal_id = proposal.id
                      AND later.answer <> '' AND later.number > version.number)
"""


class Migration(migrations.Migration):
    """Keep each answer with the version it was given to; links that work go on working for 90 days."""

    dependencies = [("deals", "0004_client_links_and_answers")]
    operations = [migrations.RunSQL(FILL, [BACK])]
