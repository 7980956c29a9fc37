"""Pairs of records that may be one, over the whole stock; the database notes what is to be compared."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

WATCH = """
CREATE FUNCTION leads_note_uncompared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO leads_uncompared (kind, party) VALUES (TG_ARGV[0], NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER contact_uncompared AFTER INSERT ON funnel_contact FOR EACH ROW
    WHEN (NEW.name <> '' OR NEW.email <> '' OR NEW.phone <> '')
    EXECUTE FUNCTION leads_note_uncompared('contact');
CREATE TRIGGER contact_recompared AFTER UPDATE ON funnel_contact FOR EACH ROW
    WHEN ((OLD.name, OLD.email, OLD.phone, OLD.company_id, OLD.merged_into_id, OLD.erased_at)
        IS DISTINCT FROM (NEW.name, NEW.email, NEW.phone, NEW.company_id, NEW.merged_into_id, NEW.erased_at))
    EXECUTE FUNCTION leads_note_uncompared('contact');
CREATE TRIGGER company_uncompared AFTER INSERT ON funnel_company FOR EACH ROW
    EXECUTE FUNCTION leads_note_uncompared('company');
CREATE TRIGGER company_recompared AFTER UPDATE ON funnel_company FOR EACH ROW
    WHEN ((OLD.name, OLD.domain, OLD.tax_id, OLD.merged_into_id)
        IS DISTINCT FROM (NEW.name, NEW.domain, NEW.tax_id, NEW.merged_into_id))
    EXECUTE FUNCTION leads_note_uncompared('company');
INSERT INTO leads_uncompared (kind, party) SELECT 'contact', id FROM funnel_contact
    WHERE merged_into_id IS NULL AND erased_at IS NULL AND (name <> '' OR email <> '' OR phone <> '') ORDER BY id;
INSERT INTO leads_uncompared (kind, party) SELECT 'company', id FROM funnel_company
    WHERE merged_into_id IS NULL ORDER BY id;
"""
UNWATCH = """
DROP TRIGGER contact_uncompared ON funnel_contact;
DROP TRIGGER contact_recompared ON funnel_contact;
DROP TRIGGER company_uncompared ON funnel_company;
DROP TRIGGER company_recompared ON funnel_company;
DROP FUNCTION leads_note_uncompared();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("funnel", "0030_companies_by_tax_number"),
        ("leads", "0010_former_companies_by_key"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Uncompared",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=10)),
                ("party", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "id"], name="uncompared_by_kind")],
            },
        ),
        migrations.CreateModel(
            name="CompanyPair",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sure", models.PositiveSmallIntegerField(help_text="In per cent.", verbose_name="sure")),
                (
                    "why",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), default=list, size=None
                    ),
                ),
                ("apart_at", models.DateTimeField(null=True)),
                (
                    "apart_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.company",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.company",
                    ),
                ),
            ],
            options={
                "verbose_name": "pair of companies",
                "verbose_name_plural": "pairs of companies",
                "ordering": ["-sure", "-pk"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("apart_at", None)),
                        fields=["-sure", "-id"],
                        name="companypair_open",
                    ),
                    models.Index(fields=["second"], name="companypair_second"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="companypair_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="companypair_in_order"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactPair",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sure", models.PositiveSmallIntegerField(help_text="In per cent.", verbose_name="sure")),
                (
                    "why",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), default=list, size=None
                    ),
                ),
                ("apart_at", models.DateTimeField(null=True)),
                (
                    "apart_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.contact",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="funnel.contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "pair of contacts",
                "verbose_name_plural": "pairs of contacts",
                "ordering": ["-sure", "-pk"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("apart_at", None)),
                        fields=["-sure", "-id"],
                        name="contactpair_open",
                    ),
                    models.Index(fields=["second"], name="contactpair_second"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="contactpair_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="contactpair_in_order"
                    ),
                ],
            },
        ),
        migrations.RunSQL(WATCH, UNWATCH),
    ]
