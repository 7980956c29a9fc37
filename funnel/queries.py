"""Questions about journeys and events, readable as business."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, JSONObject

from . import attempts, registry, sums
from .access import visible_journeys
from .stages import CLOSED_STAGES, OPEN_STAGES, TARGETS, VOID_STAGES, Role
from .words import Asked, TermQuery, asked

if TYPE_CHECKING:
    from .models import Event, Journey, Task, User  # noqa: F401  the names that the generics below take

    _JourneyBase = QuerySet["Journey"]
    _EventBase = QuerySet["Event"]
    _TaskBase = QuerySet["Task"]
else:
    _JourneyBase = _EventBase = _TaskBase = QuerySet


class Among(Func):
    """Whether a value is among those of an array."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


class _None(Func):
    """An array, or null where nothing is in it."""

    template = "nullif(%(expressions)s, '{}')"
    arity = 1
    output_field = ArrayField(BigIntegerField())


MOST_NAMED = 2000
"""Search looks at so many people and companies that fit, the newest; who finds more types another letter."""


def newest(parties: QuerySet[Any]) -> Any:
    """Return the ids of the newest, those merged away as the ones they are now."""
    now = parties.annotate(now=Coalesce("merged_into_id", "pk"))
    return now.order_by(last("pk")).values("now")[:MOST_NAMED]


def last(name: str) -> Any:
    """Return the falling order by a number, in a form that no index has.

    By the index of the key the planner would walk the table until the limit is reached, and fold each name on the way.
    """
    return (F(name) + 0).desc()


def people(query: TermQuery) -> Any:
    """Return the ids of the newest contacts that a query names, by what they were called before a merge too."""
    from .models import Contact, FormerContact

    return newest(Contact.objects.termed(query)).union(FormerContact.objects.led(query))


def firms(query: TermQuery) -> Any:
    """Return the ids of the newest companies that a query names, by what they were called before a merge too."""
    from .models import Company, FormerCompany

    return newest(Company.objects.termed(query)).union(FormerCompany.objects.led(query))


def named(ways: Sequence[QuerySet[Any]], otherwise: Sequence[QuerySet[Any]] = ()) -> Among:
    """Return the condition that a row is among the ids of some ways; where there are none, of some others.

    An array is worked out first, and once; a plain IN would be joined last, after every row of a list.
    """
    found = _ids(ways)
    return Among(F("pk"), Coalesce(_None(found), _ids(otherwise)) if otherwise else found)


def _ids(ways: Sequence[QuerySet[Any]]) -> ArraySubquery:
    first, *others = ways
    return ArraySubquery(first.union(*others) if others else first)


class JourneyQuerySet(_JourneyBase):
    def visible_to(self, user: "User") -> Self:
        """Keep what the user may see: see `access.visible_journeys`."""
        return self.filter(visible_journeys(user))

    def open(self) -> Self:
        return self.filter(stage__in=OPEN_STAGES, annulled_at=None)

    def closed(self) -> Self:
        return self.filter(stage__in=CLOSED_STAGES, annulled_at=None)

    def valid(self) -> Self:
        """Keep what counts: neither spam nor merged nor withdrawn."""
        return self.filter(annulled_at=None).exclude(stage__in=VOID_STAGES)

    def owned_by(self, user: "User") -> Self:
        return self.filter(owner=user)

    def without_next_step(self) -> Self:
        """Keep the open journeys with neither a task nor a meeting to come, and that are not put aside until a day."""
        return self.open().filter(~(Q(_steps()) | _meetings()), snoozed_until=None)

    def with_next_step(self, *, due_before: datetime | None = None) -> Self:
        """Keep the open journeys with a next step; with `due_before`, those whose next step is due before then."""
        if due_before is None:
            return self.open().filter(Q(_steps()) | _meetings())
        return self.open().filter(Q(_steps(due_at__lt=due_before)) | _meetings(due__lt=due_before))

    def search(self, text: str, *, reader: "User | None" = None) -> Self:
        """Keep the journeys whose people, company or number the text names, by the beginnings of words, folded.

        A phone is found by any part of it, in any notation; for a `reader` who reads applications, so are the words
        of the message. Where nothing is called so, a typing error in each word is allowed for. Each way of being
        named goes by an index of its own, so that search is as fast in a large database as in a small one.
        """
        text = text.replace("\x00", " ").strip()
        if not text:
            return self
        number = text.removeprefix("#")
        numbered = number.isascii() and number.isdigit() and len(number) < 19
        if numbered and number != text:  # “#41” means that journey and nothing else
            return self.filter(pk=int(number))
        journeys = self.model.objects.order_by()
        ways = [journeys.filter(external_id=text).values("pk")]
        if numbered:
            ways.append(journeys.filter(pk=int(number)).values("pk"))
        query = asked(text)
        if query is None:
            return self.filter(named(ways))
        messages = registry.applications if reader is not None and reader.role != Role.PARTNER else []
        ways += self._named(query, near=False)
        ways += [find(query.query())[:MOST_NAMED] for find in messages]
        return self.filter(named(ways, self._named(query, near=True)))

    def _named(self, query: Asked, *, near: bool) -> list[Any]:
        journeys = self.model.objects.order_by()
        ways = [
            journeys.filter(contact__in=people(query.query(near=near))),
            journeys.filter(company__in=firms(query.query(near=near))),
            *(
                journeys.filter(
                    contact__in=people(person.query(near=near)), company__in=firms(firm.query(near=near))
                )
                for person, firm in query.splits()
            ),
        ]
        return [way.values("pk") for way in ways]

    def with_sums(self, *names: str) -> Self:
        """Add sums over the ledger of each journey, by their names in `sums.SUMS`."""
        return self.annotate(**sums.of_journeys(names))

    def with_attempts(self) -> Self:
        """Add `contact_attempts`: how many outward contacts each took up to its first response."""
        return self.annotate(contact_attempts=attempts.of_journeys())

    def with_meetings(self) -> Self:
        """Fetch along the meeting that is each journey's next step: what `todo.next_meeting` then reads."""
        rows = [
            ArraySubquery(
                find()
                .order_by()
                .filter(journey=OuterRef("pk"))
                .values(row=JSONObject(called="called", due="due"))
            )
            for find in registry.appointments
        ]
        return self.annotate(**{f"meetings_{place}": found for place, found in enumerate(rows)})

    def with_parties(self) -> Self:
        """Fetch along what every list and page of journeys shows."""
        return self.select_related(
            "contact", "company", "owner__team", "offered_to", "source", "campaign", "service"
        )


def _steps(**narrower: Any) -> Exists:
    """Whether a journey has open tasks."""
    from .models import Task

    return Exists(Task.objects.order_by().open().filter(journey=OuterRef("pk"), **narrower))


def _meetings(**narrower: Any) -> Q:
    """Whether a journey has a meeting that is not over."""
    none = Q(pk__in=())
    found = (find().order_by().filter(journey=OuterRef("pk"), **narrower) for find in registry.appointments)
    return reduce(or_, (Q(Exists(meetings)) for meetings in found), none)


class EventQuerySet(_EventBase):
    def live(self, *, as_of: datetime | None = None) -> Self:
        """Keep the events that no annulment (known at `as_of`) has taken out, annulments themselves left out."""
        annulments: dict[str, Any] = {"annuls": OuterRef("pk")}
        events = self.filter(annuls=None)
        if as_of is not None:
            annulments["recorded_at__lte"] = as_of
            events = events.filter(recorded_at__lte=as_of)
        return events.filter(~Exists(self.model.objects.filter(**annulments)))

    def of_stages(self) -> Self:
        """Keep the events that changed a stage."""
        return self.filter(event__in=TARGETS)

    def in_order(self) -> Self:
        """Order as replay does: by business time, then by sequence number."""
        return self.order_by("journey_id", "occurred_at", "seq")


class TaskQuerySet(_TaskBase):
    def open(self) -> Self:
        return self.filter(state="open")

    def visible_to(self, user: "User") -> Self:
        """Keep what the user may see: the tasks of journeys they see, their own, and for leaders everyone's."""
        if not user.is_authenticated or not user.is_active or user.role == Role.PARTNER:
            return self.none()
        if user.leads_everyone:
            return self.valid()
        from .models import Journey

        seen = Journey.objects.visible_to(user).order_by().values("pk")
        return self.valid().filter(Q(assignee=user) | Q(created_by=user, journey=None) | Q(journey__in=seen))

    def valid(self) -> Self:
        """Leave out the tasks of journeys whose very application was undone."""
        return self.filter(Q(journey=None) | Q(journey__annulled_at=None))

    def with_people(self) -> Self:
        """Fetch along what every list of tasks shows."""
        return self.select_related("assignee", "journey__contact", "journey__company")
