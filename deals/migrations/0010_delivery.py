import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deals", "0009_proposal_taxes_of_before"),
        ("funnel", "0029_mails_to_several"),
    ]

    operations = [
        migrations.AddField(
            model_name="contractversion",
            name="delivery",
            field=models.CharField(
                blank=True,
                choices=[("letter", "By e-mail"), ("handed_over", "I handed it over myself")],
                max_length=12,
                verbose_name="delivery",
            ),
        ),
        migrations.AddField(
            model_name="contractversion",
            name="letter",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="sent_%(class)s",
                to="funnel.mail",
            ),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="delivery",
            field=models.CharField(
                blank=True,
                choices=[("letter", "By e-mail"), ("handed_over", "I handed it over myself")],
                max_length=12,
                verbose_name="delivery",
            ),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="letter",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="sent_%(class)s",
                to="funnel.mail",
            ),
        ),
        # nothing that was sent before was mailed from here
        migrations.RunSQL(
            [
                "UPDATE deals_proposalversion SET delivery = 'handed_over' WHERE state = 'sent'",
                "UPDATE deals_contractversion SET delivery = 'handed_over' WHERE state = 'sent'",
            ],
            migrations.RunSQL.noop,
        ),
    ]
