"""Partners' pages and REST: marketing's list, the partner's portal, and how little a partner sees."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from funnel.models import Event, Journey
from funnel.stages import Role
from partners.models import Partner, Referral

from ..factories import brief, journey_at, lead, partner, partner_person, people, run, token

pytestmark = pytest.mark.django_db


def signed_in(role: str = Role.MARKETER, name: str = "") -> Client:
    client = Client()
    client.force_login(people(role, name))
    return client


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def referred(key: str = "acme", **given: Any) -> Referral:
    journey = journey_at("contacted", **given)
    run(journey, "refer", {"partner": key, "reason": "capacity"})
    return Referral.objects.get(journey=journey)


@pytest.fixture
def pat() -> Client:
    """Someone who stands for the partner acme."""
    partner("acme", name="Acme Works", members=(partner_person("pat"),))
    return signed_in(Role.PARTNER, "pat")


def test_a_program_is_warned_of_a_partner_who_does_not_serve_the_service() -> None:
    partner("acme", name="Acme"), partner("pens", name="Pens & Co", takes=[{"service": "pens"}])
    headers = token(people(Role.MARKETER))
    told = {}
    for key in ("acme", "pens"):
        journey = journey_at("contacted", service="scanners")
        body = {"inputs": {"partner": key, "reason": "capacity"}}
        url = f"/api/v1/journeys/{journey.pk}/moves/refer/"
        answer = Client().post(url, body, content_type="application/json", headers=headers)
        assert answer.status_code == 200
        told[key] = answer.json()["warnings"]
    assert told == {
        "acme": [],
        "pens": [{"code": "partner_unfit", "detail": "Pens & Co does not serve scanners."}],
    }


# marketing's pages ---------------------------------------------------------------------------------------------------


def form(**fields: Any) -> dict[str, Any]:
    return {"key": "acme", "name": "Acme Works", "active": "on", "weight": "1", "capacity": "", **fields}


def test_a_partner_is_added_with_what_it_takes_and_its_people() -> None:
    pat = partner_person("pat")
    marketer = signed_in()
    answer = marketer.post(
        "/partners/new/",
        form(
            **{
                "capacity": "5",
                "capabilities-0-service": "",
                "capabilities-0-region": "Bavaria",
                "capabilities-0-language": "de",
                "members": [pat.pk],
            }
        ),
    )
    made = Partner.objects.get()
    assert (answer.status_code, answer.url) == (303, f"/partners/{made.pk}/")
    assert [str(able) for able in made.capabilities.all()] == ["Bavaria · de"]
    assert made.capacity == 5 and made.members.get().user == pat
    text = words(marketer.get(f"/partners/{made.pk}/edit/"))
    assert 'value="Bavaria"' in text and "checked" in text
    answer = marketer.post(f"/partners/{made.pk}/edit/", form(name="Acme", takes_anything="on"))
    made.refresh_from_db()
    assert answer.status_code == 303
    assert (made.name, made.capacity, [str(able) for able in made.capabilities.all()]) == (
        "Acme",
        None,
        ["Anything"],
    )
    assert not made.members.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": ""}, "Key"),
        ({"key": "taken"}, "already exists"),
        ({"name": ""}, "Name"),
        ({"weight": "0"}, "Weight"),
        ({"capacity": "-1"}, "Capacity"),
        ({"capacity": "99999999999"}, "Capacity"),
        ({"capabilities-0-region": "x" * 101}, "Region"),
        ({"capabilities-0-service": "nothing", "capabilities-0-region": ""}, "Service"),
        ({"members": ["4242"]}, "Who signs in for it"),
    ],
)
def test_bad_input_is_named_and_nothing_is_saved(fields: dict[str, Any], message: str) -> None:
    partner("taken")
    answer = signed_in().post("/partners/new/", form(**fields))
    faults = re.search(r"data-faults>.*?</div>", words(answer))
    assert answer.status_code == 422 and faults and message in faults[0]
    assert list(Partner.objects.values_list("key", flat=True)) == ["taken"]


def test_the_list_and_the_partners_page_show_referrals_and_outcomes(pat: Client) -> None:
    won, offered = referred(), referred()
    run(won.journey, "partner_accepted", {})
    run(won.journey, "partner_outcome", {"outcome": "won", "amount": "1500"})
    marketer = signed_in()
    text = words(marketer.get("/partners/"))
    assert "Acme Works" in text and "1,500" in text
    text = words(marketer.get(f"/partners/{won.partner_id}/"))
    assert str(won.journey) in text and str(offered.journey) in text and "pat" in text
    only = words(marketer.get(f"/partners/{won.partner_id}/?state=done"))
    assert str(won.journey) in only and str(offered.journey) not in only
    assert marketer.get(f"/partners/{won.partner_id}/?state=x&page=zzz").status_code == 200
    assert marketer.get("/partners/4242/").status_code == 404


def test_partners_are_managed_by_marketing_alone(pat: Client) -> None:
    found = Partner.objects.get()
    for client in (signed_in(Role.SALESPERSON), pat):
        for path in ("/partners/", "/partners/new/", f"/partners/{found.pk}/", f"/partners/{found.pk}/edit/"):
            assert client.get(path).status_code == 403
        assert client.post(f"/partners/{found.pk}/edit/", form(name="Mine")).status_code == 403


def test_lists_take_a_fixed_number_of_statements() -> None:
    marketer, counts = signed_in(), []
    for number in (1, 3):
        for each in range(number):
            key = f"p{number}{each}"
            partner(key, takes=[{"service": f"s{each}"}, {"region": "x"}])
            for _referral in range(number):
                referred(key)
        with CaptureQueriesContext(connection) as statements:
            marketer.get("/partners/")
            marketer.get(f"/partners/{Partner.objects.latest('pk').pk}/")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 25


# the portal ----------------------------------------------------------------------------------------------------------


def test_a_partner_takes_a_referral_and_reports_the_outcome(pat: Client) -> None:
    referral = referred(name="Ada Lind", email="ada@client.example")
    text = words(pat.get("/portal/"))
    assert "Ada Lind" in text and "Waiting for your answer" in text
    text = words(pat.get(f"/portal/{referral.pk}/"))
    assert "ada@client.example" in text
    answer = pat.post(f"/portal/{referral.pk}/take/", {"comment": "Gladly."})
    assert (answer.status_code, answer.url) == (303, "/portal/")
    assert "With you" in words(pat.get("/portal/"))
    answer = pat.post(f"/portal/{referral.pk}/outcome/", {"outcome": "won", "amount": "99.90"})
    assert answer.status_code == 303
    referral.refresh_from_db()
    assert (referral.state, referral.outcome, str(referral.amount)) == ("done", "won", "99.90")
    assert "99.90" in words(pat.get("/portal/"))


def test_a_declined_referral_leaves_the_portal_with_its_contact_data(pat: Client) -> None:
    referral = referred(name="Ada Lind", email="ada@client.example")
    assert pat.post(f"/portal/{referral.pk}/decline/", {}).status_code == 422
    assert pat.post(f"/portal/{referral.pk}/decline/", {"reason": "region"}).status_code == 303
    text = words(pat.get("/portal/"))
    assert "ada@client.example" not in text and "No longer with you" in text
    assert "Ada Lind" not in words(pat.get("/portal/"))
    for path in (
        f"/portal/{referral.pk}/",
        f"/portal/{referral.pk}/take/",
        f"/journeys/{referral.journey_id}/",
    ):
        assert pat.get(path).status_code == 404
    assert Event.objects.get(event="partner_declined").reason == "region"


def test_an_answer_out_of_turn_is_refused_in_words(pat: Client) -> None:
    referral = referred()
    answer = pat.post(f"/portal/{referral.pk}/outcome/", {"outcome": "won"})
    assert answer.status_code == 409 and "Take the referral first." in words(answer)
    assert pat.get(f"/portal/{referral.pk}/sing/").status_code == 404


def test_the_portal_is_for_partners_and_each_sees_its_own(pat: Client) -> None:
    referral = referred()
    partner("other", members=(partner_person("olga"),))
    olga = signed_in(Role.PARTNER, "olga")
    for path in (f"/portal/{referral.pk}/", f"/portal/{referral.pk}/take/"):
        assert olga.get(path).status_code == 404
        assert signed_in(Role.MARKETER).get(path).status_code == 403
    assert olga.post(f"/portal/{referral.pk}/take/", {}).status_code == 404
    assert str(referral.journey) not in words(olga.get("/portal/"))
    assert Client().get("/portal/").status_code == 302


def test_the_partner_reads_what_the_client_needs_and_not_what_we_think(pat: Client) -> None:
    journey = journey_at("contacted")
    run(journey, "fill_brief", {**brief("partner"), "comment": "They haggle."})
    run(journey, "refer", {"partner": "acme", "reason": "capacity", "comment": "Good riddance."})
    referral = Referral.objects.get(journey=journey)
    for path in (f"/portal/{referral.pk}/", f"/journeys/{journey.pk}/"):
        text = words(pat.get(path))
        assert ("<dd>Count the visitors of three halls.</dd>" in text) == ("portal" in path)
        assert "They haggle." not in text and "Good riddance." not in text, path


def test_the_portal_takes_a_fixed_number_of_statements(pat: Client) -> None:
    counts = []
    for number in (1, 3):
        for _each in range(number):
            referred(service=f"s{number}{_each}")
        with CaptureQueriesContext(connection) as statements:
            pat.get("/portal/")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 12


# how little a partner sees -------------------------------------------------------------------------------------------


@pytest.fixture
def secrets(pat: Client) -> tuple[Referral, Journey]:
    """One referral that is theirs, and a journey that is not, recognisable in any answer."""
    theirs = referred(name="Theirs Only", email="theirs@client.example")
    foreign = lead(
        name="Foreign Secret",
        email="secret@foreign.example",
        phone="+4930123456",
        company="Secret Ltd",
        message="A secret wish",
    )
    run(foreign, "note_logged", {"text": "A secret note"})
    partner("rival", name="Secret Rival", members=(partner_person("rita"),))
    referred("rival", name="Secret Second", email="second@foreign.example")
    return theirs, foreign


def test_a_partner_finds_nothing_foreign_behind_any_rest_resource(secrets: tuple[Referral, Journey]) -> None:
    theirs, foreign = secrets
    client = Client(headers=token(people(Role.PARTNER, "pat")))
    schema = json.loads(Client().get("/api/v1/schema/?format=json").content)
    lists = [path for path, verbs in schema["paths"].items() if "get" in verbs and "{" not in path]
    assert "/api/v1/journeys/" in lists and "/api/v1/referrals/" in lists
    for path in lists:
        answer = client.get(path, {"q": "example", "journey": foreign.pk, "month": "2026-03"})
        assert answer.status_code < 500, path
        assert "secret" not in answer.content.decode().lower().replace("client_secret", ""), path
    for path in (
        f"journeys/{foreign.pk}/",
        f"journeys/{foreign.pk}/events/",
        f"contacts/{foreign.contact_id}/",
    ):
        assert client.get(f"/api/v1/{path}").status_code in {403, 404}, path
    ids = [row["id"] for row in client.get("/api/v1/journeys/").json()["results"]]
    assert ids == [theirs.journey_id]
    rows = client.get("/api/v1/referrals/").json()["results"]
    assert [(row["id"], row["current"]) for row in rows] == [(theirs.pk, True)]


def test_a_partner_is_led_to_the_portal_and_offered_nothing_else(pat: Client) -> None:
    assert pat.get("/").url == "/portal/"
    bar = re.search(r"<nav.*?</nav>", words(pat.get("/portal/")))
    assert bar is not None
    addresses = set(re.findall(r'href="(/[^"]*)"', bar[0]))
    assert addresses <= {"/portal/", "/notifications/", "/settings/", "/settings/profile/", "/"}


# REST ----------------------------------------------------------------------------------------------------------------


class Api:
    def __init__(self, role: str = Role.MARKETER) -> None:
        self.client = Client(headers=token(people(role)))

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = getattr(self.client, method)(
            f"/api/v1/{path}",
            **({} if body is None else {"data": json.dumps(body), "content_type": "application/json"}),
        )
        return answer.status_code, json.loads(answer.content)


def test_partners_are_made_and_changed_over_rest() -> None:
    partner_person("pat")
    api = Api()
    status, made = api(
        "post",
        "partners/",
        {
            "key": "acme",
            "name": "Acme",
            "capacity": 3,
            "capabilities": [{"region": "Bavaria"}],
            "members": ["pat"],
        },
    )
    assert status == 201
    assert made["capabilities"] == [{"service": None, "region": "Bavaria", "language": ""}]
    assert made["members"] == ["pat"]
    status, changed = api("patch", f"partners/{made['id']}/", {"weight": 2})
    assert (status, changed["weight"], changed["capabilities"], changed["members"]) == (
        200,
        2,
        made["capabilities"],
        ["pat"],
    )
    status, changed = api("patch", f"partners/{made['id']}/", {"capabilities": [], "members": []})
    assert (status, changed["capabilities"], changed["members"]) == (200, [], [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"key": "taken"}, "key"),
        ({"key": ""}, "key"),
        ({"weight": 0}, "weight"),
        ({"weight": 10**12}, "weight"),
        ({"capacity": -1}, "capacity"),
        ({"capabilities": "x"}, "capabilities"),
        ({"capabilities": [{"service": "nothing"}]}, "capabilities.0.service"),
        ({"capabilities": [{"service": 7}]}, "capabilities.0.service"),
        ({"members": ["nobody"]}, "members"),
        ({"members": [{}]}, "members"),
    ],
)
def test_bad_input_over_rest_is_named_by_field(body: dict[str, Any], field: str) -> None:
    partner("taken")
    status, answer = Api()("post", "partners/", {"key": "acme", "name": "Acme", **body})
    assert (status, [fault["field"] for fault in answer["errors"]]) == (400, [field])
    assert Partner.objects.count() == 1


def test_a_person_of_another_partner_and_another_key_are_refused_over_rest(pat: Client) -> None:
    api = Api()
    status, answer = api("post", "partners/", {"key": "second", "name": "Second", "members": ["pat"]})
    assert status == 400 and answer["errors"][0]["field"] == "members"
    status, answer = api("patch", f"partners/{Partner.objects.get().pk}/", {"key": "renamed"})
    assert status == 400 and answer["errors"][0]["field"] == "key"


def test_the_proposal_is_told_over_rest() -> None:
    partner("acme", takes=[{"service": "scanners"}])
    journey = lead(service="scanners")
    status, found = Api()("get", f"partners/proposed/?journey={journey.pk}")
    assert status == 200
    assert [(row["partner"], row["left"], row["recent"]) for row in found] == [("acme", None, 0)]
    assert "Service: scanners" in found[0]["why"]
    for bad in ("", "x", "-1", "9" * 30, "4242"):
        assert Api()("get", f"partners/proposed/?journey={bad}")[0] == 404


def test_referring_over_rest_names_the_missing_partner() -> None:
    journey = journey_at("contacted")
    status, body = Api()("post", f"journeys/{journey.pk}/moves/refer/", {"inputs": {"reason": "capacity"}})
    assert (status, body["reason"], body["missing"]) == (409, "data", ["partner"])
    partner("acme")
    status, body = Api()("post", f"journeys/{journey.pk}/moves/refer/", {"inputs": {"reason": "capacity"}})
    assert (status, body["journey"]["stage"], body["event"]["value"]) == (200, "referred", "acme")


def test_referrals_are_filtered_and_follow_who_sees_the_journey(pat: Client) -> None:
    mine = referred()
    referred()
    run(mine.journey, "partner_declined", {"reason": "region"})
    Journey.objects.filter(pk=mine.journey_id).update(owner=people(Role.SALESPERSON))
    assert [row["id"] for row in Api(Role.SALESPERSON)("get", "referrals/")[1]["results"]] == [mine.pk]
    rows = Api()("get", "referrals/?state=declined&partner=acme")[1]["results"]
    assert [(row["id"], row["decline_reason"], row["current"]) for row in rows] == [
        (mine.pk, "region", False)
    ]
    assert Api()("get", "referrals/?partner=nobody")[0] == 400
    assert Api(Role.PARTNER)("get", "partners/")[0] == 403


def test_rest_lists_take_a_fixed_number_of_statements() -> None:
    api, counts = Api(), []
    api("get", "partners/")  # the token's first use is written down
    for number in (1, 3):
        for each in range(number):
            partner(
                f"p{number}{each}",
                takes=[{"service": f"s{each}"}],
                members=(partner_person(f"m{number}{each}"),),
            )
            referred(f"p{number}{each}", service=f"s{each}")
        with CaptureQueriesContext(connection) as statements:
            api("get", "partners/")
            api("get", "referrals/")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10
