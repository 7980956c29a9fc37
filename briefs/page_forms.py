"""Forms of the brief's own pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funnel.act_forms import comment_field

from .forms import AnswersField, AnswersWidget
from .models import Question, Verdict
from .queries import Sheet

MAX_QUESTIONS = 60


class VerdictCards(forms.RadioSelect):
    """The three ways out of a brief, as cards."""

    cards = True


class DraftForm(forms.Form):
    """The whole draft: every question, the verdict, our comment, and the revision that was looked at."""

    answers = AnswersField(required=False)
    verdict = forms.ChoiceField(
        label=gettext_lazy("Can we solve it?"), choices=Verdict.choices, required=False, widget=VerdictCards
    )
    comment = comment_field(label=gettext_lazy("Comment for colleagues"))
    revision = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, sheet: Sheet, data: Any = None) -> None:
        initial = {
            "answers": sheet.answers,
            "verdict": sheet.verdict,
            "comment": sheet.comment,
            "revision": sheet.revision,
        }
        super().__init__(data, initial=initial)
        self.sheet = sheet
        self.answers_field.ask(sheet.questions)

    @property
    def answers_field(self) -> AnswersField:
        return cast(AnswersField, self.fields["answers"])

    def good_answers(self) -> dict[str, Any]:
        """Return the answers that can be kept, None for those left blank; the faulty ones are left out."""
        return self.answers_field.good

    def mark_missing(self, keys: Iterable[str]) -> None:
        """Say at each question of these that its answer is wanted."""
        words = _("An answer is needed here.")
        widget = cast(AnswersWidget, self.answers_field.widget)
        widget.faults = {**widget.faults, **dict.fromkeys(keys, words)}


class ClientForm(forms.Form):
    """What a client answers by the link."""

    answers = AnswersField(required=False)
    revision = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, sheet: Sheet, data: Any = None) -> None:
        super().__init__(data, initial={"answers": sheet.answers, "revision": sheet.revision})
        cast(AnswersField, self.fields["answers"]).ask(sheet.questions)

    def good_answers(self) -> dict[str, Any]:
        return cast(AnswersField, self.fields["answers"]).good


class QuestionForm(forms.Form):
    """One question of a template."""

    label = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=200,
        error_messages={"required": gettext_lazy("Write the question.")},
    )
    help = forms.CharField(label=gettext_lazy("Help"), max_length=500, required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Answer"), choices=Question.Kind.choices, initial=Question.Kind.TEXT
    )
    choices = forms.CharField(
        label=gettext_lazy("Choices, one a line"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    required = forms.BooleanField(label=gettext_lazy("Required"), required=False)
    active = forms.BooleanField(label=gettext_lazy("Asked"), required=False, initial=True)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=50,
        required=False,
        help_text=gettext_lazy("Programs and earlier answers know the question by it."),
    )

    @property
    def blank(self) -> bool:
        return not any(str(self[name].value() or "").strip() for name in ("label", "help", "choices", "key"))

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if key and not re.fullmatch(r"[a-z][a-z0-9_]*", key):
            raise ValidationError(_("A key has small letters, digits and _."))
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        lines = cleaned.get("choices", "").splitlines()
        cleaned["choices"] = [line.strip() for line in lines if line.strip()]
        return cleaned


def question_forms(data: Any) -> list[QuestionForm]:
    """Return the bound forms of the questions sent, in their order."""
    found = []
    for index in range(MAX_QUESTIONS):
        if f"q{index}-kind" not in data:
            break
        found.append(QuestionForm(data, prefix=f"q{index}"))
    return found


def rows_of(asked: Iterable[Question]) -> list[dict[str, Any]]:
    """Return the questions as their forms take them."""
    return [
        {
            "label": question.label,
            "help": question.help,
            "kind": question.kind,
            "choices": "\n".join(question.choices),
            "required": question.required,
            "active": question.active,
            "key": question.key,
        }
        for question in asked
    ]


def drawn(rows: Iterable[Mapping[str, Any]]) -> list[QuestionForm]:
    """Return forms that show these rows."""
    return [QuestionForm(initial=dict(row), prefix=f"q{index}") for index, row in enumerate(rows)]


def typed(forms_sent: Iterable[QuestionForm]) -> list[dict[str, Any]]:
    """Return what was typed, as rows."""
    return [{name: form[name].value() for name in form.fields} for form in forms_sent]


def new_key(label: str, taken: Iterable[str]) -> str:
    """Return a free key made of a label: “Who decides?” gives who_decides."""
    word = slugify(label).replace("-", "_")[:40].strip("_")
    word = word if word[:1].isalpha() else f"question_{word}".rstrip("_")
    used, number, key = set(taken), 2, word
    while key in used:
        key, number = f"{word}_{number}", number + 1
    return key
