"""Who gets what: new applications among first touch, handoffs among sales, so that nobody drowns."""

import heapq
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, Max, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from funnel import machine
from funnel.domain import change_owner
from funnel.models import Event, Journey, Team, User
from funnel.stages import DEAL_STAGES, MARKETING_STAGES, Happening, Role, Stage

REMEMBERED: Final = timedelta(days=90)
"""How far back the last offer to a salesperson is looked for."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"


def _take_turns(name: str) -> None:
    """Let one transaction at a time share out, so that two at once do not both pick the same person."""
    with connection.cursor() as cursor:
        cursor.execute(_TURN, [name])


def first_touch_people(team: Team | None = None) -> QuerySet[User]:
    """Return the people whom applications may be shared out among."""
    people = User.objects.filter(is_active=True, role__in=(Role.FIRST_TOUCH, Role.MARKETER))
    return people if team is None else people.filter(team=team)


def pick_first_touch(count: int = 1, *, team: Team | None = None) -> list[User]:
    """Return who gets the next `count` applications: each time the one with the fewest open, then the longest idle.

    First-touch specialists where there are any (of the team), else marketers; [] where there is nobody. The caller
    is in a transaction, and others who share out wait for its end.
    """
    _take_turns("leads.first_touch")
    people = list(first_touch_people(team).select_related("team"))
    people = [person for person in people if person.role == Role.FIRST_TOUCH] or people
    held = (
        Journey.objects.filter(owner__in=people, stage__in=MARKETING_STAGES, annulled_at=None)
        .order_by()
        .values("owner")
        .annotate(load=Count("pk"), last=Max("created_at"))
    )
    loads = {row["owner"]: (row["load"], row["last"]) for row in held}
    return _spread(people, loads, count)


def pick_salespeople(journeys: Sequence[Journey]) -> dict[int, User | None]:
    """Return for each journey the salesperson to offer it to, by its id; None where no one takes handoffs.

    Active salespeople who take handoffs, the fewest undecided offers and open deals first, ties to the one who has
    waited longest for an offer. Three queries for any number of journeys, which are spread as if offered one by one.
    A journey is not offered again to the one to whom it is offered now, unless there is no other.
    """
    _take_turns("leads.salespeople")
    people = list(User.objects.filter(is_active=True, role=Role.SALESPERSON, takes_handoffs=True))
    loads = _sales_loads(people)
    picked: dict[int, User | None] = {}
    heap = _heap(people, loads)
    for turn, journey in enumerate(journeys):
        if not heap:
            picked[journey.pk] = None
            continue
        first = heapq.heappop(heap)
        held_back = None
        if first[-1].pk == journey.offered_to_id and heap:
            held_back, first = first, heapq.heappop(heap)
        picked[journey.pk] = first[-1]
        heapq.heappush(heap, (first[0] + 1, timezone.now(), turn, first[-1].pk, first[-1]))
        if held_back is not None:
            heapq.heappush(heap, held_back)
    return picked


def pick_salesperson(journey: Journey) -> User | None:
    """Return the salesperson to offer one journey to, by the same rule."""
    return pick_salespeople([journey])[journey.pk]


def _sales_loads(people: Sequence[User]) -> dict[int, tuple[int, datetime]]:
    """Return how much each salesperson has in hand, and when they last had an offer."""
    in_hand: dict[int, int] = {}
    journeys = Journey.objects.filter(annulled_at=None).order_by()
    deals = journeys.filter(owner__in=people, stage__in=DEAL_STAGES).values_list("owner")
    offers = journeys.filter(offered_to__in=people, stage=Stage.HANDED_OFF).values_list("offered_to")
    for person, load in deals.annotate(load=Count("pk")).union(offers.annotate(load=Count("pk")), all=True):
        in_hand[person] = in_hand.get(person, 0) + load
    last = (
        Event.objects.filter(
            event=Happening.HANDED_OFF,
            occurred_at__gte=timezone.now() - REMEMBERED,
            inputs__salesperson__in=[person.pk for person in people],
        )
        .order_by()
        .values(salesperson=KT("inputs__salesperson"))
        .annotate(last=Max("occurred_at"))
    )
    offered = {int(row["salesperson"]): row["last"] for row in last}
    return {person.pk: (in_hand.get(person.pk, 0), offered.get(person.pk, _NEVER)) for person in people}


Waiting = tuple[int, datetime, int, int, User]


def _heap(people: Iterable[User], loads: dict[int, tuple[int, datetime]]) -> list[Waiting]:
    """Return people in the order of their turns: load, last served, then key."""
    heap = [(*loads.get(person.pk, (0, _NEVER)), -1, person.pk, person) for person in people]
    heapq.heapify(heap)
    return heap


def _spread(people: Sequence[User], loads: dict[int, tuple[int, datetime]], count: int) -> list[User]:
    heap, picked = _heap(people, loads), []
    for turn in range(count if heap else 0):
        load, _last, _turn, pk, person = heapq.heappop(heap)
        picked.append(person)
        heapq.heappush(heap, (load + 1, timezone.now(), turn, pk, person))
    return picked


def share_out(*, journeys: machine.Locked, actor: User | None, at: datetime, team: Team | None = None) -> int:
    """Give applications that nobody owns to those with the fewest; return how many were given.

    One `owner_changed` on each; a fixed number of statements for each person who gets some.
    """
    free = [journey for journey in journeys if journey.owner_id is None]
    shares: dict[User, list[Journey]] = {}
    for journey, person in zip(free, pick_first_touch(len(free), team=team), strict=False):
        shares.setdefault(person, []).append(journey)
    for person, theirs in shares.items():
        change_owner(journeys=machine.Locked(theirs), actor=actor, at=at, owner=person)
    return sum(map(len, shares.values()))
