"""The kernel's other resources: parties, catalogue, people, activities."""

from typing import Any

from django.core.exceptions import ValidationError as Fault
from django.db import transaction
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import PermissionDenied, ValidationError

from funnel import people
from funnel.access import Permission
from funnel.models import Activity, Campaign, Journey, Reason, Service, Source, Team, User
from funnel.subjects import CATALOGUES, PERSON, TEAM

from .auth import HasScope
from .serializers import (
    ActivitySerializer,
    CampaignSerializer,
    ReasonSerializer,
    ServiceSerializer,
    SourceSerializer,
    TeamSerializer,
    UserSerializer,
)
from .views import ReadResource, by_id
from .watched import WatchedResource


class ActivityFilter(filters.FilterSet):
    journey = by_id("journey")

    class Meta:
        model = Activity
        fields = ("kind", "direction", "outcome")


class ActivityViewSet(ReadResource):
    """Logged calls, messages, e-mails and meetings; logged by the fact `activity_logged` of a journey."""

    permission = Permission.SEE_WORKSPACE
    serializer_class = ActivitySerializer
    queryset = Activity.objects.select_related("actor")
    filterset_class = ActivityFilter

    def get_queryset(self) -> QuerySet[Activity]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.filter(journey__in=Journey.objects.visible_to(self.request.user))


class _Catalogue(WatchedResource):
    """What journeys are sorted by; everyone inside reads it, few change it."""

    permission = Permission.SEE_WORKSPACE
    change_permission = Permission.MANAGE_CATALOGUE
    filterset_fields: tuple[str, ...] = ("key", "active")


class SourceViewSet(_Catalogue):
    subject = CATALOGUES["sources"]
    serializer_class = SourceSerializer
    queryset = Source.objects.all()


class ServiceViewSet(_Catalogue):
    subject = CATALOGUES["services"]
    serializer_class = ServiceSerializer
    queryset = Service.objects.all()


class CampaignViewSet(_Catalogue):
    subject = CATALOGUES["campaigns"]
    serializer_class = CampaignSerializer
    queryset = Campaign.objects.select_related("source")


class ReasonViewSet(_Catalogue):
    subject = CATALOGUES["reasons"]
    serializer_class = ReasonSerializer
    queryset = Reason.objects.all()
    filterset_fields = ("kind", "key", "active")


class TeamViewSet(WatchedResource):
    subject = TEAM
    permission = Permission.SEE_WORKSPACE
    change_permission = Permission.MANAGE_USERS
    serializer_class = TeamSerializer
    queryset = Team.objects.all()


class UserViewSet(WatchedResource):
    """Colleagues. Only an administrator creates and changes them, and a token needs the scope admin for it."""

    permission = Permission.SEE_WORKSPACE
    change_permission = Permission.MANAGE_USERS
    write_scopes = frozenset({"admin"})
    subject = PERSON
    serializer_class = UserSerializer
    queryset = User.objects.select_related("team")
    filterset_fields = ("username", "role", "is_active")

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), HasScope()]

    def perform_update(self, serializer: Any) -> None:
        own = serializer.instance.pk == self.request.user.pk
        if own and serializer.validated_data.get("is_active") is False:
            raise PermissionDenied
        changed = {name: value for name, value in serializer.validated_data.items() if name != "password"}
        person = serializer.instance
        with transaction.atomic():
            before = PERSON.values_of(PERSON.locked(str(person.pk)))
            try:
                people.change_user(actor=self.request.user, user=User.objects.get(pk=person.pk), **changed)
            except Fault as fault:
                raise ValidationError(getattr(fault, "message_dict", fault.messages)) from None
            saved = serializer.save()
            self.keep(saved, before=before, after=PERSON.values_of(saved))
