import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import deals.models.papers


class Migration(migrations.Migration):
    dependencies = [
        ("deals", "0003_meetings_cancelled"),
        ("funnel", "0024_client_answers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FormerLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token", models.CharField(max_length=64, unique=True)),
                ("replaced_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="contract",
            name="link_revoked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="contract",
            name="token",
            field=models.CharField(default=deals.models.papers.new_token, max_length=64),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answer",
            field=models.CharField(
                blank=True,
                choices=[
                    ("accepted", "Accepted"),
                    ("changes", "Asked to change it"),
                    ("declined", "Declined"),
                ],
                max_length=10,
                verbose_name="client's answer",
            ),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answer_text",
            field=models.TextField(blank=True, verbose_name="what the client wrote"),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answered_as",
            field=models.CharField(blank=True, max_length=200, verbose_name="position"),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answered_at",
            field=models.DateTimeField(null=True, verbose_name="answered at"),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answered_by",
            field=models.CharField(blank=True, max_length=200, verbose_name="answered by"),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="answered_event",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="answered_%(class)s",
                to="funnel.event",
            ),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="offer",
            field=models.ForeignKey(
                help_text="The version of the proposal whose lines it carries.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="deals.proposalversion",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="link_revoked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answer",
            field=models.CharField(
                blank=True,
                choices=[
                    ("accepted", "Accepted"),
                    ("changes", "Asked to change it"),
                    ("declined", "Declined"),
                ],
                max_length=10,
                verbose_name="client's answer",
            ),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answer_text",
            field=models.TextField(blank=True, verbose_name="what the client wrote"),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answered_as",
            field=models.CharField(blank=True, max_length=200, verbose_name="position"),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answered_at",
            field=models.DateTimeField(null=True, verbose_name="answered at"),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answered_by",
            field=models.CharField(blank=True, max_length=200, verbose_name="answered by"),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="answered_event",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="answered_%(class)s",
                to="funnel.event",
            ),
        ),
        migrations.AddField(
            model_name="formerlink",
            name="journey",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="former_links", to="funnel.journey"
            ),
        ),
        migrations.AddField(
            model_name="formerlink",
            name="replaced_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="link_expires_at",
            field=models.DateTimeField(
                help_text="Until when the link shows it; empty: it does not expire.", null=True
            ),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="link_expires_at",
            field=models.DateTimeField(
                help_text="Until when the link shows it; empty: it does not expire.", null=True
            ),
        ),
    ]
