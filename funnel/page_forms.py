"""Forms of the kernel's own pages, beside the acts' forms: when an act happened, words that go with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .act_forms import comment_field
from .models import Journey

MINUTE: Final = timedelta(minutes=1)
PICKER: Final = "%Y-%m-%dT%H:%M"


class WhenForm(forms.Form):
    """When an act happened, in the reader's zone, and which state of the journey it was decided on.

    The picker knows minutes only. Left as it was drawn it means now; a minute within which the journey last changed,
    or came, is taken to mean just after that.
    """

    occurred_at = forms.DateTimeField(
        label=_("When it happened"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=PICKER),
    )
    drawn_at = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    expected_seq = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    @classmethod
    def fresh(cls, journey: Journey) -> WhenForm:
        """Return the form to draw: now, and the journey as it stands."""
        now = timezone.localtime().strftime(PICKER)
        return cls(initial={"occurred_at": now, "drawn_at": now, "expected_seq": journey.seq})

    def clean_occurred_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["occurred_at"]
        if at is not None and at > timezone.now():
            raise ValidationError(_("It lies in the future."), code="future")
        return at

    def at(self, journey: Journey) -> datetime | None:
        """Return the moment meant, None for now. The form is valid."""
        at: datetime | None = self.cleaned_data.get("occurred_at")
        if at is None or self.data.get("occurred_at") == self.data.get("drawn_at"):
            return None
        for known in (journey.stage_since, journey.created_at):
            if at < known < at + MINUTE:
                return known
        return None if timezone.now() < at + MINUTE else at


class AnnulForm(forms.Form):
    comment = comment_field(label=_("Why"), required=True)
