"""The pages of people and companies: who sees whom, lists, editing side by side, merging and back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel.models import Company, Contact, FieldChange, Journey
from funnel.parties import edit_party, party_mark
from funnel.stages import Role, Stage
from tests.factories import journey_at, later, lead, people, run, team

pytestmark = pytest.mark.django_db
CONTACTS = reverse("funnel:contact-list")
COMPANIES = reverse("funnel:company-list")


@pytest.fixture
def manager(client: Client):
    user = people(Role.MANAGER)
    client.force_login(user)
    return user


def shown(client: Client, address: str, **filters: str) -> list[int]:
    answer = client.get(address, filters)
    assert answer.status_code == 200
    return [row["party"].pk for row in answer.context["rows"]]


def queries(client: Client, address: str) -> int:
    client.get(address)  # what is read once a process is read now
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


# lists ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [CONTACTS, COMPANIES])
def test_lists_take_the_same_few_queries_for_one_three_and_many_rows(client, manager, address) -> None:
    counts, made = [], 0
    for wanted in (1, 3, 60):
        for number in range(made, wanted):
            lead(
                company=f"Firm {number} unlike {number * 7}", owner=people(Role.FIRST_TOUCH, f"o{number % 5}")
            )
        made = wanted
        counts.append(queries(client, address))
    assert counts[0] == counts[1] == counts[2] <= 14, counts


@pytest.mark.parametrize("order", ["", "created", "name", "-name"])
def test_pages_follow_without_gap_or_repetition_in_every_order(client, manager, order) -> None:
    made = {lead(name=f"Person {number % 40:02}").contact_id for number in range(120)}
    Contact.objects.filter(pk=min(made)).update(name="", email="", phone="")
    seen: list[int] = []
    address, pages = f"{CONTACTS}?order={order}", 0
    while address:
        answer = client.get(address)
        seen += [row["party"].pk for row in answer.context["rows"]]
        older = answer.context["page"].older
        address, pages = (CONTACTS + older if older else ""), pages + 1
    assert (len(seen), set(seen), pages) == (120, made, 3)


def test_lists_are_narrowed_by_words_states_owners_and_company(client, manager) -> None:
    won = journey_at(Stage.WON, name="Priya Rossi", email="priya@evergreen.example", company="Evergreen")
    mine = lead(name="Bo Lind", phone="+49 30 1234567", owner=manager)
    lost = journey_at(Stage.LOST)
    assert shown(client, CONTACTS, q="rossi") == [won.contact_id]
    assert shown(client, CONTACTS, q="evergr") == [won.contact_id]
    assert shown(client, CONTACTS, q="1234567") == [mine.contact_id]
    assert shown(client, CONTACTS, q=f"#{lost.contact_id}") == [lost.contact_id]
    assert shown(client, CONTACTS, q="nobody at all") == []
    assert shown(client, CONTACTS, state="won") == [won.contact_id]
    assert shown(client, CONTACTS, state="open") == [mine.contact_id]
    assert set(shown(client, CONTACTS, state="quiet")) == {won.contact_id, lost.contact_id}
    assert shown(client, CONTACTS, owner="me") == [mine.contact_id]
    assert shown(client, CONTACTS, company=str(won.company_id)) == [won.contact_id]
    assert shown(client, COMPANIES, q="ever") == [won.company_id]


@pytest.mark.parametrize(
    "query",
    ["order=sideways&state=odd&owner=ghost", "company=x", "after=nonsense", "q=%00", "after=~1&order=name"],
)
def test_a_broken_address_shows_a_list(client, manager, query) -> None:
    pk = lead().contact_id
    answer = client.get(f"{CONTACTS}?{query}")
    assert answer.status_code == 200
    assert [row["party"].pk for row in answer.context["rows"]] == [pk]


def test_one_sees_the_people_and_companies_of_the_journeys_one_sees(client) -> None:
    owner = people(Role.SALESPERSON, "own", team=team("North"))
    mine, other = lead(owner=owner, company="Acme"), lead(company="Zenith Works")
    client.force_login(owner)
    assert shown(client, CONTACTS) == [mine.contact_id]
    assert shown(client, COMPANIES) == [mine.company_id]
    assert client.get(reverse("funnel:contact", args=[mine.contact_id])).status_code == 200
    for page in ("contact", "contact-edit", "contact-changes"):
        assert client.get(reverse(f"funnel:{page}", args=[other.contact_id])).status_code == 404
    assert client.get(reverse("funnel:company", args=[other.company_id])).status_code == 404
    client.force_login(people(Role.PARTNER))
    assert client.get(CONTACTS).status_code == 403
    assert client.get(reverse("funnel:contact", args=[mine.contact_id])).status_code == 403


def test_money_is_not_shown_to_who_does_not_see_money(client) -> None:
    journey = run(journey_at(Stage.WON), "payment_received", {"amount": "4321"})
    page = reverse("funnel:contact", args=[journey.contact_id])
    client.force_login(people(Role.MANAGER))
    assert "4,321" in client.get(page).content.decode()
    assert "4,321" in client.get(CONTACTS).content.decode()
    client.force_login(people(Role.MARKETER))
    assert "4,321" not in client.get(page).content.decode()
    assert "4,321" not in client.get(CONTACTS).content.decode()


# pages ---------------------------------------------------------------------------------------------------------------


def test_the_page_tells_of_all_journeys_that_one_sees(client, manager) -> None:
    first = journey_at(Stage.LOST, name="Ada Vale", email="ada@acme.example", company="Acme")
    second = lead(name="Ada Vale", email="ada@acme.example", at=later(days=1))
    answer = client.get(reverse("funnel:contact", args=[first.contact_id]))
    assert [journey.pk for journey in answer.context["journeys"]] == [second.pk, first.pk]
    assert answer.context["figures"]["all"] == 2
    told = [item["text"] for item in answer.context["items"]]
    assert any(f"#{first.pk}" in text for text in told)
    assert any(f"#{second.pk}" in text for text in told)
    run(second, "note_logged", {"text": "Call on Thursday"})
    page = reverse("funnel:contact", args=[first.contact_id])
    assert [item["said"] for item in client.get(page, {"show": "notes"}).context["items"]] == [
        "Call on Thursday"
    ]
    assert len(client.get(page, {"show": "nothing"}).context["items"]) == len(told) + 1
    company = client.get(reverse("funnel:company", args=[first.company_id]))
    assert [contact.pk for contact in company.context["people"]] == [first.contact_id]


def test_the_page_takes_the_same_number_of_queries_for_one_and_many_journeys(client, manager) -> None:
    counts, made = [], 0
    for wanted in (1, 3, 45):
        for number in range(made, wanted):
            lead(name="Ada Vale", email="ada@acme.example", company="Acme", at=later(days=number))
        made = wanted
        page = reverse("funnel:company", args=[Company.objects.get().pk])
        counts.append(queries(client, page))
    assert counts[0] == counts[1] == counts[2] <= 19, counts


# editing -------------------------------------------------------------------------------------------------------------


def edit_url(party: Contact | Company) -> str:
    return reverse(f"funnel:{type(party).__name__.lower()}-edit", args=[party.pk])


FINE = {"name": "Ada Vale", "email": "Ada@Acme.example", "phone": "+49 (30) 901-820", "company": "Acme"}


def test_details_are_saved_and_what_they_were_is_kept(client, manager) -> None:
    contact = lead(name="Ada", email="ada@acme.example", company="Acme").contact
    assert client.post(edit_url(contact), FINE).status_code == 303
    fresh = Contact.objects.get(pk=contact.pk)
    assert (fresh.name, fresh.email, fresh.phone) == ("Ada Vale", "ada@acme.example", "+4930901820")
    kept = FieldChange.objects.filter(contact=contact).values_list("field", "old", "new", "actor")
    assert set(kept) == {
        ("name", "Ada", "Ada Vale", manager.pk),
        ("phone", "", "+4930901820", manager.pk),
    }
    page = client.get(reverse("funnel:contact-changes", args=[contact.pk])).content.decode()
    assert "+4930901820" in page


def test_a_company_is_named_by_name_or_number_and_made_where_it_is_new(client, manager) -> None:
    contact, zenith = lead().contact, lead(company="Zenith").company
    for given, meant in (("zenith", zenith.name), (f"#{zenith.pk}", zenith.name), ("New Co", "New Co")):
        assert client.post(edit_url(contact), FINE | {"company": given}).status_code == 303
        assert Contact.objects.get(pk=contact.pk).company.name == meant
    assert client.post(edit_url(contact), FINE | {"company": ""}).status_code == 303
    assert Contact.objects.get(pk=contact.pk).company is None
    Company.objects.create(name="Zenith")
    assert "give the number" in client.post(edit_url(contact), FINE | {"company": "zenith"}).content.decode()
    assert client.post(edit_url(contact), FINE | {"company": "#999999"}).status_code == 422


def test_a_stale_save_shows_both_versions_and_may_be_sent_again(client, manager) -> None:
    contact = lead(name="Ada", email="ada@acme.example", company="Acme").contact
    mark = party_mark(contact)
    edit_party(party=contact, actor=people(Role.MANAGER, "rival"), values={"name": "Rival's"})
    answer = client.post(edit_url(contact), FINE | {"name": "Mine", "mark": mark})
    assert answer.status_code == 409
    assert ("Name", "Mine", "Rival's") in answer.context["stale"]
    assert Contact.objects.get(pk=contact.pk).name == "Rival's"
    fresh = answer.context["form"].data["mark"]
    assert client.post(edit_url(contact), FINE | {"name": "Mine", "mark": fresh}).status_code == 303
    assert Contact.objects.get(pk=contact.pk).name == "Mine"


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nonsense"},
        {"phone": "call me"},
        {"name": "x" * 201},
        {"name": "\x00"},
        {"language": "xx"},
        {"name": "", "email": "", "phone": ""},
    ],
)
def test_faulty_details_are_refused_and_nothing_is_written(client, manager, change) -> None:
    contact = lead(name="Ada").contact
    assert client.post(edit_url(contact), FINE | change).status_code == 422
    assert Contact.objects.get(pk=contact.pk).name == "Ada"
    assert not FieldChange.objects.exists()


# merging -------------------------------------------------------------------------------------------------------------


def merge_url(party: Contact | Company) -> str:
    return reverse(f"funnel:{type(party).__name__.lower()}-merge", args=[party.pk])


def test_a_merge_is_looked_at_made_and_undone_on_pages(client, manager) -> None:
    one = lead(name="Ada Vale", email="ada@acme.example").contact
    other = lead(name="Ada Wale", email="ada@home.example")
    asked = client.get(merge_url(one))
    assert [(found.pk, like.reasons) for found, like in asked.context["alike"]] == [
        (other.contact_id, ["Same name, spelt differently"])
    ]
    page = asked.content.decode()
    assert "Possibly the same, 40%" in page
    assert "Different e-mails" in page
    assert [found.pk for found in client.get(merge_url(one), {"q": "wale"}).context["found"]] == [
        other.contact_id
    ]
    looked = client.get(merge_url(one), {"with": other.contact_id})
    assert looked.context["preview"].journeys == 1
    answer = client.post(merge_url(one), {"with": other.contact_id, "keep_name": "loser"}, follow=True)
    assert "is merged into" in answer.content.decode()
    assert Contact.objects.get(pk=one.pk).name == "Ada Wale"
    assert shown(client, CONTACTS) == [one.pk]
    gone = client.get(reverse("funnel:contact", args=[other.contact_id]))
    assert "merged into" in gone.content.decode()
    assert client.get(edit_url(Contact.objects.get(pk=other.contact_id))).status_code == 403
    assert client.post(merge_url(one), {"with": other.contact_id}).status_code == 409
    undo = reverse("funnel:contact-unmerge", args=[other.contact_id])
    assert "two again" in client.post(undo, follow=True).content.decode()
    assert Contact.objects.get(pk=one.pk).name == "Ada Vale"
    assert Journey.objects.get(pk=other.pk).contact_id == other.contact_id
    assert "is not merged" in client.post(undo, follow=True).content.decode()


@pytest.mark.parametrize("given", ["x", "999999999", "-1", "1" * 30])
def test_merging_with_nobody_is_no_such_page(client, manager, given) -> None:
    assert client.get(merge_url(lead().contact), {"with": given}).status_code == 404


def test_only_those_who_merge_are_offered_it(client) -> None:
    journey = lead(owner=people(Role.SALESPERSON), company="Acme")
    client.force_login(people(Role.SALESPERSON))
    page = client.get(reverse("funnel:contact", args=[journey.contact_id])).content.decode()
    assert "Merge" not in page
    assert client.get(merge_url(journey.contact)).status_code == 403
    assert client.get(reverse("funnel:contact-alike", args=[journey.contact_id])).status_code == 403


def test_companies_alike_are_suggested_by_domain_tax_number_and_name(client, manager) -> None:
    acme = lead(email="a@acme.example", company="Acme Tools GmbH").company
    named = Company.objects.create(name="ACME Tools Ltd")
    domain = Company.objects.create(name="Another", domain="acme.example")
    Company.objects.create(name="Unlike")
    found = client.get(merge_url(acme)).context["alike"]
    assert {other.pk: like.reasons for other, like in found} == {
        named.pk: ["Similar name"],
        domain.pk: ["Same domain"],
    }
