"""The inbox: applications that wait for an answer, the most urgent first, worked off one after another."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from funnel import access, acts, contacts, journey_page, machine
from funnel.access import Permission
from funnel.choices import choice_of, steered
from funnel.lists.bulk import bulk_choices
from funnel.machine import Refused
from funnel.models import Journey, Organisation, User
from funnel.paging import keyset
from funnel.queries import JourneyQuerySet
from funnel.stages import FACTS, MARKETING, MOVES, Happening, Stage
from funnel.toasts import toast
from funnel.views.base import View, go, journey_of, next_url, person, signed_in, undo_act_url
from leads import assignment, matching
from leads.models import Application
from leads.panels import application_rows, comeback, offers_of
from leads.queries import earlier_of, waiting_for

KEYS: Final = {
    "respond": "c",
    "fill_brief": "b",
    "hand_off": "h",
    "refer": "p",
    "lose": "d",
    "mark_spam": "!",
    "merge": "m",
    Happening.SNOOZED.value: "s",
}
"""Act → the key that does it."""
COUNTED: Final = 1000
SHARED: Final = 500


def for_marketing(view: View) -> View:
    """Let in those who answer applications; others get 403."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if person(request).role not in MARKETING:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return signed_in(guarded)


@for_marketing
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """List what waits, and show the application that the address names, or the first."""
    user = person(request)
    whose = request.GET.get("whose", "")
    waiting = _narrow(waiting_for(user), whose, user)
    listed = waiting.with_parties().with_attempts().select_related("application", "application__form")
    page = keyset(listed, request.GET, by="stage_since", oldest_first=True)
    selected, chosen = _selected(request, listed, page.rows)
    organisation, now = Organisation.current(), timezone.now()
    clock = organisation.clock
    context: dict[str, Any] = {
        "tabs": _tabs(whose),
        "page": page,
        "rows": [
            {
                "journey": journey,
                "left": journey_page.minutes_left(journey, organisation, clock, now),
                "attempts": _attempts(journey),
                "url": _address(request, journey),
            }
            for journey in page.rows
        ],
        "total": waiting.order_by()[: COUNTED + 1].count(),
        "selected": selected,
        "chosen": chosen,
        "bulk": bulk_choices(user),
        "keys": _keys(),
        "may_share": access.may(user, Permission.MANAGE_CATALOGUE),
    }
    if selected is not None:
        context |= _preview(request, selected, page.rows)
    return render(request, "leads/inbox.html", context)


def _attempts(journey: Journey) -> str:
    """Return how often somebody tried to reach a person who has not been reached, in words; "" before the first."""
    number: int = journey.contact_attempts  # type: ignore[attr-defined]
    if journey.stage != Stage.NEW or not number:
        return ""
    return ngettext("%(n)s attempt", "%(n)s attempts", number) % {"n": number}


def _keys() -> list[tuple[str, str]]:
    """Return key and words for the help."""
    return [
        ("j  k", _("Next, previous")),
        ("Enter", _("Open the journey")),
        ("a", _("Take")),
        *((key, journey_page.act_label(name)) for name, key in KEYS.items()),
        ("x", _("Select")),
        ("z", _("Undo")),
        ("/", _("Find")),
        ("g  i", _("Go to the inbox")),
        ("g  m", _("Go to my day")),
        ("g  j", _("Go to the journeys")),
        ("g  d", _("Go to the dashboard")),
        ("?", _("This help")),
    ]


def _narrow(waiting: JourneyQuerySet, whose: str, user: User) -> JourneyQuerySet:
    if whose == "mine":
        return waiting.owned_by(user)
    return waiting.filter(owner=None) if whose == "free" else waiting


def _tabs(whose: str) -> list[dict[str, Any]]:
    url = reverse("leads:inbox")
    tabs = [("", _("All")), ("mine", _("Mine")), ("free", _("Nobody's"))]
    return [
        {"label": label, "url": f"{url}?whose={key}" if key else url, "current": key == whose}
        for key, label in tabs
    ]


def _selected(
    request: HttpRequest, listed: JourneyQuerySet, rows: list[Journey]
) -> tuple[Journey | None, bool]:
    """Return the application to show, and whether the address names it."""
    wanted = request.GET.get("journey", "")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
        found = next((journey for journey in rows if journey.pk == int(wanted)), None)
        if found := found or listed.filter(pk=int(wanted)).first():
            return found, True
    return (rows[0] if rows else None), False


def _address(request: HttpRequest, journey: Journey | None) -> str:
    """Return the address of this page with another application shown."""
    query = request.GET.copy()
    query.pop("journey", None)
    if journey is not None:
        query["journey"] = str(journey.pk)
    return f"{reverse('leads:inbox')}?{query.urlencode()}" if query else reverse("leads:inbox")


def _preview(request: HttpRequest, journey: Journey, rows: list[Journey]) -> dict[str, Any]:
    user = person(request)
    following = _following(journey, rows)
    application: Application | None = getattr(journey, "application", None)
    found = matching.look_up(matching.person_of(journey), apart_from=journey.pk)
    ids = [candidate.journey.pk for candidate in found]
    seen = (
        set(Journey.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))
        if ids
        else set()
    )
    return {
        "tries": contacts.last_tries([journey.pk]).get(journey.pk, ()) if _attempts(journey) else (),
        "application": application,
        "application_rows": application_rows(application, journey, reach=True) if application else [],
        "offers": offers_of(application, journey, user) if application else [],
        "found": [(candidate, candidate.journey.pk in seen) for candidate in found],
        "earlier": [other for other in earlier_of(journey, user) if other.pk not in ids],
        "may_merge": machine.closed_by(journey, "merge", user) is None,
        "may_take": journey.owner_id != user.pk and access.may_record(user, Happening.OWNER_CHANGED),
        "back": comeback(journey),
        "may_return": journey.stage == Stage.REFERRED
        and machine.closed_by(journey, "return_referral", user) is None,
        "here": _address(request, journey),
        "acts": _acts(journey, user, _address(request, following)),
    }


def _following(journey: Journey, rows: list[Journey]) -> Journey | None:
    """Return the application to show once this one is done with."""
    place = next((index for index, row in enumerate(rows) if row.pk == journey.pk), -1)
    others = rows[place + 1 :] + rows[: max(place, 0)]
    return others[0] if others else None


def _acts(journey: Journey, user: User, afterwards: str) -> list[dict[str, Any]]:
    """Return the acts that are open, the one first that an app knows to come next."""
    found = []
    for name in KEYS:
        if name not in acts.ACTS:
            continue
        if name in MOVES:
            is_open = machine.closed_by(journey, name, user) is None
        else:
            is_open = access.may_record(user, name) and journey.stage in FACTS[name].sources
        if is_open:
            found.append(choice_of(name, journey))
    if first := steered(journey, found):
        found = [first, *(choice for choice in found if choice.name != first.name)]
    return [
        {
            "url": f"{choice.url}{'&' if '?' in choice.url else '?'}{urlencode({'next': afterwards})}",
            "dialog": choice.dialog,
            "label": choice.label,
            "icon": choice.icon,
            "key": KEYS[choice.name],
            "grave": choice.grave,
            "why": choice.because,
        }
        for choice in found
    ]


@for_marketing
@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the person the owner, unless somebody has moved or taken the application since the page was drawn."""
    journey, user = journey_of(request, pk), person(request)
    seq = request.POST.get("expected_seq", "")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 10):
        raise BadRequest("expected_seq is not a number")
    try:
        outcome = acts.run(
            name=Happening.OWNER_CHANGED,
            journeys=[journey.pk],
            actor=user,
            inputs={"owner": user.username},
            expected_seq=int(seq),
        )
    except Refused as refused:
        words = journey_page.reason_in_words(refused.refusals[journey.pk])
        toast(request, _("Nothing was saved. %(why)s") % {"why": words}, level=messages.ERROR)
    else:
        toast(request, _("“%(who)s” is yours.") % {"who": journey}, undo=undo_act_url(outcome.events))
    return go(request, next_url(request, reverse("leads:inbox")))


@for_marketing
@require_POST
def share(request: HttpRequest) -> HttpResponse:
    """Give the new applications that nobody owns to those with the fewest open ones."""
    user = person(request)
    if not access.may(user, Permission.MANAGE_CATALOGUE):
        raise PermissionDenied
    free = waiting_for(user).filter(owner=None, stage=Stage.NEW).order_by("stage_since", "pk")
    with transaction.atomic():
        held = machine.lock(free.values_list("pk", flat=True)[:SHARED])
        still = machine.Locked(journey for journey in held if journey.stage == Stage.NEW)
        given = assignment.share_out(journeys=still, actor=user, at=timezone.now())
    if given:
        words = ngettext("%(n)s application was given out.", "%(n)s applications were given out.", given)
        toast(request, words % {"n": given})
    else:
        toast(
            request,
            _("There was nothing to give out, or nobody to give it to."),
            level=messages.INFO,
        )
    return go(request, reverse("leads:inbox"))
