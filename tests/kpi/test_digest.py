"""Digests: what they say is what the report says, to whom they are owed, once, over a real mail server."""

import html
import re
import smtplib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from django.core import mail as outbox
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from funnel.clock import BusinessClock
from funnel.models import Organisation, User
from funnel.periods import Period
from funnel.stages import Role
from kpi import report, tables
from kpi.dashboards.pages import EVERY, MANAGEMENT
from kpi.digest import choices, content, letters, sending
from kpi.digest.periods import MONTHLY, WEEKLY, due, period_of
from kpi.models import DigestMail, Estimate, Plan
from tests.factories import people
from tests.postbox import Postbox

from . import ledgers
from .conftest import AS_OF

pytestmark = pytest.mark.usefixtures("berlin")
MARCH = Period.month("2026-03")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.fixture
def manager(berlin: Organisation) -> User:
    return people(Role.MANAGER, "mia", email="mia@firm.example")


def letter(user: User, period: Period = MARCH, kind: str = MONTHLY) -> letters.Letter:
    return letters.write(user=user, organisation=Organisation.current(), kind=kind, period=period, now=AS_OF)


# When, and about what


@pytest.mark.parametrize(
    ("kind", "day", "name"),
    [
        (WEEKLY, "2026-03-09", "2026-03-02..2026-03-08"),
        (WEEKLY, "2026-03-15", "2026-03-02..2026-03-08"),
        (WEEKLY, "2026-03-16", "2026-03-09..2026-03-15"),
        (MONTHLY, "2026-03-01", "2026-02"),
        (MONTHLY, "2026-01-31", "2025-12"),
    ],
)
def test_a_digest_is_about_the_last_whole_week_or_month(kind: str, day: str, name: str) -> None:
    assert period_of(kind, date.fromisoformat(day)).name == name


@pytest.mark.parametrize(
    ("kind", "now", "name"),
    [
        (WEEKLY, "2026-03-09T06:59", None),  # a Monday
        (WEEKLY, "2026-03-09T07:00", "2026-03-02..2026-03-08"),
        (WEEKLY, "2026-03-12T06:59", "2026-03-02..2026-03-08"),
        (WEEKLY, "2026-03-12T07:00", None),  # old news by now
        (WEEKLY, "2026-03-30T07:00", "2026-03-23..2026-03-29"),  # the clocks have just changed
        (MONTHLY, "2026-03-01T12:00", None),  # a Sunday
        (MONTHLY, "2026-03-02T07:00", "2026-02"),
    ],
)
def test_it_goes_out_in_the_morning_of_the_organisations_zone(kind: str, now: str, name: str | None) -> None:
    clock = BusinessClock(BERLIN, time(9), time(18), frozenset({1, 2, 3, 4, 5}))
    found = due(kind, clock, at(now).astimezone(UTC))
    assert (found.name if found else None) == name


# What it says


def test_the_figures_are_those_of_the_report(golden: Organisation, manager: User) -> None:
    said = letter(manager)
    lines = report.build(
        organisation=golden, period=MARCH, as_of=AS_OF, metrics=[EVERY[key] for key in MANAGEMENT.cards]
    ).lines
    assert len(lines) == 9
    rows = re.findall(r"<tr>.*?</tr>", html.unescape(said.html), re.DOTALL)
    for line in lines:
        cell = tables.cell(line.metric, line.current, "EUR")
        (row,) = [row for row in rows if f">{line.metric.name}</a>" in row]
        for told in (cell.figure, cell.sample, tables.change(line, line.mom), tables.change(line, line.yoy)):
            assert told in row
            assert told in said.text


def test_it_tells_the_plans_share_the_weakest_step_and_where_to_look(
    golden: Organisation, manager: User
) -> None:
    said = letter(manager)
    assert "75% of plan €44,000" in said.text  # 33,000 were paid
    assert "Weakest step:" in said.text
    assert "/dashboard/?period=2026-03" in said.text
    assert "/dashboard/records/?metric=payments_net&amp;period=2026-03" in said.html
    assert said.subject.startswith("Your month in figures: March 2026")


def test_a_week_is_held_against_its_business_days_share_of_the_plan(
    golden: Organisation, manager: User
) -> None:
    Plan.objects.create(month="2026-03", metric="leads_valid", scope="all", value=44)
    week = Period.parse("2026-03-02..2026-03-08")  # 5 of 22 business days
    assert "of plan 10" in letter(manager, week, WEEKLY).text


def test_who_may_not_see_money_gets_none(golden: Organisation) -> None:
    said = letter(people(Role.MARKETER, "mark", email="mark@firm.example"))
    assert "Applications" in said.text
    for money in ("€33,000", "Payments, net", "Instalments overdue"):
        assert money not in said.text + said.html


def test_a_digest_comes_in_its_readers_language(golden: Organisation, manager: User) -> None:
    manager.language = "ru"
    said = letter(manager)
    with translation.override("ru"):
        assert str(EVERY["payments_net"].name) in said.text
    assert "март" in said.subject.lower()
    assert "Needs attention" not in said.text
    assert '<html lang="ru">' in said.html


def test_times_are_those_of_the_readers_zone_and_the_mail_says_which(manager: User) -> None:
    assert "Figures as known on 10 Apr, 00:00 (Europe/Berlin)." in letter(manager).text
    manager.time_zone = "Asia/Kolkata"
    said = letter(manager)
    for part in (said.text, said.html):
        assert "10 Apr, 03:30 (Asia/Kolkata). Days and months are those of Europe/Berlin." in part
    manager.time_zone = "Mars/Olympus"
    assert "10 Apr, 00:00 (Europe/Berlin)" in letter(manager).text


def test_a_weekly_digest_tells_how_the_month_may_end_and_calls_it_an_estimate(manager: User) -> None:
    for metric, value in (("leads_valid", 64.4), ("payments_net", 93_700.0)):
        Estimate.objects.create(
            kind="forecast", metric=metric, month="2026-04", made_at=AS_OF, method="m",
            value=value, low=value * 0.9, high=value * 1.1, error=0.12, tested=24,
        )  # fmt: skip
    week = Period.parse("2026-03-30..2026-04-05")
    said = letter(manager, week, WEEKLY)
    for part in (said.text, html.unescape(said.html)):
        assert "by estimate: April 2026" in part
        assert "≈ 64" in part
        assert "in 8 of 10 cases 58 – 71 · usually off by 12%" in part
        assert "≈ €94K" in part
    seller = letter(people(Role.MARKETER, "mark", email="mark@firm.example"), week, WEEKLY).text
    assert "≈ 64" in seller
    assert "€94K" not in seller
    assert "estimate" not in letter(manager).text


def test_a_weekly_digest_never_tells_of_an_end_below_what_has_come(manager: User) -> None:
    now = at("2026-04-03T12:00")
    ledgers.write(
        [ledgers.Start("j1", "c1", source="web")],
        [
            ledgers.Row("e1", "j1", "lead_created", now),
            ledgers.Row("e2", "j1", "contract_signed", now, "700"),
            ledgers.Row("e3", "j1", "payment_received", now, "500"),
        ],
    )
    Estimate.objects.create(
        kind="forecast", metric="payments_net", month="2026-04", made_at=AS_OF, method="m",
        value=90, low=80, high=100, error=0.12, tested=24,
    )  # fmt: skip
    said = letter(manager, Period.parse("2026-03-30..2026-04-05"), WEEKLY).text
    assert "≈ €500" in said
    assert "in 8 of 10 cases €500 – €500" in said


def test_every_address_is_whole(golden: Organisation, manager: User) -> None:
    said = letter(manager)
    addresses = re.findall(r'href="([^"]*)"', said.html) + re.findall(r"\S*/\S*/\S*", said.text)
    assert len(addresses) > 15
    assert [address for address in addresses if not address.startswith("http://testserver/")] == []


def test_an_empty_period_says_so_and_still_leads_on(manager: User) -> None:
    said = letter(manager)
    assert "Nothing was counted in this period" in said.text
    assert "Nothing was counted in this period" in said.html
    assert "Needs attention now" in said.text
    assert "/dashboard/?period=2026-03" in said.html


def test_a_letter_loads_nothing_from_anywhere(golden: Organisation, manager: User) -> None:
    said = letter(manager).html
    assert not re.findall(r"<(img|script|link|iframe)\b|url\(|@import|\bsrc=| style=", said)


def test_a_digest_asks_the_same_number_of_queries_whatever_it_finds(
    golden: Organisation, manager: User
) -> None:
    counts = []
    for period in (MARCH, Period.month("2020-01")):
        with CaptureQueriesContext(connection) as captured:
            content.build(user=manager, organisation=golden, kind=MONTHLY, period=period, now=AS_OF)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


# To whom


def test_managers_get_them_unless_they_say_no_and_others_only_if_they_ask(manager: User) -> None:
    seller = people(Role.SALESPERSON, "sam", email="sam@firm.example")
    people(Role.MANAGER, "nomail", email="")
    people(Role.PARTNER, "pat", email="pat@firm.example")
    people(Role.MANAGER, "gone", email="gone@firm.example", is_active=False)
    assert choices.readers(WEEKLY) == [manager]
    choices.choose(user=seller, kinds=[WEEKLY])
    choices.choose(user=manager, kinds=[MONTHLY])
    assert (choices.readers(WEEKLY), choices.readers(MONTHLY)) == ([seller], [manager])


# Sending, over a real server


MONDAY = at("2026-03-09T07:05")


def test_a_digest_arrives_with_both_parts_and_a_way_out(
    golden: Organisation, manager: User, postbox: tuple[Postbox, Controller]
) -> None:
    assert sending.send_due(now=MONDAY) == 1
    (mail,) = postbox[0].taken
    assert mail["To"] == "mia@firm.example"
    assert "2 Mar – 8 Mar 2026" in mail["Subject"]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert re.fullmatch(r"<[\w-]+@[\w.-]+>", mail["Message-ID"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = mail["List-Unsubscribe"].strip(" <>").removeprefix("http://testserver")
    assert Client(enforce_csrf_checks=True).post(path).status_code == 200
    assert choices.readers(WEEKLY) == []
    assert choices.readers(MONTHLY) == [manager]


def test_nobody_gets_a_digest_twice(manager: User, postbox: tuple[Postbox, Controller]) -> None:
    sending.send_due(now=MONDAY)
    assert sending.send_due(now=MONDAY) == sending.send_due(now=MONDAY + timedelta(hours=5)) == 0
    assert len(postbox[0].taken) == 1
    assert sending.send_due(now=MONDAY + timedelta(days=7)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_each_mail_is_sent_by_one(
    settings: Any, postbox: tuple[Postbox, Controller]
) -> None:
    Organisation.objects.update(timezone="Europe/Berlin")
    for n in range(6):
        people(Role.MANAGER, f"m{n}", email=f"m{n}@firm.example")
    together = threading.Barrier(3)

    def work(_n: int) -> int:
        try:
            together.wait()
            return sending.send_due(now=MONDAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as workers:
        assert sum(workers.map(work, range(3))) == 6
    assert sorted(mail["To"] for mail in postbox[0].taken) == [f"m{n}@firm.example" for n in range(6)]


def test_a_server_that_is_away_is_tried_again(
    manager: User, postbox: tuple[Postbox, Controller], settings: Any
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # where nobody listens
    assert sending.send_due(now=MONDAY) == 0
    row = DigestMail.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert "refused" in row.error.lower()
    settings.EMAIL_PORT = port
    assert sending.send_due(now=MONDAY + timedelta(minutes=5)) == 0  # not before its time
    assert sending.send_due(now=MONDAY + timedelta(minutes=16)) == 1
    assert sending.send_due(now=MONDAY + timedelta(hours=3)) == 0
    assert len(postbox[0].taken) == 1


def test_a_server_that_refuses_is_asked_five_times_and_no_more(
    manager: User, postbox: tuple[Postbox, Controller]
) -> None:
    box, _server = postbox
    box.answer = "451 not now"
    for hour in range(9):
        sending.send_due(now=MONDAY + timedelta(hours=2 * hour))
    assert box.asked == sending.MAX_ATTEMPTS
    assert DigestMail.objects.get().state == "dead"


def test_a_letter_that_broke_off_is_not_sent_a_second_time(
    manager: User, postbox: tuple[Postbox, Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise smtplib.SMTPServerDisconnected("after the letter")

    monkeypatch.setattr(smtplib.SMTP, "sendmail", broken)
    sending.send_due(now=MONDAY)
    monkeypatch.undo()
    sending.send_due(now=MONDAY + timedelta(hours=6))
    assert (DigestMail.objects.get().state, postbox[0].taken) == ("unsure", [])


def test_a_worker_that_dies_while_writing_leaves_the_digest_to_the_next(
    manager: User, postbox: tuple[Postbox, Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(**_given: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(letters, "write", killed)
    with pytest.raises(SystemExit):
        sending.send_due(now=MONDAY)
    monkeypatch.undo()
    assert sending.send_due(now=MONDAY + timedelta(minutes=16)) == 1
    assert len(postbox[0].taken) == 1


def test_a_worker_that_dies_while_sending_never_leads_to_a_second_mail(
    manager: User, postbox: tuple[Postbox, Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = smtplib.SMTP.sendmail

    def killed_after(self: smtplib.SMTP, *args: Any, **options: Any) -> None:
        taken(self, *args, **options)
        raise SystemExit

    monkeypatch.setattr(smtplib.SMTP, "sendmail", killed_after)
    with pytest.raises(SystemExit):
        sending.send_due(now=MONDAY)
    monkeypatch.undo()
    for hours in (1, 5, 24):
        sending.send_due(now=MONDAY + timedelta(hours=hours))
    assert len(postbox[0].taken) == 1
    assert DigestMail.objects.get().state == "unsure"


def test_what_is_no_longer_wanted_when_its_turn_comes_is_dropped(
    manager: User, postbox: tuple[Postbox, Controller]
) -> None:
    sending.owe(kind=WEEKLY, period=period_of(WEEKLY, MONDAY.date()), users=[manager], now=MONDAY)
    choices.choose(user=manager, kinds=[])
    assert sending.send_waiting(now=MONDAY) == 0
    assert DigestMail.objects.get().state == "dropped"
    assert postbox[0].taken == []


def test_the_command_sends_and_says_to_whom(manager: User, capsys: pytest.CaptureFixture[str]) -> None:
    people(Role.ADMINISTRATOR, "ada", email="ada@firm.example")
    call_command("send_digest", kind=MONTHLY, date=date(2026, 3, 2), to="mia")
    assert [mail.to for mail in outbox.outbox] == [["mia@firm.example"]]
    assert capsys.readouterr().out == "mia\t2026-02\tsent\n"
    call_command("send_digest", kind=MONTHLY, date=date(2026, 3, 2))
    assert [mail.to for mail in outbox.outbox] == [["mia@firm.example"], ["ada@firm.example"]]
    with pytest.raises(CommandError, match="nobody called"):
        call_command("send_digest", kind=MONTHLY, to="nobody")


# The pages


def test_the_preview_shows_what_would_be_sent(golden: Organisation, manager: User, client: Client) -> None:
    client.force_login(manager)
    page = client.get("/digest/preview/", {"kind": MONTHLY, "date": "2026-04-09"})
    assert page.status_code == 200
    assert "March 2026" in page.content.decode()
    shown = client.get("/digest/preview/mail/", {"kind": MONTHLY, "date": "2026-04-09"})
    assert "€33,000" in html.unescape(shown.content.decode())
    policy = shown["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert outbox.outbox == []
    assert "Your mail comes in" not in page.content.decode()
    russian = client.get("/digest/preview/", headers={"accept-language": "ru"}).content.decode()
    assert "English" in russian  # where a page and the mail differ, the page says so


def test_a_bad_kind_or_day_is_named(manager: User, client: Client) -> None:
    client.force_login(manager)
    assert client.get("/digest/preview/", {"kind": "hourly"}).status_code == 400
    assert client.get("/digest/preview/mail/", {"date": "soon"}).status_code == 400


def test_somebody_chooses_on_the_page(manager: User, client: Client) -> None:
    client.force_login(manager)
    assert client.get("/digest/").content.decode().count(" checked") >= 2
    assert client.post("/digest/", {"monthly": "on"}).status_code == 302
    assert choices.chosen(manager) == {MONTHLY}
    client.post("/digest/", {})
    assert choices.chosen(manager) == set()


@pytest.mark.parametrize("url", ["/digest/", "/digest/preview/", "/digest/preview/mail/"])
def test_partners_have_no_digests(client: Client, url: str) -> None:
    client.force_login(people(Role.PARTNER, "pat"))
    assert client.get(url).status_code == 403


def test_a_link_that_is_looked_at_changes_nothing_and_a_forged_one_leads_nowhere(
    manager: User, client: Client
) -> None:
    path = f"/digest/stop/{choices.token_of(manager, WEEKLY)}/"
    assert "mia@firm.example" in client.get(path).content.decode()
    assert choices.readers(WEEKLY) == [manager]
    assert "It will not come any more" in client.post(path).content.decode()
    assert choices.readers(WEEKLY) == []
    assert client.post("/digest/stop/forged/").status_code == 404
