"""People and companies over REST: read, change, see what changed, find duplicates, merge and take it back."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import access, cleaning, merging, party_lists, party_page, phones
from funnel.access import Permission
from funnel.merging import CannotMerge
from funnel.models import Company, Contact, FieldChange
from funnel.parties import CUSTOM, REACHED_BY, ChangedMeanwhile, Party, edit_party, party_mark
from funnel.party_kinds import COMPANY, CONTACT, PartyKind, kind_of

from .custom import CustomValues
from .errors import problem
from .serializers import KeyField, Model, Problem, RefusalProblem
from .views import EditResource, by_id

REFUSALS = {400: Problem, 403: Problem, 404: Problem, 409: RefusalProblem}
SIDES = ("survivor", "loser")


class _PartySerializer(Model[Any]):
    mark = serializers.SerializerMethodField(
        help_text="Names the state that was read: sent along with a change, it refuses a stale one (409)."
    )

    credit = serializers.SerializerMethodField(
        help_text="What was paid beyond contracts and not paid back, on the journeys that the caller sees;"
        " null for who does not see money."
    )

    def get_mark(self, party: Party) -> str:
        return party_mark(party)

    @extend_schema_field(serializers.DecimalField(20, 2, allow_null=True))
    def get_credit(self, party: Party) -> str | None:
        """Read it for all that are answered with: one query."""
        reader = self.context["request"].user
        if not access.sees_amounts(reader):
            return None
        if "_credits" not in self.__dict__:
            shown = self.parent.instance if isinstance(self.parent, serializers.ListSerializer) else [party]
            keys = [one.pk for one in shown]
            self._credits = party_lists.sums_of(keys, kind_of(party), reader, "credit")
        return f"{self._credits.get(party.pk, {}).get('credit', 0):.2f}"

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        if isinstance(mark := data.get("mark", ""), str):
            values["mark"] = mark
        return values

    def update(self, instance: Party, validated_data: dict[str, Any]) -> Party:
        """Write through the one place that keeps what was there before."""
        mark = validated_data.pop("mark", "")
        own = validated_data.pop("custom", {})
        values = validated_data | {f"{CUSTOM}{key}": value for key, value in own.items()}
        if "company" in values:
            company = values.pop("company")
            values["company_id"] = company.pk if company else None
        actor = self.context["request"].user
        return edit_party(party=instance, actor=actor, values=values, mark=mark)


class CompanySerializer(_PartySerializer):
    custom = CustomValues("company", required=False)

    class Meta:
        model = Company
        fields = (
            "id",
            "name",
            "domain",
            "tax_id",
            "region",
            "custom",
            "merged_into",
            "created_at",
            "credit",
            "mark",
        )
        read_only_fields = ("merged_into", "created_at")

    def validate_domain(self, value: str) -> str:
        return value.lower()


class ContactSerializer(_PartySerializer):
    custom = CustomValues("contact", required=False)
    company = serializers.PrimaryKeyRelatedField(
        queryset=Company.objects.standing(), allow_null=True, required=False
    )

    phone_kind = serializers.SerializerMethodField(
        help_text="real; placeholder: compared with nobody's; impossible: kept as typed; blank without a phone."
    )

    class Meta:
        model = Contact
        fields = (
            "id",
            "external_id",
            "name",
            "email",
            "phone",
            "phone_kind",
            "company",
            "language",
            "region",
            "custom",
            "merged_into",
            "created_at",
            "credit",
            "mark",
        )
        read_only_fields = ("external_id", "merged_into", "created_at")

    @extend_schema_field(serializers.ChoiceField(choices=["", *phones.KINDS]))
    def get_phone_kind(self, contact: Contact) -> str:
        return phones.read(contact.phone).kind

    def validate_phone(self, value: str) -> str:
        return phones.phone(value, kept=self.instance.phone if isinstance(self.instance, Contact) else None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        contact = cast(Contact, self.instance)
        gone = not attrs.keys().isdisjoint(REACHED_BY) and not contact.external_id
        if gone and not any(attrs.get(name, getattr(contact, name)) for name in REACHED_BY):
            raise serializers.ValidationError(
                _("Leave at least a name, an e-mail address or a phone number.")
            )
        return attrs


class ChangeSerializer(Model[FieldChange]):
    """One field before and after; custom fields are named "custom.key"."""

    actor = KeyField("username", read_only=True, allow_null=True)

    class Meta:
        model = FieldChange
        fields = ("id", "field", "old", "new", "actor", "act", "at")
        read_only_fields = fields


class LookalikeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    why = serializers.ListField(child=serializers.CharField(), help_text="What speaks for it, in words")
    against = serializers.ListField(
        child=serializers.CharField(), help_text="What speaks against it, in words"
    )
    sure = serializers.IntegerField(min_value=1, max_value=99, help_text="How sure it is, in per cent")
    level = serializers.ChoiceField(choices=("certain", "probable", "possible"))


class ChoiceSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(source="name")
    survivor = serializers.JSONField(allow_null=True)
    loser = serializers.JSONField(allow_null=True)
    kept = serializers.SerializerMethodField(help_text="Whose value is kept unless told.")

    @extend_schema_field(serializers.ChoiceField(choices=SIDES))
    def get_kept(self, choice: merging.Choice) -> str:
        return "loser" if choice.loses else "survivor"


class PreviewSerializer(serializers.Serializer[Any]):
    """What a merge would do: where the two differ, and how many records would move."""

    survivor = serializers.IntegerField(source="survivor.pk")
    loser = serializers.IntegerField(source="loser.pk")
    choices = ChoiceSerializer(many=True)
    journeys = serializers.IntegerField()
    open_journeys = serializers.IntegerField()
    contacts = serializers.IntegerField()
    absorbed = serializers.IntegerField()


class MergeRequest(serializers.Serializer[Any]):
    survivor = serializers.IntegerField(min_value=1, max_value=2**62)
    keep = serializers.DictField(
        child=serializers.ChoiceField(choices=SIDES),
        required=False,
        help_text="Whose value is kept, by field; the survivor's by default, where it has one.",
    )


class PartyFilter(filters.FilterSet):
    """`?search=` by the beginnings of words; phones and companies too."""

    search = filters.CharFilter(method="filter_search")

    def filter_search(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.search(value)


class ContactFilter(PartyFilter):
    email = filters.CharFilter(method="filter_email")
    phone = filters.CharFilter(method="filter_phone")
    external_id = filters.CharFilter(method="filter_key")
    company = by_id("company")

    class Meta:
        model = Contact
        fields: tuple[str, ...] = ()

    def filter_key(self, queryset: Any, name: str, value: str) -> Any:
        """Find by the key of an import, also by that of somebody merged into the one it is now."""
        keyed = Contact.objects.filter(external_id=value).values_list("pk", "merged_into").first()
        return queryset.filter(pk=keyed[1] or keyed[0]) if keyed else queryset.none()

    def filter_email(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.reached_by("email", cleaning.address(value))

    def filter_phone(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.reached_by("phone", phones.read(value).text)


class CompanyFilter(PartyFilter):
    class Meta:
        model = Company
        fields = ("domain",)


def _refused(why: Exception, reason: str = "data") -> Response:
    words = str(why) or _("Somebody changed these details meanwhile.")
    return problem(
        status.HTTP_409_CONFLICT, "refused", words, reason=reason, missing=[], detail=words, current=None
    )


class _PartyViewSet(EditResource):
    """Those of the journeys that the caller sees. Lists leave out who is merged into another; one is still read."""

    permission = Permission.SEE_WORKSPACE
    http_method_names = ("get", "post", "patch", "head", "options")
    ordering_fields = ("id", "name", "created_at")
    kind: PartyKind

    @property
    def change_permission(self) -> Permission:
        return Permission.MERGE_PARTIES if self.action == "merge" else Permission.EDIT_JOURNEYS

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.kind.model._default_manager.none()
        if self.action == "list":
            return self.kind.visible_to(self.request.user)
        found: QuerySet[Any] = self.kind.model.objects.found_by(self.request.user)
        return found

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given; custom fields too. With the `mark` that was read, a stale change is refused."""
        try:
            with transaction.atomic():
                return super().partial_update(request, *args, **kwargs)
        except ChangedMeanwhile as why:
            return _refused(why, "stale")

    @extend_schema(responses={200: LookalikeSerializer(many=True), 404: Problem}, filters=False)
    @action(
        detail=True,
        methods=["get"],
        pagination_class=None,
        ordering_fields=(),
        serializer_class=LookalikeSerializer,
    )
    def duplicates(self, request: Request, pk: str) -> Response:
        """Return records that may be the same one, the surest first, with how sure it is and why."""
        found = party_page.lookalikes(self.get_object(), request.user)
        rows = [
            {
                "id": other.pk,
                "name": str(other),
                "why": like.reasons,
                "against": like.against,
                "sure": like.sure,
                "level": like.level,
            }
            for other, like in found
        ]
        return Response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses={200: ChangeSerializer(many=True), 404: Problem}, filters=False)
    @action(
        detail=True,
        methods=["get"],
        filter_backends=(),
        ordering_fields=(),
        serializer_class=ChangeSerializer,
    )
    def changes(self, request: Request, pk: str) -> Response:
        """List what was changed by hand, newest first."""
        rows = FieldChange.objects.filter(**{self.kind.slug: self.get_object()}).select_related("actor")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @action(
        detail=True,
        methods=["get", "post"],
        pagination_class=None,
        ordering_fields=(),
        parameters=("survivor",),
    )
    def merge(self, request: Request, pk: str) -> Response:
        """Show (GET) what merging this record into `survivor` would do, or do it (POST): the survivor is answered."""
        loser = self.get_object()
        given = MergeRequest(data=request.query_params if request.method == "GET" else request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        survivor = self.get_queryset().filter(pk=wanted["survivor"]).first()
        if survivor is None:
            raise serializers.ValidationError({"survivor": [_("There is no such record, or not for you.")]})
        actor = request.user
        try:
            if request.method == "GET":
                preview = merging.preview(survivor=survivor, loser=loser, actor=actor)
                return Response(self.sparse(PreviewSerializer(preview)).data)
            keep = wanted.get("keep", {})
            merging.merge(survivor=survivor, loser=loser, actor=actor, at=timezone.now(), keep=keep)
        except CannotMerge as why:
            return _refused(why)
        survivor.refresh_from_db()
        return Response(self.get_serializer(survivor).data)

    @action(detail=True, methods=["post"], pagination_class=None)
    def unmerge(self, request: Request, pk: str) -> Response:
        """Take back the merge of this record into another, exactly; 409 says what stands in the way."""
        loser = self.get_object()
        try:
            merging.unmerge(loser=loser, actor=request.user, at=timezone.now())
        except CannotMerge as why:
            return _refused(why)
        loser.refresh_from_db()
        return Response(self.get_serializer(loser).data)


def _documented(serializer: type[serializers.BaseSerializer[Any]]) -> Any:
    """Say in the schema what merging asks and answers."""
    answers = {200: serializer, **REFUSALS}
    survivor = OpenApiParameter("survivor", int, required=True, description="The record that would stay")
    return extend_schema_view(
        merge=[
            extend_schema(
                methods=["GET"],
                responses={200: PreviewSerializer, **REFUSALS},
                parameters=[survivor],
                filters=False,
            ),
            extend_schema(methods=["POST"], request=MergeRequest, responses=answers),
        ],
        unmerge=extend_schema(request=None, responses=answers),
    )


@_documented(ContactSerializer)
class ContactViewSet(_PartyViewSet):
    __doc__ = _PartyViewSet.__doc__
    serializer_class = ContactSerializer
    filterset_class = ContactFilter
    queryset = Contact.objects.all()
    kind = CONTACT


@_documented(CompanySerializer)
class CompanyViewSet(_PartyViewSet):
    __doc__ = _PartyViewSet.__doc__
    serializer_class = CompanySerializer
    filterset_class = CompanyFilter
    queryset = Company.objects.all()
    kind = COMPANY
