from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("config", "0002_ticks")]

    operations = [
        migrations.AddField(model_name="milestone", name="facts", field=models.JSONField(default=dict)),
    ]
