"""What becomes of a filled-in web form: a lead at once, or after its e-mail is confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from funnel.models import Contact, Service

from .domain import SECOND_CLICK, Captured, Consent, capture, fingerprint
from .matching import Person
from .models import Application, PendingApplication, WebForm, new_submission

CONFIRM_WITHIN: Final = timedelta(days=7)
MAILS_AN_HOUR: Final = 3
"""So many confirmations one address is sent within an hour, whoever asks for them."""
CLAIM: Final = timedelta(minutes=5)
"""How long a process that has taken up a mail is left alone with it."""
SALT: Final = "leads.confirm"


@dataclass(frozen=True, slots=True)
class Visit:
    """What came with a filled-in form beside its answers."""

    submission: str = ""
    utm: Mapping[str, str] | None = None
    referrer: str = ""
    language: str = ""


def submit(*, form: WebForm, answers: Mapping[str, Any], visit: Visit, at: datetime) -> Captured | None:
    """Let a filled-in form in; None where its e-mail is to be confirmed first.

    `answers` are the cleaned values of the public form. The same filling-in, sent again, changes nothing.
    """
    submission = f"{form.pk}:{visit.submission}" if visit.submission else ""
    if form.double_opt_in:
        _keep(form, answers, visit, submission or f"{form.pk}:{new_submission()}", at)
        return None
    consent = Consent(form.consent_text, at) if form.consent_text else None
    return _let_in(form, answers, visit.utm or {}, visit.referrer, submission, consent, at)


def _let_in(
    form: WebForm,
    answers: Mapping[str, Any],
    utm: Mapping[str, str],
    referrer: str,
    submission: str,
    consent: Consent | None,
    at: datetime,
) -> Captured:
    return capture(
        actor=None,
        at=at,
        name=answers.get("name", ""),
        email=answers.get("email", ""),
        phone=answers.get("phone", ""),
        company=answers.get("company", ""),
        message=answers.get("message", ""),
        service=answers.get("service") or form.service,
        source=form.source,
        campaign=form.campaign,
        form=form,
        utm=utm,
        referrer=referrer,
        submission=submission,
        consent=consent,
    )


# double opt-in -------------------------------------------------------------------------------------------------------


def _keep(
    form: WebForm, answers: Mapping[str, Any], visit: Visit, submission: str, at: datetime
) -> PendingApplication | None:
    """Keep a filled-in form until it is confirmed, and have the mail sent; None where it is kept already."""
    person = Person(answers.get("name", ""), answers["email"], answers.get("phone", ""))
    mark = fingerprint(form, person, answers.get("message", ""))
    recent = PendingApplication.objects.filter(email=person.email, created_at__gt=at - timedelta(hours=1))
    same = Q(submission=submission) | Q(fingerprint=mark, created_at__gt=at - SECOND_CLICK)
    if PendingApplication.objects.filter(same, form=form).exists() or recent.count() >= MAILS_AN_HOUR:
        return None
    service = answers.get("service")
    try:
        with transaction.atomic():
            pending = PendingApplication.objects.create(
                form=form,
                submission=submission,
                fingerprint=mark,
                email=person.email,
                answers={
                    **{
                        name: answers.get(name, "")
                        for name in ("name", "email", "phone", "company", "message")
                    },
                    "service": service.key if service else "",
                },
                utm=dict(visit.utm or {}),
                referrer=visit.referrer,
                language=visit.language,
                consent_text=form.consent_text,
                created_at=at,
            )
    except IntegrityError:
        return None  # the same filling-in, sent twice at once
    transaction.on_commit(wake, robust=True)
    return pending


def wake() -> None:
    """Ask a worker to send the mails that wait; where the broker is away the sweep will."""
    from .tasks import send_confirmations

    send_confirmations.delay()


def send_waiting(*, now: datetime | None = None, limit: int = 50) -> int:
    """Send the confirmations that wait; return how many were sent.

    Each is claimed by one process; what fails is tried again when the claim has run out.
    """
    sent = 0
    for pk in _waiting(now or timezone.now())[:limit]:
        if pending := _claim(pk, now or timezone.now()):
            send_confirmation(pending)
            PendingApplication.objects.filter(pk=pk).update(mailed_at=timezone.now())
            sent += 1
    return sent


def _unsent(now: datetime) -> Q:
    free = Q(mail_claimed_at=None) | Q(mail_claimed_at__lt=now - CLAIM)
    return free & Q(mailed_at=None, journey=None, created_at__gt=now - CONFIRM_WITHIN)


def _waiting(now: datetime) -> Any:
    found = PendingApplication.objects.filter(_unsent(now)).order_by("created_at", "pk")
    return found.values_list("pk", flat=True)


def _claim(pk: int, now: datetime) -> PendingApplication | None:
    if not PendingApplication.objects.filter(_unsent(now), pk=pk).update(mail_claimed_at=now):
        return None  # somebody else has it
    return PendingApplication.objects.select_related("form").get(pk=pk)


def send_confirmation(pending: PendingApplication) -> None:
    """Send the mail with the signed link, in the language in which the form was filled in."""
    token = signing.dumps(pending.pk, salt=SALT)
    with translation.override(pending.language or settings.LANGUAGE_CODE):
        address = settings.PUBLIC_URL + reverse("leads:form-confirm", args=[pending.form.slug, token])
        context = {
            "form": pending.form,
            "name": pending.answers.get("name", ""),
            "action_url": address,
            "action_label": _("Confirm and send"),
        }
        mail = EmailMultiAlternatives(
            subject=_("Please confirm: %(title)s") % {"title": " ".join(str(pending.form).split())},
            body=render_to_string("leads/mail_confirm.txt", context),
            to=[pending.email],
        )
        mail.attach_alternative(render_to_string("leads/mail_confirm.html", context), "text/html")
        mail.send()


def pending_of(token: str, *, form: WebForm) -> PendingApplication | None:
    """Return what a link in a mail confirms; None where it is forged, too old or swept away."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=CONFIRM_WITHIN)
    except signing.BadSignature:
        return None
    return PendingApplication.objects.filter(pk=pk, form=form).first()


@transaction.atomic
def confirm(pending: PendingApplication, *, at: datetime) -> Captured | None:
    """Let a confirmed application in; None where that has been done."""
    held = PendingApplication.objects.select_for_update().get(pk=pending.pk)
    if held.journey_id is not None:  # type: ignore[attr-defined]
        return None
    form = WebForm.objects.select_related("source", "campaign", "service", "team").get(pk=held.form_id)  # type: ignore[attr-defined]
    answers = dict(held.answers)
    answers["service"] = Service.objects.filter(key=answers.get("service") or None).first()
    consent = Consent(held.consent_text, held.created_at) if held.consent_text else None
    captured = _let_in(form, answers, held.utm, held.referrer, held.submission, consent, at)
    held.journey = captured.journey
    held.save(update_fields=["journey"])
    return captured


def forget_pending(*, now: datetime | None = None) -> int:
    """Remove what was not confirmed in time, and what was: the lead has it; return how many."""
    old = (now or timezone.now()) - CONFIRM_WITHIN
    return PendingApplication.objects.filter(created_at__lt=old).delete()[0]


def erase_words(journeys: Sequence[int]) -> None:
    """Erase what the people of journeys wrote, typed and brought along, unconfirmed forms too; figures stay."""
    applications = Application.objects.filter(journey__in=journeys)
    people = Contact.objects.filter(journeys__in=journeys).exclude(email="")
    addresses = {
        *applications.exclude(answers__email=None).values_list("answers__email", flat=True),
        *people.values_list("email", flat=True),
    } - {""}
    PendingApplication.objects.filter(Q(journey__in=journeys) | Q(email__in=addresses)).delete()
    applications.update(message="", answers={}, utm={}, fingerprint="", referrer="", erased_at=timezone.now())
