"""The one organisation, and the sources and reasons that every installation starts with."""

from django.db import migrations

SOURCES = {
    "web": "Website",
    "ads": "Advertising",
    "referral": "Referral",
    "event": "Event",
    "webinar": "Webinar",
    "mailing": "Mailing",
    "tender": "Tender",
    "partner": "Partner",
    "call": "Incoming call",
}
REASONS = {
    "lost": {
        "no_need": "No need",
        "no_answer": "No answer",
        "budget": "No budget",
        "price": "Price",
        "competitor": "Chose a competitor",
        "timing": "Not the right time",
    },
    "rejected": {
        "not_fit": "Not our client",
        "bad_contact": "Wrong contact details",
        "no_budget": "No budget",
        "not_ready": "Not ready to buy",
        "incomplete_brief": "The brief is incomplete",
        "duplicate": "Already being worked on",
    },
    "objection": {
        "price": "Price",
        "scope": "Scope does not fit",
        "timing": "Terms and timing",
        "trust": "Trust and references",
        "competitor": "A competitor's offer",
        "legal": "Legal terms",
        "no_authority": "Decided elsewhere",
    },
    "referred": {
        "outside_capability": "Outside what we do",
        "region": "Outside our region",
        "capacity": "No capacity now",
        "budget": "Too small for us",
    },
}


def create(apps, schema_editor):
    apps.get_model("funnel", "Organisation").objects.get_or_create(pk=1)
    sources = apps.get_model("funnel", "Source")
    for key, label in SOURCES.items():
        sources.objects.get_or_create(key=key, defaults={"label": label})
    reasons = apps.get_model("funnel", "Reason")
    for kind, labels in REASONS.items():
        for key, label in labels.items():
            reasons.objects.get_or_create(kind=kind, key=key, defaults={"label": label})


class Migration(migrations.Migration):
    dependencies = [("funnel", "0002_append_only")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
