"""The public form of a web form: its fields, what comes with a visit, and the traps for programs."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from funnel.forms import KeyChoiceField
from funnel.models import Service

from .act_forms import MESSAGE_LENGTH, UTM_KEYS, UTM_LENGTH, ReachForm, fit_to_keep
from .models import WebForm, new_submission

_CLICK_MARKS: Final = frozenset({"gclid", "yclid", "fbclid", "msclkid"})
_SUBMISSION: Final = re.compile(r"[A-Za-z0-9-]{8,60}\Z")
REFERRER_LENGTH: Final = 500


class PublicForm(ReachForm):
    """What a visitor fills in. `website` is a trap: people do not see it, programs fill it in."""

    service = KeyChoiceField(Service.objects.filter(active=True), label=_("Service"), required=False)
    message = forms.CharField(
        label=_("Message"),
        max_length=MESSAGE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    consent = forms.BooleanField(
        label="",
        error_messages={"required": _("Please tick this, so that we may deal with your application.")},
    )
    website = forms.CharField(required=False, max_length=1000)

    def __init__(self, *args: Any, web_form: WebForm, **options: Any) -> None:
        self.web_form = web_form
        self.phone_region = web_form.phone_region
        super().__init__(*args, **options)

    def prepare(self) -> None:
        shown = self.web_form.fields
        for name in ("name", "email", "phone", "company", "service", "message"):
            if name not in shown:
                del self.fields[name]
        if self.web_form.consent_text:
            self.fields["consent"].label = self.web_form.consent_text
        else:
            del self.fields["consent"]
        reach = [name for name in ("email", "phone") if name in shown]
        if len(reach) == 1 or self.web_form.double_opt_in:
            self.fields["email" if "email" in reach else "phone"].required = True
        else:
            self.fields["email"].help_text = _("An e-mail address or a phone number is enough.")
        # a page may show two forms at once, and a script of the embedding page may look for ids
        self.auto_id = f"id_{self.web_form.slug}_%s"

    @property
    def trapped(self) -> bool:
        """Tell whether a program has filled in what people do not see."""
        return bool(self.data.get("website"))

    def shown_fields(self) -> list[forms.BoundField]:
        """Return the fields in the order that the web form gives them, consent last."""
        return [self[name] for name in [*self.web_form.fields, "consent"] if name in self.fields]


def marks_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the campaign marks among the parameters of an address or a form; what cannot be kept is left out."""
    marks = {
        name: str(text)
        for name, text in data.items()
        if (name.startswith("utm_") or name in _CLICK_MARKS)
        and text
        and fit_to_keep(name, 50)
        and fit_to_keep(str(text), UTM_LENGTH)
    }
    return dict(list(marks.items())[:UTM_KEYS])


def referrer_of(data: Mapping[str, Any], header: str) -> str:
    """Return the page that the visitor came from: as the form remembers it, else as the browser says."""
    text = str(data.get("referrer") or header)[:REFERRER_LENGTH]
    return text if text.startswith(("http://", "https://")) and fit_to_keep(text, REFERRER_LENGTH) else ""


def submission_of(data: Mapping[str, Any]) -> str:
    """Return the name of this filling-in, as the drawn form carries it; a form on another site may have none."""
    text = str(data.get("submission", ""))
    return text if _SUBMISSION.match(text) else ""


def hidden_of(data: Mapping[str, Any], header: str) -> dict[str, str]:
    """Return what the drawn form carries unseen: campaign marks, the page before, and its own name."""
    hidden = marks_of(data)
    if referrer := referrer_of(data, header):
        hidden["referrer"] = referrer
    return hidden | {"submission": submission_of(data) or new_submission()}
