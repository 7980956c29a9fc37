"""What referring asks for, and what partners answer."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from funnel.act_forms import comment_field
from funnel.forms import ActForm, KeyChoiceField, MoneyField, ReasonField
from funnel.models import Journey, Reason

from . import algorithm
from .models import Partner, Referral


class ReferForm(ActForm):
    partner = KeyChoiceField(
        Partner.objects.filter(active=True),
        label=_("Partner"),
        required=False,
        help_text=_("Left empty, the algorithm chooses."),
    )
    reason = ReasonField(Reason.Kind.REFERRED, label=_("Why"))
    comment = comment_field()

    def prepare(self) -> None:
        field = self.fields["partner"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  tells the type checker what it is
        # Worked out only where the choice is drawn: the API never asks for it.
        field.empty_label = lazystr(_Proposal(self.journey))


class _Proposal:
    """The words of the empty choice: whom the algorithm proposes, and why."""

    def __init__(self, journey: Journey | None) -> None:
        self.journey = journey

    def __str__(self) -> str:
        if self.journey is None:
            return str(_("As the algorithm proposes for each"))
        found = algorithm.propose([self.journey], at=timezone.now())[self.journey.pk]
        if not found:
            return str(_("No partner fits by the algorithm: choose one"))
        return str(_("As proposed: %(partner)s") % {"partner": found[0].partner})


class TakeForm(ActForm):
    comment = comment_field()


class DeclineForm(ActForm):
    reason = forms.ChoiceField(label=_("Why"), choices=Referral.DeclineReason.choices)
    comment = comment_field()


class OutcomeForm(ActForm):
    outcome = forms.ChoiceField(label=_("Outcome"), choices=Referral.Outcome.choices)
    amount = MoneyField(
        label=_("Amount"),
        required=False,
        help_text=_("What the client pays you, in the organisation's currency; only where it was won."),
    )
    comment = comment_field()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("amount") and cleaned.get("outcome") not in {None, Referral.Outcome.WON}:
            self.add_error("amount", ValidationError(_("An amount goes only with a client won.")))
        return cleaned
