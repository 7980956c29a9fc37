from django.db import migrations, models

import deals.models.papers


class Migration(migrations.Migration):
    dependencies = [("deals", "0005_client_links_and_answers_of_before")]

    operations = [
        migrations.AlterField(
            model_name="contract",
            name="token",
            field=models.CharField(default=deals.models.papers.new_token, max_length=64, unique=True),
        ),
        migrations.RemoveField(
            model_name="proposal",
            name="answer",
        ),
        migrations.RemoveField(
            model_name="proposal",
            name="answer_text",
        ),
        migrations.RemoveField(
            model_name="proposal",
            name="answered_at",
        ),
        migrations.RemoveField(
            model_name="proposal",
            name="answered_version",
        ),
        migrations.AddConstraint(
            model_name="contractversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None)),
                    models.Q(("answer__gt", ""), ("answered_at__isnull", False), ("state", "sent")),
                    _connector="OR",
                ),
                name="contract_version_answered_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposalversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None)),
                    models.Q(("answer__gt", ""), ("answered_at__isnull", False), ("state", "sent")),
                    _connector="OR",
                ),
                name="proposal_version_answered_whole",
            ),
        ),
    ]
