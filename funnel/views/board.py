"""The pipeline as a board: columns, cards, and what follows when a card is dropped."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from funnel import access, acts, board
from funnel.access import Permission
from funnel.acts import ACTS, BadInput
from funnel.choices import Choice, Choices, choices, reason_in_words
from funnel.columns import COLUMNS
from funnel.limits import limits
from funnel.lists import shown
from funnel.lists.filters import BoardFilter
from funnel.machine import Refused
from funnel.models import Journey, SavedView
from funnel.past import past_of
from funnel.queries import JourneyQuerySet
from funnel.toasts import toast

from .acts import done_in_words
from .base import address, is_fragment, journey_of, permitted, person, undo_act_url
from .journey_list import without


@permitted(Permission.SEE_WORKSPACE)
@require_GET
def pipeline(request: HttpRequest) -> HttpResponse:
    """Show the open journeys that the person sees, in columns, as the address filters them."""
    if not request.GET and (own := shown.default_url(request, SavedView.Place.BOARD)):
        return HttpResponseRedirect(own)
    context = _context(request, request.GET)
    form = context["filter"]
    chips = [(label, words, without(request, name)) for name, label, words in form.chips()]
    context |= {
        "tabs": shown.tabs(request, SavedView.Place.BOARD, form),
        "view": shown.state(request, SavedView.Place.BOARD, form),
        "chips": chips,
        "list_url": f"{reverse('funnel:journey-list')}?{form.shared or 'state=open'}",
    }
    return render(request, "funnel/board.html", context)


def _context(request: HttpRequest, query: QueryDict) -> dict[str, Any]:
    user = person(request)
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    form = BoardFilter(query, user=user, organisation=organisation)
    lanes = board.lanes(
        form.narrow(_visible(request)), limits=limits(), organisation=organisation, now=timezone.now()
    )
    sums = [(lane.amount, lane.weighted) for lane in lanes]
    whole = all(amount is not None for amount, _weighted in sums)
    return {
        "lanes": lanes,
        "filter": form,
        "values": form.values,
        "faults": [fault for faults in form.errors.values() for fault in faults],
        "folded": form.values.get("half", ""),
        "number": sum(lane.number for lane in lanes),
        "amount": sum(amount or 0 for amount, _weighted in sums) if whole else None,
        "weighted": sum(weighted or 0 for _amount, weighted in sums) if whole else None,
        "zones": board.ZONES,
        "query": query.urlencode(),
        "board_url": _url(query),
        "currency": organisation.currency,
        "sees_money": access.may(user, Permission.SEE_MONEY),
        "may_move": access.may(user, Permission.EDIT_JOURNEYS),
        "new_url": address("leads:lead-create") if access.may(user, Permission.EDIT_JOURNEYS) else "",
    }


def _visible(request: HttpRequest) -> JourneyQuerySet:
    return Journey.objects.visible_to(person(request))


def _url(query: QueryDict) -> str:
    words = query.urlencode()
    return reverse("funnel:board") + (f"?{words}" if words else "")


@permitted(Permission.SEE_WORKSPACE)
@require_GET
def column(request: HttpRequest, key: str) -> HttpResponse:
    """Show the next cards of a column, after the mark that the ones before it end with."""
    found = next((column for column in COLUMNS if column.key == key), None)
    if found is None:
        raise BadRequest("no such column")
    form = BoardFilter(request.GET, user=person(request))
    organisation = request.organisation  # type: ignore[attr-defined]  # set by ReaderMiddleware
    try:
        lane = board.more(
            form.narrow(_visible(request)),
            found,
            request.GET.get("after", ""),
            limits=limits(),
            organisation=organisation,
            now=timezone.now(),
        )
    except ValueError:
        raise BadRequest("not a mark of this board") from None
    query = request.GET.copy()
    query.pop("after", None)
    context = {
        "lane": lane,
        "query": query.urlencode(),
        "board_url": _url(query),
        "currency": organisation.currency,
        "sees_money": access.may(person(request), Permission.SEE_MONEY),
        "may_move": access.may(person(request), Permission.EDIT_JOURNEYS),
    }
    template = "funnel/board.html#cards" if is_fragment(request) else "funnel/board_column.html"
    return render(request, template, context)


@permitted(Permission.EDIT_JOURNEYS)
@require_GET
def moves(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer where the journey may go, or with `?to=` the ways into one column: for keyboard, touch and no script."""
    journey = journey_of(request, pk)
    found = _choices(request, journey)
    offered = found.moves
    if to := request.GET.get("to"):
        if to not in board.KEYS:
            raise BadRequest("no such column")
        offered = board.leading_to(to, journey, found)
    context = {
        "journey": journey,
        "open": [choice for choice in offered if not choice.shut],
        "next": request.GET.get("next") or reverse("funnel:board"),
        "crumbs": [{"url": reverse("funnel:board"), "label": _("Pipeline")}],
    }
    return render(request, "funnel/board_moves.html", context)


def _choices(request: HttpRequest, journey: Journey) -> Choices:
    return choices(journey, person(request), past_of(journey))


@permitted(Permission.EDIT_JOURNEYS)
@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the move that a drop means. Answers the board anew; where something is to be asked first, its address
    (`{"ask": …}` for a dialog, `{"go": …}` for a page); a refusal with 409 and its reason in a toast."""
    to, seq = request.POST.get("to", ""), request.POST.get("seq", "")
    if to not in board.KEYS or not (seq.isascii() and seq.isdigit() and len(seq) < 10):
        raise BadRequest("where to is not known")
    journey = journey_of(request, pk)
    query = QueryDict(request.POST.get("query", ""))
    offered = board.leading_to(to, journey, _choices(request, journey))
    able = [choice for choice in offered if not choice.shut]
    if not able:
        return _refuse(request, journey, offered)
    if len(able) > 1:
        return _ask(reverse("funnel:board-moves", args=[pk]), query, to=to)
    (choice,) = able
    if not choice.dialog:
        return JsonResponse({"go": choice.url})
    if not choice.open or _asks(choice, journey, request):
        return _ask(choice.url, query)
    try:
        outcome = acts.run(
            name=choice.name, journeys=[pk], actor=person(request), inputs={}, expected_seq=int(seq)
        )
    except BadInput:
        return _ask(choice.url, query)
    except Refused as refused:
        refusal = refused.refusals.get(pk) or next(iter(refused.refusals.values()))
        return _say_no(request, reason_in_words(refusal))
    toast(request, done_in_words(outcome.journeys[0], choice.name), undo=undo_act_url(outcome.events))
    return render(request, "funnel/board.html#columns", _context(request, query))


def _asks(choice: Choice, journey: Journey, request: HttpRequest) -> bool:
    """Whether the move has a question that must be answered."""
    form = ACTS[choice.name].form(journey=journey, actor=person(request))
    return any(field.required and not field.widget.is_hidden for field in form.fields.values())


def _ask(url: str, query: QueryDict, **more: str) -> HttpResponse:
    words = QueryDict(mutable=True)
    words.update({**more, "next": _url(query)})
    return JsonResponse({"ask": f"{url}?{words.urlencode()}"})


def _refuse(request: HttpRequest, journey: Journey, offered: list[Choice]) -> HttpResponse:
    if offered:
        return _say_no(request, offered[0].why)
    words = _("%(who)s: no move leads there from “%(stage)s”.")
    return _say_no(request, words % {"who": journey, "stage": journey.get_stage_display()})


def _say_no(request: HttpRequest, words: str) -> HttpResponse:
    toast(request, words, level=messages.ERROR)
    response = HttpResponse(status=409)
    response["HX-Reswap"] = "none"
    return response
