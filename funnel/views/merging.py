"""Merging two people or two companies, with a look before, and taking it back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel import custom, merging, party_page
from funnel.access import Permission
from funnel.merging import CannotMerge
from funnel.parties import Party
from funnel.party_fields import Reader
from funnel.party_forms import KeepForm
from funnel.party_kinds import KINDS, PartyKind, url_of
from funnel.toasts import toast

from .base import go, permitted, person
from .parties import inside, party_of

FOUND = 20


@permitted(Permission.MERGE_PARTIES)
@require_http_methods(["GET", "POST"])
def merge(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Look for the other record, show what merging the two would do, and do it; the one of this address stays."""
    this = KINDS[kind]
    survivor = party_of(request, this, pk)
    other = request.POST.get("with", "") or request.GET.get("with", "")
    if not other:
        return _find(request, this, survivor)
    if not (other.isascii() and other.isdigit() and len(other) < 19):
        raise Http404("no such record")
    loser = party_of(request, this, int(other))
    context: dict[str, Any] = {
        "kind": this,
        "survivor": survivor,
        "loser": loser,
        "crumbs": party_page.crumbs(this, survivor),
        "back": url_of(survivor),
        "swap_url": f"{this.url('merge', loser.pk)}?with={survivor.pk}",
    }
    try:
        preview = merging.preview(survivor=survivor, loser=loser, actor=person(request))
        reader = Reader(this.model, custom.fields_of(kind))
        reader.know_companies(
            [
                value
                for choice in preview.choices
                if choice.name == "company_id"
                for value in (choice.survivor, choice.loser)
            ]
        )
        given = request.POST if request.method == "POST" else None
        form = KeepForm(given, choices=preview.choices, words=reader.words, labels=reader.label)
        context |= {"preview": preview, "form": form}
        if given is not None and form.is_valid():
            merging.merge(
                survivor=survivor,
                loser=loser,
                actor=person(request),
                at=timezone.now(),
                keep=form.keep(),
            )
            words = _("“%(loser)s” is merged into “%(survivor)s”.")
            toast(request, words % {"loser": loser, "survivor": survivor}, undo=this.url("unmerge", loser.pk))
            return go(request, url_of(survivor))
    except CannotMerge as why:
        context["refused"] = str(why)
        return render(request, "funnel/party_merge.html", context, status=409)
    return render(
        request, "funnel/party_merge.html", context, status=422 if request.method == "POST" else 200
    )


def _find(request: HttpRequest, kind: PartyKind, survivor: Party) -> HttpResponse:
    user, words = person(request), request.GET.get("q", "").replace("\x00", "").strip()[:200]
    found = []
    if words:
        rows = kind.visible_to(user).search(words).exclude(pk=survivor.pk)
        found = list(rows.order_by("-pk")[:FOUND])
    context = {
        "kind": kind,
        "survivor": survivor,
        "words": words,
        "found": found,
        "alike": [] if words else party_page.lookalikes(survivor, user),
        "crumbs": party_page.crumbs(kind, survivor),
        "back": url_of(survivor),
    }
    return render(request, "funnel/party_merge_find.html", context)


@inside
@require_POST
def unmerge(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Take a merge back, exactly, or say what stands in the way."""
    loser = party_of(request, KINDS[kind], pk)
    try:
        done = merging.unmerge(loser=loser, actor=person(request), at=timezone.now())
    except CannotMerge as why:
        toast(request, _("Not taken back: %(why)s") % {"why": why}, level=messages.ERROR)
        return go(request, url_of(loser))
    words = _("“%(loser)s” and “%(survivor)s” are two again.")
    toast(request, words % {"loser": done.loser, "survivor": done.survivor})
    return go(request, url_of(loser))


@permitted(Permission.MERGE_PARTIES)
@require_GET
def lookalikes(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """List records that may be the same one: in the record's page, or a page of its own."""
    this = KINDS[kind]
    party = party_of(request, this, pk)
    context = {
        "kind": this,
        "party": party,
        "alike": party_page.lookalikes(party, person(request)),
        "crumbs": party_page.crumbs(this, party),
    }
    part = "_party_alike" if request.headers.get("HX-Request") == "true" else "party_alike"
    return render(request, f"funnel/{part}.html", context)
