"""One way to write a phone, so that the same person is found again."""

import re
from typing import Final

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_DIGITS: Final = re.compile(r"\d")
_PHONE: Final = re.compile(
    r"[\d\s()+./\-\u00a0\u2010-\u2015]*(?:(?:ext|x|доб)\.?\s*\d{1,6})?\Z", re.IGNORECASE
)


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
