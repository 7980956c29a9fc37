"""The questions that every installation starts with, for all services."""

from django.db import migrations

QUESTIONS = [
    {
        "key": "need",
        "label": "What is needed?",
        "help": "The tasks to solve, in plain words.",
        "kind": "long",
        "required": True,
    },
    {
        "key": "budget",
        "label": "What budget is there?",
        "help": "A figure or a range, and whether it is approved.",
        "required": True,
    },
    {
        "key": "deadline",
        "label": "By when is it needed?",
        "help": "A date or a period, and what depends on it.",
        "required": True,
    },
    {
        "key": "decision_maker",
        "label": "Who decides?",
        "help": "The position of whoever signs, and who else has a say.",
        "required": True,
    },
    {
        "key": "current_solution",
        "label": "What is used today?",
        "help": "And what is missing in it.",
        "kind": "long",
    },
    {"key": "users", "label": "How many people will use it?", "kind": "number"},
    {"key": "start_date", "label": "When could work begin?", "kind": "date"},
    {
        "key": "priority",
        "label": "How urgent is it?",
        "kind": "choice",
        "choices": ["Now", "This quarter", "This year", "Just looking"],
    },
    {"key": "tender", "label": "Is there a tender?", "kind": "bool"},
    {
        "key": "criteria",
        "label": "What will decide the choice?",
        "help": "Price, terms, references, other offers.",
        "kind": "long",
    },
]


def create(apps, schema_editor):
    template, made = apps.get_model("briefs", "BriefTemplate").objects.get_or_create(
        service=None, active=True, defaults={"version": 1}
    )
    if made:
        question = apps.get_model("briefs", "Question")
        question.objects.bulk_create(
            question(template=template, position=position, **row) for position, row in enumerate(QUESTIONS)
        )


class Migration(migrations.Migration):
    dependencies = [("briefs", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
