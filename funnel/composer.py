"""What people write on a journey: a note, what was said in a call or meeting, a letter that is sent; with files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from . import access, contacts, files, letters
from .act_forms import LetterForm, comment_field
from .acts import Outcome
from .models import Activity, Journey, User
from .stages import FACTS, Happening, Stage

K = Activity.Kind

NOTE: Final = "note"
ICONS: Final = {
    NOTE: "notebook-pen",
    K.CALL: "phone",
    K.EMAIL: "mail",
    K.MEETING: "users",
    K.MESSAGE: "message-circle",
}
KINDS: Final = [
    (NOTE, _("Note")),
    (K.CALL, K.CALL.label),
    (K.EMAIL, K.EMAIL.label),
    (K.MEETING, K.MEETING.label),
    (K.MESSAGE, K.MESSAGE.label),
]


SPOKEN: Final = [
    (value, label) for value, label in Activity.Outcome.choices if value != Activity.Outcome.SENT
]


class Way(TextChoices):
    """Whether a letter goes out now, or is only logged."""

    SEND = "send", _("Send it now")
    OUTBOUND = "outbound", _("Log one that we sent")
    INBOUND = "inbound", _("Log one that they sent")


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files up to `files.AT_ONCE`, each checked; cleaned to a list."""

    def __init__(self, **options: Any) -> None:
        accept = ",".join(f".{kind}" for kind in files.KINDS)
        widget = ManyFiles(attrs={"multiple": True, "accept": accept})
        super().__init__(widget=widget, required=options.pop("required", False), **options)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = [file for file in (data if isinstance(data, list | tuple) else [data]) if file]
        if self.required and not given:
            raise ValidationError(_("Choose a file."), code="required")
        if len(given) > files.AT_ONCE:
            words = _("At most %(limit)s files at once.")
            raise ValidationError(words, params={"limit": files.AT_ONCE}, code="many")
        faults: list[ValidationError] = []
        for file in given:
            try:
                files.check(file)
            except ValidationError as fault:
                faults.append(fault)
        if faults:
            raise ValidationError(faults)
        return given


class FilesForm(forms.Form):
    """Files on their own, without words."""

    files = FilesField(label=_("Files"), required=True)


class ComposerForm(forms.Form):
    """A note, or what was said in a call, message, e-mail or meeting; an e-mail may be sent from here."""

    kind = forms.ChoiceField(label=_("What"), choices=KINDS, initial=NOTE)
    text = comment_field(label=_("What was said"))
    direction = forms.ChoiceField(
        label=_("Who reached out"), choices=Activity.Direction.choices, required=False
    )
    outcome = forms.ChoiceField(
        label=_("How did it go?"), choices=[("", _("How did it go?")), *SPOKEN], required=False
    )
    way = forms.ChoiceField(label=_("What to do with it"), choices=Way.choices, required=False)
    subject = forms.CharField(label=_("Subject"), max_length=250, required=False)
    answers = forms.BooleanField(label=_("This is the first response"), required=False)
    files = FilesField(label=_("Files"))

    def __init__(self, *args: Any, journey: Journey, **options: Any) -> None:
        super().__init__(*args, **options)
        self.journey = journey

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        kind, words = cleaned.get("kind"), cleaned.get("text", "").strip()
        if kind == NOTE and not words:
            self.add_error("text", ValidationError(_("A note needs words."), code="required"))
        if self._asks_outcome(cleaned):
            if not cleaned.get("outcome") and "outcome" not in self.errors:
                self.add_error("outcome", ValidationError(_("Say how it went."), code="required"))
            elif contacts.needs_words(str(kind), cleaned.get("outcome", "")) and not words:
                self.add_error("text", ValidationError(_("Say what was said in the call."), code="required"))
        if self.sends(cleaned):
            if not words:
                self.add_error("text", ValidationError(_("A letter needs words."), code="required"))
            if not cleaned.get("subject", "").strip():
                self.add_error("subject", ValidationError(_("A letter needs a subject."), code="required"))
            if not self.journey.contact.email:
                words = _("The contact has no e-mail address; a letter that went another way may be logged.")
                self.add_error("way", ValidationError(words, code="address"))
        return cleaned

    @staticmethod
    def sends(cleaned: dict[str, Any]) -> bool:
        """Tell whether this is a letter to be sent rather than logged."""
        return cleaned.get("kind") == K.EMAIL and cleaned.get("way") == Way.SEND

    def _asks_outcome(self, cleaned: dict[str, Any]) -> bool:
        """Tell whether we reached out, other than by letter: then it is asked how it went."""
        inbound = cleaned.get("direction") == Activity.Direction.INBOUND
        return cleaned.get("kind") in {K.CALL, K.MESSAGE, K.MEETING} and not inbound

    def came_of(self) -> str:
        """Return what came of it; of a letter nothing yet, until it has left."""
        if self.sends(self.cleaned_data):
            return ""
        asked = self._asks_outcome(self.cleaned_data)
        given: str = self.cleaned_data["outcome"] if asked else ""
        return given or contacts.usual(self.cleaned_data["kind"], self._direction())

    def _direction(self) -> str:
        given = self.cleaned_data
        if given["kind"] == K.EMAIL and given["way"]:
            return str(
                Activity.Direction.INBOUND if given["way"] == Way.INBOUND else Activity.Direction.OUTBOUND
            )
        return str(given["direction"] or Activity.Direction.OUTBOUND)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written down: the act's outcome, and whether a letter is on its way."""

    outcome: Outcome
    name: str
    letter: bool


def may_write(journey: Journey, user: User) -> bool:
    """Tell whether the user may write on the journey, and so attach files to it."""
    fact = FACTS[Happening.NOTE_LOGGED]
    return access.may_record(user, fact.event) and journey.stage in fact.sources


def may_answer(journey: Journey, user: User) -> bool:
    """Tell whether what the user writes may be the first response to the application."""
    return journey.stage == Stage.NEW and access.may_move(user, "respond", journey.stage)


def save(form: ComposerForm, *, actor: User, at: datetime | None) -> Written:
    """Write down what a valid form holds. Raises what `letters.compose` does, with nothing written."""
    given, journey = form.cleaned_data, form.journey
    kind, text = given["kind"], given["text"]
    inputs: dict[str, Any] | LetterForm
    sends = form.sends(given)
    if kind == NOTE:
        name, inputs = Happening.NOTE_LOGGED.value, {"text": text}
    else:
        direction = form._direction()
        inputs = {
            "kind": kind,
            "direction": direction,
            "summary": _with_subject(form),
            "outcome": form.came_of(),
        }
        first = given["answers"] and direction == Activity.Direction.OUTBOUND and may_answer(journey, actor)
        name = "respond" if first and not sends else Happening.ACTIVITY_LOGGED.value
        if sends:
            inputs = LetterForm(inputs | {"answers": first}, journey=journey, actor=actor, by_program=True)
    outcome = letters.compose(
        journey=journey,
        actor=actor,
        name=name,
        inputs=inputs,
        at=None if sends else at,
        attached=given["files"],
        subject=" ".join(given["subject"].split()) if sends else "",
        to=journey.contact.email if sends else "",
    )
    return Written(outcome, name, sends)


def _with_subject(form: ComposerForm) -> str:
    """Return the words; of a letter that is only logged, its subject above them."""
    given = form.cleaned_data
    subject = given["subject"].strip() if given["kind"] == K.EMAIL and not form.sends(given) else ""
    return "\n".join(part for part in (subject, given["text"]) if part)


def kinds() -> Iterable[tuple[str, Any, str]]:
    """Return value, label and icon of each kind."""
    return [(str(value), label, ICONS[value]) for value, label in KINDS]
