"""Companies are looked up by tax number, to find those on record twice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("funnel", "0029_mails_to_several")]

    operations = [
        migrations.AddIndex(
            model_name="company",
            index=models.Index(
                condition=models.Q(("tax_id", ""), _negated=True), fields=["tax_id"], name="company_tax"
            ),
        ),
    ]
