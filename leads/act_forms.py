"""What the acts of the funnel's beginning ask for, alike on pages and over REST."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel import access, cleaning, phones
from funnel.access import Permission
from funnel.act_forms import ActivityForm, comment_field
from funnel.cleaning import EMAIL_LENGTH, LineField
from funnel.forms import ActForm, KeyChoiceField, UserField
from funnel.models import Campaign, Service, Source
from funnel.stages import BOTH

from .matching import Person

NAME_LENGTH = 200
MESSAGE_LENGTH = 20_000
EARLIEST_YEAR = 1970
UTM_KEYS = 20
UTM_LENGTH = 500


class MarksField(forms.JSONField):
    """Campaign marks of a visit: a flat object of short texts, such as {"utm_source": "newsletter"}."""

    schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": UTM_LENGTH}}

    def to_python(self, value: Any) -> dict[str, str]:
        marks = super().to_python(value) if isinstance(value, str) else value
        if marks in (None, ""):
            return {}
        if not isinstance(marks, Mapping):
            raise ValidationError(_("Give an object of texts."), code="type")
        if len(marks) > UTM_KEYS:
            raise ValidationError(_("Give at most %(n)s marks."), code="count", params={"n": UTM_KEYS})
        for key, text in marks.items():
            if not isinstance(text, str) or not fit_to_keep(key, 100) or not fit_to_keep(text, UTM_LENGTH):
                raise ValidationError(
                    _("“%(key)s” must be a text of at most %(n)s characters."),
                    code="type",
                    params={"key": ascii(key[:50]), "n": UTM_LENGTH},
                )
        return dict(marks)

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


def fit_to_keep(text: str, length: int) -> bool:
    """Tell whether the database can keep the text: no NUL, no half of a surrogate pair, not too long."""
    return (
        len(text) <= length
        and "\0" not in text
        and not any("\ud800" <= letter <= "\udfff" for letter in text)
    )


class ReachForm(ActForm):
    """Who applies and how to reach them, with the checks that every door to a lead shares."""

    phone_region = ""

    name = LineField(
        label=_("Name"), max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = LineField(
        label=_("E-mail"),
        max_length=EMAIL_LENGTH,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    phone = LineField(
        label=_("Phone"),
        max_length=phones.LONGEST,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    company = LineField(
        label=_("Company"),
        max_length=NAME_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def clean_email(self) -> str:
        return cleaning.email(self.cleaned_data["email"])

    def clean_phone(self) -> str:
        reached = self.cleaned_data.get("email", "")
        return phones.reachable(self.cleaned_data["phone"], region=self.phone_region, email=reached)

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        given = [name for name in ("email", "phone") if name in self.fields]
        if given and not any(cleaned.get(name) for name in given) and self.errors.keys().isdisjoint(given):
            words = _("Give an e-mail address or a phone number.")
            self.add_error(given[0], ValidationError(words, code="required"))
        return cleaned


class CaptureForm(ReachForm):
    """An application as colleagues and programs enter it."""

    source = KeyChoiceField(Source.objects.filter(active=True), label=_("Source"))
    campaign = KeyChoiceField(Campaign.objects.filter(active=True), label=_("Campaign"), required=False)
    service = KeyChoiceField(Service.objects.filter(active=True), label=_("Service"), required=False)
    message = forms.CharField(
        label=_("Message"),
        max_length=MESSAGE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    owner = UserField(roles=BOTH, label=_("Owner"), required=False)
    occurred_at = forms.DateTimeField(
        label=_("Received at"),
        required=False,
        help_text=_("Now, where left empty."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    utm = MarksField(label=_("Campaign marks"), required=False)
    external_id = forms.CharField(
        label=_("External id"),
        max_length=200,
        required=False,
        help_text=_("Names the application: sent again, it gives the same lead."),
    )

    def prepare(self) -> None:
        if self.actor is not None and not access.may(self.actor, Permission.SEE_WORKSPACE):
            for name in ("owner", "campaign"):  # outsiders learn nothing by trying names
                self.fields.pop(name, None)

    def clean_occurred_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["occurred_at"]
        if at is not None and at > timezone.now():
            raise ValidationError(_("It lies in the future."), code="future")
        if at is not None and at.year < EARLIEST_YEAR:
            raise ValidationError(_("It lies too far in the past."), code="past")
        return at

    def arguments(self, now: Callable[[], datetime] = timezone.now) -> dict[str, Any]:
        """Return what `domain.capture` takes, `at` being now where no time was given."""
        given = dict(self.cleaned_data)
        given["at"] = given.pop("occurred_at") or now()
        return given


class RespondForm(ActivityForm):
    """The call, message, e-mail or meeting that a first response rests on."""


class FirstMeetingForm(ActForm):
    HOW = [
        ("online", _("Online")),
        ("office", _("At our office")),
        ("client", _("At the client's")),
        ("phone", _("By phone")),
        ("event", _("At an event")),
    ]
    how = forms.ChoiceField(label=_("How"), choices=HOW)
    comment = comment_field()


class PassForm(ActForm):
    service = KeyChoiceField(Service.objects.filter(active=True), label=_("Service"))
    owner = UserField(roles=BOTH, label=_("Owner of the new journey"), required=False)
    comment = comment_field()

    def clean_service(self) -> Service:
        service: Service = self.cleaned_data["service"]
        if self.journey is not None and self.journey.service_id == service.pk:
            raise ValidationError(_("The journey is about this service already."), code="same")
        return service


class StaffCaptureForm(CaptureForm):
    """An application as a colleague enters it; `submission` names this filling-in, so that two clicks are one."""

    utm = None  # type: ignore[assignment]
    external_id = None  # type: ignore[assignment]
    submission = forms.RegexField(r"^[0-9a-f]{32}\Z", required=False, widget=forms.HiddenInput)

    def person(self) -> Person:
        """Return who applies. The form is valid."""
        given = self.cleaned_data
        return Person(given["name"], given["email"], given["phone"], given["company"])
