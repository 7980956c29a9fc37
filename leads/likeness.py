"""How sure it is that two people, or two companies, on record are one: reasons for and against, and a figure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rapidfuzz.distance import OSA

from funnel import folding

from . import normal

PROBABLE: Final = 60
CERTAIN: Final = 90
LEVELS: Final[dict[str, str | Promise]] = {
    "certain": _("Almost certainly the same"),
    "probable": _("Probably the same"),
    "possible": _("Possibly the same"),
}
WHY: Final[dict[str, str | Promise]] = {
    "email": _("Same e-mail"),
    "email_shared": _("Same shared mailbox"),
    "email_near": _("E-mails differ in a letter"),
    "email_local": _("Same e-mail name at another provider"),
    "email_other": _("Different e-mails"),
    "phone": _("Same phone"),
    "phone_shared": _("Same phone, which others have too"),
    "phone_near": _("Phones differ in a digit"),
    "phone_other": _("Different phones"),
    "name": _("Same name"),
    "name_spelt": _("Same name, spelt differently"),
    "name_near": _("Similar name"),
    "name_key": _("Similar name"),
    "name_part": _("Part of the name is the same"),
    "name_other": _("Different names"),
    "company": _("Same company"),
    "company_other": _("Different companies"),
    "domain": _("Same domain"),
    "tax_id": _("Same tax number"),
    "tax_other": _("Different tax numbers"),
}
"""Each reason in words."""

# What each reason adds to the logarithm of the odds; two records that share nothing begin far below even.
_START: Final = -4.0
_WEIGHTS: Final = {
    "email": 9.0,
    "email_shared": 1.5,
    "email_near": 4.0,
    "email_local": 2.5,
    "email_other": -0.5,
    "phone": 5.0,
    "phone_shared": 2.0,
    "phone_near": 1.0,
    "phone_other": -0.5,
    "name": 4.3,
    "name_spelt": 4.1,
    "name_near": 3.0,
    "name_part": 1.0,
    "name_other": -4.5,
    "company": 1.8,
    "company_other": -1.0,
    "domain": 1.0,
}
_FIRM: Final = {
    "name_key": 5.0,
    "tax_id": 9.0,
    "tax_other": -6.0,
    "domain": 3.5,
    "name_spelt": 4.5,
    "name_near": 3.5,
    "name_other": -3.0,
}
_MAILBOX_NAMES: Final = """
info office sales sale kontakt contact contacts mail hello hi support admin service zentrale buchhaltung
einkauf vertrieb empfang zakaz zakupki zakup buh sekretar secretary reception shop team post welcome marketing
hr jobs order orders zayavka request anfrage kanzlei praxis buero buro firma company market snab tender
"""
_MAILBOXES: Final = frozenset(_MAILBOX_NAMES.split())
# First names differ by a letter and are two people's: Maria and Marina, Jan and Jana, Иван and Илан.
_FIRST_NAMES: Final = frozenset(
    folding.skeleton(
        "Alexander Alexandra Alexei Alina Alla Alena Elena Anna Anne Anita Anastasia Andrei Andrea Anton Antonia Arina Irina "
        "Artem Artur Boris Daria Maria Marina Marta Martin Martha Mark Marc Marco Marie Mario Maxim Max Denis Dmitri Diana "
        "Egor Igor Ekaterina Evgeni Evgenia Fedor Galina Gleb Ivan Ilia Inna Nina Inga Jan Jana Iana Ian Julia Juli Jurgen "
        "Karl Carla Karla Karin Karina Kirill Konstantin Ksenia Larisa Lara Laura Lena Leon Leonid Lidia Lydia Lisa Liza "
        "Luisa Luis Louis Louise Ludmila Maia Mila Mira Michael Michaela Mikhail Nadia Natalia Nikita Nikolai Nicola Nicole "
        "Oleg Olga Pavel Petr Peter Petra Paul Paula Roman Ruslan Sergei Sofia Stefan Stephan Stefanie Svetlana Tamara "
        "Tania Tatiana Timur Tom Thomas Tim Valentin Valentina Valeri Valeria Vadim Vasili Vera Veronika Victor Viktoria "
        "Vitali Vladimir Vladislav Wladislaw Viacheslav Zoe Zoia Sara Sarah Sandra Simon Simone Lukas Lucas Lucia Hans Hanna "
        "Hannah Johannes John Joan Joanna Jens Jonas Josef Julian Eric Erika Emil Emilia Emma Ella Clara Kira Kim Tina Dina "
        "Pauline Robert Roberta Daniel Daniela Daniil Danila Gabriel Gabriela Francesco Francesca Christian Christina "
        "Christine Kristina Ahmet Mehmet Ayse Fatma Elif Emre Eren Deniz Can Cem Kemal"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How sure it is, in per cent, and why: keys of `WHY`, the weightiest first."""

    sure: int
    why: tuple[str, ...]

    @property
    def level(self) -> str:
        return level_of(self.sure)

    @property
    def words(self) -> str:
        return str(LEVELS[self.level])

    @property
    def share(self) -> float:
        return self.sure / 100

    @property
    def reasons(self) -> list[str]:
        """Return what speaks for it, in words."""
        return [str(WHY[key]) for key in self.why if key not in AGAINST]

    @property
    def against(self) -> list[str]:
        """Return what speaks against it, in words."""
        return [str(WHY[key]) for key in self.why if key in AGAINST]


AGAINST: Final = frozenset({"email_other", "phone_other", "name_other", "company_other", "tax_other"})


def level_of(sure: int) -> str:
    """Return how sure a figure is: a key of `LEVELS`."""
    return "certain" if sure >= CERTAIN else "probable" if sure >= PROBABLE else "possible"


@dataclass(frozen=True, slots=True)
class Face:
    """What is known of a person, in the form that is compared; how many others have the phone and the e-mail."""

    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    phone_held: int = 1
    email_held: int = 1


@dataclass(frozen=True, slots=True)
class Firm:
    """What is known of a company; `name` is its name without the legal form."""

    name: str
    domain: str = ""
    tax_id: str = ""


def of_people(one: Face, other: Face) -> Likeness:
    """Return how sure it is that two people on record are one."""
    return _weighed(
        _WEIGHTS, [names(one.name, other.name), _emails(one, other), _phones(one, other), *_firms(one, other)]
    )


def of_companies(one: Firm, other: Firm) -> Likeness:
    """Return how sure it is that two companies on record are one."""
    why = [firm_names(one.name, other.name)]
    if one.domain and one.domain == other.domain:
        why.append("domain")
    if one.tax_id and other.tax_id:
        why.append("tax_id" if one.tax_id == other.tax_id else "tax_other")
    return _weighed(_FIRM, why)


def _weighed(weights: dict[str, float], why: Iterable[str]) -> Likeness:
    found = sorted((key for key in why if key), key=lambda key: -abs(weights[key]))
    odds = _START + sum(weights[key] for key in found)
    return Likeness(min(99, max(1, round(100 / (1 + math.exp(-odds))))), tuple(found))


def names(one: str, other: str) -> str:
    """Return how two people's names compare: a key of `WHY`, or "" where one is not known."""
    ours, theirs = folding.forms(one), folding.forms(other)
    if not ours or not theirs:
        return ""
    full = min(len(ours), len(theirs)) > 1
    if sorted(plain for plain, _sound in ours) == sorted(plain for plain, _sound in theirs):
        return "name" if full else "name_near"
    if sorted(sound for _plain, sound in ours) == sorted(sound for _plain, sound in theirs):
        return "name_spelt" if full else "name_near"
    short, long = sorted((ours, theirs), key=len)
    left, matched = list(long), 0
    for word in sorted(short, key=lambda word: -len(word[0])):
        found = next(
            (other for like in (_same_word, _near_word, _initial) for other in left if like(word, other)),
            None,
        )
        if found is None:
            return "name_other"
        left.remove(found)
        matched += len(word[0]) > 1 and len(found[0]) > 1
    return "name_near" if matched > 1 else "name_part"


def _same_word(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[0] == other[0] or one[1] == other[1]


def _near_word(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two words differ by a typing error, not by what makes two names of them."""
    if {one[1], other[1]} <= _FIRST_NAMES:
        return False
    short, long = sorted((one[1], other[1]), key=len)
    if long in {f"{short}a", f"{short}ia"}:  # Petrov and Petrova are two people
        return False
    return any(
        min(len(a), len(b)) > 3
        and OSA.distance(a, b, score_cutoff=2) <= (2 if min(len(a), len(b)) > 7 else 1)
        for a, b in zip(one, other, strict=True)
    )


def _initial(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return 1 in (len(one[0]), len(other[0])) and (one[0][0] == other[0][0] or one[1][0] == other[1][0])


def _emails(one: Face, other: Face) -> str:
    if not one.email or not other.email:
        return ""
    local, _at, _domain = one.email.partition("@")
    theirs = other.email.partition("@")[0]
    shared = local in _MAILBOXES or one.email_held > 2
    if one.email == other.email:
        return "email_shared" if shared else "email"
    if local in _MAILBOXES or theirs in _MAILBOXES:
        return "email_other"
    if local == theirs and len(local) > 4:
        return "email_local"
    same_digits = re.sub(r"\D", "", one.email) == re.sub(r"\D", "", other.email)
    if same_digits and len(local) > 4 and OSA.distance(one.email, other.email, score_cutoff=1) <= 1:
        return "email_near"
    return "email_other"


def _phones(one: Face, other: Face) -> str:
    if not one.phone or not other.phone:
        return ""
    if one.phone == other.phone:
        return "phone_shared" if one.phone_held > 2 else "phone"
    if len(one.phone) > 9 and OSA.distance(one.phone, other.phone, score_cutoff=1) <= 1:
        return "phone_near"
    return "phone_other"


def _firms(one: Face, other: Face) -> Iterable[str]:
    if one.company and other.company:
        yield "company" if firm_names(one.company, other.company) != "name_other" else "company_other"
    domain = normal.company_domain(one.email)
    if domain and domain == normal.company_domain(other.email) and one.email != other.email:
        yield "domain"


def firm_names(one: str, other: str) -> str:
    """Return how the names of two companies compare, without their legal forms; "" where one is not known."""
    if not one or not other:
        return ""
    if folding.plain(one) == folding.plain(other):
        return "name_key"
    ours, theirs = folding.skeleton(one), folding.skeleton(other)
    if ours.replace(" ", "") == theirs.replace(" ", ""):
        return "name_spelt"
    if re.findall(r"\d+", ours) != re.findall(r"\d+", theirs):
        return "name_other"
    words, others = sorted(ours.split()), sorted(theirs.split())
    if words == others:
        return "name_spelt"
    near = len(words) == len(others) and all(
        a == b or (min(len(a), len(b)) > 4 and OSA.distance(a, b, score_cutoff=1) <= 1)
        for a, b in zip(words, others, strict=True)
    )
    return "name_near" if near else "name_other"
