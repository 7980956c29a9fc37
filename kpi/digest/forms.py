"""What a digest may be asked for, on the page and by the command, and which ones somebody wants."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel.models import Organisation
from funnel.periods import Period
from kpi.models import DigestChoice

from .periods import KINDS, MONTHLY, WEEKLY, period_of

NAMES = {WEEKLY: _("Weekly"), MONTHLY: _("Monthly")}


class ChoiceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own class takes no parameters at run time
    class Meta:
        model = DigestChoice
        fields = KINDS


class PreviewForm(forms.Form):
    """`kind`, by default the weekly one, as it would go out on `date`, by default today."""

    kind = forms.ChoiceField(label=_("Digest"), required=False, choices=list(NAMES.items()))
    date = forms.DateField(
        label=_("As sent on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or WEEKLY

    @property
    def period(self) -> Period:
        """The period that is asked for. The form is valid."""
        today = timezone.now().astimezone(self.organisation.zone).date()
        return period_of(self.cleaned_data["kind"], self.cleaned_data["date"] or today)
