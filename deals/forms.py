"""Forms of the sales half's own pages: drafts, answers, filters."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from deals.act_forms import DayField, LineForm, PercentField, refuse_too_large, today
from deals.models import Line, ProposalVersion
from funnel.forms import ActForm, MoneyField, RowsField, UserField
from funnel.stages import Role

LARGEST_FILE = 4 * 1024**2
FILE_KINDS = {"pdf", "docx", "doc", "odt", "jpg", "jpeg", "png"}


class ProposalDraftForm(ActForm):
    """The draft of a proposal; `revision` is the one that was seen, 0 where there was none."""

    lines = RowsField(LineForm, label=_("Lines"), required=False, extra=2)
    discount = PercentField(label=_("Discount on the whole, %"), required=False)
    valid_until = DayField(label=_("Valid until"), required=False)
    note = forms.CharField(
        label=_("Words to the client"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def clean_lines(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.cleaned_data["lines"]
        refuse_too_large(rows)
        return rows

    def clean_valid_until(self) -> date | None:
        day: date | None = self.cleaned_data["valid_until"]
        if day and day < today():
            raise ValidationError(_("This day has passed."), code="past")
        return day


def initial_of(version: ProposalVersion | None) -> dict[str, Any]:
    """Return what the draft form shows of a version."""
    if version is None:
        return {"revision": 0}
    return {
        "lines": [row_of(line) for line in version.lines.all()],
        "discount": plain(version.discount) if version.discount else "",
        "valid_until": version.valid_until,
        "note": version.note,
        "revision": version.revision if version.is_draft else 0,
    }


def row_of(line: Line) -> dict[str, Any]:
    """Return a line as the form's row, without noughts that say nothing."""
    return {
        "description": line.description,
        "unit": line.unit,
        "quantity": plain(line.quantity),
        "unit_price": plain(line.unit_price, least=2),
        "discount": plain(line.discount) if line.discount else "",
        "tax": plain(line.tax) if line.tax else "",
    }


def plain(number: Decimal, least: int = 0) -> str:
    """Return "3" for 3.000, "1.5" for 1.500; with at least two decimals, "199.90" for 199.9000."""
    short = number.normalize()
    decimals = -int(short.as_tuple().exponent)
    return f"{short:.{max(decimals, least)}f}" if decimals > 0 else f"{number:.0f}"


class ContractDraftForm(ActForm):
    """The draft of a contract; `revision` is the one that was seen, 0 where there was none."""

    terms = forms.CharField(
        label=_("Terms"), max_length=100_000, required=False, widget=forms.Textarea(attrs={"rows": 14})
    )
    amount = MoneyField(positive=True, label=_("Amount"), required=False)
    file = forms.FileField(
        label=_("File"),
        required=False,
        max_length=200,
        help_text=_("A PDF, document or scan of at most 4 MB, instead of terms or beside them."),
    )
    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not file:
            return None
        if file.size > LARGEST_FILE:
            words = _("The file has %(size)s; at most %(limit)s are taken.")
            params = {"size": filesizeformat(file.size), "limit": filesizeformat(LARGEST_FILE)}
            raise ValidationError(words, params=params, code="size")
        if file.name.rpartition(".")[2].lower() not in FILE_KINDS:
            kinds = ", ".join(sorted(FILE_KINDS))
            raise ValidationError(_("Files of these kinds are taken: %(kinds)s."), params={"kinds": kinds})
        return file


class ContractPatchForm(ActForm):
    """What a program may change in the draft of a contract."""

    terms = ContractDraftForm.base_fields["terms"]
    amount = ContractDraftForm.base_fields["amount"]
    lawyer = UserField(roles={Role.LAWYER}, label=_("Lawyer"), required=False)


class LawyerForm(forms.Form):
    lawyer = UserField(roles={Role.LAWYER}, label=_("Lawyer"), required=False, empty_label=_("Nobody"))
