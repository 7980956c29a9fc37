"""Whose application it is: a stronger key outranks a weaker one, at every door, and no stranger's data is on a card."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from funnel import phones
from funnel.models import Contact, FieldChange, Journey
from funnel.stages import Role
from tests.factories import later, people, run, token
from tests.history.files import load_rows

from .test_capture import captured, paid, together

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parent / "cases"
PHONE = "+49891234560"


def post(body: dict[str, Any]) -> Any:
    headers = token(people(Role.MARKETER), "read", "write")
    return Client().post("/api/v1/leads/", body, content_type="application/json", headers=headers)


def case(name: str) -> list[Any]:
    return [post(body) for body in json.loads((CASES / f"{name}.json").read_text())]


def card(contact: Contact) -> tuple[str, str, str]:
    contact.refresh_from_db()
    return contact.name, contact.email, contact.phone


# the cases that were filed -------------------------------------------------------------------------------------------


def test_a_shared_and_an_invented_phone_merge_nobody() -> None:
    answers = case("capture-shared-phone")
    assert [answer.status_code for answer in answers] == [201] * 4
    assert list(Contact.objects.order_by("pk").values_list("email", "phone")) == [
        ("olga@alpha-sensors.example", PHONE),
        ("ivan@alpha-sensors.example", PHONE),
        ("a@first-client.example", "+1 000 000 0000"),
        ("b@second-client.example", "+1 000 000 0000"),
    ]
    bodies = [answer.json() for answer in answers]
    assert [body["kind"] for body in bodies] == ["new"] * 4
    [candidate] = bodies[1]["duplicates"]
    assert "phone" in candidate["why"]
    assert candidate["journey"] == bodies[0]["journey"]["id"]
    assert bodies[3]["duplicates"] == []
    assert [[w["code"] for w in body["warnings"]] for body in bodies] == [
        [],
        [],
        *[["placeholder_phone"]] * 2,
    ]
    assert bodies[2]["warnings"][0]["field"] == "phone"
    assert "+1 000 000 0000" in bodies[2]["warnings"][0]["detail"]


def test_two_extensions_are_two_contacts() -> None:
    assert [answer.status_code for answer in case("capture-extension")] == [201, 201]
    kept = ["+78125550100 ext. 12", "+78125550100 ext. 34"]
    assert list(Contact.objects.order_by("pk").values_list("phone", flat=True)) == kept


def test_what_was_pasted_with_invisible_characters_is_one_person_by_phone_and_one_by_mail() -> None:
    assert [answer.status_code for answer in case("capture-invisible")] == [201] * 4
    phone, mail = Contact.objects.order_by("pk")
    assert (phone.phone, mail.email) == ("+49301112223", "anna@client.example")


def test_a_number_of_a_spreadsheet_is_the_number() -> None:
    assert [answer.status_code for answer in case("capture-excel-number")] == [201]
    assert Contact.objects.get().phone == "+49301112223"


# the table -----------------------------------------------------------------------------------------------------------


def test_an_e_mail_decides_whatever_the_phone_and_the_card_stays_as_it_is() -> None:
    anna = captured(name="Anna Ray", email="anna@hub.example", phone="+49301112223").journey.contact
    again = captured(name="Ann Ray", email="ANNA@hub.example", phone=PHONE)
    assert again.journey.contact == anna
    assert card(anna) == ("Anna Ray", "anna@hub.example", "+49301112223")
    assert again.journey.application.answers["phone"] == PHONE


def test_an_e_mail_of_somebody_merged_away_decides_too() -> None:
    from funnel import merging

    anna = captured(name="Anna Ray", email="anna@hub.example").journey.contact
    old = captured(name="Anna Ray", email="old@hub.example").journey.contact
    merging.merge(survivor=anna, loser=old, actor=people(Role.MANAGER), at=later(days=1))
    assert captured(name="Anna Ray", email="old@hub.example", phone=PHONE).journey.contact == anna


def test_somebody_else_who_writes_from_a_shared_mailbox_leaves_nothing_on_the_card() -> None:
    olga = captured(name="Olga Front", email="info@alpha.example").journey.contact
    ivan = captured(name="Ivan Back", email="info@alpha.example", phone=PHONE, company="Beta Ltd")
    assert ivan.journey.contact == olga
    assert card(olga) == ("Olga Front", "info@alpha.example", "")
    olga.refresh_from_db()
    assert olga.company is None
    assert ivan.journey.application.answers == {
        "name": "Ivan Back",
        "email": "info@alpha.example",
        "phone": PHONE,
        "company": "Beta Ltd",
    }


def test_of_two_who_share_a_mailbox_the_one_of_the_name_is_meant() -> None:
    Contact.objects.create(name="Olga Front", email="info@alpha.example")
    ivan = Contact.objects.create(name="Ivan Back", email="Info@alpha.example")
    assert captured(name="Back, Ivan", email="info@alpha.example").journey.contact == ivan


def test_a_new_e_mail_is_a_new_contact_and_an_equal_phone_only_suggests() -> None:
    payer = captured(name="Olga Front", email="olga@alpha.example", phone=PHONE).journey
    paid(payer)
    stranger = captured(name="Olga Front", email="o.front@gmail.com", phone=PHONE, at=later(days=2))
    assert stranger.journey.contact != payer.contact
    assert (stranger.kind, stranger.journey.kind) == ("new", "new")
    assert [(c.journey, c.why) for c in stranger.duplicates] == [(payer, ("phone",))]
    assert card(payer.contact) == ("Olga Front", "olga@alpha.example", PHONE)
    assert not FieldChange.objects.exists()


@pytest.mark.parametrize("name", ["Olga Front", "Front Olga", "Olga Frond", ""])
def test_a_phone_alone_is_the_one_contact_that_has_it_where_the_name_fits(name: str) -> None:
    payer = captured(name="Olga Front", email="olga@alpha.example", phone=PHONE).journey
    paid(payer)
    again = captured(name=name, phone="0049 89 123 45 60", at=later(days=2))
    assert (again.journey.contact, again.kind) == (payer.contact, "repeat")


def test_another_name_on_a_phone_is_a_new_contact_with_a_suggestion() -> None:
    payer = captured(name="Olga Front", email="olga@alpha.example", phone=PHONE).journey
    paid(payer)
    other = captured(name="Ivan Back", phone=PHONE, at=later(days=2))
    assert other.journey.contact != payer.contact
    assert (other.kind, [c.why for c in other.duplicates]) == ("new", [("phone",)])
    assert card(payer.contact) == ("Olga Front", "olga@alpha.example", PHONE)


def test_a_phone_of_several_is_the_single_one_of_the_same_name() -> None:
    for number in range(30):
        Contact.objects.create(name=f"Somebody {number}", phone=PHONE)
    ivan = Contact.objects.create(name="Ivan Alyoshin", phone=PHONE)
    assert captured(name="ivan alyoshin", phone=PHONE).journey.contact == ivan
    assert captured(name="Ivan Alyochin", phone=PHONE).journey.contact.name == "Ivan Alyochin"
    Contact.objects.create(name="Ivan Alyoshin", phone=PHONE)
    third = captured(name="Ivan Alyoshin", phone=PHONE).journey.contact
    assert Contact.objects.filter(name="Ivan Alyoshin").order_by("pk").last() == third != ivan


def test_a_contact_without_e_mail_takes_that_of_the_same_phone_and_name() -> None:
    ivan = captured(name="Семён Орлов", phone=PHONE).journey.contact
    with_mail = captured(name="Орлов Семен", email="orlov@beta.example", phone=PHONE)
    assert with_mail.journey.contact == ivan
    assert card(ivan) == ("Семён Орлов", "orlov@beta.example", PHONE)
    another = captured(name="Семён Орлов", email="orlov2@beta.example", phone=PHONE)
    assert another.journey.contact != ivan


def test_a_similar_name_is_not_enough_to_take_an_e_mail() -> None:
    captured(name="Olga Front", phone=PHONE)
    other = captured(name="Olga Frond", email="frond@beta.example", phone=PHONE)
    assert Contact.objects.count() == 2
    assert [c.why for c in other.duplicates] == [("phone",)]


@pytest.mark.parametrize(
    "typed",
    [
        "+1 000 000 0000",
        "0000000",
        "111-11-11",
        "+7 (999) 999-99-99",
        "tel:+1-202-555-0123",
        "+44 7700 900123",
        "+44 20 7946 0958",
        "+49 30 23125 042",
        "01 99 00 12 34",
        "1234567",
        "+7 (123) 456-78-90",
        "+1 234 567 8901",
        "987654321",
    ],
)
def test_a_placeholder_is_kept_as_typed_and_is_nobodys_phone(typed: str, settings: Any) -> None:
    settings.PHONE_REGION = "FR" if typed.startswith("01") else ""
    first = captured(name="Ann Ray", phone=typed)
    second = captured(name="Ann Ray", phone=typed)
    assert first.journey.contact != second.journey.contact
    assert second.duplicates == []
    assert second.journey.contact.phone == typed.removeprefix("tel:")
    assert [notice.code for notice in second.warnings] == ["placeholder_phone"]


@pytest.mark.parametrize(
    "typed", ["+49 89 1234560", "+7 812 555-01-00", "+1 202 456 1414", "+7 495 777-77-00"]
)
def test_a_real_phone_is_no_placeholder(typed: str) -> None:
    assert phones.read(typed).kind == phones.REAL


@pytest.mark.parametrize(
    "typed", ["+49 1", "12", "+999 1234567", "4.93011E+10", "12345678901234567", "after six"]
)
def test_an_impossible_phone_is_kept_beside_an_e_mail_and_refused_without(typed: str) -> None:
    result = captured(email="ada@acme.example", phone=typed)
    assert result.journey.contact.phone == typed
    assert [notice.code for notice in result.warnings] == ["impossible_phone"]
    with pytest.raises(ValidationError) as caught:
        captured(phone=typed)
    assert list(caught.value.message_dict) == ["phone"]
    assert Journey.objects.count() == 1


def test_impossible_phones_bring_nobody_together() -> None:
    captured(name="Ann Ray", email="ann@acme.example", phone="123")
    other = captured(name="Ann Ray", email="ray@beta.example", phone="123")
    assert [c.why for c in other.duplicates] == [("name",)]
    assert Contact.objects.count() == 2


def test_a_placeholder_is_not_written_over_nor_onto_a_card() -> None:
    ada = captured(email="ada@acme.example").journey.contact
    captured(email="ada@acme.example", phone="+1 000 000 0000")
    captured(email="ada@acme.example", phone="123")
    assert card(ada) == ("Ada Example", "ada@acme.example", "")
    captured(email="ada@acme.example", phone=PHONE)
    assert card(ada) == ("Ada Example", "ada@acme.example", PHONE)


def test_a_signature_makes_the_next_application_a_repeat() -> None:
    outcome = load_rows(
        [
            "E1,A,lead_created,2026-03-02T08:00:00Z,,",
            "E2,A,contract_signed,2026-03-03T08:00:00Z,,100",
            "E3,B,lead_created,2026-03-04T08:00:00Z,,",
        ],
        ["A,C1,web,,,,", "B,C1,web,,,,"],
    )
    assert outcome.rejections == []
    client = Contact.objects.get()
    Contact.objects.update(email="ada@acme.example")
    assert list(Journey.objects.order_by("created_at").values_list("kind", flat=True)) == ["new", "repeat"]
    assert captured(email="ada@acme.example", at=later(days=20)).kind == "repeat"
    assert client.journeys.count() == 3


# the doors -----------------------------------------------------------------------------------------------------------


def test_rest_takes_an_impossible_phone_beside_an_e_mail_and_marks_it() -> None:
    answer = post({"name": "Ada", "email": "ada@acme.example", "phone": "+49 1", "source": "web"})
    assert answer.status_code == 201
    assert [w["code"] for w in answer.json()["warnings"]] == ["impossible_phone"]
    headers = token(people(Role.MANAGER, "m"), "read", "write")
    contact = Contact.objects.get()
    url = f"/api/v1/contacts/{contact.pk}/"
    told = Client().get(url, headers=headers).json()
    assert (told["phone"], told["phone_kind"]) == ("+49 1", "impossible")
    # the card can be changed though the phone stays as it is; another impossible one is refused
    body = {"name": "Ada L.", "phone": "+49 1"}
    assert Client().patch(url, body, content_type="application/json", headers=headers).status_code == 200
    body = {"phone": "+49 2"}
    assert Client().patch(url, body, content_type="application/json", headers=headers).status_code == 400
    refused = post({"name": "Ada", "phone": "+49 1", "source": "web"})
    assert refused.status_code == 400
    assert [fault["field"] for fault in refused.json()["errors"]] == ["phone"]


def test_the_public_form_decides_like_rest() -> None:
    for name, email in (("Olga Front", "olga@alpha.example"), ("Ivan Back", "ivan@alpha.example")):
        given = {"name": name, "email": email, "phone": "+49 89 1234560"}
        assert Client().post("/f/contact/", given).status_code == 303
    assert Contact.objects.count() == 2
    assert Client().post("/f/contact/", {"name": "Ann", "phone": "+49 1"}).status_code == 422
    assert (
        Client().post("/f/contact/", {"name": "Ann", "phone": "+49 1", "email": "a@b.example"}).status_code
        == 303
    )


def test_a_colleagues_form_says_what_is_doubtful_and_the_page_marks_it(client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    given = {"name": "Ada", "email": "ada@acme.example", "phone": "+49 1", "source": "web"}
    page = client.post(reverse("leads:lead-create"), given, follow=True).content.decode()
    assert "+49 1 is not a possible phone number" in page
    assert "+49 1 (not a possible number)" in page
    contact = Contact.objects.get()
    assert (
        "(not a possible number)" in client.get(reverse("funnel:contact", args=[contact.pk])).content.decode()
    )


def test_what_was_given_otherwise_is_offered_for_the_card_saved_at_a_click_and_taken_back(
    client: Client,
) -> None:
    anna = captured(name="Anna Ray", email="anna@hub.example", phone="+49301112223").journey.contact
    journey = captured(name="Anna R. Ray", email="anna@hub.example", phone=PHONE).journey
    client.force_login(people(Role.MARKETER))
    page = client.get(reverse("funnel:journey", args=[journey.pk])).content.decode()
    assert "Save this phone on the contact" in page
    assert "Save this name on the contact" in page
    inbox = client.get(reverse("leads:inbox"), {"journey": journey.pk}).content.decode()
    url = reverse("leads:application-keep", args=[journey.pk, "phone"])
    assert f'action="{url}"' in inbox
    kept = client.post(url, follow=True)
    assert card(anna) == ("Anna Ray", "anna@hub.example", PHONE)
    assert "Save this phone on the contact" not in kept.content.decode()
    act = FieldChange.objects.get().act
    client.post(reverse("funnel:cell-undo", args=[act]))
    assert card(anna) == ("Anna Ray", "anna@hub.example", "+49301112223")


def test_nothing_is_saved_on_a_card_that_was_changed_meanwhile_or_by_outsiders(client: Client) -> None:
    anna = captured(name="Anna Ray", email="anna@hub.example", phone="+49301112223").journey.contact
    journey = captured(name="Anna Ray", email="anna@hub.example", phone=PHONE).journey
    url = reverse("leads:application-keep", args=[journey.pk, "phone"])
    client.force_login(people(Role.MARKETER))
    client.post(url, {"was": "0" * 16})
    assert card(anna)[2] == "+49301112223"
    for name in ("company", "message", "id"):
        assert client.post(reverse("leads:application-keep", args=[journey.pk, name])).status_code == 404
    client.force_login(people(Role.LAWYER, "law"))
    assert client.post(url).status_code in {403, 404}
    client.force_login(people(Role.MARKETER, "m2"))
    run(journey, "personal_data_erased", {"sure": True})
    assert client.post(url).status_code == 404


# at once -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_twelve_applications_by_one_phone_at_once_are_one_contact() -> None:
    results = together(12, lambda n: captured(name="Olga Front", phone=PHONE))
    assert len({result.journey.contact_id for result in results}) == Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_new_addresses_that_come_at_once_one_is_taken_by_the_contact_without() -> None:
    known = captured(name="Olga Front", phone=PHONE).journey.contact
    results = together(6, lambda n: captured(name="Olga Front", email=f"o{n}@alpha.example", phone=PHONE))
    assert sum(result.journey.contact_id == known.pk for result in results) == 1
    assert sorted(Contact.objects.values_list("email", flat=True)) == [
        f"o{n}@alpha.example" for n in range(6)
    ]
