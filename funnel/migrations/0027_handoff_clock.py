from django.db import migrations, models

HOURS = 8


def start_clock(apps, schema_editor):
    """Let the handoff clock run where the organisation has no journeys yet; others keep their setting."""
    if not apps.get_model("funnel", "Journey").objects.exists():
        apps.get_model("funnel", "Organisation").objects.filter(handoff_hours=0).update(handoff_hours=HOURS)


class Migration(migrations.Migration):
    dependencies = [("funnel", "0026_referrals_returned")]

    operations = [
        migrations.AlterField(
            model_name="organisation",
            name="handoff_hours",
            field=models.PositiveIntegerField(
                default=8,
                help_text="An offer left undecided for longer goes back to marketing; 0 leaves it open.",
                verbose_name="handoff decided within, business hours",
            ),
        ),
        migrations.RunPython(start_clock, migrations.RunPython.noop),
    ]
