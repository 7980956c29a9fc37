"""What the fields of people, companies and journeys are called, and how their values read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from . import custom, formats, phones
from .models import Company, Contact, CustomField, Journey
from .parties import CUSTOM
from .stages import Label

LABELS: Final[Mapping[type[Any], Mapping[str, Label]]] = {
    Contact: {
        "name": gettext_lazy("Name"),
        "email": gettext_lazy("E-mail"),
        "phone": gettext_lazy("Phone"),
        "company_id": gettext_lazy("Company"),
        "region": gettext_lazy("Region"),
        "language": gettext_lazy("Language"),
    },
    Company: {
        "name": pgettext_lazy("company", "Name"),
        "domain": gettext_lazy("Domain"),
        "tax_id": gettext_lazy("Tax number"),
        "region": gettext_lazy("Region"),
    },
    Journey: {"amount": gettext_lazy("Expected amount")},
}


class Reader:
    """Names fields and reads values of one kind of record; `fields` are its custom ones, out of use or not."""

    def __init__(self, kind: type[Any], fields: Iterable[CustomField] | None = None) -> None:
        on = kind.__name__.lower()
        self.kind = kind
        self.own = {field.key: field for field in (custom.fields_of(on) if fields is None else fields)}
        self.companies: dict[int, str] = {}

    def know_companies(self, keys: Iterable[int | None]) -> None:
        """Look up the names of companies that values name by key: one query where there are any."""
        wanted = {key for key in keys if key} - self.companies.keys()
        if wanted:
            self.companies |= dict(Company.objects.filter(pk__in=wanted).values_list("pk", "name"))

    def label(self, name: str) -> str:
        """Return what people call a field; one that is gone keeps its key."""
        if name.startswith(CUSTOM):
            key = name.removeprefix(CUSTOM)
            return self.own[key].label if key in self.own else key
        known = LABELS[self.kind].get(name)
        return str(known) if known else _plain_label(self.kind, name)

    def words(self, name: str, value: Any) -> str:
        """Return a value as it reads; "" for none."""
        if value in (None, ""):
            return ""
        if name.startswith(CUSTOM):
            field = self.own.get(name.removeprefix(CUSTOM))
            return custom.words(field, value) if field else str(value)
        if name == "company_id":
            return self.companies.get(value) or _("company #%(number)s") % {"number": value}
        if name == "amount":
            return formats.number(value, 2)
        return phones.marked(str(value)) if name == "phone" else str(value)


def _plain_label(kind: type[Any], name: str) -> str:
    for field in kind._meta.get_fields():
        if name in {field.name, getattr(field, "attname", "")}:
            words = str(getattr(field, "verbose_name", name))
            return words[:1].upper() + words[1:]
    return name
