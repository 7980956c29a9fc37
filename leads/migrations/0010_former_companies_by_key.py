"""Companies are found by the names that they had before a merge, compared as their names are."""

from django.db import migrations

FORWARD = "CREATE INDEX leads_former_company_by_key ON funnel_formercompany (leads_company_key(name))"
BACKWARD = "DROP INDEX leads_former_company_by_key"


class Migration(migrations.Migration):
    dependencies = [("leads", "0009_import_encodings"), ("funnel", "0025_former_keys")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
