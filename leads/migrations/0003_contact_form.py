"""The web form that every installation starts with, at /f/contact/."""

from django.db import migrations


def create(apps, schema_editor):
    source = apps.get_model("funnel", "Source").objects.get(key="web")
    apps.get_model("leads", "WebForm").objects.get_or_create(
        slug="contact", defaults={"title": "Contact us", "source": source}
    )


class Migration(migrations.Migration):
    dependencies = [("leads", "0002_company_key")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
