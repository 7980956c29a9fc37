"""Filling briefs: what is asked, what is kept, what it opens."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from briefs import domain, queries
from briefs.models import Brief, BriefTemplate, BriefVersion, Question
from briefs.templates import drop_template, save_template
from funnel import acts, machine
from funnel.annulment import annul
from funnel.forms import json_schema
from funnel.machine import Refused
from funnel.models import Event, Journey, Service
from funnel.stages import Role

from ..factories import ANSWERS, brief, journey_at, later, lead, people, run, template

pytestmark = pytest.mark.django_db


def refusal(journey: Journey, name: str, inputs: Any = None) -> Any:
    with pytest.raises(Refused) as caught:
        run(journey, name, inputs)
    return caught.value.refusals[journey.pk]


def faults(journey: Journey, inputs: Any) -> dict[str, Any]:
    with pytest.raises(acts.BadInput) as caught:
        run(journey, "fill_brief", inputs)
    return {
        f"{name}{error.code if str(error.code).startswith('.') else ''}": error.messages
        for name, errors in caught.value.form.errors.as_data().items()
        for error in errors
    }


def test_a_default_template_is_there_after_migrate() -> None:
    found = BriefTemplate.objects.get(service=None, active=True)
    required = set(found.questions.filter(required=True).values_list("key", flat=True))
    assert required == {"need", "budget", "deadline", "decision_maker"}
    assert {kind for kind, _label in Question.Kind.choices} == set(
        found.questions.values_list("kind", flat=True)
    )


def test_filling_freezes_a_version_with_the_questions_and_the_verdict() -> None:
    journey = run(journey_at("contacted"), "fill_brief", brief(users=25, tender=False))
    version = BriefVersion.objects.get(brief__journey=journey)
    event = Event.objects.get(journey=journey, event="brief_filled")
    assert journey.stage == "briefed"
    assert (event.value, event.inputs) == ("can_solve", {"brief": version.pk, "version": 1})
    assert version.event == event and version.template.service is None
    assert version.answers["users"] == 25 and version.answers["tender"] is False
    assert version.rows[0] == {
        "key": "need",
        "label": "What is needed?",
        "kind": "long",
        "answer": ANSWERS["need"],
    }
    assert version.answers["criteria"] is None


def test_missing_answers_are_named_by_path_and_nothing_is_written() -> None:
    journey = journey_at("contacted")
    told = refusal(journey, "fill_brief", {"answers": {"need": "Counting"}})
    assert told.reason == "data"
    assert told.missing == ("brief.budget", "brief.deadline", "brief.decision_maker", "brief.verdict")
    assert not Brief.objects.exists() and not Event.objects.filter(event="brief_filled").exists()


def test_inputs_complete_what_the_saved_draft_lacks() -> None:
    journey = journey_at("contacted")
    half = {key: ANSWERS[key] for key in ("need", "budget")}
    domain.save_draft(journey=journey.pk, actor=people(), at=later(hours=1), answers=half, verdict="partner")
    rest = {"deadline": "Soon", "decision_maker": "The owner", "budget": None}
    run(journey, "fill_brief", {"answers": rest})
    version = BriefVersion.objects.get()
    assert (version.verdict, version.answers["budget"]) == ("partner", ANSWERS["budget"])
    assert Brief.objects.get().answers == {**half, "deadline": "Soon", "decision_maker": "The owner"}


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"users": "many"}, "answers.users"),
        ({"users": True}, "answers.users"),
        ({"users": "1e999"}, "answers.users"),
        ({"start_date": "2026-02-30"}, "answers.start_date"),
        ({"start_date": 20260302}, "answers.start_date"),
        ({"priority": "Yesterday"}, "answers.priority"),
        ({"tender": "perhaps"}, "answers.tender"),
        ({"budget": {"from": 1}}, "answers.budget"),
        ({"budget": "x" * 1001}, "answers.budget"),
        ({"need": "a\x00b"}, "answers.need"),
        ({"colour": "red"}, "answers.colour"),
        (["need"], "answers"),
        ("need", "answers"),
    ],
)
def test_a_malformed_answer_is_named_before_anything_else(answers: Any, field: str) -> None:
    journey = journey_at("contacted")
    assert list(faults(journey, {"answers": answers})) == [field]
    assert not Brief.objects.exists()


def test_an_unknown_verdict_is_malformed() -> None:
    assert "verdict" in faults(journey_at("contacted"), {**brief(), "verdict": "maybe"})


def test_only_the_verdict_that_we_can_solve_it_opens_the_handoff() -> None:
    for verdict, missing in (("partner", ("brief.can_solve",)), ("decline", ("brief.can_solve",))):
        journey = run(journey_at("contacted"), "fill_brief", brief(verdict))
        assert machine.lacking([journey], "hand_off")[journey.pk].missing == missing
    ours = run(journey_at("contacted"), "fill_brief", brief())
    assert not machine.lacking([ours], "hand_off")
    never = journey_at("contacted")
    assert machine.lacking([never], "hand_off")[never.pk].missing == ("brief.can_solve",)


def test_undoing_the_filling_withdraws_the_version_and_keeps_the_draft() -> None:
    actor = people(Role.FIRST_TOUCH)
    journey = run(journey_at("contacted"), "fill_brief", brief(), actor=actor)
    event = Event.objects.get(journey=journey, event="brief_filled")
    annul(events=[event.pk], actor=actor, at=later(days=1))
    journey.refresh_from_db()
    assert journey.stage == "contacted"
    assert queries.standing(journey) is None
    assert Brief.objects.get().answers == ANSWERS
    assert machine.lacking([journey], "hand_off")[journey.pk].missing == ("brief.can_solve",)
    journey = run(journey, "fill_brief", {}, at=later(days=2))
    assert queries.standing(journey).version == 2  # type: ignore[union-attr]


def test_a_service_with_a_template_of_its_own_is_asked_its_own_questions() -> None:
    template("scanners", {"key": "halls", "kind": "number", "required": True})
    theirs, others = journey_at("contacted", service="scanners"), journey_at("contacted", service="pens")
    assert refusal(theirs, "fill_brief", {"verdict": "can_solve"}).missing == ("brief.halls",)
    assert "brief.budget" in refusal(others, "fill_brief", {"verdict": "can_solve"}).missing
    run(theirs, "fill_brief", {"answers": {"halls": "1200.5"}, "verdict": "can_solve"})
    assert queries.standing(theirs).answers == {"halls": 1200.5}  # type: ignore[union-attr]


def test_a_template_changes_in_place_until_a_brief_was_filled_with_it() -> None:
    first = template("scanners", {"key": "halls", "required": True})
    assert template("scanners", {"key": "halls", "required": True}) == first
    second = template("scanners", {"key": "halls"}, {"key": "floors"})
    assert (second.pk, second.version, second.questions.count()) == (first.pk, 1, 2)
    journey = run(
        journey_at("contacted", service="scanners"),
        "fill_brief",
        {"answers": {"halls": "3"}, "verdict": "can_solve"},
    )
    third = template("scanners", {"key": "rooms", "required": True})
    assert third.version == 2
    assert list(BriefTemplate.objects.filter(service__key="scanners", active=True)) == [third]
    assert queries.standing(journey).rows[0]["key"] == "halls"  # type: ignore[union-attr]


def test_a_dropped_template_gives_way_to_the_default_one() -> None:
    template("scanners", {"key": "halls"})
    drop_template(service=Service.objects.get(key="scanners"))
    assert "need" in queries.sheet_of(lead(service="scanners")).questions
    assert template("scanners", {"key": "halls"}).version == 2


@pytest.mark.parametrize(
    ("questions", "code"),
    [
        ([], "count"),
        ([{"key": "a", "label": "A", "active": False}], "count"),
        ([{"key": "a", "label": "A"}, {"key": "a", "label": "B"}], "1.key"),
        ([{"key": "Big Key", "label": "A"}], "0.key"),
        ([{"key": "a", "label": ""}], "0.label"),
        ([{"key": "a", "label": "A", "kind": "choice"}], "0.choices"),
        ([{"key": "a", "label": "A", "kind": "choice", "choices": ["x", "x"]}], "0.choices"),
        ([{"key": "a", "label": "A", "kind": "song"}], "0.kind"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(questions: Any, code: str) -> None:
    with pytest.raises(Exception) as caught:
        save_template(service=None, questions=questions)
    assert code in [error.code for error in caught.value.error_list]  # type: ignore[attr-defined]
    assert BriefTemplate.objects.get(service=None, active=True).questions.count() == 10


def test_an_answer_that_a_changed_question_no_longer_takes_counts_as_missing() -> None:
    template("scanners", {"key": "halls", "required": True})
    journey = journey_at("contacted", service="scanners")
    domain.save_draft(journey=journey.pk, actor=people(), at=later(hours=1), answers={"halls": "a few"})
    template("scanners", {"key": "halls", "kind": "number", "required": True})
    assert refusal(journey, "fill_brief", {"verdict": "can_solve"}).missing == ("brief.halls",)


def test_a_stale_save_is_refused_with_what_stands_now_unless_nothing_differs() -> None:
    journey = journey_at("contacted")
    save = {"journey": journey.pk, "actor": people(), "at": later(hours=1)}
    assert domain.save_draft(**save, answers={"need": "Counting"}, revision=0).revision == 1
    assert domain.save_draft(**save, answers={"need": "Counting"}, revision=0).revision == 1
    with pytest.raises(domain.Stale) as caught:
        domain.save_draft(**save, answers={"need": "Weighing"}, revision=0)
    assert caught.value.sheet.answers == {"need": "Counting"}
    assert domain.save_draft(**save, answers={"need": None}, revision=1).answers == {}


def test_a_draft_is_closed_once_the_journey_has_gone_on() -> None:
    journey = journey_at("briefed")
    with pytest.raises(Refused) as caught:
        domain.save_draft(journey=journey.pk, actor=people(), at=later(days=1), answers={"need": "More"})
    assert caught.value.refusals[journey.pk].reason == "stage"


def test_erasure_leaves_no_answer_behind() -> None:
    journey = run(journey_at("contacted"), "fill_brief", {**brief(), "comment": "They sounded keen."})
    domain.save_draft  # noqa: B018  the draft was stored by the filling itself
    run(journey, "personal_data_erased", {"sure": True})
    stored = Brief.objects.get()
    assert (stored.answers, stored.comment) == ({}, "")
    version = BriefVersion.objects.get()
    assert set(version.answers.values()) == {None} and version.comment == ""
    assert version.verdict == "can_solve"


def test_what_is_asked_is_described_as_json_schema() -> None:
    journey = journey_at("contacted")
    form = acts.ACTS["fill_brief"].form(journey=journey)
    asks = json_schema(form)["properties"]["answers"]
    assert asks["properties"]["users"]["type"] == "number"
    assert asks["properties"]["priority"]["enum"] == ["Now", "This quarter", "This year", "Just looking"]
    assert asks["additionalProperties"] is False


def test_filling_takes_a_fixed_number_of_statements() -> None:
    journey = journey_at("contacted")
    marketer = people(Role.FIRST_TOUCH)
    with CaptureQueriesContext(
        connection,
    ) as statements:
        acts.run(name="fill_brief", journeys=[journey.pk], actor=marketer, inputs=brief())
    asked = [q["sql"] for q in statements if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 10, "\n".join(asked)


def test_sheets_of_many_journeys_take_two_statements() -> None:
    journeys = [lead(service=service) for service in ("scanners", "pens", None)]
    template("pens", {"key": "colour"})
    for count in (1, 3):
        with CaptureQueriesContext(connection) as statements:
            found = queries.sheets(journeys[:count])
            [sheet.missing() for sheet in found.values()]
        assert len(statements) == 2


@pytest.mark.parametrize(
    "change",
    [{"verdict": "maybe"}, {"link_key": "x"}],
)
def test_the_database_itself_refuses_impossible_briefs(change: dict[str, Any]) -> None:
    journey = journey_at("contacted")
    domain.save_draft(journey=journey.pk, actor=people(), at=later(hours=1), answers={"need": "Counting"})
    with pytest.raises(IntegrityError), transaction.atomic():
        Brief.objects.update(**change)
