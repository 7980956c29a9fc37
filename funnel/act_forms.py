"""What the kernel's own acts ask for."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .forms import ActForm, NoInputs, ReasonField, UserField
from .models import Activity, Journey, Reason
from .stages import BOTH, REOPEN_STAGES, Role


def comment_field(**options: Any) -> forms.CharField:
    """Return the field for words of ours that go with an act; they are kept apart from the ledger."""
    options = {"label": _("Comment"), "required": False, "max_length": 5000} | options
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **options)


class LoseForm(ActForm):
    reason = ReasonField(Reason.Kind.LOST, label=_("Reason"))
    comment = comment_field()


class ReopenForm(ActForm):
    stage = forms.ChoiceField(
        label=_("Reopen at"), choices=[(stage.value, stage.label) for stage in REOPEN_STAGES]
    )
    why = comment_field(label=_("Why"), required=True)


class MergeForm(ActForm):
    survivor = forms.ModelChoiceField(
        Journey.objects.none(),
        label=_("Merge into journey"),
        help_text=_("The number of the journey that stays."),
        widget=forms.NumberInput,
    )
    comment = comment_field()

    def prepare(self) -> None:
        field = cast(forms.ModelChoiceField, self.fields["survivor"])
        journeys = Journey.objects.all() if self.actor is None else Journey.objects.visible_to(self.actor)
        field.queryset = journeys.exclude(pk=self.journey.pk) if self.journey else journeys
        field.widget = forms.NumberInput()


class OwnerForm(ActForm):
    owner = UserField(roles=BOTH | {Role.SPECIALIST}, label=_("Owner"), required=False)
    comment = comment_field()


class NoteForm(ActForm):
    text = comment_field(label=_("Note"), required=True)


class ActivityForm(ActForm):
    kind = forms.ChoiceField(label=_("What"), choices=Activity.Kind.choices)
    direction = forms.ChoiceField(
        label=_("Direction"),
        choices=Activity.Direction.choices,
        required=False,
    )
    summary = comment_field(label=_("What was said"))

    def clean_direction(self) -> str:
        return self.cleaned_data["direction"] or Activity.Direction.OUTBOUND


class SnoozeForm(ActForm):
    until = forms.DateTimeField(
        label=_("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    comment = comment_field()

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until <= timezone.now():
            raise ValidationError(_("Choose a time that is still to come."))
        return until


class EraseForm(NoInputs):
    sure = forms.BooleanField(label=_("This cannot be undone, and I mean it"))

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        cleaned.pop("sure", None)
        return cleaned
