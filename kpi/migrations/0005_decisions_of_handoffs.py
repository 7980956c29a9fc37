from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpi", "0004_estimates_and_digests")]

    operations = [
        migrations.AddField(
            model_name="fact",
            name="of_handoff",
            field=models.BooleanField(default=True),
            preserve_default=False,
        ),
    ]
