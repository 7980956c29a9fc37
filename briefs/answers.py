"""What an answer may be: for each kind of question, what is accepted, kept and shown."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _

from funnel import numbers

from .models import Question

Answer = str | int | float | bool
Kind = Question.Kind

LENGTHS: Final = {Kind.TEXT: 1000, Kind.LONG: 20_000}
LARGEST: Final = Decimal(10) ** 15
TRUTH: Final = {"true": True, "false": False}


def clean(question: Question, given: Any) -> Answer | None:
    """Return the answer as it is kept, None where nothing was answered; raise ValidationError with the reason.

    Numbers are kept as JSON numbers, dates as YYYY-MM-DD, yes and no as JSON booleans.
    """
    if isinstance(given, str):
        given = type(given)(given.strip())  # what a program sent stays marked so
    if given is None or given == "":
        return None
    return _CLEANERS[Kind(question.kind)](question, given)


def clean_all(
    questions: Mapping[str, Question], given: Any
) -> tuple[dict[str, Answer | None], dict[str, ValidationError]]:
    """Return the clean answers by key, None for those taken back, and the faults by key."""
    answers: dict[str, Answer | None] = {}
    faults: dict[str, ValidationError] = {}
    for key, value in given.items():
        question = questions.get(key)
        if question is None:
            words = _("“%(key)s” is not a question of this brief.") % {"key": str(key)[:100]}
            faults[str(key)[:100]] = ValidationError(words, code="unknown")
            continue
        try:
            answers[key] = clean(question, value)
        except ValidationError as fault:
            faults[key] = fault
    return answers, faults


def _text(question: Question, given: Any) -> str:
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = f"{given:g}" if isinstance(given, float) else str(given)
    if not isinstance(given, str):
        raise ValidationError(_("Give text."))
    if "\x00" in given:
        raise ValidationError(_("The text has a NUL character."))
    longest = LENGTHS[Kind(question.kind)]
    if len(given) > longest:
        raise ValidationError(_("Give at most %(n)s characters.") % {"n": longest})
    return given


def _choice(question: Question, given: Any) -> str:
    if not isinstance(given, str) or given not in question.choices:
        raise ValidationError(_("Choose one of: %(choices)s.") % {"choices": ", ".join(question.choices)})
    return given


def _number(question: Question, given: Any) -> int | float:
    words = _("Give a number.")
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        raise ValidationError(words)
    try:
        number = numbers.read(given) if isinstance(given, str) else Decimal(str(given))
    except numbers.NoNumber as fault:
        raise ValidationError(str(fault)) from None
    except (InvalidOperation, ValueError):  # ValueError: an integer of thousands of digits
        raise ValidationError(words) from None
    if not number.is_finite() or abs(number) >= LARGEST:
        raise ValidationError(_("Give a number of at most 15 digits."))
    return int(number) if number == number.to_integral_value() else float(number)


def _date(question: Question, given: Any) -> str:
    try:
        return dt.date.fromisoformat(given).isoformat() if isinstance(given, str) else _no_date()
    except ValueError:
        return _no_date()


def _no_date() -> str:
    raise ValidationError(_("Give a date as YYYY-MM-DD."))


def _bool(question: Question, given: Any) -> bool:
    if isinstance(given, str) and given.lower() in TRUTH:
        return TRUTH[given.lower()]
    if not isinstance(given, bool):
        raise ValidationError(_("Answer true or false."))
    return given


_CLEANERS: Final = {
    Kind.TEXT: _text,
    Kind.LONG: _text,
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.BOOL: _bool,
}


def shown(kind: str, answer: Any) -> str:
    """Return an answer as people read it; "" where there is none."""
    if answer is None or answer == "":
        return ""
    if isinstance(answer, bool):
        return _("Yes") if answer else _("No")
    if kind == Kind.DATE and isinstance(answer, str):
        try:
            return formats.date_format(dt.date.fromisoformat(answer))
        except ValueError:
            return answer
    if isinstance(answer, int | float):
        return formats.number_format(answer, use_l10n=True, force_grouping=True)
    return str(answer)


def json_schema(question: Question) -> dict[str, Any]:
    """Describe what the question takes, as JSON schema."""
    schema: dict[str, Any] = {"title": str(question)}
    if question.help:
        schema["description"] = str(_(question.help))
    match Kind(question.kind):
        case Kind.CHOICE:
            schema |= {"type": "string", "enum": list(question.choices)}
        case Kind.NUMBER:
            schema |= {"type": "number"}
        case Kind.DATE:
            schema |= {"type": "string", "format": "date"}
        case Kind.BOOL:
            schema |= {"type": "boolean"}
        case kind:
            schema |= {"type": "string", "maxLength": LENGTHS[kind]}
    return schema
