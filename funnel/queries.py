"""Questions about journeys and events, readable as business."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.functions import Reverse

from .access import visible_journeys
from .stages import CLOSED_STAGES, OPEN_STAGES, TARGETS, VOID_STAGES, Role
from .words import PartyWords, query_of

if TYPE_CHECKING:
    from .models import Event, Journey, Task, User  # noqa: F401  the names that the generics below take

    _JourneyBase = QuerySet["Journey"]
    _EventBase = QuerySet["Event"]
    _TaskBase = QuerySet["Task"]
else:
    _JourneyBase = _EventBase = _TaskBase = QuerySet


PHONE_DIGITS = 5
"""As many digits make a search a search for a phone."""


class Among(Func):
    """Whether a value is among those of an array."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


MOST_NAMED = 2000
"""Search looks at so many people and companies that fit, the newest; who finds more types another letter."""


def _newest(parties: QuerySet[Any]) -> QuerySet[Any]:
    return parties.order_by("-pk").values("pk")[:MOST_NAMED]


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
        """Keep the open journeys that nobody has anything to do on, and that are not put aside until a day."""
        return self.open().filter(~_steps(), snoozed_until=None)

    def with_next_step(self, *, due_before: datetime | None = None) -> Self:
        """Keep the open journeys with a next step; with `due_before`, those whose next step is due before then."""
        return self.open().filter(_steps(**({"due_at__lt": due_before} if due_before else {})))

    def search(self, text: str) -> Self:
        """Keep the journeys whose people, company or number the text names, by the beginnings of words.

        A phone is found by its end, in any notation. Each way of being named goes by an index of its own, so that
        search is as fast in a large database as in a small one.
        """
        text = text.replace("\x00", " ").strip()
        if not text:
            return self
        # An array is worked out first, and once; a plain IN would be joined last, after every row of the list.
        return self.filter(Among(F("pk"), ArraySubquery(self._named(text))))

    def _named(self, text: str) -> Any:
        from .models import Company, Contact

        journeys = self.model.objects.order_by()
        ways = [journeys.filter(external_id=text)]
        number = text.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 19:
            ways.append(journeys.filter(pk=int(number)))
            if number != text:  # “#41” means that journey and nothing else
                return ways[-1].values("pk")
        if (query := query_of(text)) is not None:
            people = Contact.objects.alias(words=PartyWords("name", "email")).filter(words=query)
            firms = Company.objects.alias(words=PartyWords("name")).filter(words=query)
            ways.append(journeys.filter(contact__in=_newest(people)))
            ways.append(journeys.filter(company__in=_newest(firms)))
        digits = re.sub(r"\D", "", text).lstrip("0")
        if len(digits) >= PHONE_DIGITS:
            lines = Contact.objects.alias(end=Reverse("phone")).filter(end__startswith=digits[::-1])
            ways.append(journeys.filter(contact__in=_newest(lines)))
        first, *others = (way.values("pk") for way in ways)
        return first.union(*others) if others else first

    def with_parties(self) -> Self:
        """Fetch along what every list and page of journeys shows."""
        return self.select_related(
            "contact", "company", "owner__team", "offered_to", "source", "campaign", "service"
        )


def _steps(**narrower: Any) -> Exists:
    """Whether a journey has open tasks."""
    from .models import Task

    return Exists(Task.objects.order_by().open().filter(journey=OuterRef("pk"), **narrower))


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
