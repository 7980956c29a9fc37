"""What the kernel's own acts ask for."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from . import contacts
from .forms import ActForm, MomentInput, NoInputs, ReasonField, UserField
from .models import Activity, Journey, Reason
from .stages import BOTH, REOPEN_STAGES, Role


def comment_field(**options: Any) -> forms.CharField:
    """Return the field for words of ours that go with an act; they are kept apart from the ledger."""
    options = {"label": _("Comment"), "required": False, "max_length": 5000} | options
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **options)


class OutcomeChoice(forms.RadioSelect):
    """How a contact went, as cards that a number picks."""

    cards = keyed = True


class LoseForm(ActForm):
    reason = ReasonField(Reason.Kind.LOST, label=_("Reason"))
    comment = comment_field()


class ReopenForm(ActForm):
    stage = forms.ChoiceField(
        label=_("Reopen at"), choices=[(stage.value, stage.label) for stage in REOPEN_STAGES]
    )
    why = comment_field(label=_("Why"), required=True)


class MergeForm(ActForm):
    others = ("survivor",)

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
    outcome = forms.ChoiceField(
        label=_("How did it go?"),
        choices=Activity.Outcome.choices,
        required=False,
        widget=OutcomeChoice,
        help_text=_("Only what reached the person answers the application; everything else is an attempt."),
    )
    next_at = forms.DateTimeField(label=_("Try again"), required=False, widget=MomentInput)
    summary = comment_field(label=_("What was said"))

    def clean_direction(self) -> str:
        return self.cleaned_data["direction"] or Activity.Direction.OUTBOUND

    def prepare(self) -> None:
        self.fields["outcome"].wanted = True  # type: ignore[attr-defined]  # pages insist on it, programs need not

    def clean_next_at(self) -> Any:
        moment = self.cleaned_data["next_at"]
        if moment is not None and moment <= timezone.now():
            raise ValidationError(_("Choose a time that is still to come."), code="past")
        if moment is not None and self.journey is not None and not self._may_plan():
            raise ValidationError(
                _("The journey has no owner: nobody can be given the next step."), code="owner"
            )
        return moment

    def _may_plan(self) -> bool:
        assignee = contacts.assignee_of(self.journey, self.actor) if self.journey else None
        return assignee is not None and assignee.role not in {Role.PARTNER, Role.SERVICE}

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if self.errors.keys() & {"kind", "direction", "outcome"}:
            return cleaned
        kind, outcome = cleaned["kind"], cleaned["outcome"]
        if not outcome and (self.by_program or cleaned["direction"] == Activity.Direction.INBOUND):
            outcome = cleaned["outcome"] = Activity.Outcome.REACHED
        if not outcome:
            self.add_error("outcome", ValidationError(_("Say how it went."), code="required"))
        elif outcome == Activity.Outcome.SENT and kind not in contacts.WRITTEN:
            self.add_error("outcome", ValidationError(_("Only what is written is sent."), code="kind"))
        elif not self.by_program and contacts.needs_words(kind, outcome) and not cleaned.get("summary"):
            self.add_error("summary", ValidationError(_("Say what was said in the call."), code="required"))
        return cleaned


class LetterForm(ActivityForm):
    """A letter that waits to go out: nothing has come of it until it has left."""

    answers = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        return super().clean() | {"outcome": ""}


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
