"""How applications look to programs."""

from typing import Any

from rest_framework import serializers

from funnel.api.serializers import JourneySerializer, KeyField
from funnel.models import Journey
from funnel.phones import NOTES
from leads.likeness import LEVELS
from leads.matching import WHY
from leads.models import Application


class ApplicationSerializer(serializers.ModelSerializer[Application]):
    """What the person said when they applied."""

    form = serializers.SlugRelatedField("slug", read_only=True, allow_null=True)
    answers = serializers.DictField(child=serializers.CharField(), read_only=True)
    utm = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Application
        fields = (
            "form",
            "message",
            "answers",
            "utm",
            "referrer",
            "consent_text",
            "consent_at",
            "received_at",
            "erased_at",
        )
        read_only_fields = fields


class LeadSerializer(JourneySerializer):
    """A journey with its application; journeys of an imported history have none."""

    application = ApplicationSerializer(read_only=True, allow_null=True)

    class Meta(JourneySerializer.Meta):
        fields = (*JourneySerializer.Meta.fields, "application")
        read_only_fields = fields

    def row(self, instance: Journey) -> dict[str, Any]:
        application: Application | None = getattr(instance, "application", None)
        told = ApplicationSerializer(application).data if application is not None else None
        return {**super().row(instance), "application": told}


class CapturedJourney(serializers.ModelSerializer[Journey]):
    """A journey without anything of the person: what a program that may only capture is told."""

    external_id = serializers.CharField(source="known_as", read_only=True, allow_null=True)
    source = KeyField(read_only=True)
    campaign = KeyField(read_only=True, allow_null=True)
    service = KeyField(read_only=True, allow_null=True)

    class Meta:
        model = Journey
        fields = (
            "id",
            "external_id",
            "stage",
            "stage_since",
            "seq",
            "kind",
            "created_at",
            "source",
            "campaign",
            "service",
        )
        read_only_fields = fields


class CandidateSerializer(serializers.Serializer[Any]):
    """A journey that may be about the same application. Who it is about is told to those who may see it."""

    journey = serializers.IntegerField()
    why = serializers.ListField(child=serializers.ChoiceField(choices=sorted(WHY)))
    reasons = serializers.ListField(child=serializers.CharField())
    sure = serializers.IntegerField(min_value=1, max_value=99, help_text="How sure it is, in per cent")
    level = serializers.ChoiceField(choices=sorted(LEVELS))
    stage = serializers.CharField(required=False)
    created_at = serializers.DateTimeField(required=False)
    contact = serializers.CharField(required=False)
    company = serializers.CharField(required=False, allow_null=True)


class CaptureWarning(serializers.Serializer[Any]):
    """What is doubtful in an application that was let in all the same."""

    field = serializers.CharField()
    code = serializers.ChoiceField(choices=[f"{kind}_phone" for kind in NOTES])
    detail = serializers.CharField()


class CaptureResponse(serializers.Serializer[Any]):
    journey = CapturedJourney()
    kind = serializers.ChoiceField(choices=Journey.Kind.choices)
    created = serializers.BooleanField(help_text="False where the application had arrived before")
    duplicates = CandidateSerializer(many=True)
    warnings = CaptureWarning(many=True)


class CaptureRequest(serializers.Serializer[Any]):
    """An application. One of `email` and `phone` is needed."""

    name = serializers.CharField(max_length=200)
    email = serializers.CharField(required=False, max_length=254, allow_blank=True, allow_null=True)
    phone = serializers.CharField(required=False, max_length=64, allow_blank=True, allow_null=True)
    company = serializers.CharField(required=False, max_length=200, allow_blank=True, allow_null=True)
    source = serializers.CharField(help_text="Key of a source: web, ads, referral, event …")
    campaign = serializers.CharField(required=False, allow_null=True, help_text="Key of a campaign")
    service = serializers.CharField(required=False, allow_null=True, help_text="Key of a service")
    message = serializers.CharField(required=False, max_length=20_000, allow_blank=True, allow_null=True)
    owner = serializers.CharField(required=False, allow_null=True, help_text="Username")
    occurred_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When it arrived; now by default"
    )
    utm = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
    external_id = serializers.CharField(
        required=False,
        max_length=200,
        allow_blank=True,
        allow_null=True,
        help_text="Gives the same lead again",
    )
