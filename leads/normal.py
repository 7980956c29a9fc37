"""One way to write an address, a phone and a company's name, so that the same person is found again."""

import re
from typing import Final

import phonenumbers
from django.conf import settings
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
_DIGITS: Final = re.compile(r"\d")
_PHONE: Final = re.compile(
    r"[\d\s()+./\-\u00a0\u2010-\u2015]*(?:(?:ext|x|доб)\.?\s*\d{1,6})?\Z", re.IGNORECASE
)


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


def phone(text: str, *, region: str = "") -> str:
    """Return a phone in E.164, "" for none.

    `region` (two letters, "DE") says where a number without a country code is dialled; without it the setting
    PHONE_REGION does. Where neither is set such a number keeps its digits as they are: an application is worth more
    than its notation. Raises ValidationError where the text is no phone number.
    """
    text = text.strip()
    if not text:
        return ""
    digits = "".join(_DIGITS.findall(text))
    if not 5 <= len(digits) <= 20 or not _PHONE.match(text):
        raise ValidationError(_("Give a phone number such as +49 30 901820."), code="phone")
    home = (region or getattr(settings, "PHONE_REGION", "")).upper() or None
    international = f"+{text[2:]}" if text.startswith("00") else text
    try:
        number = phonenumbers.parse(international, home)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if international.startswith("+"):
        digits = "".join(_DIGITS.findall(international))
        if len(digits) > 15:
            raise ValidationError(_("This phone number has too many digits."), code="phone")
        return f"+{digits}"
    return digits


def company_domain(address: str) -> str:
    """Return the domain of an e-mail address where it belongs to a company, "" where anybody may have one there."""
    domain = address.rpartition("@")[2]
    return "" if domain in FREE_MAIL else domain


def words(text: str) -> str:
    """Return text with its white space evened out, for names."""
    return " ".join(text.split())
