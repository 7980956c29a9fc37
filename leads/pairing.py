"""Who may be on record twice: candidates by the indexes, compared, and kept as pairs over the whole stock.

A new or changed record waits in `Uncompared`; the clock and whoever opens the list of pairs take it from there in
batches. Each batch costs a fixed number of statements, each look-up goes by an index and is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from time import monotonic
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q, Subquery

from funnel import access, folding, merging, phones
from funnel.access import Permission
from funnel.models import Company, Contact, Journey, User
from funnel.parties import Party
from funnel.party_kinds import kind_of

from . import likeness
from .likeness import Face, Firm, Likeness
from .models import CompanyPair, ContactPair, Uncompared
from .pair_models import Pair

KEPT: Final = 50
"""Pairs less sure than this, in per cent, are not suggested."""
BATCH: Final = 200
ON_SIGHT: Final = 50
"""So many records are compared when somebody opens the list; the clock does the rest."""
SPAN: Final = 40.0
"""For so many seconds the clock works on what waits, before the next round begins."""
FOUND: Final = 50
SHOWN: Final = 10
_COMBINED: Final = 4
PAIRS: Final[dict[str, type[ContactPair] | type[CompanyPair]]] = {
    "contact": ContactPair,
    "company": CompanyPair,
}
MODELS: Final[dict[str, type[Party]]] = {"contact": Contact, "company": Company}

# OFFSET 0 keeps the planner from walking the table until the limit is reached: folding each name costs more than the index.
_TAKE: Final = """
DELETE FROM leads_uncompared WHERE id IN (
    SELECT id FROM leads_uncompared WHERE kind = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING party
"""
_PEOPLE: Final = """
SELECT asked.id, found.id FROM unnest(%(ids)s::bigint[], %(emails)s::text[], %(phones)s::text[], %(queries)s::text[])
    AS asked(id, email, phone, query),
LATERAL (
    (SELECT id FROM funnel_contact WHERE asked.email <> '' AND lower(email) = asked.email
        AND merged_into_id IS NULL AND erased_at IS NULL ORDER BY id DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM funnel_contact WHERE asked.phone <> '' AND phone = asked.phone
        AND merged_into_id IS NULL AND erased_at IS NULL ORDER BY id DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM (SELECT id FROM funnel_contact
        WHERE array_to_tsvector(funnel_words(name, true) || funnel_words(email, false) || funnel_phone_ends(phone))
            @@ nullif(asked.query, '')::tsquery
        AND merged_into_id IS NULL AND erased_at IS NULL OFFSET 0) AS named LIMIT %(most)s)
) AS found WHERE found.id <> asked.id
"""
_FACES: Final = """
SELECT contact.id, contact.name, lower(contact.email), contact.phone,
    coalesce(leads_company_key(company.name), ''),
    (SELECT count(*) FROM (SELECT 1 FROM funnel_contact AS other WHERE contact.phone <> ''
        AND other.phone = contact.phone AND other.merged_into_id IS NULL LIMIT 4) AS few),
    (SELECT count(*) FROM (SELECT 1 FROM funnel_contact AS other WHERE contact.email <> ''
        AND lower(other.email) = lower(contact.email) AND other.merged_into_id IS NULL LIMIT 4) AS few)
FROM funnel_contact AS contact LEFT JOIN funnel_company AS company ON company.id = contact.company_id
WHERE contact.id = ANY(%s) AND contact.merged_into_id IS NULL AND contact.erased_at IS NULL
"""
_FIRMS: Final = """
SELECT asked.id, found.id FROM unnest(%(ids)s::bigint[], %(domains)s::text[], %(taxes)s::text[], %(keys)s::text[],
    %(queries)s::text[]) AS asked(id, domain, tax, key, query),
LATERAL (
    (SELECT id FROM funnel_company WHERE asked.domain <> '' AND domain = asked.domain
        AND merged_into_id IS NULL ORDER BY id DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM funnel_company WHERE asked.tax <> '' AND tax_id <> '' AND tax_id = asked.tax
        AND merged_into_id IS NULL ORDER BY id DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM funnel_company WHERE asked.key <> '' AND leads_company_key(name) = asked.key
        AND merged_into_id IS NULL ORDER BY id DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM (SELECT id FROM funnel_company
        WHERE array_to_tsvector(funnel_words(name, true) || funnel_words(domain, false))
            @@ nullif(asked.query, '')::tsquery
        AND merged_into_id IS NULL OFFSET 0) AS named LIMIT %(most)s)
) AS found WHERE found.id <> asked.id
"""
_KEYS: Final = """
SELECT id, leads_company_key(name), domain, tax_id FROM funnel_company
WHERE id = ANY(%s) AND merged_into_id IS NULL
"""
_KEEP: Final = """
INSERT INTO {table} (first_id, second_id, sure, why)
SELECT first, second, sure, string_to_array(why, ' ')
FROM unnest(%(firsts)s::bigint[], %(seconds)s::bigint[], %(sures)s::int[], %(whys)s::text[]) AS found(first, second, sure, why)
ORDER BY first, second
ON CONFLICT (first_id, second_id) DO UPDATE SET sure = excluded.sure, why = excluded.why
"""
_DROP: Final = """
DELETE FROM {table} WHERE apart_at IS NULL AND (first_id = ANY(%(ids)s) OR second_id = ANY(%(ids)s))
AND (first_id, second_id) NOT IN (SELECT * FROM unnest(%(firsts)s::bigint[], %(seconds)s::bigint[]))
"""


class NotOfThem(Exception):
    """The survivor asked for is neither of the pair."""


def _rows(sql: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


# comparing -----------------------------------------------------------------------------------------------------------


def compare(kind: str, ids: Sequence[int]) -> dict[tuple[int, int], Likeness]:
    """Return the pairs that some records are part of, however unsure, by the older's id and the younger's.

    Three statements. Records that are merged away or erased have none.
    """
    return _compare_people(ids) if kind == "contact" else _compare_firms(ids)


def _compare_people(ids: Sequence[int]) -> dict[tuple[int, int], Likeness]:
    faces = _faces(ids)
    pairs = {(min(pair), max(pair)) for pair in people_like(faces)}
    faces |= _faces({pk for pair in pairs for pk in pair} - faces.keys())
    return {
        (one, two): likeness.of_people(faces[one], faces[two])
        for one, two in pairs
        if one in faces and two in faces
    }


def people_like(faces: dict[int, Face]) -> list[tuple[int, int]]:
    """Return who may be one of some people, by e-mail, phone and name: the key given, and the id found. One query."""
    if not faces:
        return []
    values = {
        "ids": list(faces),
        "emails": [face.email for face in faces.values()],
        "phones": [face.phone for face in faces.values()],
        "queries": [_query(face.name) for face in faces.values()],
        "most": FOUND,
    }
    return _rows(_PEOPLE, values)


def _faces(ids: Iterable[int]) -> dict[int, Face]:
    return {
        pk: Face(name, email, phones.read(phone).compared, company, phone_held, email_held)
        for pk, name, email, phone, company, phone_held, email_held in _rows(_FACES, [list(ids)])
    }


def _compare_firms(ids: Sequence[int]) -> dict[tuple[int, int], Likeness]:
    firms = _firms(ids)
    values = {
        "ids": list(firms),
        "domains": [firm.domain for firm in firms.values()],
        "taxes": [firm.tax_id for firm in firms.values()],
        "keys": [firm.name for firm in firms.values()],
        "queries": [_query(firm.name, whole=True) for firm in firms.values()],
        "most": FOUND,
    }
    pairs = {(min(pair), max(pair)) for pair in _rows(_FIRMS, values)}
    firms |= _firms({pk for pair in pairs for pk in pair} - firms.keys())
    return {
        (one, two): likeness.of_companies(firms[one], firms[two])
        for one, two in pairs
        if one in firms and two in firms
    }


def _firms(ids: Iterable[int]) -> dict[int, Firm]:
    return {pk: Firm(key, domain, tax) for pk, key, domain, tax in _rows(_KEYS, [list(ids)])}


def _query(name: str, *, whole: bool = False) -> str:
    """Return the query for names that share two words with one, or nearly so; all of its words with `whole`."""
    words = sorted(folding.forms(name), key=lambda word: -len(word[0]))[:_COMBINED]
    terms = []
    for word in words:
        keys = dict.fromkeys(near for form in word for near in folding.nearly(form) or [form])
        terms.append("(" + " | ".join(f"'{key}'" for key in keys) + ")")
    if whole or len(terms) < 2:
        return " & ".join(terms)
    return " | ".join(f"({one} & {other})" for one, other in combinations(terms, 2))


# the whole stock -----------------------------------------------------------------------------------------------------


@transaction.atomic
def catch_up(kind: str, *, most: int = ON_SIGHT) -> int:
    """Compare the records that wait, at most so many; return how many waited: at most six statements."""
    ids = sorted({party for (party,) in _rows(_TAKE, [kind, most])})
    if ids:
        keep(kind, ids, compare(kind, ids))
    return len(ids)


def keep(kind: str, ids: Sequence[int], found: dict[tuple[int, int], Likeness]) -> None:
    """Write the pairs of some records in place of those that were there; what was said of a pair stays."""
    sure = {pair: like for pair, like in found.items() if like.sure >= KEPT}
    values = {
        "ids": list(ids),
        "firsts": [first for first, _second in sure],
        "seconds": [second for _first, second in sure],
        "sures": [like.sure for like in sure.values()],
        "whys": [" ".join(like.why) for like in sure.values()],
    }
    table = PAIRS[kind]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_DROP.format(table=table), values)
        if sure:
            cursor.execute(_KEEP.format(table=table), values)


def work_off() -> None:
    """Compare what waits, for a while."""
    until = monotonic() + SPAN
    for kind in PAIRS:
        while catch_up(kind, most=BATCH) and monotonic() < until:
            pass


def waiting(kind: str) -> int:
    """Return how many records wait to be compared, counted up to a bound."""
    return Uncompared.objects.filter(kind=kind)[:10_000].count()


def suggested(kind: str, user: User, *, apart: bool = False) -> Any:
    """Return the pairs of records that the user sees both of and nobody has told apart, or with `apart` somebody has."""
    model = MODELS[kind]
    pairs: Any = PAIRS[kind].objects.filter(
        apart_at__isnull=not apart, first__merged_into=None, second__merged_into=None
    )
    if not access.may(user, Permission.SEE_ALL_JOURNEYS):
        seen = model._default_manager.visible_to(user).order_by().values("pk")  # type: ignore[attr-defined]
        pairs = pairs.filter(first__in=seen, second__in=seen)
    return pairs.select_related(
        "first", "second", *(["first__company", "second__company"] if kind == "contact" else [])
    )


def join(*, pair: Pair, survivor: int, actor: User, at: datetime) -> Any:
    """Merge the two of a pair; what the survivor lacks it takes from the other. Raises CannotMerge and NotOfThem."""
    stays, goes = (pair.first, pair.second) if survivor == pair.first_id else (pair.second, pair.first)  # type: ignore[attr-defined]
    if survivor != stays.pk:
        raise NotOfThem
    return merging.merge(survivor=stays, loser=goes, actor=actor, at=at)


def tell_apart(*, pair: Pair, actor: User, at: datetime) -> None:
    """Remember that two records are not the same."""
    pair.apart_by, pair.apart_at = actor, at
    pair.save(update_fields=["apart_by", "apart_at"])


def put_back(*, pair: Pair) -> None:
    """Suggest a pair again that somebody had told apart."""
    pair.apart_by = pair.apart_at = None
    pair.save(update_fields=["apart_by", "apart_at"])


def told_apart(kind: str, pk: int) -> set[int]:
    """Return the records that somebody said are not the same as one: one query."""
    pairs: Any = PAIRS[kind].objects.exclude(apart_at=None).filter(Q(first=pk) | Q(second=pk))
    return {side for pair in pairs.values_list("first", "second") for side in pair} - {pk}


def told_apart_of(journey: int) -> set[int]:
    """Return the people whom somebody told apart from the contact of a journey: one query."""
    contact = Journey.objects.filter(pk=journey).values("contact")
    pairs = ContactPair.objects.exclude(apart_at=None).filter(Q(first__in=contact) | Q(second__in=contact))
    found = pairs.annotate(own=Subquery(contact)).values_list("first", "second", "own")
    return {second if first == own else first for first, second, own in found}


# one record ----------------------------------------------------------------------------------------------------------


def of_party(party: Any) -> list[tuple[Any, Likeness]]:
    """Return the records that may be the same as one, the surest first, but not those told apart: five queries."""
    kind = kind_of(party).slug
    found = compare(kind, [party.pk])
    apart = told_apart(kind, party.pk) if found else set()
    others = {
        (second if first == party.pk else first): like
        for (first, second), like in found.items()
        if like.reasons and not {first, second} & apart
    }
    best = sorted(others, key=lambda pk: (-others[pk].sure, -pk))[:SHOWN]
    rows: Any = MODELS[kind]._default_manager.select_related(*(["company"] if kind == "contact" else []))
    records = rows.in_bulk(best) if best else {}
    return [(records[pk], others[pk]) for pk in best if pk in records]
