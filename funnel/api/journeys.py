"""Journeys over REST: read, move, record facts, annul; and the ledger as a feed."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import access, acts, machine
from funnel.access import Permission
from funnel.annulment import annul
from funnel.forms import json_schema
from funnel.models import Campaign, Event, Journey, Service, Source, User
from funnel.queries import JourneyQuerySet
from funnel.stages import FACTS, MOVES, Happening, Stage
from funnel.timeline import concerning

from .auth import HasScope
from .errors import refusal_body
from .feed import FeedPage
from .pagination import KeysetPagination
from .serializers import (
    ActRequest,
    ActResponse,
    AnnulRequest,
    AnnulResponse,
    BulkRequest,
    BulkResponse,
    EventSerializer,
    FeedResponse,
    JourneySerializer,
    MoveItem,
    Problem,
    RefusalProblem,
    WarningSerializer,
)
from .views import EditResource, ResourceMixin, told

REFUSALS = {400: Problem, 403: Problem, 404: Problem, 409: RefusalProblem, 422: Problem}
NAME = OpenApiParameter(
    "name", str, OpenApiParameter.PATH, enum=sorted(MOVES), description="A move of the table"
)


class JourneyFilter(filters.FilterSet):
    """`?stage=new&stage=contacted&owner=ann&created_after=…&search=…`"""

    inside = frozenset({"owner", "source", "campaign", "service"})
    stage = filters.MultipleChoiceFilter(choices=Stage.choices)
    kind = filters.ChoiceFilter(choices=Journey.Kind.choices)
    owner = filters.ModelChoiceFilter(queryset=User.objects.all(), to_field_name="username")
    source = filters.ModelChoiceFilter(queryset=Source.objects.all(), to_field_name="key")
    campaign = filters.ModelChoiceFilter(queryset=Campaign.objects.all(), to_field_name="key")
    service = filters.ModelChoiceFilter(queryset=Service.objects.all(), to_field_name="key")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    open = filters.BooleanFilter(method="filter_open")
    search = filters.CharFilter(method="filter_search")

    class Meta:
        model = Journey
        fields = ("external_id",)

    def filter_open(self, queryset: JourneyQuerySet, name: str, value: bool) -> JourneyQuerySet:
        return queryset.open() if value else queryset.closed()

    def filter_search(self, queryset: JourneyQuerySet, name: str, value: str) -> JourneyQuerySet:
        return queryset.search(value, reader=self.request.user)


class LedgerPages(KeysetPagination):
    """A journey's events in the order of replay; most ledgers fit on one page."""

    page_size = 200
    key = "seq"

    def names_of(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("occurred_at",)


class JourneyViewSet(EditResource):
    """Journeys visible to the caller. Stages change only by moves; of the snapshot `amount` and `expected_on` may be edited."""

    serializer_class = JourneySerializer
    filterset_class = JourneyFilter
    change_permission = Permission.EDIT_JOURNEYS
    http_method_names = ("get", "post", "patch", "head", "options")
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at", "stage_since", "id")
    queryset = Journey.objects.all()

    def get_queryset(self) -> QuerySet[Journey]:
        if getattr(self, "swagger_fake_view", False):
            return Journey.objects.none()
        return (
            Journey.objects.visible_to(self.request.user).with_parties().with_sums("credit").with_attempts()
        )

    @property
    def change_open(self) -> bool:
        return self.action in {"move", "fact", "annul_event", "bulk_move"}

    def get_permissions(self) -> list[Any]:
        # Whether a role may act is the table's to say (409 with the reason), so only the scope is asked here.
        return [HasScope()] if self.change_open else super().get_permissions()

    def _find(self) -> int:
        """Return the key of the journey in the path where the caller sees it: one query."""
        found = (
            Journey.objects.visible_to(self.request.user)
            .filter(pk=self.kwargs["pk"])
            .values_list("pk", flat=True)
        )
        key = found.first()
        if key is None:
            raise Http404
        return key

    @extend_schema(responses={200: MoveItem(many=True), 404: Problem}, filters=False)
    @action(
        detail=True,
        methods=["get"],
        url_path="moves",
        pagination_class=None,
        serializer_class=MoveItem,
        ordering_fields=(),
    )
    def moves(self, request: Request, pk: str) -> Response:
        """Tell of every move whether it is open to the caller, and where it is not, why; and what it asks."""
        journey = self.get_object()
        items = [_move_item(journey, name, request.user) for name in MOVES]
        return Response(self.get_serializer(items, many=True).data)

    @extend_schema(request=ActRequest, responses={200: ActResponse, **REFUSALS}, parameters=[NAME])
    @action(detail=True, methods=["post"], url_path=r"moves/(?P<name>[a-z_]+)")
    def move(self, request: Request, pk: str, name: str) -> Response:
        """Take the journey through a move."""
        if name not in MOVES:
            raise Http404
        return self._act(request, name)

    @extend_schema(
        request=ActRequest,
        responses={200: ActResponse, **REFUSALS},
        parameters=[OpenApiParameter("event", str, OpenApiParameter.PATH, enum=sorted(FACTS))],
    )
    @action(detail=True, methods=["post"], url_path=r"facts/(?P<event>[a-z_]+)")
    def fact(self, request: Request, pk: str, event: str) -> Response:
        """Record a fact, which changes no stage: a payment, a note, another owner …"""
        if event not in FACTS:
            raise Http404
        return self._act(request, event)

    def _act(self, request: Request, name: str) -> Response:
        key = self._find()
        envelope = ActRequest(data=request.data)
        envelope.is_valid(raise_exception=True)
        given = envelope.validated_data
        outcome = acts.run(
            name=name,
            journeys=[key],
            actor=request.user,
            inputs=given["inputs"],
            at=_past(given.get("occurred_at")),
            expected_seq=given.get("expected_seq"),
        )
        journey = Journey.objects.with_parties().with_sums("credit").with_attempts().get(pk=key)
        wanted = {arc.event for arc in MOVES[name].arcs} if name in MOVES else {name}
        made = [event for event in outcome.events if event.event in wanted] or outcome.events
        event = made[-1] if made else None
        context = self.get_serializer_context()
        return Response(
            {
                "journey": JourneySerializer(journey, context=context).data,
                "event": EventSerializer(_with_cuts(event, journey), context=context).data if event else None,
                "warnings": WarningSerializer(outcome.warnings, many=True).data,
            }
        )

    @extend_schema(request=AnnulRequest, responses={200: AnnulResponse, **REFUSALS})
    @action(detail=True, methods=["post"], url_path="annul")
    def annul_event(self, request: Request, pk: str) -> Response:
        """Annul an event of the journey, alone or together with those that rest on it."""
        key = self._find()
        envelope = AnnulRequest(data=request.data)
        envelope.is_valid(raise_exception=True)
        given = envelope.validated_data
        wanted = {given["event"], *given.get("with_events", [])}
        if Event.objects.filter(pk__in=wanted, journey=key).count() != len(wanted):
            raise ValidationError({"event": ["No such event on this journey."]})
        events = annul(events=wanted, actor=request.user, at=timezone.now(), comment=given.get("comment", ""))
        context = self.get_serializer_context()
        journey = Journey.objects.with_parties().with_sums("credit").with_attempts().get(pk=key)
        return Response(
            {
                "journey": None if journey.annulled_at else JourneySerializer(journey, context=context).data,
                "events": EventSerializer(
                    [_with_cuts(event, journey) for event in events], many=True, context=context
                ).data,
            }
        )

    @extend_schema(
        operation_id="journeys_moves_bulk",
        request=BulkRequest,
        responses={200: BulkResponse, **REFUSALS},
        parameters=[NAME],
    )
    @action(detail=False, methods=["post"], url_path=r"moves/(?P<name>[a-z_]+)")
    def bulk_move(self, request: Request, name: str) -> Response:
        """Take many journeys through one move: all or none, or each that can, with the refusals by id."""
        if name not in MOVES or name == "capture":
            raise Http404
        envelope = BulkRequest(data=request.data)
        envelope.is_valid(raise_exception=True)
        given = envelope.validated_data
        wanted = set(given["journeys"])
        seen = set(
            Journey.objects.visible_to(request.user).filter(pk__in=wanted).values_list("pk", flat=True)
        )
        unknown = [
            {"id": key, "reason": "unknown", "missing": [], "detail": "No such journey, or not for you."}
            for key in sorted(wanted - seen)
        ]
        if unknown and given["mode"] == "all":
            raise ValidationError({"journeys": [f"No such journey: {item['id']}." for item in unknown]})
        outcome = acts.run(
            name=name,
            journeys=sorted(seen),
            actor=request.user,
            inputs=given["inputs"],
            at=_past(given.get("occurred_at")),
            mode=given["mode"],
        )
        refused = [{"id": key, **refusal_body(refusal)} for key, refusal in outcome.refusals.items()]
        return Response(
            {"moved": [journey.pk for journey in outcome.journeys], "refusals": unknown + refused}
        )

    @extend_schema(
        responses=EventSerializer(many=True),
        filters=False,
        parameters=[
            OpenApiParameter("annulled", OpenApiTypes.BOOL, description="Leave out what was annulled: false")
        ],
    )
    @action(
        detail=True,
        methods=["get"],
        url_path="events",
        serializer_class=EventSerializer,
        filterset_class=None,
        pagination_class=LedgerPages,
        filter_backends=(),
        ordering_fields=(),
        parameters=("annulled",),
    )
    def events(self, request: Request, pk: str) -> Response:
        """Return the journey's ledger in the order of replay, annulled events and annulments included."""
        events = concerning(request.user, Event.objects.filter(journey=self._find()))
        if not told(request, "annulled", True):
            events = events.live()
        page = self.paginate_queryset(_related(events))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _related(events: Any) -> Any:
    return events.select_related("actor", "source", "campaign", "service", "owner", "team")


def _with_cuts(event: Event, journey: Journey) -> Event:
    """Give a fresh event the related records that its journey has loaded, so that showing it costs no query."""
    event.source, event.campaign, event.service = journey.source, journey.campaign, journey.service
    if event.owner_id == journey.owner_id:
        event.owner = journey.owner
        if journey.owner and event.team_id == journey.owner.team_id:
            event.team = journey.owner.team
    return event


def _past(at: Any) -> Any:
    if at is not None and at > timezone.now():
        raise ValidationError({"occurred_at": ["It lies in the future."]})
    return at


def _move_item(journey: Journey, name: str, user: User) -> dict[str, Any]:
    move = MOVES[name]
    refusal = machine.closed_by(journey, name, user) or machine.lacking([journey], name).get(journey.pk)
    act = acts.ACTS.get(name)
    # what a move asks names colleagues, partners and campaigns: to outsiders only of moves that are theirs
    asked = access.may(user, Permission.SEE_WORKSPACE) or any(user.role in arc.roles for arc in move.arcs)
    return {
        "name": name,
        "label": str(move.label),
        "open": refusal is None,
        "reason": refusal.reason if refusal else None,
        "missing": list(refusal.missing) if refusal else [],
        "detail": refusal.detail if refusal else "",
        "asks": json_schema(act.form(journey=journey, actor=user)) if asked and act else {"type": "object"},
    }


class EventFeed(ResourceMixin, GenericAPIView[Any]):
    """`GET /events/?after=CURSOR`: every event the caller may see, in an order that never misses one.

    Follow `next` until it repeats your cursor; keep it, and come back later.
    """

    serializer_class = EventSerializer
    filter_backends = ()
    ordering_fields = ()
    parameters = ("after", "event")
    pagination_class = None
    queryset = Event.objects.none()

    @extend_schema(
        responses={200: FeedResponse, 400: Problem},
        parameters=[
            OpenApiParameter(
                "after", str, description="`cursor` of the page before; empty from the beginning"
            ),
            OpenApiParameter("event", str, enum=Happening.values, description="Only events of this kind"),
            OpenApiParameter("page_size", int, description="At most 200"),
        ],
    )
    def get(self, request: Request) -> Response:
        page = FeedPage.of(request)
        events = _related(page.events())
        body = {
            "results": self.get_serializer(events, many=True).data,
            "cursor": page.cursor_after(events),
            "next": page.link_after(events),
            "previous": None,
        }
        return Response(body)
