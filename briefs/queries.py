"""Briefs as they stand: the questions a journey is asked, what is answered, what is missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Max, OuterRef, Q
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.translation import gettext

from funnel.models import Event, Journey
from funnel.registry import Steer
from funnel.stages import MOVES, Happening, Stage
from partners import algorithm
from partners.models import Referral

from .answers import clean_all, shown
from .models import Brief, BriefTemplate, BriefVersion, Question, Verdict

EDITABLE = frozenset({Stage.NEW}) | MOVES["fill_brief"].sources
"""Where a draft may be worked on: before the brief is filled, and again once the journey has come back."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question of a journey's brief with the answer that the draft has, None where it has none."""

    question: Question
    answer: Any

    @property
    def shown(self) -> str:
        return shown(self.question.kind, self.answer)

    @property
    def lacks(self) -> bool:
        return self.question.required and self.answer is None


@dataclass(frozen=True)
class Sheet:
    """A journey's brief: its template, the questions asked, and the draft, which may not have been begun."""

    journey: Journey
    template: BriefTemplate
    questions: Mapping[str, Question]
    brief: Brief | None
    filled: int
    """How many times it was filled: the number of the last version."""

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The draft's answers to the questions asked; one that a changed question no longer takes counts as none."""
        kept = self.brief.answers if self.brief else {}
        return clean_all(self.questions, {key: kept[key] for key in self.questions if key in kept})[0]

    @property
    def verdict(self) -> str:
        return self.brief.verdict if self.brief else ""

    @property
    def comment(self) -> str:
        return self.brief.comment if self.brief else ""

    @property
    def revision(self) -> int:
        return self.brief.revision if self.brief else 0

    @cached_property
    def rows(self) -> list[Row]:
        return [Row(question, self.answers.get(key)) for key, question in self.questions.items()]

    @property
    def editable(self) -> bool:
        return self.journey.stage in EDITABLE

    def merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the draft's answers completed by those given; what is given blank leaves the draft's."""
        return self.answers | {key: value for key, value in given.items() if value is not None}

    def missing(self, given: Mapping[str, Any] | None = None) -> list[str]:
        """Return the keys of the required questions that have no answer."""
        answers = self.merged(given or {})
        return [
            key
            for key, question in self.questions.items()
            if question.required and answers.get(key) in {None, ""}
        ]

    @property
    def required(self) -> int:
        return sum(question.required for question in self.questions.values())

    @property
    def answered(self) -> int:
        """Return how many of the required questions have an answer."""
        return self.required - len(self.missing())

    @property
    def completeness(self) -> int:
        """Return the share of required questions answered, in whole per cent."""
        return 100 * self.answered // self.required if self.required else 100


def sheets(journeys: Iterable[Journey]) -> dict[int, Sheet]:
    """Return the sheets of journeys: two queries for any number of them."""
    found = {journey.pk: journey for journey in journeys}
    templates, asked = _templates({journey.service_id for journey in found.values()} - {None})
    briefs = {
        brief.journey_id: brief
        for brief in Brief.objects.filter(journey__in=found)
        .select_related("updated_by")
        .annotate(filled=Max("versions__version"))
    }
    result = {}
    for pk, journey in found.items():
        service = journey.service_id if journey.service_id in templates else None
        brief = briefs.get(pk)
        filled = getattr(brief, "filled", None) or 0
        result[pk] = Sheet(journey, templates[service], asked[service], brief, filled)
    return result


def _templates(
    services: Collection[int | None],
) -> tuple[dict[int | None, BriefTemplate], dict[int | None, dict[str, Question]]]:
    """Return the templates in use of services and for all others, with what they ask: one query."""
    columns = {field.attname: F(field.attname) for field in Question._meta.concrete_fields}
    asked = Question.objects.filter(template=OuterRef("pk"), active=True).order_by("position", "pk")
    fitting = BriefTemplate.objects.filter(Q(service__in=services) | Q(service=None), active=True)
    templates: dict[Any, Any] = {
        template.service_id: template
        for template in fitting.select_related("service").annotate(
            asked=ArraySubquery(asked.values(row=JSONObject(**columns)))
        )
    }
    questions: dict[int | None, dict[str, Question]] = {
        service: {row["key"]: Question(**row) for row in template.asked or ()}
        for service, template in templates.items()
    }
    return templates, questions


def sheet_of(journey: Journey) -> Sheet:
    """Return the sheet of one journey, read once for as long as this object of it lives.

    An act's form, its requirements and its domain function share it; the journey is locked there, and whoever writes
    a draft locks it too.
    """
    sheet: Sheet | None = journey.__dict__.get("_brief_sheet")
    if sheet is None:
        sheet = journey.__dict__["_brief_sheet"] = sheets([journey])[journey.pk]
    return sheet


def _known(journeys: Sequence[Journey]) -> dict[int, Sheet]:
    """Return the sheets of journeys, without a query where there is one journey whose sheet is read already."""
    if len(journeys) == 1:
        return {journeys[0].pk: sheet_of(journeys[0])}
    return sheets(journeys)


# what the table of moves requires ------------------------------------------------------------------------------------


def lacking_answers(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the required questions that neither the draft nor the inputs answer."""
    given = inputs.get("answers") or {}
    return {
        pk: [f"brief.{key}" for key in missing]
        for pk, sheet in _known(journeys).items()
        if (missing := sheet.missing(given))
    }


def lacking_verdict(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the journeys on whose brief nobody has decided."""
    if inputs.get("verdict"):
        return {}
    return {pk: ["brief.verdict"] for pk, sheet in _known(journeys).items() if not sheet.verdict}


def not_ours(journeys: Sequence[Journey], inputs: Mapping[str, Any]) -> dict[int, list[str]]:
    """Name the journeys whose brief was not filled, or found that we cannot solve it: one query, of the ledger.

    A brief of an imported history carries no verdict of ours; that it was filled is taken for enough. No query where a
    page knows already what happened.
    """
    pasts = {journey.pk: journey.happened for journey in journeys if journey.happened is not None}
    if len(pasts) == len(journeys):
        filling = Happening.BRIEF_FILLED
        return _closed(journeys, {pk: past[filling] for pk, past in pasts.items() if filling in past})
    filled = (
        Event.objects.live()
        .filter(journey__in=[journey.pk for journey in journeys], event=Happening.BRIEF_FILLED)
        .order_by("journey_id", "-occurred_at", "-seq")
        .distinct("journey_id")
        .values_list("journey_id", "value")
    )
    return _closed(journeys, dict(filled))


def _closed(journeys: Sequence[Journey], verdicts: Mapping[int, str]) -> dict[int, list[str]]:
    closed = {Verdict.PARTNER, Verdict.DECLINE}
    return {
        journey.pk: ["brief.can_solve"]
        for journey in journeys
        if journey.pk not in verdicts or verdicts[journey.pk] in closed
    }


def link_is_open(brief: Brief, *, at: datetime) -> bool:
    """Tell whether the client may come in by the brief's link now."""
    return brief.link_expires_at is not None and brief.link_expires_at > at


def standing(journey: Journey) -> BriefVersion | None:
    """Return the last filled brief that no undo has withdrawn; no query where none was ever filled, as far as is known."""
    if journey.happened is not None and Happening.BRIEF_FILLED not in journey.happened:
        return None
    known = journey.__dict__
    if "_standing_brief" not in known:  # read once for as long as this object of the journey lives
        known["_standing_brief"] = (
            BriefVersion.objects.filter(brief__journey=journey, withdrawn_at=None)
            .select_related("filled_by")
            .order_by("-version")
            .first()
        )
    found: BriefVersion | None = known["_standing_brief"]
    return found


def to_a_partner(journey: Journey) -> Steer | None:
    """Propose the partner whose turn it is, where the brief says that a partner should, or a partner gave it back."""
    if journey.stage not in {Stage.BRIEFED, Stage.RETURNED}:
        return None
    version = standing(journey)
    told = version is not None and version.verdict == Verdict.PARTNER
    if not told and not _given_back(journey):
        return None
    found = algorithm.propose([journey], at=timezone.now())[journey.pk]
    if not found and not told:
        return None
    if not found:
        why = gettext("The brief says that a partner should; none fits by the algorithm, so choose one.")
        return Steer("refer", gettext("Refer to a partner"), {}, why)
    first = found[0]
    why = (
        gettext("The brief says that a partner should.")
        if told
        else gettext("The partner before gave it back.")
    )
    label = gettext("Refer to %(partner)s") % {"partner": first.partner}
    return Steer("refer", label, {"partner": first.partner.key}, f"{why} {first.turn}".strip())


def _given_back(journey: Journey) -> bool:
    """Tell whether a partner declined the journey, or left it unanswered, last of all: at most one query."""
    if journey.stage != Stage.RETURNED:
        return False
    if journey.happened is not None and Happening.REFERRAL_RETURNED not in journey.happened:
        return False
    last = Event.objects.live().of_stages().filter(journey=journey).order_by("-occurred_at", "-seq").first()
    return (
        last is not None
        and last.event == Happening.REFERRAL_RETURNED
        and last.value != Referral.ReturnReason.RECALLED  # a history gives the value alone
    )


def shown_rows(version: BriefVersion) -> list[dict[str, str]]:
    """Return question and answer of a filled brief as people read them; "" where there is no answer."""
    return [
        {"key": row["key"], "label": gettext(row["label"]), "shown": shown(row["kind"], row["answer"])}
        for row in version.rows
    ]
