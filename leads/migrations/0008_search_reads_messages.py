"""Journeys are found by the words of the message as well."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

import leads.models


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0007_campaign_cost_months"),
        ("funnel", "0022_search_folds_names"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="application",
            index=GinIndex(leads.models.application_terms(), name="application_terms"),
        ),
    ]
