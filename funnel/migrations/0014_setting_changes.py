import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("funnel", "0013_notices_mails_files")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="single_keys",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Letters act at once in lists: j and k move, a takes. Ctrl K and Enter work either way.",
                verbose_name="single-key shortcuts",
            ),
        ),
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "subject",
                    models.CharField(help_text="What kind of setting: see funnel.subjects.", max_length=40),
                ),
                (
                    "key",
                    models.CharField(
                        blank=True, help_text="Which one; blank where there is only one.", max_length=64
                    ),
                ),
                ("name", models.CharField(help_text="What it was called then.", max_length=200)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "undoes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="funnel.settingchange",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a setting",
                "verbose_name_plural": "changes of settings",
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["subject", "key", "-id"], name="setting_change_of")],
            },
        ),
        migrations.AlterModelOptions(
            name="rate",
            options={"verbose_name": "exchange rate", "verbose_name_plural": "exchange rates"},
        ),
        migrations.AlterField(
            model_name="rate", name="currency", field=models.CharField(max_length=3, verbose_name="currency")
        ),
        migrations.AlterField(model_name="rate", name="day", field=models.DateField(verbose_name="from")),
        migrations.AlterField(
            model_name="rate",
            name="into",
            field=models.CharField(db_column="into_currency", max_length=3, verbose_name="worth in"),
        ),
        migrations.AlterField(
            model_name="rate",
            name="rate",
            field=models.DecimalField(decimal_places=10, max_digits=20, verbose_name="rate"),
        ),
    ]
