"""What was sent keeps its totals, with the tax of each rate as it was added up; drafts are worked out anew."""

from typing import Any

from django.db import migrations

from funnel.currencies import digits

CURRENCY = "UPDATE deals_proposalversion SET currency = %(currency)s"
LINES = """
UPDATE deals_line line SET net = round(
    line.quantity * line.unit_price * (100 - line.discount) * 0.01,
    CASE WHEN version.state = 'draft' THEN %(digits)s ELSE 2 END)
FROM deals_proposalversion version WHERE version.id = line.version_id
"""
VERSIONS = """
WITH rates AS (
    SELECT line.version_id, line.tax AS rate, sum(line.net) AS net,
        CASE WHEN version.state = 'draft' THEN round(sum(line.net) * line.tax * 0.01, %(digits)s)
        ELSE sum(round(line.net * line.tax * 0.01, 2)) END AS tax
    FROM deals_line line JOIN deals_proposalversion version ON version.id = line.version_id
    GROUP BY line.version_id, line.tax, version.state
), sums AS (
    SELECT version_id, sum(net) AS net, sum(tax) AS tax, jsonb_agg(
        jsonb_build_object('rate', rate::text, 'net', net::text, 'tax', tax::text) ORDER BY rate) AS taxes
    FROM rates GROUP BY version_id
)
UPDATE deals_proposalversion version SET
    taxes = sums.taxes,
    net = CASE WHEN state = 'draft' THEN sums.net ELSE version.net END,
    tax = CASE WHEN state = 'draft' THEN sums.tax ELSE version.tax END,
    total = CASE WHEN state = 'draft' THEN sums.net + sums.tax ELSE version.total END
FROM sums WHERE sums.version_id = version.id
"""


def work_out(apps: Any, schema_editor: Any) -> None:
    Organisation = apps.get_model("funnel", "Organisation")
    currency = Organisation.objects.values_list("currency", flat=True).first() or "EUR"
    with schema_editor.connection.cursor() as cursor:
        for statement in (CURRENCY, LINES, VERSIONS):
            cursor.execute(statement, {"currency": currency, "digits": digits(currency)})


class Migration(migrations.Migration):
    dependencies = [("deals", "0008_proposal_taxes")]

    operations = [migrations.RunPython(work_out, migrations.RunPython.noop)]
