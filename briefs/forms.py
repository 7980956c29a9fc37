"""What filling a brief asks for: the questions of its template, as one field that is a record."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from funnel import numbers
from funnel.act_forms import comment_field
from funnel.forms import ActForm

from . import answers, queries
from .models import Question, Verdict

Kind = Question.Kind


class AnswersWidget(forms.Widget):
    """An input for each question, named `answers-budget`; `asked` are the keys to draw, all of them by default."""

    template_name = "briefs/widgets/answers.html"
    grouped = True

    def __init__(self) -> None:
        super().__init__()
        self.questions: Mapping[str, Question] = {}
        self.asked: Iterable[str] | None = None
        self.faults: Mapping[str, str] = {}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name in data:
            return data[name]
        return {key: data[f"{name}-{key}"] for key in self.questions if f"{name}-{key}" in data}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        given = value if isinstance(value, Mapping) else {}
        asked = self.questions if self.asked is None else self.asked
        context["questions"] = [
            {
                "key": key,
                "name": f"{name}-{key}",
                "id": f"id_{name}-{key}",
                "question": self.questions[key],
                "label": str(self.questions[key]),
                "help": str(_(self.questions[key].help)) if self.questions[key].help else "",
                "kind": self.questions[key].kind,
                "choices": _choices(self.questions[key]),
                "value": _as_input(given.get(key)),
                "fault": self.faults.get(key, ""),
            }
            for key in asked
        ]
        return context


def _choices(question: Question) -> list[tuple[str, Any]]:
    if question.kind == Kind.BOOL:
        return [("true", _("Yes")), ("false", _("No"))]
    return [(choice, _(choice)) for choice in question.choices]


def _as_input(value: Any) -> str:
    """Return an answer as the value of an input."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(numbers.typed(value))


class AnswersField(forms.JSONField):
    """Answers by key, each cleaned as its question wants; faults are coded ".budget"."""

    widget = AnswersWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.questions: Mapping[str, Question] = {}
        self.good: dict[str, Any] = {}
        """What could be kept of the answers last cleaned, though others were at fault."""

    def ask(self, questions: Mapping[str, Question], *, asked: Iterable[str] | None = None) -> None:
        """Take the questions to accept; of these, draw those `asked`."""
        self.questions = self.widget.questions = questions
        self.widget.asked = asked

    @property
    def schema(self) -> dict[str, Any]:
        properties = {key: answers.json_schema(question) for key, question in self.questions.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def clean(self, value: Any) -> dict[str, Any]:
        if value in (None, ""):
            return {}
        if not isinstance(value, Mapping):
            raise ValidationError(_("Give an object of answers by key."), code="type")
        cleaned, faults = answers.clean_all(self.questions, value)
        self.good = cleaned
        if faults:
            self.widget.faults = {key: " ".join(fault.messages) for key, fault in faults.items()}
            raise ValidationError(
                [
                    ValidationError(
                        "%(question)s: %(fault)s",
                        params={"question": self.questions.get(key, key), "fault": " ".join(fault.messages)},
                        code=f".{key}",
                    )
                    for key, fault in faults.items()
                ]
            )
        return cleaned

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def prepare_value(self, value: Any) -> Any:
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data) and data != initial


class FillBriefForm(ActForm):
    """In HTML it asks what the draft lacks; programs may send any answer, and completing the draft is enough."""

    answers = AnswersField(label=_("Answers that the brief still lacks"), required=False)
    verdict = forms.ChoiceField(
        label=_("Can we solve it?"),
        choices=[("", "—"), *Verdict.choices],
        required=False,
        help_text=_("Yes leads to sales; a partner is proposed by the algorithm."),
    )
    comment = comment_field()

    def prepare(self) -> None:
        field = self.fields["answers"]
        assert isinstance(field, AnswersField)  # noqa: S101  tells the type checker what it is
        if self.journey is None:
            return
        sheet = queries.sheet_of(self.journey)
        field.ask(sheet.questions, asked=sheet.missing())
        for name in ("answers", "verdict"):
            # Not required, as the draft may have them; but where it lacks them they are no option.
            self.fields[name].wanted = True  # type: ignore[attr-defined]
        self.initial |= {"verdict": sheet.verdict, "comment": sheet.comment}
