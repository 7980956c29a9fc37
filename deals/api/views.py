"""Deals over REST. Stages change by moves of the journey; here drafts are written and money is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from deals.domain import contracts, links, proposals
from deals.forms import ContractPatchForm, ProposalDraftForm
from deals.models import Contract, Handoff, Instalment, Meeting, Payment, Proposal
from funnel import acts
from funnel.access import Permission
from funnel.acts import BadInput
from funnel.api.journeys import REFUSALS
from funnel.api.views import ReadResource, by_id
from funnel.forms import ActForm
from funnel.models import Journey, User
from funnel.stages import SALES, Answer, Happening, Role

from . import serializers as shapes


def seen_journey(user: User, key: int) -> Journey:
    """Return the journey where the caller sees it; else say that there is none."""
    journey = Journey.objects.visible_to(user).filter(pk=key).first()
    if journey is None:
        raise serializers.ValidationError({"journey": ["No such journey."]})
    return journey


def cleaned(form: type[ActForm], data: dict[str, Any], *, journey: Journey, actor: User) -> dict[str, Any]:
    """Return the form's cleaned values; raise BadInput with a field and a reason for each fault."""
    bound = form.from_json(data, journey=journey, actor=actor)
    if not bound.is_valid():
        raise BadInput(bound)
    return bound.cleaned_data


def body_of(request: Request, *besides: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the body into what a form takes and what the door itself takes."""
    if not isinstance(request.data, dict):
        raise serializers.ValidationError(["Send an object."])
    data = dict(request.data)
    return data, {name: data.pop(name) for name in besides if name in data}


def key_of(given: dict[str, Any]) -> int:
    """Return the journey's number out of a body."""
    field = serializers.IntegerField(min_value=1, max_value=shapes.LARGEST_KEY)
    if "journey" not in given:
        raise serializers.ValidationError({"journey": ["This field is required."]})
    if isinstance(given["journey"], bool):
        raise serializers.ValidationError({"journey": ["A valid integer is required."]})
    try:
        return int(field.run_validation(given["journey"]))
    except serializers.ValidationError as fault:
        raise serializers.ValidationError({"journey": fault.detail}) from None


class _OfJourneys(ReadResource):
    """Records of the journeys that the caller sees; nothing of ours is shown to partners."""

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        user = self.request.user
        if getattr(self, "swagger_fake_view", False) or user.role == Role.PARTNER:
            return queryset.none()
        return queryset.filter(journey__in=Journey.objects.visible_to(user))

    def fresh(self, pk: int, status: int = 200) -> Response:
        """Answer with a record as it stands now."""
        record = super().get_queryset().get(pk=pk)
        return Response(self.get_serializer(record).data, status=status)


class _Linked(_OfJourneys):
    """Papers that the client opens by a link, which salespeople and leaders revoke and replace."""

    @action(detail=True, methods=["post"], url_path="revoke-link")
    def revoke_link(self, request: Request, pk: str) -> Response:
        """Close the client's link; sending a version makes another."""
        return self.fresh(links.revoke(paper=self._paper(request), at=timezone.now()).pk)

    @action(detail=True, methods=["post"], url_path="replace-link")
    def replace_link(self, request: Request, pk: str) -> Response:
        """Close the client's link and make a new one."""
        paper = self._paper(request)
        return self.fresh(links.replace(paper=paper, actor=request.user, at=timezone.now()).pk)

    def _paper(self, request: Request) -> links.Paper:
        if request.user.role not in SALES:
            raise PermissionDenied
        found: links.Paper = self.get_object()
        return found


class AnswerFilter(filters.FilterSet):
    answer = filters.ChoiceFilter(choices=Answer.choices, method="filter_answer")

    def filter_answer(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep those of which a version was answered so."""
        return queryset.filter(pk__in=queryset.model.objects.filter(versions__answer=value).values("pk"))


class ProposalFilter(AnswerFilter):
    journey = by_id("journey")

    class Meta:
        model = Proposal
        fields = ()


class ContractFilter(AnswerFilter):
    journey = by_id("journey")

    class Meta:
        model = Contract
        fields = ("signed_on",)


class HandoffFilter(filters.FilterSet):
    journey = by_id("journey")
    offered_to = filters.CharFilter(field_name="offered_to__username")
    waiting = filters.BooleanFilter(method="filter_waiting")

    class Meta:
        model = Handoff
        fields = ("decision", "reason")

    def filter_waiting(self, queryset: QuerySet[Handoff], name: str, value: bool) -> QuerySet[Handoff]:
        waiting = Handoff.objects.waiting().values("pk")
        return queryset.filter(pk__in=waiting) if value else queryset.exclude(pk__in=waiting)


class HandoffViewSet(_OfJourneys):
    """Offers to sales. Decide on one by the moves `accept` and `reject` of its journey."""

    serializer_class = shapes.HandoffSerializer
    filterset_class = HandoffFilter
    ordering = ("-offered_at", "-id")
    ordering_fields = ("offered_at", "due_at", "id")
    queryset = Handoff.objects.with_words().select_related(
        "offered_by", "offered_to", "decided_by", "brief_version"
    )


class MeetingFilter(filters.FilterSet):
    journey = by_id("journey")
    starts_after = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="gte")
    starts_before = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="lt")
    specialist = filters.CharFilter(field_name="specialist__username")

    class Meta:
        model = Meeting
        fields = ("state", "outcome")


class MeetingViewSet(_OfJourneys):
    """Demos. They come and go by the moves of their journey: `schedule_demo`, `cancel_demo`, `miss_demo`, `hold_demo`."""

    serializer_class = shapes.MeetingSerializer
    filterset_class = MeetingFilter
    ordering = ("-starts_at", "-id")
    ordering_fields = ("starts_at", "id")
    queryset = Meeting.objects.select_related("specialist", "organiser")


class ProposalViewSet(_Linked):
    """Proposals: write a draft here, send it by the move `send_proposal` of its journey."""

    serializer_class = shapes.ProposalSerializer
    filterset_class = ProposalFilter
    ordering_fields = ("created_at", "id")
    permission = Permission.WRITE_PROPOSALS
    http_method_names = ("get", "post", "patch", "head", "options")
    queryset = Proposal.objects.select_related("journey").prefetch_related("versions__lines")

    @extend_schema(request=shapes.ProposalInput, responses={201: shapes.ProposalSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Write the draft of a journey's proposal: the first version, or the next after one that was sent."""
        data, given = body_of(request, "journey")
        journey = seen_journey(request.user, key_of(given))
        return self._save(request, journey, data, status=201)

    @extend_schema(request=shapes.ProposalPatch, responses={200: shapes.ProposalSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the draft; what is left out stays. After a sent version this starts the next one as its copy."""
        journey = seen_journey(request.user, self.get_object().journey_id)
        return self._save(request, journey, body_of(request)[0])

    def _save(self, request: Request, journey: Journey, data: dict[str, Any], status: int = 200) -> Response:
        given = cleaned(ProposalDraftForm, data, journey=journey, actor=request.user)
        draft = proposals.save_draft(
            journey_id=journey.pk,
            actor=request.user,
            at=timezone.now(),
            lines=given["lines"] if "lines" in data else None,
            valid_until=given["valid_until"],
            keep_valid_until="valid_until" not in data,
            note=given["note"] if "note" in data else None,
            discount=(given["discount"] or Decimal(0)) if "discount" in data else None,
            expected_revision=given["revision"],
        )
        return self.fresh(draft.proposal_id, status)


class ContractViewSet(_Linked):
    """Contracts: write a draft here, send it by the move `send_contract` of its journey."""

    serializer_class = shapes.ContractSerializer
    filterset_class = ContractFilter
    ordering_fields = ("created_at", "id")
    permission = Permission.WRITE_CONTRACTS
    http_method_names = ("get", "post", "patch", "head", "options")
    queryset = Contract.objects.select_related("lawyer", "journey").prefetch_related(
        "versions__offer__lines",
        Prefetch("instalments", Instalment.objects.with_paid()),
        "journey__legal_issues__raised_by",
    )

    @extend_schema(request=shapes.ContractInput, responses={201: shapes.ContractSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Write the draft of a journey's contract: the first version, or the next after one that was sent."""
        data, given = body_of(request, "journey")
        journey = seen_journey(request.user, key_of(given))
        return self._save(request, journey, data, status=201)

    @extend_schema(request=shapes.ContractPatch, responses={200: shapes.ContractSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the draft or the lawyer; what is left out stays."""
        journey = seen_journey(request.user, self.get_object().journey_id)
        return self._save(request, journey, body_of(request)[0])

    def _save(self, request: Request, journey: Journey, data: dict[str, Any], status: int = 200) -> Response:
        given = cleaned(ContractPatchForm, data, journey=journey, actor=request.user)
        contract_id = contracts.revise(
            journey_id=journey.pk,
            actor=request.user,
            at=timezone.now(),
            terms=given["terms"] if "terms" in data else None,
            amount=given["amount"],
            lawyer=given["lawyer"],
            keep_lawyer="lawyer" not in data,
        ).pk
        return self.fresh(contract_id, status)


class PaymentFilter(filters.FilterSet):
    journey = by_id("journey")
    instalment = by_id("instalment")
    paid_after = filters.DateFilter(field_name="paid_on", lookup_expr="gte")
    paid_before = filters.DateFilter(field_name="paid_on", lookup_expr="lt")

    class Meta:
        model = Payment
        fields = ("kind", "method")


class PaymentViewSet(_OfJourneys):
    """Payments and refunds. Posting one records the fact `payment_received`; refunds are facts of the journey."""

    serializer_class = shapes.PaymentSerializer
    filterset_class = PaymentFilter
    ordering_fields = ("paid_on", "id")
    permission = Permission.SEE_MONEY
    http_method_names = ("get", "post", "head", "options")
    queryset = Payment.objects.select_related("event")

    @extend_schema(request=shapes.PaymentInput, responses={201: shapes.PaymentSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Record money that came in on a journey."""
        data, given = body_of(request, "journey", "occurred_at")
        journey = seen_journey(request.user, key_of(given))
        at = None
        if given.get("occurred_at") is not None:
            try:
                at = serializers.DateTimeField().run_validation(given["occurred_at"])
            except serializers.ValidationError as fault:
                raise serializers.ValidationError({"occurred_at": fault.detail}) from None
            if at > timezone.now():
                raise serializers.ValidationError({"occurred_at": ["It lies in the future."]})
        outcome = acts.run(
            name=Happening.PAYMENT_RECEIVED, journeys=[journey.pk], actor=request.user, inputs=data, at=at
        )
        payment = Payment.objects.filter(event__in=outcome.events).first()
        if payment is None:
            raise Http404
        return self.fresh(payment.pk, 201)
