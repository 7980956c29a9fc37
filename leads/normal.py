"""One way to write an address and a company's name, so that the same person is found again."""

from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, validate_email

_FREE_MAIL: Final = """
gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com mac.com aol.com proton.me
protonmail.com gmx.de gmx.net gmx.com web.de t-online.de freenet.de mail.com zoho.com fastmail.com yandex.ru yandex.com
ya.ru mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru ukr.net i.ua qq.com 163.com 126.com orange.fr free.fr
laposte.net libero.it wp.pl onet.pl seznam.cz
"""
FREE_MAIL: Final = frozenset(_FREE_MAIL.split())
"""Domains that say nothing about a company."""

EMAIL_LENGTH: Final = 254


def email(text: str) -> str:
    """Return an e-mail address in the form it is compared in, "" for none.

    The name server is not asked: an address that is down today is still an address. Raises ValidationError.
    """
    text = text.strip()
    if not text:
        return ""
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise ValidationError(_("Give an e-mail address such as name@company.com."), code="email") from error
    if len(found) > EMAIL_LENGTH:
        raise ValidationError(_("This e-mail address is too long."), code="email")
    return found


def company_domain(address: str) -> str:
    """Return the domain of an e-mail address where it belongs to a company, "" where anybody may have one there."""
    domain = address.rpartition("@")[2]
    return "" if domain in FREE_MAIL else domain


def words(text: str) -> str:
    """Return text with its white space evened out, for names."""
    return " ".join(text.split())
