"""Public web forms: what a visitor sends, what a program tries, and what becomes of it."""

import datetime as dt
import re
import threading
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.test import Client, RequestFactory
from django.utils import timezone

from funnel.models import Campaign, Contact, Journey, Service, Source
from funnel.stages import Role
from leads import submissions
from leads.limits import Limit, client_address
from leads.models import Application, Attempts, PendingApplication, WebForm
from tests.factories import people, run

pytestmark = pytest.mark.django_db
URL = "/f/contact/"
ANSWERS = {"name": "Ada Example", "email": "ada@acme.example", "message": "Please call"}


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.get(slug="contact")


def change(form: WebForm, **values: Any) -> WebForm:
    for name, value in values.items():
        setattr(form, name, value)
    form.full_clean()
    form.save()
    return form


def send(data: dict[str, Any] | None = None, url: str = URL, **extra: Any) -> Any:
    return Client(raise_request_exception=False).post(url, ANSWERS if data is None else data, **extra)


# an honest visitor ---------------------------------------------------------------------------------------------------


def test_a_filled_in_form_becomes_a_lead_of_its_source_campaign_and_service(form: WebForm) -> None:
    change(
        form,
        source=Source.objects.get(key="event"),
        campaign=Campaign.objects.create(key="fair"),
        service=Service.objects.create(key="audit"),
    )
    response = send({**ANSWERS, "phone": "+49 30 901820", "company": "Acme GmbH"})
    assert (response.status_code, response["Location"]) == (303, "/f/contact/thanks/")
    journey = Journey.objects.select_related("contact", "company", "campaign", "service").get()
    assert (journey.source.key, journey.campaign.key, journey.service.key) == ("event", "fair", "audit")
    assert (journey.contact.email, journey.contact.phone) == ("ada@acme.example", "+4930901820")
    assert journey.application.form == form
    assert "Thank you" in Client().get(response["Location"]).content.decode()


def test_the_form_works_without_scripts_and_cookies_and_sets_none() -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get(URL)
    assert "<script" not in page.content.decode()
    assert "style=" not in page.content.decode()
    assert client.post(URL, ANSWERS).status_code == 303
    assert not client.cookies


def test_campaign_marks_and_the_page_before_travel_through_the_form() -> None:
    page = (
        Client()
        .get(
            URL + "?utm_source=letter&utm_campaign=spring&gclid=g1&colour=red",
            headers={"Referer": "https://news.example/a?b=c"},
        )
        .content.decode()
    )
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert hidden.keys() == {"utm_source", "utm_campaign", "gclid", "referrer", "submission"}
    send({**ANSWERS, **hidden})
    application = Application.objects.get()
    assert application.utm == {"utm_source": "letter", "utm_campaign": "spring", "gclid": "g1"}
    assert application.referrer == "https://news.example/a?b=c"


def test_consent_is_asked_and_kept_with_its_words_and_time(form: WebForm) -> None:
    change(form, consent_text="I agree to be called.")
    before = timezone.now()
    refused = send()
    assert refused.status_code == 422
    assert not Journey.objects.exists()
    assert send({**ANSWERS, "consent": "on"}).status_code == 303
    application = Application.objects.get()
    assert application.consent_text == "I agree to be called."
    assert before <= application.consent_at <= timezone.now()


def test_a_refused_form_keeps_what_was_typed_and_names_the_fault() -> None:
    page = send({**ANSWERS, "email": "ada@", "utm_source": "letter"})
    body = page.content.decode()
    assert page.status_code == 422
    assert "Ada Example" in body and "Please call" in body and 'value="ada@"' in body
    assert 'value="letter"' in body
    assert "name@company.com" in body
    assert not Contact.objects.exists()


def test_the_form_speaks_the_visitors_language() -> None:
    client = Client(headers={"Accept-Language": "ru"})
    assert 'lang="ru"' in client.get(URL).content.decode()
    assert 'lang="en"' in client.get(URL + "?language=en").content.decode()


def test_a_switched_off_form_is_not_there(form: WebForm) -> None:
    change(form, active=False)
    assert send().status_code == Client().get(URL).status_code == 404
    assert Client().get("/f/nowhere/").status_code == 404


def test_the_way_out_may_lead_to_the_companys_own_page(form: WebForm) -> None:
    change(form, redirect_url="https://www.acme.example/thanks")
    assert send()["Location"] == "https://www.acme.example/thanks"
    assert "https://www.acme.example" in Client().get(URL)["Content-Security-Policy"]


def test_only_the_sites_named_may_show_the_form_in_a_frame(form: WebForm) -> None:
    page = Client().get(URL)
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    change(form, embed_origins=["https://www.acme.example"])
    page = Client().get(URL)
    assert "frame-ancestors 'self' https://www.acme.example;" in page["Content-Security-Policy"] + ";"
    assert "X-Frame-Options" not in page
    assert "frame-ancestors 'none'" in Client().get("/accounts/login/")["Content-Security-Policy"]


def test_a_shared_out_form_gives_each_application_to_who_has_the_fewest(form: WebForm) -> None:
    change(form, assignment=WebForm.Assignment.SHARE)
    for name in ("fay", "finn"):
        people(Role.FIRST_TOUCH, name)
    for number in range(4):
        send({**ANSWERS, "email": f"a{number}@acme.example"})
    owners = Journey.objects.values_list("owner__username", flat=True)
    assert sorted(owners) == ["fay", "fay", "finn", "finn"]


# the same application again ------------------------------------------------------------------------------------------


def test_one_submission_sent_again_is_one_lead() -> None:
    data = {**ANSWERS, "submission": "a" * 32}
    assert [send(data).status_code for _time in range(3)] == [303] * 3
    assert Journey.objects.count() == 1


def test_the_same_words_of_the_same_person_within_minutes_are_one_lead() -> None:
    send({**ANSWERS, "submission": "a" * 32})
    send({**ANSWERS, "submission": "b" * 32})
    assert Journey.objects.count() == 1
    send({**ANSWERS, "message": "Something else"})
    assert Journey.objects.count() == 2


# programs ------------------------------------------------------------------------------------------------------------


def test_a_program_that_fills_in_the_trap_is_thanked_and_forgotten() -> None:
    response = send({**ANSWERS, "website": "https://spam.example"})
    assert (response.status_code, response["Location"]) == (303, "/f/contact/thanks/")
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "A\0B"},
        {"message": "\0"},
        {"name": "x" * 100_000},
        {"message": "x" * 20_001},
        {"email": "x" * 1_000_000},
        {"phone": "\N{REPLACEMENT CHARACTER}"},
        {"email": "", "phone": ""},
        {"name": ""},
    ],
)
def test_broken_input_is_the_senders_fault(change: dict[str, Any]) -> None:
    assert send({**ANSWERS, **change}).status_code in {400, 422}
    assert not Journey.objects.exists()


def test_marks_that_cannot_be_kept_are_left_out_and_cost_no_lead() -> None:
    marks = {"utm_a": "\0", "utm_b": "x" * 600, "utm_c": "kept", "referrer": "javascript:alert(1)"}
    assert send({**ANSWERS, **marks, "submission": "'; drop"}).status_code == 303
    application = Application.objects.get()
    assert (application.utm, application.referrer, application.submission) == ({"utm_c": "kept"}, "", None)


def test_after_ten_applications_an_hour_from_one_address_the_next_waits() -> None:
    codes = [send({**ANSWERS, "message": str(n)}).status_code for n in range(12)]
    assert codes == [303] * 10 + [429] * 2
    page = send()
    assert 3500 < int(page["Retry-After"]) <= 3601
    assert "Please call" in page.content.decode()  # what was typed stays
    assert send(REMOTE_ADDR="192.0.2.77").status_code == 303
    assert Journey.objects.count() == 11


def test_forged_forwarding_headers_buy_no_further_attempts() -> None:
    codes = [
        send({**ANSWERS, "message": str(n)}, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(12)
    ]
    assert codes.count(303) == 10


def test_behind_a_proxy_the_address_that_it_saw_counts(settings: Any) -> None:
    settings.NUM_PROXIES = 1
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.7"})
    assert client_address(request) == "192.0.2.7"
    settings.NUM_PROXIES = 2
    assert client_address(request) == "6.6.6.6"
    settings.NUM_PROXIES = 0
    assert client_address(request) == "127.0.0.1"


def test_one_network_of_ipv6_is_one_caller() -> None:
    one, other = (
        client_address(RequestFactory().get("/", REMOTE_ADDR=address))
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9")
    )
    assert one == other == "2001:db8:1:2::/64"
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="nonsense")) == "unknown"


def test_the_count_begins_anew_when_the_period_is_over_and_is_swept_away_later() -> None:
    limit, now = Limit("test", 2, dt.timedelta(hours=1)), timezone.now()
    assert [limit.wait("x", now=now) > 0 for _time in range(3)] == [False, False, True]
    assert limit.wait("x", now=now + dt.timedelta(hours=1, seconds=1)) == 0
    from leads import limits

    Attempts.objects.update(since=now - dt.timedelta(days=3))
    assert limits.forget_old() == 1


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_at_once_exactly_as_many_pass_as_the_limit_says() -> None:
    gate, passed = threading.Barrier(20), []

    def one() -> None:
        try:
            gate.wait()
            for _time in range(5):
                passed.append(Limit("test", 10, dt.timedelta(hours=1)).wait("x") == 0)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), sum(passed)) == (100, 10)


def a_check(request: Any) -> str:
    return "" if request.POST.get("captcha") == "7" else "That was not seven."


def test_a_captcha_may_be_hooked_in(settings: Any) -> None:
    settings.FORM_CAPTCHA = "tests.leads.test_web_forms.a_check"
    refused = send()
    assert refused.status_code == 422
    assert "That was not seven." in refused.content.decode()
    assert send({**ANSWERS, "captcha": "7"}).status_code == 303


# double opt-in -------------------------------------------------------------------------------------------------------


@pytest.fixture
def confirmed_form(form: WebForm) -> WebForm:
    return change(form, double_opt_in=True, consent_text="I agree.")


def apply(**more: str) -> Any:
    return send({**ANSWERS, "consent": "on", **more}, headers={"Accept-Language": "en"})


def link() -> str:
    assert submissions.send_waiting() == 1
    [found] = re.findall(r"https?://\S+(/f/\S+)", mail.outbox[-1].body)
    return found


def test_a_form_to_be_confirmed_becomes_a_lead_at_the_click_in_the_mail(confirmed_form: WebForm) -> None:
    response = apply(utm_source="letter")
    assert response["Location"] == "/f/contact/thanks/?mail=1"
    assert not Contact.objects.exists()
    address = link()
    assert mail.outbox[-1].to == ["ada@acme.example"]
    page = Client().get(address)  # mail programs look too: that alone confirms nothing
    assert page.status_code == 200 and not Contact.objects.exists()
    assert Client(enforce_csrf_checks=True).post(address).status_code == 303
    application = Application.objects.get()
    assert (application.message, application.utm) == ("Please call", {"utm_source": "letter"})
    assert application.consent_text == "I agree."
    assert application.consent_at == PendingApplication.objects.get().created_at


def test_a_second_click_on_the_link_makes_no_second_lead(confirmed_form: WebForm) -> None:
    apply()
    address = link()
    assert [Client().post(address).status_code for _time in range(2)] == [303, 303]
    assert Journey.objects.count() == 1
    assert "confirmed before" in Client().get(address).content.decode()


def test_forged_and_old_links_confirm_nothing(confirmed_form: WebForm) -> None:
    apply()
    address = link()
    assert Client().post(address[:-2] + "x/").status_code == 410
    PendingApplication.objects.update(created_at=timezone.now() - dt.timedelta(days=8))
    assert submissions.forget_pending() == 1
    assert Client().post(address).status_code == 410
    assert not Journey.objects.exists()


def test_the_mail_goes_out_once_whoever_sends_it(confirmed_form: WebForm) -> None:
    apply()
    assert [submissions.send_waiting(), submissions.send_waiting()] == [1, 0]
    assert len(mail.outbox) == 1


def test_a_mail_that_failed_goes_out_later(confirmed_form: WebForm, monkeypatch: pytest.MonkeyPatch) -> None:
    apply()
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMultiAlternatives.send", _fail)
        with pytest.raises(OSError, match="away"):
            submissions.send_waiting()
    assert submissions.send_waiting() == 0  # the claim still runs
    assert submissions.send_waiting(now=timezone.now() + dt.timedelta(minutes=6)) == 1


def _fail(*_args: Any, **_options: Any) -> None:
    raise OSError("the mail server is away")


def test_nobody_can_have_one_address_flooded_with_confirmations(confirmed_form: WebForm) -> None:
    for number in range(6):
        apply(message=str(number))
    assert PendingApplication.objects.count() == submissions.MAILS_AN_HOUR


def test_a_form_to_be_confirmed_needs_an_e_mail(confirmed_form: WebForm) -> None:
    response = apply(email="", phone="+4930901820")
    assert response.status_code == 422


def test_erasing_a_person_takes_what_they_sent_and_did_not_confirm(confirmed_form: WebForm) -> None:
    apply()
    Client().post(link())
    apply(message="One more")
    assert PendingApplication.objects.count() == 2
    run(Journey.objects.get(), "personal_data_erased", {"sure": True}, at=timezone.now())
    assert not PendingApplication.objects.exists()
    assert Application.objects.get().answers == {}


# setting forms up ----------------------------------------------------------------------------------------------------


def signed_in(role: str) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(people(role))
    return client


SETTINGS = {
    "title": "Fair",
    "slug": "fair",
    "fields_shown": ["message", "name", "email"],
    "assignment": "inbox",
    "active": "on",
}


def test_a_marketer_sets_up_a_form_and_gets_what_to_paste() -> None:
    client = signed_in(Role.MARKETER)
    data = {
        **SETTINGS,
        "source": Source.objects.get(key="event").pk,
        "embed_origins": "https://WWW.acme.example/\n\nhttps://b.example",
    }
    response = client.post("/leads/forms/new/", data)
    made = WebForm.objects.get(slug="fair")
    assert (response.status_code, response["Location"]) == (303, f"/leads/forms/{made.pk}/")
    assert made.fields == ["name", "email", "message"]
    assert made.embed_origins == ["https://www.acme.example", "https://b.example"]
    page = client.get(response["Location"]).content.decode()
    assert "&lt;iframe src=&quot;http://testserver/f/fair/&quot;" in page
    assert "&lt;form method=&quot;post&quot; action=&quot;http://testserver/f/fair/&quot;" in page
    assert "/f/fair/" in client.get("/leads/forms/").content.decode()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"fields_shown": ["name"]}, "fields_shown"),
        ({"fields_shown": ["phone"], "double_opt_in": "on"}, "double_opt_in"),
        ({"slug": "contact"}, "slug"),
        ({"slug": "a b"}, "slug"),
        ({"embed_origins": "https://a.example; script-src *"}, "embed_origins"),
        ({"redirect_url": "javascript:alert(1)"}, "redirect_url"),
        ({"redirect_url": "ftp://a.example/"}, "redirect_url"),
        ({"phone_region": "de1"}, "phone_region"),
        ({"source": ""}, "source"),
        ({"title": "A\0"}, "title"),
    ],
)
def test_a_form_that_could_not_work_is_refused(change: dict[str, Any], fault: str) -> None:
    data = {**SETTINGS, "source": Source.objects.get(key="event").pk, **change}
    response = signed_in(Role.MARKETER).post("/leads/forms/new/", data)
    assert response.status_code == 422
    assert fault in response.context["form"].errors
    assert WebForm.objects.count() == 1


@pytest.mark.parametrize("role", [Role.SALESPERSON, Role.FIRST_TOUCH, Role.PARTNER])
def test_web_forms_are_set_up_by_marketers_and_leaders_alone(role: str, form: WebForm) -> None:
    client = signed_in(role)
    for url in ("/leads/forms/", "/leads/forms/new/", f"/leads/forms/{form.pk}/"):
        assert client.get(url).status_code == client.post(url).status_code == 403


def test_the_html_of_ones_own_form_posts_a_lead(form: WebForm) -> None:
    page = signed_in(Role.MANAGER).get(f"/leads/forms/{form.pk}/")
    names = re.findall(r'name="([a-z]+)"', page.context["html"])
    assert names == ["name", "email", "phone", "company", "message"]
    assert send({name: ANSWERS.get(name, "") for name in names}).status_code == 303
    assert Journey.objects.count() == 1
