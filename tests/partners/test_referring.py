"""Referring: whom the algorithm proposes, what partners answer, what they see."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel import acts, machine, registry
from funnel.annulment import CannotAnnul, annul, last_act
from funnel.machine import Refused
from funnel.models import Contact, Event, Journey, Notification
from funnel.outbox import drain
from funnel.stages import Role
from partners import algorithm
from partners.domain import return_overdue
from partners.models import Partner, PartnerMember, Referral

from ..factories import START, journey_at, later, lead, organisation, partner, partner_person, people, run

pytestmark = pytest.mark.django_db


def proposed(journey: Journey, at: dt.datetime = START) -> list[str]:
    return [found.partner.key for found in algorithm.propose([journey], at=at)[journey.pk]]


def speaking(journey: Journey, **fields: str) -> Journey:
    Contact.objects.filter(pk=journey.contact_id).update(**fields)
    return journey


def refer(journey: Journey, key: str = "", **options: Any) -> Referral:
    inputs = {"reason": "capacity", **({"partner": key} if key else {})}
    run(journey, "refer", inputs, **options)
    return Referral.objects.standing().latest().get(journey=journey)


def refusal(journey: Journey, name: str, inputs: Any, **options: Any) -> Any:
    with pytest.raises(Refused) as caught:
        run(journey, name, inputs, **options)
    return caught.value.refusals[journey.pk]


# the algorithm -------------------------------------------------------------------------------------------------------


def test_a_partner_fits_where_one_capability_matches_service_region_and_language() -> None:
    partner("exact", takes=[{"service": "scanners", "region": "Bavaria", "language": "de"}])
    partner("any-service", takes=[{"region": "bavaria "}])
    partner("elsewhere", takes=[{"service": "scanners", "region": "Saxony"}])
    partner("french", takes=[{"service": "scanners", "language": "fr"}])
    partner("pens", takes=[{"service": "pens"}, {"service": "scanners", "language": "DE-at"}])
    partner("nothing", takes=[])
    partner("asleep", active=False)
    journey = speaking(lead(service="scanners"), region="Bavaria", language="de")
    assert proposed(journey) == ["any-service", "exact", "pens"]
    assert proposed(lead(service=None)) == []


def test_the_proposal_says_why() -> None:
    partner("exact", takes=[{}, {"service": "scanners", "region": "Bavaria"}], capacity=3)
    journey = speaking(lead(service="scanners"), region="Bavaria")
    (found,) = algorithm.propose([journey], at=START)[journey.pk]
    assert found.why == (
        "Service: scanners",
        "Region: Bavaria",
        "Any language",
        "3 places left this month",
        "0 referrals in the last 90 days",
    )
    assert found.turn == ""  # where there is no choice, there is no turn to explain


def turn(journey: Journey, at: dt.datetime = START) -> str:
    return algorithm.propose([journey], at=at)[journey.pk][0].turn


def test_the_turn_is_explained_by_what_decided_it() -> None:
    partner("alpha"), partner("beta", weight=2)
    assert turn(lead()) == "Level with Beta: first by key"
    refer(journey_at("contacted"), "beta", at=later(hours=1))
    assert turn(lead(), later(hours=2)) == (
        "Next in rotation: 0 referrals at weight 1, Beta has 1 at weight 2"
    )
    refer(journey_at("contacted"), "alpha", at=later(days=1))
    refer(journey_at("contacted"), "beta", at=later(days=2))
    assert turn(lead(), later(days=3)) == (
        "Level with Beta: has waited longer, since 3 Mar, Beta since 4 Mar"
    )


def test_those_who_do_not_fit_are_named_with_why() -> None:
    partner("fits", takes=[{"service": "scanners"}])
    partner("pens", takes=[{"service": "pens"}])
    partner("far", takes=[{"service": "scanners", "region": "Saxony"}])
    partner("full", capacity=0)
    partner("back")
    journey = journey_at("contacted", service="scanners")
    refer(journey, "back")
    run(journey, "return_referral", {"reason": "terms"}, actor=people(Role.MANAGER))
    fitting, unfit = algorithm.review(Journey.objects.get(pk=journey.pk), at=later(days=1))
    assert [one.partner.key for one in fitting] == ["fits"]
    assert {one.partner.key: one.why for one in unfit} == {
        "back": "has given this one back",
        "far": "another region or language",
        "full": "no place left this month",
        "pens": "does not serve scanners",
    }


def test_the_turn_is_with_the_fewest_referrals_for_the_weight_then_with_the_longest_wait() -> None:
    partner("heavy", weight=3), partner("light"), partner("new")
    times = [later(hours=hour) for hour in range(1, 6)]
    order = [refer(journey_at("contacted"), at=at).partner.key for at in times]
    assert order == ["heavy", "light", "new", "heavy", "heavy"]
    assert proposed(lead()) == ["light", "new", "heavy"]


def test_referrals_older_than_90_days_no_longer_count() -> None:
    partner("busy"), partner("idle")
    refer(journey_at("contacted"), "busy")
    assert proposed(lead(), later(days=89)) == ["idle", "busy"]
    refer(journey_at("contacted"), "idle", at=later(days=2))
    assert proposed(lead(), later(days=91)) == ["busy", "idle"]


def test_capacity_is_that_of_the_month_in_the_organisations_zone() -> None:
    organisation(timezone="Asia/Tokyo")
    partner("small", capacity=1)
    refer(journey_at("contacted"), at=dt.datetime(2026, 3, 31, 14, 59, tzinfo=dt.UTC))
    journey = journey_at("contacted")
    assert proposed(journey, dt.datetime(2026, 3, 31, 14, 59, 30, tzinfo=dt.UTC)) == []
    assert proposed(journey, dt.datetime(2026, 3, 31, 15, 0, tzinfo=dt.UTC)) == ["small"]


def test_whoever_declined_a_journey_is_not_proposed_for_it_again() -> None:
    partner("first"), partner("second")
    journey = journey_at("contacted")
    refer(journey, "first")
    run(journey, "partner_declined", {"reason": "region"})
    assert proposed(journey, later(days=1)) == ["second"]
    assert "first" in proposed(lead(), later(days=1))


# referring -----------------------------------------------------------------------------------------------------------


def test_referring_records_the_partner_and_why() -> None:
    chosen = partner("acme")
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    event = Event.objects.get(journey=journey, event="partner_handoff")
    assert (event.value, event.reason, event.inputs) == ("acme", "capacity", {"partner": chosen.pk})
    assert (referral.event, referral.state, referral.reason.key) == (event, "offered", "capacity")
    assert Journey.objects.get(pk=journey.pk).stage == "referred"


def test_where_no_partner_fits_the_partner_is_missing_and_nothing_is_written() -> None:
    partner("full", capacity=0)
    journey = journey_at("contacted")
    told = refusal(journey, "refer", {"reason": "capacity"})
    assert (told.reason, told.missing) == ("data", ("partner",))
    assert "No active partner fits" in told.detail
    assert not Referral.objects.exists()
    assert refer(journey, "full").partner.key == "full"  # a person may decide otherwise


@pytest.mark.parametrize(
    "inputs", [{"partner": "nobody"}, {"partner": "asleep"}, {"reason": "whim"}, {"reason": ""}]
)
def test_unknown_partners_and_reasons_are_malformed(inputs: dict[str, str]) -> None:
    partner("asleep", active=False), partner("acme")
    with pytest.raises(acts.BadInput) as caught:
        run(journey_at("contacted"), "refer", {"partner": "acme", "reason": "capacity"} | inputs)
    assert list(caught.value.form.errors) == list(inputs)


def test_many_journeys_are_referred_in_a_constant_number_of_statements_and_shared_by_turn() -> None:
    partner("one"), partner("two"), partner("three", capacity=2)
    manager, statements = people(), {}
    for count in (3, 30):
        journeys = [journey_at("contacted").pk for _each in range(count)]
        with CaptureQueriesContext(connection) as asked:
            acts.run(
                name="refer",
                journeys=journeys,
                actor=manager,
                inputs={"reason": "capacity"},
                at=later(days=1),
            )
        statements[count] = len(asked)
    assert statements[3] == statements[30] <= 25
    tally = {key: Referral.objects.filter(partner__key=key).count() for key in ("one", "two", "three")}
    assert tally["three"] == 2 and abs(tally["one"] - tally["two"]) <= 1


def test_in_mode_each_those_that_no_partner_fits_are_reported_and_the_rest_goes() -> None:
    partner("scans", takes=[{"service": "scanners"}])
    fits, not_fits = journey_at("contacted", service="scanners"), journey_at("contacted")
    outcome = acts.run(
        name="refer",
        journeys=[fits.pk, not_fits.pk],
        actor=people(),
        inputs={"reason": "capacity"},
        mode="each",
    )
    assert [journey.pk for journey in outcome.journeys] == [fits.pk]
    assert outcome.refusals[not_fits.pk].missing == ("partner",)
    assert Journey.objects.get(pk=not_fits.pk).stage == "contacted"


# what partners answer ------------------------------------------------------------------------------------------------


@pytest.fixture
def member() -> Any:
    user = partner_person()
    partner("acme", members=(user,))
    return user


def test_a_partner_takes_a_referral_and_reports_its_outcome(member: Any) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    run(journey, "partner_accepted", {}, actor=member)
    run(journey, "partner_outcome", {"outcome": "won", "amount": "1200.50"}, actor=member)
    referral.refresh_from_db()
    assert (referral.state, referral.outcome, str(referral.amount)) == ("done", "won", "1200.50")
    event = Event.objects.get(journey=journey, event="partner_outcome")
    assert (event.value, event.currency) == ("won", "")
    assert event.inputs["rests_on"] == [referral.event_id]


def test_an_outcome_before_the_referral_was_taken_is_refused(member: Any) -> None:
    journey = journey_at("contacted")
    refer(journey, "acme")
    told = refusal(journey, "partner_outcome", {"outcome": "won"}, actor=member)
    assert (told.reason, told.missing, told.detail) == (
        "data",
        ("referral.state",),
        "Take the referral first.",
    )
    run(journey, "partner_accepted", {}, actor=member)
    assert refusal(journey, "partner_accepted", {}, actor=member).reason == "data"


def test_an_amount_goes_only_with_a_client_won(member: Any) -> None:
    journey = journey_at("contacted")
    refer(journey, "acme")
    run(journey, "partner_accepted", {}, actor=member)
    with pytest.raises(acts.BadInput) as caught:
        run(journey, "partner_outcome", {"outcome": "lost", "amount": "5"}, actor=member)
    assert list(caught.value.form.errors) == ["amount"]


def test_another_partner_does_not_answer(member: Any) -> None:
    stranger = partner_person("sam")
    partner("other", members=(stranger,))
    journey = journey_at("contacted")
    refer(journey, "acme")
    assert refusal(journey, "partner_accepted", {}, actor=stranger).reason == "role"
    assert refusal(journey, "partner_accepted", {}, actor=people(Role.MARKETER)).reason == "role"
    run(journey, "partner_accepted", {}, actor=people(Role.MANAGER))


def test_a_partner_sees_a_journey_while_it_is_with_them_and_nothing_else(member: Any) -> None:
    lead(), journey_at("met")
    partner("other")
    theirs, declined, elsewhere, reopened, undone = (journey_at("contacted") for _each in range(5))
    for journey in (theirs, declined, reopened, undone):
        refer(journey, "acme")
    refer(elsewhere, "other")
    run(declined, "partner_declined", {"reason": "region"}, actor=member)
    run(reopened, "reopen", {"stage": "contacted", "why": "Back to us."})
    annul(
        events=[Referral.objects.get(journey=undone).event_id], actor=people(Role.MANAGER), at=later(days=1)
    )
    assert list(Journey.objects.visible_to(member)) == [theirs]
    refer(reopened, "other")
    assert list(Journey.objects.visible_to(member)) == [theirs]
    assert not Journey.objects.visible_to(partner_person("nobody-yet")).exists()


def words(journey: Journey, after: int = 0) -> list[str]:
    events = Event.objects.live().filter(journey=journey, seq__gt=after).order_by("seq")
    return [event.event for event in events]


@pytest.mark.parametrize("door", ["return_referral", "partner_declined"])
@pytest.mark.parametrize("who", ["partner", "leader"])
def test_a_decline_brings_the_journey_back_to_marketing(member: Any, door: str, who: str) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    before = Journey.objects.get(pk=journey.pk).seq
    actor = member if who == "partner" else people(Role.MANAGER)
    stands = run(journey, door, {"reason": "region", "comment": "Too far for us."}, actor=actor)
    assert words(journey, before) == ["partner_declined", "referral_returned"]
    declined, returned = Event.objects.filter(journey=journey, seq__gt=before).order_by("seq")
    assert declined.act == returned.act and declined.occurred_at == returned.occurred_at
    assert (returned.value, returned.reason, returned.stage_to) == ("region", "region", "returned")
    referral.refresh_from_db()
    assert (stands.stage, referral.state, referral.decline_reason) == ("returned", "declined", "region")
    assert not Journey.objects.visible_to(member).exists()


@pytest.mark.parametrize(
    ("role", "reason", "proposed_again"),
    [
        (Role.MARKETER, "recalled", True),
        (Role.MARKETER, "no_answer", False),
        (Role.MANAGER, "recalled", True),
    ],
)
def test_marketing_takes_a_referral_back_without_the_partners_word(
    member: Any, role: str, reason: str, proposed_again: bool
) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    before = Journey.objects.get(pk=journey.pk).seq
    run(journey, "return_referral", {"reason": reason}, actor=people(role))
    assert words(journey, before) == ["referral_returned"]
    referral.refresh_from_db()
    assert (referral.state, referral.decline_reason) == ("returned", reason)
    assert ("acme" in proposed(journey, later(days=1))) == proposed_again


def test_a_partner_gives_only_reasons_of_its_own(member: Any) -> None:
    journey = journey_at("contacted")
    refer(journey, "acme")
    with pytest.raises(acts.BadInput) as caught:
        run(journey, "return_referral", {"reason": "recalled"}, actor=member)
    assert list(caught.value.form.errors) == ["reason"]


def test_another_partner_returns_nothing(member: Any) -> None:
    stranger = partner_person("sam")
    partner("other", members=(stranger,))
    journey = journey_at("contacted")
    refer(journey, "acme")
    assert refusal(journey, "return_referral", {"reason": "region"}, actor=stranger).reason == "role"


def test_undoing_a_return_leads_the_referral_back(member: Any) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    run(journey, "return_referral", {"reason": "region"}, actor=member)
    undone = last_act(Journey.objects.get(pk=journey.pk))
    assert [event.event for event in undone] == ["partner_declined", "referral_returned"]
    annul(events=[event.pk for event in undone], actor=member, at=later(days=1))
    referral.refresh_from_db()
    assert (referral.state, referral.decline_reason) == ("offered", "")
    assert Journey.objects.get(pk=journey.pk).stage == "referred"


def test_a_returned_journey_goes_to_the_next_partner_as_a_handoff_of_its_own(member: Any) -> None:
    partner("next")
    journey = journey_at("contacted")
    refer(journey, "acme")
    run(journey, "return_referral", {"reason": "region"}, actor=member)
    assert refer(journey).partner.key == "next"
    assert Event.objects.live().filter(journey=journey, event="partner_handoff").count() == 2


def test_the_clock_returns_what_a_partner_leaves_unanswered(member: Any) -> None:
    journeys = [journey_at("contacted") for _each in range(4)]
    refer(journeys[0], "acme")
    organisation(referral_hours=4)
    for journey in journeys[1:]:
        refer(journey, "acme")
    run(journeys[1], "partner_accepted", {}, actor=member)
    organisation(referral_hours=0)
    refer(journey_at("contacted"), "acme")
    assert return_overdue(at=later(days=30)) == 2
    stages = Journey.objects.filter(pk__in=[j.pk for j in journeys]).order_by("pk")
    assert [j.stage for j in stages] == ["referred", "referred", "returned", "returned"]
    event = Event.objects.filter(event="referral_returned").first()
    assert event is not None and (event.actor, event.value) == (None, "no_answer")
    assert return_overdue(at=later(days=31)) == 0


def test_those_declined_before_are_returned_without_declining_again(member: Any) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    with transaction.atomic():
        machine.record(
            journeys=machine.lock([journey.pk]),
            event="partner_declined",
            actor=member,
            at=later(days=1),
            value="region",
            inputs={"referral": referral.pk, "rests_on": [referral.event_id]},
        )
    Referral.objects.filter(pk=referral.pk).update(
        state="declined", decided_at=later(days=1), decline_reason="region"
    )
    assert list(Referral.objects.declined_in_place()) == [referral]
    before = Journey.objects.get(pk=journey.pk).seq
    run(journey, "return_referral", {"reason": "region"}, actor=people(Role.MANAGER))
    assert words(journey, before) == ["referral_returned"]
    referral.refresh_from_db()
    assert (referral.state, Referral.objects.declined_in_place().count()) == ("declined", 0)


def test_someone_who_changed_their_role_no_longer_sees_as_a_partner(member: Any) -> None:
    refer(journey_at("contacted"), "acme")
    member.role = Role.LAWYER
    member.save(update_fields=["role"])
    assert not Journey.objects.visible_to(member).exists()


def test_undoing_answers_leads_the_referral_back(member: Any) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    for name, inputs in (("partner_accepted", {}), ("partner_outcome", {"outcome": "won", "amount": "7"})):
        run(journey, name, inputs, actor=member)
    for expected in ("accepted", "offered"):
        last = Event.objects.live().filter(journey=journey).order_by("-seq").first()
        annul(events=[last.pk], actor=member, at=later(days=1))  # type: ignore[union-attr]
        referral.refresh_from_db()
        assert (referral.state, referral.outcome, referral.amount) == (expected, "", None)
    assert referral.decided_at is None


def test_a_referral_that_was_answered_is_undone_only_together_with_the_answers(member: Any) -> None:
    journey = journey_at("contacted")
    referral = refer(journey, "acme")
    run(journey, "partner_accepted", {}, actor=member)
    answer = Event.objects.get(journey=journey, event="partner_accepted")
    with pytest.raises(CannotAnnul, match="partner"):
        annul(events=[referral.event_id], actor=people(), at=later(days=1))
    annul(events=[referral.event_id, answer.pk], actor=people(), at=later(days=1))
    referral.refresh_from_db()
    assert referral.withdrawn_at is not None
    assert Journey.objects.get(pk=journey.pk).stage == "contacted"


def test_word_goes_to_the_partner_and_its_answer_to_whoever_referred(member: Any) -> None:
    marketer = people(Role.MARKETER)
    journey = journey_at("contacted")
    refer(journey, "acme", actor=marketer)
    run(journey, "partner_accepted", {}, actor=member)
    drain()
    told = Notification.objects.filter(event__event__startswith="partner_")
    assert set(told.values_list("user__username", "event__event")) == {
        (member.username, "partner_handoff"),
        (marketer.username, "partner_accepted"),
    }
    run(journey, "return_referral", {"reason": "terms"}, actor=member)
    drain()
    assert told.filter(user=marketer).count() == 2  # the decline, not its consequence too


def test_the_partner_hears_that_a_referral_is_taken_back(member: Any) -> None:
    journey = journey_at("contacted")
    refer(journey, "acme")
    run(journey, "return_referral", {"reason": "recalled"}, actor=people(Role.MARKETER))
    drain()
    told = Notification.objects.filter(event__event="referral_returned")
    assert member.username in told.values_list("user__username", flat=True)


# partners themselves -------------------------------------------------------------------------------------------------


def test_a_history_creates_the_partners_it_names_once() -> None:
    partner("acme", name="Acme & Co")
    for _again in range(2):
        registry.history_values["partner_handoff"](["acme", "P1", "", "P1"])
    assert dict(Partner.objects.values_list("key", "name")) == {"acme": "Acme & Co", "P1": ""}


def test_only_people_with_the_role_of_a_partner_stand_for_one_and_only_for_one(member: Any) -> None:
    for user, words in ((people(Role.MARKETER), "role of a partner"), (member, "another partner")):
        with pytest.raises(ValidationError, match=words):
            partner("second", members=(user,))
    assert not Partner.objects.filter(key="second").exists()
    assert PartnerMember.objects.get().user == member


@pytest.mark.parametrize(
    "change",
    [
        {"state": "accepted"},
        {"outcome": "won"},
        {"amount": -1},
        {"state": "done", "decided_at": START, "done_at": START - dt.timedelta(days=900)},
    ],
)
def test_the_database_itself_refuses_impossible_referrals(change: dict[str, Any]) -> None:
    partner("acme")
    refer(journey_at("contacted"), "acme")
    with pytest.raises(IntegrityError), transaction.atomic():
        Referral.objects.update(**change)
