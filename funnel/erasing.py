"""What repeats a person's data beside the tables that keep it: answers kept for retries, saved addresses, keys."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from .models import BulkJob, Company, Contact, FieldChange, IdempotencyKey, Journey, OutboxRow, SavedView
from .models.journey import erased_key

SHORTEST: Final = 3
"""Texts shorter than this name nobody."""
SEARCH: Final = "q"
"""The parameter of a list's address that has what was searched for."""

_ABOUT_THEM: Final = """
SELECT id FROM funnel_idempotencykey
 WHERE body IS NOT NULL AND (
       jsonb_path_exists(body, %(path)s::jsonpath, %(them)s::jsonb)
    OR EXISTS (SELECT FROM unnest(%(texts)s::text[]) AS said WHERE strpos(lower(body::text), lower(said)) > 0))
   FOR UPDATE
"""
_PATH: Final = """$.** ? (
    @.journey == $journeys[*] || @.journey.id == $journeys[*] || @.contact.id == $people[*]
 || (@.id == $people[*] && exists(@.email) && exists(@.mark)))"""
"""Where the body of an answer names a journey or contact."""


def forget(contacts: Sequence[int], journeys: Sequence[int]) -> None:
    """Erase what repeats the data of contacts, before it goes from their own rows; in the caller's transaction."""
    texts = _texts(contacts)
    _forget_answers(contacts, journeys, texts)
    _forget_queries(texts, contacts)
    jobs = BulkJob.objects.filter(journeys__overlap=list(journeys))
    jobs.filter(state__in=(BulkJob.State.DONE, BulkJob.State.STOPPED, BulkJob.State.UNDONE)).update(
        inputs="", error="", back=""
    )
    OutboxRow.objects.filter(event__journey__in=journeys).exclude(error="").update(error="")
    _forget_keys(journeys)


def _texts(contacts: Sequence[int]) -> list[str]:
    """Return the words that name the people, those they had before included."""
    rows = Contact.objects.filter(pk__in=contacts).values_list("name", "email", "phone", "external_id")
    was = FieldChange.objects.filter(contact__in=contacts, field__in=("name", "email", "phone"))
    said = [*rows, *was.values_list("old", "new")]
    texts = {str(text) for row in said for text in row if text}
    return sorted(text for text in texts if len(text) >= SHORTEST)


def _forget_answers(contacts: Sequence[int], journeys: Sequence[int], texts: Collection[str]) -> None:
    """Put word of the erasure in the place of answers about them, so that a retry repeats nothing and does nothing."""
    words = _("The request was carried out; its answer was erased with a person's data.")
    body = {
        "type": "/problems/answer-erased",
        "title": words,
        "status": 409,
        "reason": "erased",
        "missing": [],
        "current": None,
    }
    parameters = {
        "path": _PATH,
        "them": json.dumps({"journeys": list(journeys), "people": list(contacts)}),
        "texts": [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts],
    }
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT_THEM, parameters)
        keys = [row[0] for row in cursor.fetchall()]
    IdempotencyKey.objects.filter(pk__in=keys).update(status=409, body=body)


def _forget_queries(texts: Collection[str], contacts: Sequence[int]) -> None:
    """Take searches for them out of saved views and of the way back from bulk jobs."""
    wanted = [text.lower() for text in texts]
    if not wanted:
        return
    views = list(SavedView.objects.exclude(query="", name="").select_for_update())
    jobs = list(BulkJob.objects.filter(back__contains="q=").only("pk", "back"))
    queries = [*(view.query for view in views), *(job.back.partition("?")[2] for job in jobs)]
    parts = _only_theirs({_searched(query) for query in queries} - {""}, wanted, contacts)
    named = re.compile("|".join(map(re.escape, [*texts, *parts])), re.IGNORECASE)
    for view in views:
        query, name = _without(view.query, wanted, parts), named.sub("—", view.name)
        if (query, name) != (view.query, view.name):
            SavedView.objects.filter(pk=view.pk).update(query=query, name=name)
    for job in jobs:
        path, mark, query = job.back.partition("?")
        if mark and (kept := _without(query, wanted, parts)) != query:
            BulkJob.objects.filter(pk=job.pk).update(back=f"{path}?{kept}")


def _searched(query: str) -> str:
    return dict(parse_qsl(query)).get(SEARCH, "").strip().lower()


def _only_theirs(searches: Collection[str], wanted: Collection[str], contacts: Sequence[int]) -> list[str]:
    """Return the searches for a part of what names them that finds no other person and no company."""
    theirs = []
    for said in searches:
        words = said.split()
        if len(said) < SHORTEST or not any(all(word in text for word in words) for text in wanted):
            continue
        others = Contact.objects.exclude(pk__in=contacts)
        companies = Company.objects.all()
        for word in words:
            reached = Q(email__icontains=word) | Q(phone__icontains=word)
            others = others.filter(reached | Q(name__icontains=word))
            companies = companies.filter(name__icontains=word)
        if not others.exists() and not companies.exists():
            theirs.append(said)
    return theirs


def _without(query: str, wanted: Collection[str], parts: Collection[str]) -> str:
    """Return the query without the parameters that name them; as it was where none does."""
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [
        (name, value)
        for name, value in pairs
        if not any(text in value.lower() for text in wanted)
        and not (name == SEARCH and value.strip().lower() in parts)
    ]
    return query if len(kept) == len(pairs) else urlencode(kept)


def _forget_keys(journeys: Sequence[int]) -> None:
    """Keep of the keys that others gave journeys only what tells whether the same one comes again."""
    keyed = list(Journey.objects.filter(pk__in=journeys).exclude(external_id=None).only("pk", "external_id"))
    for journey in keyed:
        journey.external_id = erased_key(journey.external_id or "")
    Journey.objects.bulk_update(keyed, ["external_id"], batch_size=500)
