"""Exchange rates: one by one in the browser, many from a file, and over REST; each change kept and undone."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funnel import rates
from funnel.models import SettingChange
from funnel.models.organisation import Rate
from funnel.stages import Role
from tests.factories import organisation, people, token

pytestmark = pytest.mark.django_db

API = "/api/v1/rates/"


@pytest.fixture
def mia(client):
    organisation(currency="EUR")
    user = people(Role.MANAGER, "mia")
    client.force_login(user)
    return user


def rate(currency: str = "USD", day: str = "2026-03-01", value: str = "0.92") -> Rate:
    return Rate.objects.create(
        currency=currency, into="EUR", day=dt.date.fromisoformat(day), rate=Decimal(value)
    )


def test_without_rates_the_page_says_when_one_is_needed(client, mia) -> None:
    page = client.get(reverse("funnel:rate-list")).content.decode()
    assert "As long as everything is paid in EUR, none is needed." in page


def test_a_rate_is_added_corrected_taken_away_and_brought_back(client, mia) -> None:
    new = reverse("funnel:rate-new")
    answer = client.post(new, {"currency": "usd", "day": "2026-03-01", "rate": "0.9215"})
    assert answer.url == reverse("funnel:rate-history", args=["USD"])
    made = Rate.objects.get()
    assert (made.currency, made.into, made.rate) == ("USD", "EUR", Decimal("0.9215"))
    assert client.post(new, {"currency": "USD", "day": "2026-03-01", "rate": "1"}).status_code == 422
    client.post(reverse("funnel:rate", args=[made.pk]), {"rate": "0.93"})
    client.post(reverse("funnel:rate-remove", args=[made.pk]))
    assert not Rate.objects.exists()
    client.post(reverse("funnel:setting-undo", args=[SettingChange.objects.latest("pk").pk]))
    back = Rate.objects.get()
    assert (back.pk, back.day, back.rate) == (made.pk, made.day, Decimal("0.93"))
    assert rates.freeze(Decimal(100), "USD", day=dt.date(2026, 4, 1)).amount == Decimal("93.00")


def test_what_a_rate_cannot_be_is_refused_at_its_field(client, mia) -> None:
    good = {"currency": "USD", "day": "2026-03-01", "rate": "0.9"}
    for wrong in (
        {"currency": "EUR"},
        {"currency": "dollar"},
        {"currency": "U1"},
        {"day": "yesterday"},
        {"rate": "0"},
        {"rate": "-1"},
        {"rate": "much"},
    ):
        answer = client.post(reverse("funnel:rate-new"), good | wrong)
        assert answer.status_code == 422, wrong
        assert set(answer.context["form"].errors) == set(wrong)
    assert not Rate.objects.exists()


def test_a_file_sets_many_names_the_bad_rows_and_each_can_be_undone(client, mia) -> None:
    old = rate(value="0.9")
    table = b"date;currency;rate\n2026-03-01;USD;0.95\n2026-03-02;USD;0.96\n2026-03-02;EUR;1\nx;USD;1\n"
    file = SimpleUploadedFile("rates.csv", table)
    answer = client.post(reverse("funnel:rate-import"), {"file": file})
    page = answer.content.decode()
    assert "Set: 2. Unchanged: 0. Not taken: 2." in page
    assert "It is the organisation&#x27;s own currency." in page
    assert sorted(Rate.objects.values_list("rate", flat=True)) == [Decimal("0.95"), Decimal("0.96")]
    changed, made = SettingChange.objects.order_by("before")
    if changed.before is None:
        changed, made = made, changed
    assert (changed.actor, changed.before, changed.after) == (
        mia,
        {"rate": "0.9000000000"},
        {"rate": "0.9500000000"},
    )
    for change in (changed, made):
        client.post(reverse("funnel:setting-undo", args=[change.pk]))
    assert list(Rate.objects.values_list("pk", "rate")) == [(old.pk, Decimal("0.9"))]
    pasted = {"text": "date\tcurrency\trate\n2026-03-05\tGBP\t1.15\n"}
    assert client.post(reverse("funnel:rate-import"), pasted).status_code == 303
    assert client.post(reverse("funnel:rate-import"), {"text": "no table"}).status_code == 422
    assert client.post(reverse("funnel:rate-import"), {}).status_code == 422


def test_the_list_costs_the_same_for_one_and_for_many(client, mia) -> None:
    counted = []
    for currencies in (("USD",), ("USD", "GBP", "CHF")):
        for currency in currencies:
            for day in range(1, 4):
                Rate.objects.get_or_create(
                    currency=currency, into="EUR", day=dt.date(2026, 1, day), defaults={"rate": day}
                )
        with CaptureQueriesContext(connection) as captured:
            page = client.get(reverse("funnel:rate-list")).content.decode()
        counted.append(len(captured))
        assert all(currency in page for currency in currencies)
    assert counted[0] == counted[1] <= 12


def test_old_rates_page_by_day(client, mia) -> None:
    first = dt.date(2026, 1, 1)
    Rate.objects.bulk_create(
        Rate(currency="USD", into="EUR", day=first + dt.timedelta(days=number), rate=1)
        for number in range(101)
    )
    page = reverse("funnel:rate-history", args=["USD"])
    answer = client.get(page)
    assert len(answer.context["rates"]) == 100
    older = client.get(page + answer.context["next_url"])
    assert [one.day for one in older.context["rates"]] == [first]
    assert client.get(reverse("funnel:rate-history", args=["XXX"])).status_code == 404


@pytest.mark.parametrize("role", [Role.MARKETER, Role.FIRST_TOUCH, Role.SALESPERSON, Role.LAWYER])
def test_rates_are_set_by_those_who_lead(client, role) -> None:
    client.force_login(people(role))
    there = rate()
    for name, arguments in (
        ("rate-list", []),
        ("rate-new", []),
        ("rate-import", []),
        ("rate", [there.pk]),
        ("rate-history", ["USD"]),
    ):
        assert client.get(reverse(f"funnel:{name}", args=arguments)).status_code == 403
    assert client.post(reverse("funnel:rate-remove", args=[there.pk])).status_code == 403
    reads = client.get(API, headers=token(people(role)))
    assert reads.status_code == (200 if role == Role.SALESPERSON else 403)
    writes = client.post(API, {}, content_type="application/json", headers=token(people(role)))
    assert writes.status_code == 403


def test_programs_set_rates_and_what_they_change_is_kept(client, mia) -> None:
    headers = token(mia)

    def send(method: str, address: str, **data: str):
        return getattr(client, method)(address, data, content_type="application/json", headers=headers)

    made = send("post", API, currency="usd", day="2026-03-01", rate="0.92")
    assert made.status_code == 201, made.content
    assert made.json() | {"id": 0} == {
        "id": 0,
        "currency": "USD",
        "into": "EUR",
        "day": "2026-03-01",
        "rate": "0.9200000000",
    }
    address = f"{API}{made.json()['id']}/"
    assert send("post", API, currency="USD", day="2026-03-01", rate="1").status_code == 400
    for wrong in ({"currency": "EUR"}, {"rate": "0"}, {"rate": "-1"}, {"day": "x"}):
        data = {"currency": "GBP", "day": "2026-03-01", "rate": "1"} | wrong
        assert send("post", API, **data).status_code == 400
    assert send("patch", address, day="2026-03-02").status_code == 400
    assert send("patch", address, rate="0.95").status_code == 200
    assert client.get(f"{API}?currency=usd&day_from=2026-03-01", headers=headers).json()["results"]
    assert client.delete(address, headers=headers).status_code == 204
    assert [
        (change.before is None, change.after is None) for change in SettingChange.objects.order_by("pk")
    ] == [(True, False), (False, False), (False, True)]
