from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("funnel", "0028_offers_decided_by"),
    ]

    operations = [
        migrations.AddField(
            model_name="mail",
            name="copy",
            field=models.CharField(blank=True, max_length=2000, verbose_name="copy"),
        ),
        migrations.AlterField(
            model_name="mail",
            name="to",
            field=models.CharField(
                help_text="Addresses, set apart by commas.", max_length=2000, verbose_name="to"
            ),
        ),
    ]
