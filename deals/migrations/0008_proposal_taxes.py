"""A version keeps its currency and the tax of each rate, a line its net; unit prices have four decimals."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deals", "0007_offers_decided_by")]

    operations = [
        migrations.AlterField(
            model_name="line",
            name="unit_price",
            field=models.DecimalField(decimal_places=4, max_digits=16, verbose_name="unit price"),
        ),
        migrations.AddField(
            model_name="line",
            name="net",
            field=models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name="net"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="currency",
            field=models.CharField(default="", max_length=3, verbose_name="currency"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="discount",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal("0"),
                max_digits=5,
                validators=[MinValueValidator(0), MaxValueValidator(100)],
                verbose_name="discount on the whole, %",
            ),
        ),
        migrations.AddField(
            model_name="proposalversion",
            name="taxes",
            field=models.JSONField(
                default=list,
                help_text="For each rate: rate, net, tax, as decimals in text.",
                verbose_name="taxes",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposalversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("discount__range", (0, 100))), name="proposal_version_discount_in_range"
            ),
        ),
    ]
