"""Which company an e-mail address belongs to."""

from typing import Final

_FREE_MAIL: Final = """
gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com mac.com aol.com proton.me
protonmail.com gmx.de gmx.net gmx.com web.de t-online.de freenet.de mail.com zoho.com fastmail.com yandex.ru yandex.com
ya.ru mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru ukr.net i.ua qq.com 163.com 126.com orange.fr free.fr
laposte.net libero.it wp.pl onet.pl seznam.cz
"""
FREE_MAIL: Final = frozenset(_FREE_MAIL.split())
"""Domains that say nothing about a company."""


def company_domain(address: str) -> str:
    """Return the domain of an e-mail address where it belongs to a company, "" where anybody may have one there."""
    domain = address.rpartition("@")[2]
    return "" if domain in FREE_MAIL else domain
