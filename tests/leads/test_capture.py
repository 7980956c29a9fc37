"""Capture: who applied, what they are to us, and never the same application twice."""

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.utils import timezone

from funnel import acts
from funnel.ledger import replays
from funnel.models import Company, Contact, Event, Journey, OutboxRow, Service, Source, Team
from funnel.stages import Happening, Role, Stage
from leads import domain, matching
from leads.models import Application, WebForm
from tests.factories import START, later, lead, people, run

pytestmark = pytest.mark.django_db


def captured(**given: Any) -> domain.Captured:
    arguments = {
        "actor": None,
        "at": START,
        "name": "Ada Example",
        "source": Source.objects.get(key="web"),
        **given,
    }
    return domain.capture(**arguments)


# what is written -----------------------------------------------------------------------------------------------------


def test_an_application_opens_a_journey_with_the_first_event_of_its_ledger() -> None:
    owner = people(Role.FIRST_TOUCH, "fay", team=Team.objects.create(name="North"))
    service = Service.objects.create(key="audit")
    result = captured(email="ada@acme.example", service=service, owner=owner, external_id="A-1")
    journey, event = result.journey, Event.objects.get()
    assert (result.kind, result.created, result.duplicates) == ("new", True, [])
    assert (journey.stage, journey.seq, journey.created_at, journey.stage_since) == ("new", 1, START, START)
    assert (event.event, event.seq, event.stage_from, event.stage_to) == ("lead_created", 1, "", "new")
    assert (event.owner, event.team, event.service, event.source.key) == (owner, owner.team, service, "web")
    assert event.recorded_at > event.occurred_at == START
    journey.refresh_from_db()
    state = replays([journey.pk])[journey.pk]
    assert (journey.seq, state.stage, state.owner) == (1, "new", owner.pk)


def test_what_the_person_wrote_stands_beside_the_ledger_and_not_in_it() -> None:
    consented = domain.Consent("I agree.", START)
    captured(
        email="ada@acme.example",
        message="  Call my private number  ",
        utm={"utm_source": "letter"},
        referrer="https://news.example/",
        consent=consented,
    )
    application = Application.objects.get()
    assert application.message == "Call my private number"
    assert application.utm == {"utm_source": "letter"}
    assert application.answers == {"name": "Ada Example", "email": "ada@acme.example"}
    assert (application.consent_text, application.consent_at) == ("I agree.", START)
    ledger = str(list(Event.objects.values()))
    assert not any(words in ledger for words in ("private", "Ada", "acme", "letter"))


def test_an_application_needs_a_way_to_answer_it() -> None:
    with pytest.raises(ValidationError) as caught:
        captured(email=" ", phone="")
    assert "email" in caught.value.message_dict
    assert not Contact.objects.exists()


def test_an_application_cannot_arrive_in_the_future() -> None:
    with pytest.raises(ValidationError) as caught:
        captured(email="a@b.example", at=timezone.now() + dt.timedelta(minutes=1))
    assert "occurred_at" in caught.value.message_dict


@pytest.mark.parametrize(
    "address", ["ada", "ada@", "@acme.example", "ada@acme", "a b@c.example", "x@" + "y" * 300]
)
def test_a_broken_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        captured(email=address)
    assert list(caught.value.message_dict) == ["email"]
    assert not Journey.objects.exists()


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("+49 30 901820", "", "+4930901820"),
        ("0049 (30) 90 18-20", "", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("030 901820", "", "030901820"),
    ],
)
def test_phones_are_kept_in_one_notation(typed: str, region: str, kept: str) -> None:
    assert captured(phone=typed, region=region).journey.contact.phone == kept


@pytest.mark.parametrize("typed", ["call me", "12", "+" + "1" * 40, "+49 30 90 <b>"])
def test_what_is_no_phone_is_refused_by_name(typed: str) -> None:
    with pytest.raises(ValidationError) as caught:
        captured(phone=typed)
    assert list(caught.value.message_dict) == ["phone"]


# who applied ---------------------------------------------------------------------------------------------------------


def test_the_same_address_in_another_case_is_the_same_person() -> None:
    first = captured(email="Ada@Acme.example").journey
    second = captured(email="ADA@acme.EXAMPLE", name="Ada E.").journey
    assert first.contact_id == second.contact_id
    assert Contact.objects.get().name == "Ada Example"


def test_the_same_phone_in_another_notation_is_the_same_person() -> None:
    first = captured(phone="+49 30 901820").journey
    second = captured(phone="0049 30 901820", email="ada@acme.example").journey
    assert first.contact_id == second.contact_id
    assert Contact.objects.get().email == "ada@acme.example"  # what was not known is filled in


def test_the_e_mail_decides_where_the_phone_says_someone_else() -> None:
    by_phone = captured(phone="+4930901820").journey
    by_email = captured(email="bob@acme.example", phone="+4930901821").journey
    both = captured(email="bob@acme.example", phone="+4930901820")
    assert both.journey.contact_id == by_email.contact_id
    assert {c.journey.pk: c.why for c in both.duplicates} == {
        by_email.pk: ("email",),
        by_phone.pk: ("phone",),
    }


@pytest.mark.parametrize("name", ["Acme GmbH", "ACME", "“Acme”, Inc.", "a.c.m.e. ltd"])
def test_a_company_is_known_under_any_legal_form(name: str) -> None:
    first = captured(email="ada@gmail.com", company="Acme AG").journey
    second = captured(email="bob@gmail.com", company=name).journey
    assert first.company_id == second.company_id


def test_a_corporate_address_names_the_company_where_nobody_else_does() -> None:
    first = captured(email="ada@acme.example", company="Acme").journey
    second = captured(email="bob@acme.example").journey
    assert second.company_id == first.company_id


def test_a_free_address_names_no_company() -> None:
    captured(email="ada@gmail.com", company="Acme")
    assert captured(email="bob@gmail.com").journey.company is None


def test_an_erased_person_is_not_found_again() -> None:
    first = captured(
        email="ada@acme.example", phone="+4930901820", message="Secret wish", utm={"utm_id": "ada"}
    ).journey
    run(first, "personal_data_erased", {"sure": True})
    second = captured(email="ada@acme.example").journey
    assert second.contact_id != first.contact_id
    application = Application.objects.get(journey=first)
    assert (application.message, application.answers, application.utm, application.referrer) == (
        "",
        {},
        {},
        "",
    )
    assert application.erased_at is not None


# what they are to us -------------------------------------------------------------------------------------------------


def paid(journey: Journey) -> None:
    """Record a payment as an import would, whatever the stage."""
    from funnel import machine
    from funnel.ledger import Entry, append

    with transaction.atomic():
        [held] = machine.lock([journey.pk])
        append(
            [Entry(held, Happening.PAYMENT_RECEIVED, amount=100, currency="EUR")],  # type: ignore[arg-type]
            actor=None,
            at=later(days=1),
        )
        machine.save([held])


def test_an_application_of_someone_whose_company_paid_is_a_repeat() -> None:
    paid(captured(email="ada@acme.example", company="Acme").journey)
    colleague = captured(email="bob@acme.example", company="Acme GmbH", at=later(days=2))
    assert (colleague.kind, colleague.journey.kind) == ("repeat", "repeat")


def test_an_annulled_payment_makes_no_repeat() -> None:
    from funnel.annulment import annul

    journey = captured(email="ada@acme.example").journey
    paid(journey)
    payment = Event.objects.get(event="payment_received")
    annul(events=[payment.pk], actor=people(Role.MANAGER), at=later(days=2))
    assert captured(email="ada@acme.example", at=later(days=3)).kind == "new"


def test_an_application_dated_before_the_payment_is_no_repeat() -> None:
    paid(captured(email="ada@acme.example").journey)
    assert captured(email="ada@acme.example", at=later(hours=1)).kind == "new"


@pytest.mark.parametrize("way", ["lost", "referred", "returned"])
def test_an_application_after_one_that_was_let_go_is_a_win_back(way: str) -> None:
    journey = captured(email="ada@acme.example").journey
    Journey.objects.filter(pk=journey.pk).update(stage=way)
    assert captured(email="ada@acme.example", at=later(days=2)).kind == "win_back"


def test_spam_and_merged_journeys_make_nobody_a_client() -> None:
    journey = captured(email="ada@acme.example").journey
    paid(journey)
    Journey.objects.filter(pk=journey.pk).update(stage=Stage.SPAM)
    result = captured(email="ada@acme.example", at=later(days=2))
    assert (result.kind, result.duplicates) == ("new", [])


# what looks alike ----------------------------------------------------------------------------------------------------


def test_a_person_of_similar_name_in_a_company_of_similar_name_is_a_candidate() -> None:
    known = captured(name="Katharina Schmidt", email="ks@gmail.com", company="Nordwind Logistik GmbH").journey
    result = captured(name="Schmidt, Katarina", email="k.s@gmx.de", company="Nordwind Logistic")
    assert [(c.journey.pk, c.why) for c in result.duplicates] == [(known.pk, ("similar",))]


def test_a_similar_name_elsewhere_is_no_candidate() -> None:
    captured(name="Katharina Schmidt", email="ks@gmail.com", company="Nordwind Logistik GmbH")
    assert captured(name="Katharina Schmidt", email="k@gmx.de", company="Südwind").duplicates == []


def test_candidates_are_ten_at_most_and_the_newest() -> None:
    for minute in range(12):
        captured(email="ada@acme.example", at=later(minutes=minute))
    result = captured(email="ada@acme.example", at=later(hours=1))
    assert [c.journey.created_at for c in result.duplicates] == [later(minutes=m) for m in range(11, 1, -1)]


def test_capture_asks_the_same_number_of_questions_however_much_is_known(
    django_assert_num_queries: Callable[..., Any],
) -> None:
    def arguments(number: int) -> dict[str, Any]:
        return {
            "actor": None,
            "at": START,
            "name": "Ada Example",
            "email": "ada@acme.example",
            "company": "Acme",
            "source": source,
            "external_id": f"X-{number}",
        }

    source = Source.objects.get(key="web")
    for number in range(3):
        domain.capture(**arguments(number))
    with django_assert_num_queries(16):
        domain.capture(**arguments(3))
    for number in range(4, 40):
        domain.capture(**arguments(number))
    with django_assert_num_queries(16):
        domain.capture(**arguments(40))


# never twice ---------------------------------------------------------------------------------------------------------


def test_a_repeated_external_id_gives_the_journey_that_is_there() -> None:
    first = captured(email="ada@acme.example", external_id="A-1")
    again = captured(email="other@acme.example", external_id="A-1")
    assert (again.journey.pk, again.created) == (first.journey.pk, False)
    assert Journey.objects.count() == Contact.objects.count() == Event.objects.count() == 1


def test_a_second_click_on_a_form_gives_the_journey_that_is_there() -> None:
    form = WebForm.objects.get(slug="contact")
    given = {"email": "ada@acme.example", "message": "Please call", "form": form, "at": timezone.now()}
    first = captured(**given)
    assert captured(**given | {"message": "Please  CALL "}).journey == first.journey
    assert captured(**given | {"message": "And another thing"}).created
    Application.objects.filter(journey=first.journey).update(
        received_at=timezone.now() - domain.SECOND_CLICK - dt.timedelta(seconds=1)
    )
    assert captured(**given).created


def test_the_same_words_without_a_form_are_two_applications() -> None:
    captured(email="ada@acme.example", message="Please call")
    assert captured(email="ada@acme.example", message="Please call").created


def test_one_submission_of_a_form_is_one_lead_whatever_it_says() -> None:
    form = WebForm.objects.get(slug="contact")
    first = captured(email="ada@acme.example", form=form, submission="s-1")
    again = captured(email="bob@acme.example", form=form, submission="s-1")
    assert (again.journey, again.created) == (first.journey, False)


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run work(0) … work(count - 1) at the same time, each in a thread with a connection of its own."""
    gate, results = threading.Barrier(count), [None] * count

    def one(number: int) -> None:
        try:
            gate.wait()
            results[number] = work(number)
        except Exception as error:  # the test looks at what came of it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_twenty_captures_of_one_external_id_at_once_make_one_lead() -> None:
    results = together(20, lambda n: captured(email=f"ada{n}@acme.example", external_id="A-1"))
    assert sorted(result.created for result in results) == [False] * 19 + [True]
    assert len({result.journey.pk for result in results}) == 1
    assert Journey.objects.count() == Event.objects.count() == Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_on_one_form_at_once_make_one_lead() -> None:
    form = WebForm.objects.get(slug="contact")
    results = together(20, lambda n: captured(email="ada@acme.example", message="Hello", form=form))
    assert sum(result.created for result in results) == 1
    assert Journey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_applications_of_one_new_person_at_once_make_one_contact_and_one_company() -> None:
    results = together(20, lambda n: captured(email="ada@acme.example", company="Acme"))
    assert all(result.created for result in results)
    assert (Journey.objects.count(), Contact.objects.count(), Company.objects.count()) == (20, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_an_application_waits_longer_than_an_edit_for_another_of_the_same_person() -> None:
    held, over = threading.Event(), threading.Event()

    def hold_on() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            matching.hold(matching.Person("Ada", "ada@acme.example"))
            held.set()
            waits = 0
            while not waits and not over.is_set():
                cursor.execute(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
                    "AND clock_timestamp() - waitstart > interval '200 milliseconds'"
                )
                waits = cursor.fetchone()[0]

    def come_second() -> bool:
        held.wait()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            return captured(email="ada@acme.example").created
        finally:
            over.set()

    assert together(2, lambda number: [hold_on, come_second][number]()) == [None, True]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_look_up_of_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, held = matching.duplicates, []

    def watched(*given: Any, **named: Any) -> list[matching.Candidate]:
        held.append(connection.in_atomic_block)
        return whole(*given, **named)

    captured(email="ada@acme.example")
    monkeypatch.setattr(matching, "duplicates", watched)
    assert [c.why for c in captured(email="ada@acme.example").duplicates] == [("email",)]
    assert held == [False]


@pytest.mark.django_db(transaction=True)
def test_people_who_share_only_a_phone_or_only_an_address_do_not_block_each_other_for_good() -> None:
    ways = [
        {"email": "ada@acme.example", "phone": "+4930901820"},
        {"email": "bob@acme.example", "phone": "+4930901820"},
        {"email": "ada@acme.example", "phone": "+4930901821"},
    ]
    results = together(12, lambda n: captured(**ways[n % 3]))
    assert all(result.created for result in results)


@pytest.mark.django_db(transaction=True)
def test_without_the_hold_one_form_clicked_at_once_makes_several_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the tests above: they can fail."""
    meeting = threading.Barrier(4)
    whole = domain._Arrival._arrived_before

    def late(self: Any) -> Journey | None:
        found = whole(self)
        meeting.wait()  # everyone has looked before anyone has written
        return found

    monkeypatch.setattr(matching, "hold", lambda person, *names: "")
    monkeypatch.setattr(domain._Arrival, "_arrived_before", late)
    form = WebForm.objects.get(slug="contact")
    together(4, lambda n: captured(email="ada@acme.example", message="Hello", form=form))
    assert Journey.objects.count() == 4
    assert Contact.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_without_the_hold_the_constraint_alone_still_keeps_an_external_id_to_one_lead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meeting = threading.Barrier(4)
    whole = domain._Arrival._arrived_before
    looked = threading.local()

    def late(self: Any) -> Journey | None:
        found = whole(self)
        if not getattr(looked, "once", False):
            looked.once = True
            meeting.wait()
        return found

    monkeypatch.setattr(matching, "hold", lambda person, *names: "")
    monkeypatch.setattr(domain._Arrival, "_arrived_before", late)
    results = together(4, lambda n: captured(email="ada@acme.example", external_id="A-1"))
    assert sorted(result.created for result in results) == [False, False, False, True]
    assert Journey.objects.count() == 1


def test_capture_promises_its_effects_with_the_lead() -> None:
    from funnel import outbox

    captured(email="ada@acme.example")
    event = Event.objects.get(event="lead_created")
    wanted = [c.name for c in outbox.consumers.values() if c.wants(event)]
    assert sorted(OutboxRow.objects.values_list("consumer", flat=True)) == sorted(wanted)


def test_capture_is_no_move_of_a_journey_that_is_there() -> None:
    from funnel.machine import Refused

    with pytest.raises(Refused) as caught:
        acts.run(name="capture", journeys=[lead().pk], actor=people(Role.MANAGER), inputs={})
    assert [refusal.reason for refusal in caught.value.refusals.values()] == ["stage"]


def test_the_database_knows_companies_by_name_through_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT 1 FROM funnel_company WHERE leads_company_key(name) >= 'a' AND leads_company_key(name) < 'b'"
        )
        assert "leads_company_by_key" in str(cursor.fetchall())
