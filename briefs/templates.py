"""Changing what is asked: templates, one for each service that has its own questions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from funnel.models import Service

from .models import BriefTemplate, Question

FIELDS: Final = ("key", "label", "help", "kind", "choices", "required", "active")


@transaction.atomic
def save_template(*, service: Service | None, questions: Sequence[Mapping[str, Any]]) -> BriefTemplate:
    """Make these the questions of a service (None: of every service without its own), in the order given.

    A question is {"key", "label", "help", "kind", "choices", "required", "active"}; those left out stop being asked.
    Once a brief was filled with the template a change makes its next version. Raises ValidationError, coded by the
    path of the fault such as "2.key", where the questions cannot be asked.
    """
    rows = [whole(question) for question in questions]
    _check(rows)
    known = BriefTemplate.objects.select_for_update().filter(service=service).order_by("-version")
    versions = list(known)
    current = next((template for template in versions if template.active), None)
    if current is not None and rows_of(current) == rows:
        return current
    if current is not None and not current.versions.exists():
        current.questions.all().delete()
    else:
        if current is not None:
            current.active = False
            current.save(update_fields=["active"])
        number = versions[0].version + 1 if versions else 1
        current = BriefTemplate.objects.create(service=service, version=number)
    Question.objects.bulk_create(
        Question(template=current, position=position, **row) for position, row in enumerate(rows)
    )
    return current


def drop_template(*, service: Service) -> None:
    """Let a service use the questions of all others again; filled briefs keep theirs."""
    BriefTemplate.objects.filter(service=service, active=True).update(active=False)


def whole(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question with all that it may leave out."""
    defaults = {"help": "", "kind": Question.Kind.TEXT, "choices": [], "required": False, "active": True}
    row = {name: question.get(name, defaults.get(name)) for name in FIELDS}
    row["choices"] = list(row["choices"]) if row["kind"] == Question.Kind.CHOICE else []
    return row


def rows_of(template: BriefTemplate) -> list[dict[str, Any]]:
    """Return what a template asks, as `save_template` takes it."""
    return list(template.questions.values(*FIELDS))


def _check(rows: Sequence[Mapping[str, Any]]) -> None:
    faults = []
    keys = [row["key"] for row in rows]
    for index, row in enumerate(rows):
        try:
            Question(**row).clean_fields(exclude=["template"])
        except ValidationError as fault:
            for name, words in fault.message_dict.items():
                faults += [ValidationError(word, code=f"{index}.{name}") for word in words]
        if row["key"] in keys[:index]:
            faults.append(ValidationError(_("Two questions have this key."), code=f"{index}.key"))
        if row["kind"] == Question.Kind.CHOICE and not row["choices"]:
            faults.append(ValidationError(_("Name at least one choice."), code=f"{index}.choices"))
        elif len(set(row["choices"])) != len(row["choices"]):
            faults.append(ValidationError(_("Two choices are the same."), code=f"{index}.choices"))
    if not any(row["active"] for row in rows):
        faults.append(ValidationError(_("Ask at least one question."), code="count"))
    if faults:
        raise ValidationError(faults)
