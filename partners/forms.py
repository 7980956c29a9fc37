"""What referring asks for, and what partners answer."""

from functools import cached_property
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel.act_forms import comment_field
from funnel.forms import ActForm, KeyChoiceField, MoneyField, ReasonField, Warn
from funnel.models import Journey, Reason
from funnel.stages import Role

from . import algorithm
from .algorithm import Candidate, Unfit
from .models import DECLINES, Partner, Referral


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
        if self.journey is None:
            field.empty_label = _("As the algorithm proposes for each")
            return
        offer = _Offer(self.journey)
        # Worked out only where the choice is drawn: the API never asks for it.
        field.widget.choices = offer.choices  # type: ignore[attr-defined]  # a select has them

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        partner, journey = cleaned.get("partner"), self.journey
        if partner and journey and not partner.serves(journey.service_id):
            words = _("%(partner)s does not serve %(service)s.")
            named = {"partner": partner, "service": journey.service or _("requests without a service")}
            self.warnings.append(Warn("partner_unfit", str(words % named)))
        return cleaned


class _Offer:
    """The partners to choose from: whom the algorithm proposes and why, and a warning with those that do not fit."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey

    @cached_property
    def _reviewed(self) -> tuple[list[Candidate], list[Unfit]]:
        return algorithm.review(self.journey, at=timezone.now())

    def choices(self) -> list[Any]:
        fitting, unfit = self._reviewed
        empty = _("As proposed: %(partner)s") % {"partner": fitting[0].partner} if fitting else NOBODY
        groups: list[Any] = [("", empty)]
        if fitting:
            named = [
                (one.partner.key, f"{one.partner} – {one.turn}" if one.turn else str(one.partner))
                for one in fitting
            ]
            groups.append((_("Fit this request"), named))
        if unfit:
            warned = [(one.partner.key, f"{one.partner} – {one.why}") for one in unfit]
            groups.append((_("Do not fit: only if they have agreed"), warned))
        return groups


NOBODY: Final = _("No partner fits by the algorithm: choose one")


class TakeForm(ActForm):
    comment = comment_field()


class DeclineForm(ActForm):
    reason = forms.ChoiceField(label=_("Why"), choices=[(key.value, key.label) for key in DECLINES])
    comment = comment_field()


class ReturnReferralForm(ActForm):
    reason = forms.ChoiceField(label=_("Why"), choices=Referral.ReturnReason.choices)
    comment = comment_field()

    def prepare(self) -> None:
        if self.actor is not None and self.actor.role == Role.PARTNER:
            field = self.fields["reason"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  tells the type checker what it is
            field.choices = [(key.value, key.label) for key in DECLINES]


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
