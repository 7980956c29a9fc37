"""Tasks over REST: listed and read with their journeys; made, changed, put off, completed, cancelled and undone."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from funnel import recurrence, todo_acts
from funnel.access import Permission
from funnel.models import Journey, Organisation, Task
from funnel.todo import colleagues

from .serializers import KeyField, Model, Problem
from .views import WholeResource, by_id

LARGEST = 2**31 - 1


class TaskSerializer(Model[Task]):
    """A task. `due_at` is the moment from which it is late; with `all_day` any moment of the day will do.

    With `version` a change is refused (409) where somebody has changed the task since.
    """

    journey = serializers.PrimaryKeyRelatedField[Journey](
        queryset=Journey.objects.none(), required=False, allow_null=True
    )
    title = serializers.CharField(max_length=200)
    details = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    assignee = KeyField("username", queryset=colleagues(), required=False)
    created_by = KeyField("username", read_only=True, allow_null=True)
    closed_by = KeyField("username", read_only=True, allow_null=True)
    version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)

    class Meta:
        model = Task
        fields = (
            "id",
            "journey",
            "title",
            "details",
            "kind",
            "assignee",
            "due_at",
            "all_day",
            "repeat",
            "state",
            "put_off",
            "planned_at",
            "follows",
            "closed_at",
            "closed_by",
            "cancelled_by_event",
            "created_at",
            "created_by",
            "version",
        )
        read_only_fields = (
            "state",
            "put_off",
            "planned_at",
            "follows",
            "closed_at",
            "cancelled_by_event",
            "created_at",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = self.context.get("request")
        field = self.fields.get("journey")
        if request is not None and field is not None and request.user.is_authenticated:
            field.queryset = Journey.objects.visible_to(request.user)

    def validate_due_at(self, due_at: Any) -> Any:
        if not recurrence.YEARS[0] < due_at.year < recurrence.YEARS[1]:
            raise serializers.ValidationError(_("Choose a day of this century."))
        return due_at

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        task = self.instance
        if task is not None and attrs.get("journey", task.journey) != task.journey:
            raise serializers.ValidationError({"journey": _("A task stays with its journey; make another.")})
        all_day = attrs.get("all_day", task.all_day if task else False)
        assignee = attrs.get("assignee") or (task.assignee if task else self.context["request"].user)
        if all_day and {"due_at", "all_day"} & attrs.keys():
            due_at = attrs.get("due_at") or task.due_at
            zone = recurrence.zone_of(assignee, Organisation.current())
            attrs["due_at"] = recurrence.due(due_at.astimezone(zone).date(), None, zone)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Task:
        user = self.context["request"].user
        validated_data.pop("version", None)
        given = {"assignee": user, "all_day": False} | validated_data
        return todo_acts.create(actor=user, at=timezone.now(), **given)

    def update(self, instance: Task, validated_data: dict[str, Any]) -> Task:
        validated_data.pop("journey", None)
        user = self.context["request"].user
        return todo_acts.change(task=instance.pk, actor=user, at=timezone.now(), **validated_data)


class TaskFilter(filters.FilterSet):
    """`?assignee=USERNAME&state=open&due_before=…`; `overdue=true` are the open ones that are late."""

    assignee = filters.CharFilter(field_name="assignee__username")
    due_before = filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")
    due_after = filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="gte")
    journey = by_id("journey")
    overdue = filters.BooleanFilter(method="late")

    class Meta:
        model = Task
        fields = ("state", "kind")

    def late(self, tasks: QuerySet[Task], _name: str, wanted: bool) -> QuerySet[Task]:
        late = tasks.filter(state=Task.State.OPEN, due_at__lt=timezone.now())
        return late if wanted else tasks.exclude(pk__in=late.order_by().values("pk"))


class VersionRequest(serializers.Serializer[Any]):
    """Which state of the task was acted on; left out, whatever it is now."""

    version = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


class UndoRequest(serializers.Serializer[Any]):
    """The version that the change to be undone led to."""

    version = serializers.IntegerField(min_value=1, max_value=LARGEST)


class PutOffRequest(VersionRequest):
    """Until when."""

    until = serializers.DateTimeField()
    all_day = serializers.BooleanField(default=False)

    def validate_until(self, until: Any) -> Any:
        if not recurrence.YEARS[0] < until.year < recurrence.YEARS[1]:
            raise serializers.ValidationError(_("Choose a day of this century."))
        return until


_ANSWERS = {200: TaskSerializer, 400: Problem, 404: Problem, 409: Problem}


class TaskViewSet(WholeResource):
    """Tasks of the journeys that the caller sees, and their own. The open one due first is a journey's next step."""

    permission = Permission.SEE_WORKSPACE
    serializer_class = TaskSerializer
    filterset_class = TaskFilter
    ordering = ("due_at",)
    ordering_fields = ("due_at", "created_at", "id")
    queryset = Task.objects.none()

    def get_queryset(self) -> QuerySet[Task]:
        if getattr(self, "swagger_fake_view", False):
            return Task.objects.none()
        tasks: QuerySet[Task] = Task.objects.visible_to(self.request.user).select_related(
            "assignee", "created_by", "closed_by"
        )
        return tasks

    @extend_schema(request=VersionRequest, responses=_ANSWERS, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def complete(self, request: Request, pk: str) -> Response:
        """Get it done; a repeated one makes its next occurrence."""
        return self._do(todo_acts.complete, VersionRequest)

    @extend_schema(request=VersionRequest, responses=_ANSWERS, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Let it be; a repeated one does not come again."""
        return self._do(todo_acts.cancel, VersionRequest)

    @extend_schema(request=VersionRequest, responses=_ANSWERS, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def reopen(self, request: Request, pk: str) -> Response:
        """Open it again, as it was."""
        return self._do(todo_acts.reopen, VersionRequest)

    @extend_schema(request=PutOffRequest, responses=_ANSWERS, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None, url_path="put-off", url_name="put-off")
    def put_off(self, request: Request, pk: str) -> Response:
        """Make it due later."""
        return self._do(todo_acts.put_off, PutOffRequest)

    @extend_schema(request=UndoRequest, responses=_ANSWERS, filters=False)
    @action(detail=True, methods=["post"], filterset_class=None)
    def undo(self, request: Request, pk: str) -> Response:
        """Take back its latest change."""
        return self._do(todo_acts.undo, UndoRequest)

    def _do(self, act: Callable[..., Task], asks: type[serializers.Serializer[Any]]) -> Response:
        task = self.get_object()
        form = asks(data=self.request.data)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        if "until" in given and given["all_day"]:
            zone = recurrence.zone_of(task.assignee, Organisation.current())
            given["until"] = recurrence.due(given["until"].astimezone(zone).date(), None, zone)
        done = act(task=task.pk, actor=self.request.user, at=timezone.now(), **given)
        return Response(self.get_serializer(done).data)
