"""Suggested duplicates over the whole stock: merged by one click, or told apart for good."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel.access import Permission
from funnel.merging import CannotMerge
from funnel.paging import keyset, whole
from funnel.party_kinds import KINDS
from funnel.toasts import toast
from funnel.views.base import go, next_url, permitted, person
from leads import pairing
from leads.pair_models import Pair


@permitted(Permission.MERGE_PARTIES)
@require_GET
def pair_list(request: HttpRequest) -> HttpResponse:
    """List the pairs that may be one, the surest first; what changed a moment ago is compared first."""
    kind = request.GET.get("kind", "contact")
    if kind not in KINDS:
        raise Http404("no such kind")
    pairing.catch_up(kind)
    page: Any = keyset(pairing.suggested(kind, person(request)), request.GET, by="sure", read=whole)
    context = {
        "kind": KINDS[kind],
        "page": page,
        "waiting": pairing.waiting(kind),
        "here": request.get_full_path(),
        "tabs": [
            {"url": f"?kind={slug}", "label": other.plural, "current": slug == kind}
            for slug, other in KINDS.items()
        ],
    }
    return render(request, "leads/pair_list.html", context)


@permitted(Permission.MERGE_PARTIES)
@require_POST
def pair_merge(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Merge the two of a pair into the one that the form names."""
    pair, back = _pair(request, kind, pk), _back(request, kind)
    stays = {str(pk): pk for pk in (pair.first_id, pair.second_id)}.get(request.POST.get("survivor", ""))
    if stays is None:
        raise Http404("neither of the two")
    try:
        done = pairing.join(pair=pair, survivor=stays, actor=person(request), at=timezone.now())
    except CannotMerge as why:
        toast(request, _("Not merged: %(why)s") % {"why": why}, level=messages.ERROR)
        return go(request, back)
    words = _("“%(loser)s” is merged into “%(survivor)s”.") % {"loser": done.loser, "survivor": done.survivor}
    toast(request, words, undo=KINDS[kind].url("unmerge", done.loser_id))
    return go(request, back)


@permitted(Permission.MERGE_PARTIES)
@require_POST
def pair_apart(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Remember that the two of a pair are not the same."""
    pair = _pair(request, kind, pk)
    pairing.tell_apart(pair=pair, actor=person(request), at=timezone.now())
    words = _("“%(one)s” and “%(other)s” are not suggested again.") % {
        "one": pair.first,
        "other": pair.second,
    }  # type: ignore[attr-defined]
    toast(request, words, undo=reverse("leads:pair-back", args=[kind, pk]))
    return go(request, _back(request, kind))


@permitted(Permission.MERGE_PARTIES)
@require_POST
def pair_back(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Suggest a pair again that somebody had told apart."""
    pair = _pair(request, kind, pk, apart=True)
    pairing.put_back(pair=pair)
    toast(request, _("Suggested again."))
    return go(request, _back(request, kind))


def _pair(request: HttpRequest, kind: str, pk: int, *, apart: bool = False) -> Pair:
    if kind not in KINDS:
        raise Http404("no such kind")
    found: Pair = get_object_or_404(pairing.suggested(kind, person(request), apart=apart), pk=pk)
    return found


def _back(request: HttpRequest, kind: str) -> str:
    return next_url(request, f"{reverse('leads:pair-list')}?kind={kind}")
