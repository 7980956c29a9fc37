"""How briefs and their templates look to programs."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from briefs import answers, templates
from briefs.models import BriefTemplate, BriefVersion, Question, Verdict
from briefs.queries import Sheet
from funnel import numbers
from funnel.api.serializers import KeyField
from funnel.models import Service


class QuestionSerializer(serializers.ModelSerializer[Question]):
    """A question; answers are kept under its key. `choices` belong to the kind choice."""

    key = serializers.RegexField(r"^[a-z][a-z0-9_]*\Z", max_length=50)
    choices = serializers.ListField(child=serializers.CharField(max_length=150), default=list, max_length=100)

    class Meta:
        model = Question
        fields = ("key", "label", "help", "kind", "choices", "required", "active")
        validators: Any = ()


class TemplateSerializer(serializers.ModelSerializer[BriefTemplate]):
    """What is asked for a service; `service` null is asked for every service without a template of its own."""

    service = KeyField(queryset=Service.objects.all(), allow_null=True, required=False, default=None)
    questions = QuestionSerializer(many=True)

    class Meta:
        model = BriefTemplate
        fields = ("id", "service", "version", "active", "questions", "created_at")
        read_only_fields = ("version", "active", "created_at")
        validators: Any = ()

    def create(self, validated_data: dict[str, Any]) -> BriefTemplate:
        try:
            return templates.save_template(**validated_data)
        except Invalid as fault:
            raise serializers.ValidationError({"questions": _by_row(fault)}) from fault

    def update(self, instance: BriefTemplate, validated_data: dict[str, Any]) -> BriefTemplate:
        if validated_data.get("service", instance.service) != instance.service:
            raise serializers.ValidationError({"service": ["A template stays with its service."]})
        if not instance.active:
            raise serializers.ValidationError({"questions": ["Change the active version of this template."]})
        if "questions" not in validated_data:
            return instance
        return self.create({"service": instance.service, "questions": validated_data["questions"]})


def _by_row(fault: Invalid) -> Any:
    """Turn faults coded "2.key" into what the problem document draws paths of."""
    found: dict[str, list[str]] = {}
    for error in fault.error_list:
        code = str(error.code or "")
        found.setdefault(code if code[:1].isdigit() else "non_field_errors", []).extend(error.messages)
    return found


class AnswersField(serializers.Field[Any, Any, Any, Any]):
    """Answers by the keys of the questions: text, numbers, dates as YYYY-MM-DD, booleans."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("Give an object of answers by key.")
        cleaned, faults = answers.clean_all(self.context["sheet"].questions, numbers.sent(data))
        if faults:
            raise serializers.ValidationError({key: fault.messages for key, fault in faults.items()})
        return cleaned

    def to_representation(self, value: Any) -> Any:
        return value


ANSWERS_SCHEMA = {"type": "object", "additionalProperties": {}}


class VersionSerializer(serializers.ModelSerializer[BriefVersion]):
    """A brief as it was when it was filled."""

    filled_by = KeyField("username", read_only=True, allow_null=True)
    answers = extend_schema_field(ANSWERS_SCHEMA)(serializers.DictField)(read_only=True)

    class Meta:
        model = BriefVersion
        fields = ("id", "version", "event", "verdict", "comment", "answers", "filled_at", "filled_by")
        read_only_fields = fields


class AskedSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label: Any = serializers.CharField(source="__str__")
    kind = serializers.ChoiceField(choices=Question.Kind.choices)
    required: Any = serializers.BooleanField()
    choices = serializers.ListField(child=serializers.CharField())


class BriefSerializer(serializers.Serializer[Any]):
    """A journey's brief: what is asked, the draft, what is missing; empty where nobody has begun it."""

    journey = serializers.IntegerField(source="journey.pk", read_only=True)
    service = serializers.CharField(
        source="template.service.key", read_only=True, default=None, allow_null=True
    )
    template = serializers.IntegerField(source="template.pk", read_only=True)
    template_version = serializers.IntegerField(source="template.version", read_only=True)
    questions = serializers.SerializerMethodField()
    answers = extend_schema_field(ANSWERS_SCHEMA)(AnswersField)(required=False)
    verdict = serializers.ChoiceField(choices=[("", "—"), *Verdict.choices], required=False)
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    revision = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Of the brief you looked at: refuse if it changed.",
    )
    missing = serializers.SerializerMethodField()
    completeness = serializers.IntegerField(read_only=True, help_text="Required questions answered, per cent")
    editable = serializers.BooleanField(read_only=True)
    filled = serializers.IntegerField(read_only=True, help_text="How many times it was filled")
    updated_at = serializers.DateTimeField(
        source="brief.updated_at", read_only=True, default=None, allow_null=True
    )
    updated_by = serializers.CharField(
        source="brief.updated_by.username", read_only=True, default=None, allow_null=True
    )

    def get_questions(self, sheet: Sheet) -> list[dict[str, Any]]:
        return AskedSerializer(list(sheet.questions.values()), many=True).data  # type: ignore[return-value]

    def get_missing(self, sheet: Sheet) -> list[str]:
        return [f"brief.{key}" for key in sheet.missing()] + ["brief.verdict"] * (not sheet.verdict)
