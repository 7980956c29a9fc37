"""How well duplicates are found: precision and recall on labelled pairs, by the whole way through the database."""

from __future__ import annotations

from collections import Counter

import pytest

from funnel.models import Company, Contact
from leads import likeness, pairing
from leads.likeness import Face
from leads.models import ContactPair

from .labelled_pairs import Record, labelled

pytestmark = pytest.mark.django_db
PRECISION, RECALL = 0.97, 0.97


def stored(record: Record) -> Contact:
    company = Company.objects.get_or_create(name=record.company)[0] if record.company else None
    return Contact.objects.create(name=record.name, email=record.email, phone=record.phone, company=company)


def test_precision_and_recall_on_the_labelled_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = labelled()
    assert len(pairs) >= 300
    right, wrong, missed, kept_out = 0, Counter[str](), Counter[str](), 0
    for pair in pairs:  # each pair alone: others of the set are meant to look like it
        Contact.objects.all().delete()
        ContactPair.objects.all().delete()
        stored(pair.one), stored(pair.other)
        while pairing.catch_up("contact"):
            pass
        found = ContactPair.objects.first()
        if pair.same and found:
            right += 1
        elif pair.same:
            missed[pair.kind] += 1
        elif found:
            wrong[f"{pair.kind}: {pair.one.name} / {pair.other.name} {found.sure} {found.why}"] += 1
        else:
            kept_out += 1
    precision, recall = right / (right + wrong.total()), right / (right + missed.total())
    with capsys.disabled():
        print(  # noqa: T201  the figures are what is asked for
            f"\n{len(pairs)} pairs: precision {precision:.3f}, recall {recall:.3f}; wrong {dict(wrong)}; missed {dict(missed)}"
        )
    assert precision >= PRECISION
    assert recall >= RECALL


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("Иван Петров", "petrov ivan", "name_spelt"),
        ("Álvaro Núñez", "NUNEZ, Alvaro", "name"),
        ("Ivan Petrov", "Ivan Petrvo", "name_near"),
        ("Ada Vale", "Ada K. Vale", "name_near"),
        ("A. Vale", "Ada Vale", "name_part"),
        ("Anna", "Anna Schmidt", "name_part"),
        ("Anna", "anna", "name_near"),
        ("Мария Петрова", "Марина Петрова", "name_other"),
        ("Пётр Орлов", "Петра Орлова", "name_other"),
        ("Ivan Petrov", "Olga Weber", "name_other"),
        ("", "Olga Weber", ""),
    ],
)
def test_names_compare_across_scripts_spellings_and_typing_errors(one: str, other: str, why: str) -> None:
    assert likeness.names(one, other) == why
    assert likeness.names(other, one) == why


def test_a_phone_or_mailbox_that_many_have_says_less() -> None:
    alone = likeness.of_people(Face("", phone="+49301112223"), Face("", phone="+49301112223"))
    shared = likeness.of_people(Face("", phone="+49301112223", phone_held=4), Face("", phone="+49301112223"))
    assert (alone.why, shared.why) == (("phone",), ("phone_shared",))
    assert shared.sure < 50 < alone.sure
    own, box = (
        likeness.of_people(Face("", mail), Face("", mail)) for mail in ("ada@a.example", "info@a.example")
    )
    assert box.sure < 50 < own.sure
    assert (own.level, box.level) == ("certain", "possible")
