"""The brief's pages: the draft, the client's link, the templates."""

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from briefs import domain, queries
from briefs.models import Brief, BriefTemplate, BriefVersion
from funnel.models import Event, Journey, Service
from funnel.stages import Role

from ..factories import ANSWERS, brief, journey_at, lead, partner, people, run, template

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def signed_in(role: str = Role.MARKETER, name: str = "") -> Client:
    client = Client()
    client.force_login(people(role, name))
    return client


@pytest.fixture
def marketer() -> Client:
    return signed_in()


def page(journey: Journey) -> str:
    return f"/journeys/{journey.pk}/brief/"


def sent(answers: dict[str, Any] | None = None, *, revision: int = 0, **fields: Any) -> dict[str, Any]:
    """Return what the form sends: every question, blank where not answered."""
    keys = BriefTemplate.objects.get(service=None, active=True).questions.values_list("key", flat=True)
    given = answers or {}
    return {
        **{f"answers-{key}": given.get(key, "") for key in keys},
        "revision": revision,
        "verdict": "",
        "comment": "",
        **fields,
    }


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


# the editor ----------------------------------------------------------------------------------------------------------


def test_the_page_asks_every_question_and_saves_the_draft_without_scripts(marketer: Client) -> None:
    journey = journey_at("contacted")
    text = words(marketer.get(page(journey)))
    assert "What is needed?" in text and "Nothing saved yet" in text
    answer = marketer.post(
        page(journey), sent({"need": "Count visitors", "users": "12,5"}, verdict="partner")
    )
    assert answer.status_code == 303
    stored = Brief.objects.get()
    assert stored.answers == {"need": "Count visitors", "users": 12.5}
    assert (stored.verdict, stored.revision, stored.updated_by.username) == ("partner", 1, Role.MARKETER)
    text = words(marketer.get(page(journey)))
    assert "Count visitors" in text and "Required answers: 1 of 4" in text


def test_an_autosave_answers_with_the_state_and_the_next_revision(marketer: Client) -> None:
    journey = journey_at("contacted")
    answer = marketer.post(page(journey), sent({"need": "Count"}), headers=HTMX)
    text = words(answer)
    assert answer.status_code == 200 and "<!doctype" not in text.lower()
    assert "Required answers: 1 of 4" in text
    assert '<input type="hidden" name="revision" id="id_revision" value="1" hx-swap-oob="true">' in text
    assert marketer.post(page(journey), sent({"need": ""}, revision=1), headers=HTMX).status_code == 200
    assert Brief.objects.get().answers == {}


def test_what_cannot_be_understood_is_named_and_the_rest_is_saved(marketer: Client) -> None:
    journey = journey_at("contacted")
    answer = marketer.post(page(journey), sent({"need": "Count", "users": "a dozen"}), headers=HTMX)
    assert (
        answer.status_code == 422
        and "How many people will use it?: “a dozen” is not a number such as 1234.50." in words(answer)
    )
    assert Brief.objects.get().answers == {"need": "Count"}
    answer = marketer.post(page(journey), sent({"need": "Count", "users": "a dozen"}, revision=1))
    assert answer.status_code == 422
    assert 'value="a dozen"' in words(answer) and 'aria-invalid="true"' in words(answer)


def test_a_stale_save_shows_both_versions_and_may_be_saved_over(marketer: Client) -> None:
    journey = journey_at("contacted")
    marketer.post(page(journey), sent({"need": "Counting"}))
    other = signed_in(Role.FIRST_TOUCH)
    answer = other.post(page(journey), sent({"need": "Weighing"}))
    assert answer.status_code == 409
    assert "<td>Counting</td><td>Weighing</td>" in words(answer)
    assert Brief.objects.get().answers == {"need": "Counting"}
    assert other.post(page(journey), sent({"need": "Weighing"}, seen="1")).status_code == 303
    assert Brief.objects.get().answers == {"need": "Weighing"}


def test_fill_and_move_fills_the_brief_or_says_what_is_missing(marketer: Client) -> None:
    journey = journey_at("contacted")
    answer = marketer.post(page(journey), sent({"need": "Count"}, act="fill"))
    text = words(answer)
    assert answer.status_code == 409 and "An answer is needed here." in text
    assert "the brief is not complete yet" in text
    assert Brief.objects.get().answers == {"need": "Count"}, "the draft survives"
    answer = marketer.post(page(journey), sent(ANSWERS, revision=1, verdict="can_solve", act="fill"))
    assert (answer.status_code, answer.url) == (303, f"/journeys/{journey.pk}/")
    assert Journey.objects.get(pk=journey.pk).stage == "briefed"
    assert BriefVersion.objects.get().verdict == "can_solve"


def test_a_brief_that_was_filled_meanwhile_is_closed_to_saving(marketer: Client) -> None:
    journey = run(journey_at("contacted"), "fill_brief", brief())
    answer = marketer.post(page(journey), sent({"need": "Else"}, revision=1))
    assert answer.status_code == 409 and "Nothing was saved." in words(answer)
    assert Brief.objects.get().answers == ANSWERS
    text = words(marketer.get(page(journey)))
    assert '<form class="stack" id="brief"' not in text and ANSWERS["need"] in text


def test_sales_read_the_brief_and_partners_never_see_the_page(marketer: Client) -> None:
    journey = run(journey_at("contacted"), "fill_brief", brief())
    sales = signed_in(Role.SALESPERSON)
    Journey.objects.filter(pk=journey.pk).update(owner=people(Role.SALESPERSON))
    assert ANSWERS["need"] in words(sales.get(page(journey)))
    assert ANSWERS["need"] in words(sales.get(f"{page(journey)}versions/1/"))
    assert sales.post(page(journey), sent(ANSWERS)).status_code == 403
    assert sales.post(f"{page(journey)}link/").status_code == 403
    outsider = signed_in(Role.PARTNER)
    for path in (page(journey), f"{page(journey)}versions/1/"):
        assert outsider.get(path).status_code == 404
    assert Client().get(page(journey)).status_code == 302
    assert marketer.get("/journeys/999999/brief/").status_code == 404
    assert marketer.get(f"{page(journey)}versions/2/").status_code == 404


def test_the_page_names_the_partner_that_the_algorithm_proposes(marketer: Client) -> None:
    partner("acme", name="Acme Works", takes=[{"service": "scanners"}])
    journey = journey_at("contacted", service="scanners")
    text = words(marketer.get(page(journey)))
    assert "Acme Works" in text and "Service: scanners" in text and "refer/?partner=acme" in text
    assert "No active partner fits" in words(marketer.get(page(journey_at("contacted", service="pens"))))


@pytest.mark.parametrize("revision", ["", "x", "-1", "99999999999999"])
def test_a_revision_that_is_no_number_is_a_bad_request(marketer: Client, revision: str) -> None:
    journey = journey_at("contacted")
    assert marketer.post(page(journey), sent({"need": "Count"}) | {"revision": revision}).status_code == 400
    assert not Brief.objects.exists()


def test_the_page_takes_a_fixed_number_of_statements(marketer: Client) -> None:
    counts = []
    for partners in (1, 4):
        for number in range(partners):
            partner(f"p{partners}{number}", takes=[{}, {"region": "North"}])
        journey = run(journey_at("contacted"), "fill_brief", brief())
        run(journey, "lose", {"reason": "no_need"})
        run(journey, "reopen", {"stage": "contacted", "why": "Back."})
        with CaptureQueriesContext(connection) as statements:
            marketer.get(page(journey))
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 21


# the panel on the journey's page -------------------------------------------------------------------------------------


def test_the_journeys_page_shows_the_brief_and_leads_to_it(marketer: Client) -> None:
    journey = journey_at("contacted")
    text = words(marketer.get(f"/journeys/{journey.pk}/"))
    assert "Required answers: 0 of 4" in text and f'href="{page(journey)}"' in text
    run(journey, "fill_brief", brief())
    assert ANSWERS["need"] in words(marketer.get(f"/journeys/{journey.pk}/"))


def test_the_moves_own_form_asks_only_what_the_draft_lacks(marketer: Client) -> None:
    journey = journey_at("contacted")
    rest = {key: value for key, value in ANSWERS.items() if key != "budget"}
    domain.save_draft(journey=journey.pk, actor=None, at=timezone.now(), answers=rest)
    url = f"/journeys/{journey.pk}/moves/fill_brief/"
    text = words(marketer.get(url))
    assert 'name="answers-budget"' in text and 'name="answers-need"' not in text
    answer = marketer.post(url, {"answers-budget": "5000", "verdict": "can_solve"})
    assert answer.status_code == 303, words(answer)
    assert BriefVersion.objects.get().answers["budget"] == "5000"


# the client's link ---------------------------------------------------------------------------------------------------


@pytest.fixture
def linked(marketer: Client) -> tuple[Journey, str]:
    journey = journey_at("contacted")
    marketer.post(f"{page(journey)}link/", {"act": "open"})
    return journey, f"/b/{Brief.objects.get(journey=journey).link_key}/"


def test_the_client_answers_by_the_link_and_sees_nothing_of_ours(linked: tuple[Journey, str]) -> None:
    journey, url = linked
    domain.save_draft(
        journey=journey.pk,
        actor=people(),
        at=timezone.now(),
        answers={},
        verdict="decline",
        comment="A bore.",
    )
    client = Client()
    answer = client.get(url)
    text = words(answer)
    assert answer.status_code == 200 and "What is needed?" in text
    assert "A bore." not in text and "Decline" not in text and str(journey.contact) not in text
    assert "no-store" in answer["Cache-Control"] and answer["X-Robots-Tag"] == "noindex"
    answer = client.post(url, {"answers-need": "Count us", "revision": 2 if 'value="2"' in text else 1})
    assert answer.status_code == 200 and "Your answers are saved." in words(answer)
    stored = Brief.objects.get()
    assert (stored.answers, stored.updated_by, stored.verdict) == ({"need": "Count us"}, None, "decline")
    note = Event.objects.get(journey=journey, event="note_logged")
    assert note.actor is None and "1 of 4" in note.notes.get().text


def test_a_link_is_gone_once_closed_renewed_run_out_or_erased(
    linked: tuple[Journey, str], marketer: Client
) -> None:
    journey, url = linked
    client = Client()
    marketer.post(f"{page(journey)}link/", {"act": "open"})
    assert client.get(url).status_code == 404, "renewed"
    url = f"/b/{Brief.objects.get().link_key}/"
    assert client.get(url).status_code == 200
    Brief.objects.update(link_expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert client.get(url).status_code == 404, "run out"
    Brief.objects.update(link_expires_at=timezone.now() + dt.timedelta(days=1))
    marketer.post(f"{page(journey)}link/", {"act": "close"})
    assert client.post(url, {"answers-need": "x", "revision": 0}).status_code == 404, "closed"
    marketer.post(f"{page(journey)}link/", {"act": "open"})
    url = f"/b/{Brief.objects.get().link_key}/"
    run(journey, "personal_data_erased", {"sure": True})
    assert client.get(url).status_code == 404, "erased"


def test_the_link_shows_that_the_questions_are_closed_once_the_brief_is_filled(
    linked: tuple[Journey, str],
) -> None:
    journey, url = linked
    run(journey, "fill_brief", brief())
    text = words(Client().get(url))
    assert "The questions are closed now." in text and ANSWERS["need"] not in text


def test_a_client_who_saves_over_ours_is_shown_what_is_stored(linked: tuple[Journey, str]) -> None:
    journey, url = linked
    revision = Brief.objects.get().revision
    domain.save_draft(journey=journey.pk, actor=people(), at=timezone.now(), answers={"need": "Ours"})
    answer = Client().post(url, {"answers-need": "Theirs", "revision": revision})
    text = words(answer)
    assert answer.status_code == 409 and "What is needed?: Ours" in text and "Theirs" in text
    assert Brief.objects.get().answers == {"need": "Ours"}


def test_a_link_takes_sixty_saves_an_hour(linked: tuple[Journey, str]) -> None:
    _journey, url = linked
    client = Client()
    answers = [client.post(url, {"answers-users": "x", "revision": 1}).status_code for _try in range(61)]
    assert set(answers[:60]) == {422} and answers[60] == 429


@pytest.mark.parametrize("key", ["nothing", "%00", "a" * 300])
def test_an_unknown_link_leads_nowhere(key: str) -> None:
    assert Client().get(f"/b/{key}/").status_code == 404


# the templates -------------------------------------------------------------------------------------------------------


def questions(*rows: dict[str, str], act: str = "save") -> dict[str, str]:
    found = {"act": act}
    for index, row in enumerate(rows):
        whole = {"kind": "text", "active": "on", **row}
        found |= {f"q{index}-{name}": value for name, value in whole.items()}
    return found


def test_a_service_gets_its_own_questions_and_loses_them_again(marketer: Client) -> None:
    service = Service.objects.create(key="scanners", label="Scanners")
    url = f"/brief-templates/{service.pk}/"
    assert "What is needed?" in words(marketer.get(url))
    answer = marketer.post(
        url,
        questions(
            {"label": "How many halls?", "kind": "number", "required": "on"},
            {"label": "Which?", "kind": "choice", "choices": "Red\n\nBlue "},
            {"label": ""},
        ),
    )
    assert answer.status_code == 303
    asked = queries.sheet_of(lead(service="scanners")).questions
    assert list(asked) == ["how_many_halls", "which"]
    assert asked["which"].choices == ["Red", "Blue"]
    assert "2 questions" in words(marketer.get("/brief-templates/"))
    assert marketer.post(f"{url}drop/").status_code == 303
    assert "need" in queries.sheet_of(lead(service="scanners")).questions


def test_questions_move_and_go_without_being_saved(marketer: Client) -> None:
    rows = ({"label": "First", "key": "first"}, {"label": "Second", "key": "second"})
    for act, expected in (
        ("down-0", ["Second", "First"]),
        ("up-1", ["Second", "First"]),
        ("remove-0", ["Second"]),
        ("add", ["First", "Second", ""]),
        ("up-9", None),
    ):
        answer = marketer.post("/brief-templates/default/", questions(*rows, act=act))
        if expected is None:
            continue
        found = re.findall(r'name="q\d+-label"(?: value="([^"]*)")?', words(answer))
        assert found == expected
        assert "Not saved yet." in words(answer)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (({"label": "", "help": "No question"},), "Write the question."),
        (({"label": "A", "key": "Big"},), "small letters"),
        (({"label": "A", "key": "a"}, {"label": "B", "key": "a"}), "Two questions have this key."),
        (({"label": "A", "kind": "choice"},), "Name at least one choice."),
        (({"label": "A", "active": ""},), "Ask at least one question."),
        (({"label": "A", "kind": "song"},), "song"),
    ],
)
def test_bad_questions_are_marked_and_nothing_is_saved(marketer: Client, rows: Any, message: str) -> None:
    answer = marketer.post("/brief-templates/default/", questions(*rows))
    assert answer.status_code == 422 and message in words(answer)
    assert BriefTemplate.objects.get(service=None, active=True).questions.count() == 10


def test_only_those_who_manage_the_catalogue_change_templates() -> None:
    for role in (Role.SALESPERSON, Role.PARTNER, Role.FIRST_TOUCH):
        client = signed_in(role)
        assert client.get("/brief-templates/").status_code == 403
        assert client.post("/brief-templates/default/", questions({"label": "A"})).status_code == 403
    manager = signed_in(Role.MANAGER)
    assert "/brief-templates/" in words(manager.get("/settings/"))
    assert manager.get("/brief-templates/424242/").status_code == 404


def test_markup_in_questions_and_answers_stays_text(marketer: Client) -> None:
    evil = "<script>alert(1)</script>"
    template("scanners", {"key": "halls", "label": evil, "help": evil, "kind": "choice", "choices": [evil]})
    journey = journey_at("contacted", service="scanners")
    domain.save_draft(
        journey=journey.pk, actor=people(), at=timezone.now(), answers={"halls": evil}, comment=evil
    )
    brief_of = domain.open_link(journey=journey.pk, actor=people(), at=timezone.now())
    for url in (page(journey), f"/b/{brief_of.link_key}/", f"/journeys/{journey.pk}/"):
        assert evil not in marketer.get(url).content.decode()
