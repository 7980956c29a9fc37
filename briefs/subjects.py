"""What briefs ask, as a setting whose changes are watched: see `funnel.settings_log`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel.access import Permission
from funnel.formats import DASH
from funnel.models import Service, User
from funnel.settings_log import Names, Subject, Values, register

from . import templates
from .models import BriefTemplate

DEFAULT = "default"
"""The key of the questions of every service without its own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A service, or None for all without questions of their own."""

    service: Service | None

    @property
    def pk(self) -> str:
        return str(self.service.pk) if self.service else DEFAULT

    def __str__(self) -> str:
        return str(self.service) if self.service else _("All other services")


class TemplateSubject(Subject):
    """The questions of a service, all of them one value; none where it is asked the default ones."""

    def values_of(self, record: Any) -> Values:
        current = BriefTemplate.objects.filter(service=record.service, active=True).first()
        return {"questions": templates.rows_of(current) if current else []}

    def found(self, key: str) -> Any:
        if key == DEFAULT:
            return Asked(None)
        service = Service.objects.filter(pk=key).first()
        return Asked(service) if service else None

    def locked(self, key: str) -> Any:
        record = self.found(key)
        if record is not None:
            list(BriefTemplate.objects.select_for_update().filter(service=record.service).order_by("pk"))
        return record

    def write(self, record: Any, values: Mapping[str, Any], *, actor: User) -> None:
        if values["questions"]:
            templates.save_template(service=record.service, questions=values["questions"])
        elif record.service:
            templates.drop_template(service=record.service)

    def make(self, key: str, values: Mapping[str, Any]) -> Any:
        raise ValidationError(_("It is no longer there."))

    def address(self, key: str) -> str:
        if key == DEFAULT:
            return reverse("briefs:template-default")
        return reverse("briefs:template-edit", args=[key])

    def label_of(self, name: str) -> str:
        return _("Questions")

    def words(self, name: str, value: Any, names: Names) -> str:
        asked = [row["label"] + (" *" if row["required"] else "") for row in value or () if row["active"]]
        return "; ".join(asked) or DASH

    def names_in(self, *told: Mapping[str, Any]) -> Names:
        return {}


TEMPLATE = register(
    TemplateSubject(
        "brief-template",
        gettext_lazy("Brief template"),
        "clipboard-list",
        BriefTemplate,
        ("questions",),
        Permission.MANAGE_CATALOGUE,
    )
)
