"""The forms of campaigns' costs: a year's months, and a file of many."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from funnel import formats
from funnel.cleaning import line
from funnel.forms import MoneyField

from .costs import COLUMNS, OPTIONAL, Sum

MOST_BYTES = 1_000_000
EXAMPLE = "campaign, month, amount\nspring-expo, 2026-03, 1250.50\nspring-expo, 2026-04, 980"


class CostsForm(forms.Form):
    """What a campaign cost in each month of a year; `stand` is what stands, by month "2026-03"."""

    def __init__(self, *args: Any, year: int, stand: Mapping[str, Decimal], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.year = year
        for number in range(1, 13):
            name = f"{year:04}-{number:02}"
            self.fields[name] = MoneyField(
                label=formats.month(dt.date(year, number, 1)),
                required=False,
                initial=stand.get(name),
                show_hidden_initial=True,
            )
            self.fields[name].wanted = True  # type: ignore[attr-defined]  # twelve times "optional" tells nothing

    def changed(self) -> dict[str, Sum | None]:
        """Return what this person changed, by month: what others changed meanwhile in other months stays."""
        typed = {name: self.cleaned_data[name] for name in self.changed_data}
        return {name: None if amount is None else Sum(amount) for name, amount in typed.items()}


class CostsFileForm(forms.Form):
    """A table of costs, as a file or pasted from a spreadsheet."""

    file = forms.FileField(label=_("CSV file"), required=False)
    text = forms.CharField(
        label=_("Or paste from a spreadsheet"),
        required=False,
        max_length=MOST_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "placeholder": EXAMPLE}),
        help_text=_(
            "The first line names the columns: campaign (its key), month, amount and, where it is not yours, currency."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.wanted = True  # type: ignore[attr-defined]  # one of the two is

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        file, text = cleaned.get("file"), cleaned.get("text", "")
        if bool(file) == bool(text.strip()):
            raise ValidationError(_("Give a file or paste a table: one of the two."))
        if file:
            if file.size > MOST_BYTES:
                raise ValidationError({"file": _("The file is larger than 1 MB.")})
            try:
                text = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValidationError({"file": _("The file is not text in UTF-8.")}) from None
        field = "file" if file else "text"
        try:
            cleaned["rows"] = list(rows_of(text))
        except ValueError as fault:
            raise ValidationError({field: str(fault)}) from None
        return cleaned


def rows_of(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of a table separated by commas, semicolons or tabs. Raises ValueError without its columns."""
    text = text.lstrip("\ufeff")
    head = text.lstrip().partition("\n")[0]
    separator = max("\t;,", key=head.count)
    try:
        reader = csv.DictReader(io.StringIO(text.replace("\0", "")), delimiter=separator, strict=True)
        names = {line(name or "").lower(): name for name in reader.fieldnames or ()}
        if missing := [column for column in COLUMNS if column not in names]:
            raise ValueError(_("These columns are missing: %(names)s.") % {"names": ", ".join(missing)})
        for row in reader:
            known = [column for column in (*COLUMNS, OPTIONAL) if column in names]
            yield reader.line_num, {column: line(row.get(names[column]) or "") for column in known}
    except csv.Error as fault:
        raise ValueError(_("This is no table: %(why)s.") % {"why": fault}) from None
