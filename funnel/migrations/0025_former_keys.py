"""What merges wrote over on the card that stayed leads to it, of merges made before too."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import funnel.words

FORWARD = """
INSERT INTO funnel_formercontact (contact_id, merge_id, name, email, phone)
SELECT survivor_id, id, coalesce(kept->>'name', ''), coalesce(kept->>'email', ''), coalesce(kept->>'phone', '')
FROM funnel_contactmerge
WHERE undone_at IS NULL AND erased_at IS NULL
    AND concat(kept->>'name', kept->>'email', kept->>'phone') <> '';
INSERT INTO funnel_formercompany (company_id, merge_id, name, domain)
SELECT survivor_id, id, coalesce(kept->>'name', ''), coalesce(kept->>'domain', '')
FROM funnel_companymerge
WHERE undone_at IS NULL AND erased_at IS NULL AND concat(kept->>'name', kept->>'domain') <> '';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("funnel", "0024_client_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormerCompany",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200, verbose_name="name")),
                ("domain", models.CharField(blank=True, max_length=253, verbose_name="domain")),
                (
                    "company",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former",
                        to="funnel.company",
                    ),
                ),
                (
                    "merge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.companymerge",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["domain"], name="former_company_domain"),
                    django.contrib.postgres.indexes.GinIndex(
                        funnel.words.Indexed(funnel.words.Terms("name"), funnel.words.Words("domain")),
                        name="former_company_terms",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FormerContact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200, verbose_name="name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("phone", models.CharField(blank=True, max_length=64, verbose_name="phone")),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former",
                        to="funnel.contact",
                    ),
                ),
                (
                    "merge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.contactmerge",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(django.db.models.functions.text.Lower("email"), name="former_contact_email"),
                    models.Index(fields=["phone"], name="former_contact_phone"),
                    django.contrib.postgres.indexes.GinIndex(
                        funnel.words.Indexed(
                            funnel.words.Terms("name"),
                            funnel.words.Words("email"),
                            funnel.words.PhoneEnds("phone"),
                        ),
                        name="former_contact_terms",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
    ]
