"""Forms of the kernel's own pages, beside the acts' forms: filters, when an act happened, words that go with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from . import acts
from .act_forms import comment_field
from .choices import act_label
from .models import Activity, Journey, Source, User
from .queries import JourneyQuerySet
from .stages import (
    CLOSED_STAGES,
    DEAL_STAGES,
    FACTS,
    MARKETING_STAGES,
    MOVES,
    OPEN_STAGES,
    VOID_STAGES,
    Happening,
    Role,
    Stage,
)

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


class ComposerForm(forms.Form):
    """A note, or what was said in a call, message, e-mail or meeting."""

    kind = forms.ChoiceField(
        label=_("What"), choices=[("note", _("Note")), *Activity.Kind.choices], initial="note"
    )
    text = comment_field(label=_("What was said"))
    direction = forms.ChoiceField(
        label=_("Who reached out"), choices=Activity.Direction.choices, required=False
    )

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        if cleaned.get("kind") == "note" and not cleaned.get("text", "").strip():
            self.add_error("text", ValidationError(_("A note needs words."), code="required"))
        return cleaned

    def act(self) -> tuple[str, dict[str, Any]]:
        """Return the fact and its inputs. The form is valid."""
        kind, text = self.cleaned_data["kind"], self.cleaned_data["text"]
        if kind == "note":
            return Happening.NOTE_LOGGED.value, {"text": text}
        direction = self.cleaned_data["direction"] or Activity.Direction.OUTBOUND.value
        return Happening.ACTIVITY_LOGGED.value, {"kind": kind, "direction": direction, "summary": text}


class AnnulForm(forms.Form):
    comment = comment_field(label=_("Why"), required=True)


# the list of journeys ------------------------------------------------------------------------------------------------

STATES: Final = {
    "open": (_("Open"), OPEN_STAGES),
    "marketing": (_("With marketing"), MARKETING_STAGES),
    "sales": (_("With sales"), DEAL_STAGES | {Stage.HANDED_OFF}),
    "closed": (_("Closed"), CLOSED_STAGES),
    "void": (_("Spam and merged"), VOID_STAGES),
    "all": (_("In any state"), None),
}
MINE, NOBODY = "me", "none"


class JourneyFilter(forms.Form):
    """The filters of the list of journeys, all in the address. What is not known is named and left out."""

    q = forms.CharField(label=_("Find"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[(key, label) for key, (label, _stages) in STATES.items()]
    )
    stage = forms.ChoiceField(
        label=_("Stage"), required=False, choices=[("", _("Any stage")), *Stage.choices]
    )
    owner = forms.ChoiceField(label=_("Owner"), required=False)
    source = forms.ChoiceField(label=_("Source"), required=False)
    snoozed = forms.ChoiceField(
        label=_("Snoozed"),
        required=False,
        choices=[("", _("Snoozed or not")), ("yes", _("Snoozed")), ("no", _("Not snoozed"))],
    )
    order = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[
            ("", _("Newest first")),
            ("oldest", _("Oldest first")),
            ("waiting", _("Longest in stage first")),
            ("moved", _("Last moved first")),
        ],
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.user = user
        sources = list(Source.objects.all())
        people = list(
            User.objects.filter(is_active=True).exclude(role=Role.PARTNER).order_by("name", "username")
        )
        self._choose("source", [("", _("All sources")), *((s.key, str(s)) for s in sources)])
        self._choose(
            "owner",
            [
                ("", _("All owners")),
                (MINE, _("Mine")),
                (NOBODY, _("Nobody's")),
                *((p.username, str(p)) for p in people if p.pk != user.pk),
            ],
        )
        for field in self.fields.values():
            field.error_messages["invalid_choice"] = _(
                "“%(value)s” is not known here; this filter is left out."
            )

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        cast(forms.ChoiceField, self.fields[name]).choices = choices

    @property
    def values(self) -> dict[str, str]:
        """Return the filters that hold, by name; a state is always among them."""
        self.is_valid()
        values = {name: value for name, value in self.cleaned_data.items() if value}
        # a stage says more than a state does, and one chosen beside it would only contradict
        values["state"] = "all" if "stage" in values else values.get("state", "open")
        return values

    def narrow(self, journeys: JourneyQuerySet) -> JourneyQuerySet:
        """Return the journeys that the filters leave."""
        values = self.values
        stages = STATES[values["state"]][1]
        if stages is not None:
            journeys = journeys.filter(stage__in=stages)
        if stage := values.get("stage"):
            journeys = journeys.filter(stage=stage)
        if source := values.get("source"):
            journeys = journeys.filter(source__key=source)
        match values.get("owner"):
            case None:
                pass
            case "me":
                journeys = journeys.filter(owner=self.user)
            case "none":
                journeys = journeys.filter(owner=None)
            case username:
                journeys = journeys.filter(owner__username=username)
        if snoozed := values.get("snoozed"):
            journeys = journeys.filter(snoozed_until__isnull=snoozed == "no")
        return journeys.search(values.get("q", "").replace("\x00", ""))

    @property
    def order_by(self) -> tuple[str, bool]:
        """Return the column, and whether the oldest comes first."""
        return {
            "oldest": ("created_at", True),
            "waiting": ("stage_since", True),
            "moved": ("stage_since", False),
        }.get(self.values.get("order", ""), ("created_at", False))

    def chips(self) -> list[tuple[str, str, str]]:
        """Return name, label and words of each filter that narrows the list."""
        found = []
        for name, value in self.values.items():
            if name == "order" or (name == "state" and (value == "open" or "stage" in self.values)):
                continue
            field = self.fields[name]
            words = dict(getattr(field, "choices", ())).get(value, value)
            found.append((name, str(field.label), str(words)))
        return found


class BoardFilter(JourneyFilter):
    """The filters of the board: those of the list but for the state, and which half of the funnel is folded."""

    half = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("The whole funnel")),
            ("marketing", _("Marketing's half")),
            ("sales", _("Sales' half")),
        ],
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user)
        for name in ("state", "stage", "order"):
            del self.fields[name]

    @property
    def values(self) -> dict[str, str]:
        """Return the filters that hold, by name."""
        self.is_valid()
        return {"state": "open", **{name: value for name, value in self.cleaned_data.items() if value}}


class BulkForm(forms.Form):
    """Which journeys, and what to do with each of them."""

    LIMIT = 500

    act = forms.ChoiceField(label=_("What to do"))
    journeys = forms.MultipleChoiceField(label=_("Journeys"))

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        cast(forms.ChoiceField, self.fields["act"]).choices = bulk_choices(user)
        given = data.getlist("journeys") if hasattr(data, "getlist") else data.get("journeys", [])
        chosen = cast(forms.MultipleChoiceField, self.fields["journeys"])
        chosen.choices = [(key, key) for key in given if key.isascii() and key.isdigit() and len(key) < 19]

    def clean_journeys(self) -> list[int]:
        keys = sorted({int(key) for key in self.cleaned_data["journeys"]})
        if len(keys) > self.LIMIT:
            raise ValidationError(_("At most %(limit)s journeys at once."), params={"limit": self.LIMIT})
        return keys


def bulk_choices(user: User) -> list[tuple[str, str]]:
    """Return the acts that many journeys may take at once and that the role makes at some stage."""
    found = []
    for name, act in acts.ACTS.items():
        if not act.bulk or name in {"capture", Happening.NOTE_LOGGED, Happening.PERSONAL_DATA_ERASED}:
            continue
        roles = (
            frozenset().union(*(arc.roles for arc in MOVES[name].arcs))
            if name in MOVES
            else FACTS[name].roles
        )
        if user.role in roles:
            found.append((name, act_label(name)))
    order = [*MOVES, *FACTS]
    return sorted(found, key=lambda pair: order.index(pair[0]))
