"""What people type and paste is cleaned before it is judged, at every door; phones are one notation, with extensions."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from funnel import cleaning, phones, rates
from funnel.models import Contact, Event, Journey
from funnel.stages import Role
from leads.cost_forms import rows_of as cost_rows
from tests.factories import lead, people, token
from tests.history.files import load_rows

pytestmark = pytest.mark.django_db
LEADS = "/api/v1/leads/"
PHONE = "+49301112223"
SAME_PHONE = [
    "+49 30 1112223",
    "\u202d+49 30 1112223\u202c",
    "+49 30 1112223\u200b",
    "\ufeff+49\u00a030\u20091112223",
    "＋４９ ３０ １１１２２２３",
    "+٤٩ ٣٠ ١١١٢٢٢٣",
    "tel:+49-30-1112223",
    "TEL: +49%2030%201112223",
    "callto:0049301112223",
    "+49 (30) 111\u221222\u201023",
    "49301112223.0",
    "49301112223,00",
    "49301112223",
    "'+49301112223",
    '="+49301112223"',
    "4.9301112223E+10",
    "4,9301112223e10",
    "tel://+49301112223",
    "Тел.: +49 30 1112223",
    "T: +49 30 1112223",
    "Mobil (+49) 30 1112223",
]
EXTENSIONS = {
    "+7 (812) 555-01-00 доб. 12": "+78125550100 ext. 12",
    "+7 (812) 555-01-00 доб.12": "+78125550100 ext. 12",
    "+7 812 5550100, ДОБАВОЧНЫЙ 012": "+78125550100 ext. 012",
    "+7 812 555-01-00 (вн. 12)": "+78125550100 ext. 12",
    "+7 812 555-01-00 #12": "+78125550100 ext. 12",
    "+7 812 555-01-00 х12": "+78125550100 ext. 12",
    "tel:+7-812-555-01-00;ext=12": "+78125550100 ext. 12",
    "+7 812 555-01-00 добавочный номер 12": "+78125550100 ext. 12",
    "+7 812 555-01-00 доп. 12": "+78125550100 ext. 12",
    "+1 202 456 1414 ext. 99": "+12024561414 ext. 99",
    "+1 202 456 1414 Extension: 99": "+12024561414 ext. 99",
    "+1-202-456-1414x41": "+12024561414 ext. 41",
    "+78125550100 ext. 12": "+78125550100 ext. 12",
}


def post(**body: Any) -> Any:
    headers = token(people(Role.MARKETER), "read", "write")
    return Client().post(
        LEADS, {"name": "Inv", "source": "web", **body}, content_type="application/json", headers=headers
    )


# the module ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u200bAnna\u200d \u2066Ray\u2069", "Anna Ray"),
        ("An\u00adna\u3164\u00a0Ray\u2028GmbH", "Anna Ray GmbH"),
        ("Ａｃｍｅ ＧｍｂＨ", "Acme GmbH"),
        ("Ju\u0308rgen", "Jürgen"),
        ("Завод №\u00a05", "Завод № 5"),
        ("O´Brien™", "O´Brien™"),
    ],
)
def test_a_line_is_plain_characters_and_signs_that_mean_something_stay(typed: str, kept: str) -> None:
    assert cleaning.line(typed) == kept


def test_a_text_of_many_lines_keeps_them() -> None:
    assert cleaning.plain("one\n\ttwo\u200b\x07") == "one\n\ttwo"


@pytest.mark.parametrize(
    "typed",
    [
        "\u200banna@client.example",
        "mailto:Anna@client.example?subject=Hi",
        "ａｎｎａ＠client.example\u202c",
        "<Anna@client.example>",
        '"Ray, Anna" <anna@client.example>;',
        "anna@client.example.",
        "'anna@client.example',",
        "ANNA@CLİENT.EXAMPLE",
    ],
)
def test_an_e_mail_address_is_read_without_what_came_with_it(typed: str) -> None:
    assert cleaning.email(typed) == "anna@client.example"


@pytest.mark.parametrize(
    "typed", ["a@b.example; c@d.example", "Anna <a@b.example> <c@d.example>", "a@b@c.example", "."]
)
def test_two_addresses_are_not_one(typed: str) -> None:
    with pytest.raises(ValidationError):
        cleaning.email(typed)


@pytest.mark.parametrize("typed", SAME_PHONE)
def test_a_phone_is_the_same_however_it_was_pasted(typed: str) -> None:
    assert phones.read(typed) == phones.Phone(PHONE, phones.REAL)


@pytest.mark.parametrize(
    ("typed", "region", "kept"), [("301112223.0", "DE", PHONE), ("49301112223.0", "DE", PHONE)]
)
def test_a_number_of_a_spreadsheet_gets_back_what_the_spreadsheet_dropped(
    typed: str, region: str, kept: str
) -> None:
    assert phones.read(typed, region=region).text == kept


@pytest.mark.parametrize("typed", ["4.93011E+10", "4,93011e10", "49301112223.5"])
def test_a_phone_that_lost_digits_is_never_another_one(typed: str) -> None:
    assert phones.read(typed) == phones.Phone(typed, phones.IMPOSSIBLE)
    with pytest.raises(ValidationError):
        phones.phone(typed)


@pytest.mark.parametrize(("typed", "kept"), EXTENSIONS.items())
def test_an_extension_is_kept_behind_the_number(typed: str, kept: str) -> None:
    assert phones.read(typed) == phones.Phone(kept, phones.REAL)


def test_a_telephone_dials_the_number_and_then_the_extension() -> None:
    assert phones.link("+78125550100 ext. 12") == "tel:+78125550100;ext=12"
    assert phones.link("+1 000 000 0000") == "tel:+10000000000"
    assert phones.link("call me") == phones.link("") == ""


# the doors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["\u202d+49 30 1112223\u202c", "+49 30 1112223\u200b", "tel:+49-30-1112223"]
)
def test_a_pasted_phone_is_taken_by_rest_and_by_the_public_form(typed: str) -> None:
    assert post(phone=typed).status_code == 201
    assert Client().post("/f/contact/", {"name": "Inv", "phone": typed, "message": "Hi"}).status_code == 303
    assert set(Contact.objects.values_list("phone", flat=True)) == {PHONE}
    assert Journey.objects.count() == 2


def test_a_pasted_address_is_taken_by_rest_and_by_the_public_form() -> None:
    assert post(email="\u200banna@client.example").status_code == 201
    given = {"name": "Inv", "email": "mailto:anna@client.example\u200b"}
    assert Client().post("/f/contact/", given).status_code == 303
    assert [contact.email for contact in Contact.objects.all()] == ["anna@client.example"]


def test_what_a_spreadsheet_made_of_a_phone_is_read_back_or_refused() -> None:
    assert post(phone="49301112223.0").status_code == 201
    assert Contact.objects.get().phone == PHONE
    assert post(phone="4.93011E+10").status_code == 400


def test_two_extensions_of_one_number_are_two_people_and_each_is_shown(client: Client) -> None:
    for name, extension in (("Petr Ext", "12"), ("Olga Ext", "34"), ("Petr Ext", "12")):
        assert post(name=name, phone=f"+7 (812) 555-01-00 доб. {extension}").status_code == 201
    petr, olga = Contact.objects.order_by("pk")
    assert [petr.phone, olga.phone] == ["+78125550100 ext. 12", "+78125550100 ext. 34"]
    client.force_login(people(Role.MANAGER))
    page = client.get(reverse("funnel:contact", args=[petr.pk])).content.decode()
    assert 'href="tel:+78125550100;ext=12"' in page
    assert "+78125550100 ext. 12" in page
    assert (
        "+78125550100 ext. 34"
        in client.get(reverse("funnel:journey", args=[olga.journeys.get().pk])).content.decode()
    )


def test_a_colleagues_form_cleans_names_companies_and_keys(client: Client) -> None:
    client.force_login(people(Role.MANAGER))
    given = {
        "name": "\u2066Anna\u00a0Ray\u2069",
        "email": " mailto:anna@hub.example ",
        "company": "Ｈｕｂ GmbH\u200b",
        "source": "web\u200b",
    }
    assert client.post(reverse("leads:lead-create"), given).status_code in {200, 302, 303}
    journey = Journey.objects.get()
    assert (journey.contact.name, journey.contact.email) == ("Anna Ray", "anna@hub.example")
    assert journey.company is not None
    assert (journey.company.name, journey.source.key) == ("Hub GmbH", "web")


def test_the_card_of_a_contact_is_cleaned_on_its_page_and_by_rest(client: Client) -> None:
    contact = lead(email="old@client.example").contact
    client.force_login(people(Role.MANAGER))
    given = {
        "name": "Anna\u200b",
        "email": "mailto:anna@client.example",
        "phone": "tel:+49-30-1112223",
        "language": "",
    }
    client.post(reverse("funnel:contact-edit", args=[contact.pk]), given)
    contact.refresh_from_db()
    assert (contact.name, contact.email, contact.phone) == ("Anna", "anna@client.example", PHONE)
    body = json.dumps(
        {"name": "Ａnna\u200b", "email": "\u200bray@client.example", "phone": "+49 30 1112223 x7"}
    )
    api = Client(headers=token(people(Role.MANAGER, "api"), "read", "write"))
    answer = api.patch(f"/api/v1/contacts/{contact.pk}/", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    contact.refresh_from_db()
    assert (contact.name, contact.email, contact.phone) == ("Anna", "ray@client.example", f"{PHONE} ext. 7")
    for query in ({"phone": "+49 30 111-22-23 доб. 7"}, {"email": "mailto:ray@client.example"}):
        assert [row["id"] for row in api.get("/api/v1/contacts/", query).json()["results"]] == [contact.pk]


def test_a_history_is_read_through_invisible_and_wide_characters_while_its_keys_stay_verbatim() -> None:
    outcome = load_rows(
        [
            "E1,Ｊ１,lead_created\u200b,\u202d２０２６-03-02T08:00:00Z\u202c,,",
            "E2,Ｊ１,direct_cost,2026-03-02T09:00:00Z,,\u200b１２００.50",
        ],
        ["Ｊ１,c1,web,,,,"],
    )
    assert outcome.rejections == []
    assert Journey.objects.get().external_id == "Ｊ１"
    assert str(Event.objects.get(event="direct_cost").amount) == "1200.50"


def test_tables_of_rates_and_costs_are_read_through_invisible_and_wide_characters() -> None:
    table = "\u200bdate,currency,rate\n２０２６-03-31,\u202dUSD\u202c,０.9215\n"
    assert list(rates.rows_of(table.encode())) == [
        (2, {"date": "2026-03-31", "currency": "USD", "rate": "0.9215"})
    ]
    costs = "campaign,month\u200b,amount\nfair,２０２６-03,\u202d100\u202c\n"
    assert list(cost_rows(costs)) == [(2, {"campaign": "fair", "month": "2026-03", "amount": "100"})]


@pytest.mark.parametrize(
    "given", [{"phone": "tel:%00123456"}, {"email": "mailto:a%00@b.example"}, {"phone": "1" * 60}]
)
def test_what_a_link_hides_breaks_nothing(given: dict[str, str]) -> None:
    assert post(**{"email": "ada@acme.example", **given}).status_code in {201, 400}
    api = Client(headers=token(people(Role.MANAGER, "api"), "read"))
    long = {name: text * 100 for name, text in given.items()}
    for query in (given, long):
        assert api.get("/api/v1/contacts/", query).status_code in {200, 400}
