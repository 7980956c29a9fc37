"""Of the keys that requests name themselves by only the hash is kept: they may hold somebody's address."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("funnel", "0020_sessions_that_ended")]

    operations = [
        migrations.RunSQL(
            "UPDATE funnel_idempotencykey SET key = encode(sha256(convert_to(key, 'UTF8')), 'hex')",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            "idempotencykey",
            "key",
            models.CharField(max_length=255, help_text="Hash of the name that the request gave itself."),
        ),
    ]
