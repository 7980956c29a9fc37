"""Inviting people by e-mail: a link by which they choose their password, good for some days and only once."""

from __future__ import annotations

import logging
import smtplib
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from .models import Organisation, User
from .stages import Role

log = logging.getLogger(__name__)

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Invitation:
    """The link that lets a person in, whether a letter with it went out, and the days for which it is good."""

    link: str
    sent: bool
    days: int


def is_pending(user: User) -> bool:
    """Tell whether the person was added but has not chosen a password yet."""
    return user.role != Role.SERVICE and user.is_active and not user.has_usable_password()


def invite(*, actor: User, user: User) -> Invitation:
    """Send a person the link by which they choose their password; earlier links stay good until one is used.

    A letter that cannot be sent is no error: the link can be handed over by other means. Raises ValidationError where
    there is no address, or where the person is in already.
    """
    if not user.email:
        raise ValidationError({"email": _("An invitation needs an e-mail address.")})
    if not is_pending(user):
        raise ValidationError(_("%(who)s has a password already, or may not sign in.") % {"who": user})
    link = settings.PUBLIC_URL + reverse(
        "account_reset_password_from_key",
        args=[user_pk_to_url_str(user), default_token_generator.make_token(user)],
    )
    days = settings.PASSWORD_RESET_TIMEOUT // DAY
    return Invitation(link, _send(actor, user, link, days), days)


def _send(actor: User, user: User, link: str, days: int) -> bool:
    organisation = Organisation.current()
    with translation.override(user.language or translation.get_language() or settings.LANGUAGE_CODE):
        context = {
            "user": user,
            "actor": actor,
            "organisation": organisation,
            "days": days,
            "action_url": link,
            "action_label": _("Choose a password"),
        }
        subject = _("%(who)s invites you to %(what)s") % {"who": actor, "what": organisation.name}
        mail = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("emails/invitation.txt", context),
            to=[user.email],
            headers={"Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("emails/invitation.html", context), "text/html")
    try:
        return bool(mail.send())
    except (OSError, smtplib.SMTPException):
        log.warning("invitation of %s not sent", user.pk, exc_info=True)
        return False


def mail_leaves() -> bool:
    """Tell whether letters leave this machine; without a mail server they are only written to files."""
    return "filebased" not in settings.EMAIL_BACKEND
