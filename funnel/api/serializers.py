"""How the kernel's records look to programs: keys and usernames rather than numbers, where there are any."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.contrib.auth.password_validation import validate_password
from django.db import models, transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from funnel import access, cleaning, machine, numbers
from funnel.forms import refuse_fraction
from funnel.models import (
    Activity,
    Campaign,
    Company,
    Contact,
    Event,
    Journey,
    Reason,
    Service,
    Source,
    Team,
    User,
)
from funnel.parties import CUSTOM, write
from funnel.stages import MONEY_EVENTS, Role

from .custom import CustomValues

M = TypeVar("M", bound=models.Model)


class LineField(serializers.CharField):
    """One line of text, cleaned before it is judged."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(cleaning.line(data) if isinstance(data, str) else data)


class EmailField(serializers.EmailField):
    """An e-mail address, cleaned before it is judged."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(cleaning.address(data) if isinstance(data, str) else data)


class Model(serializers.ModelSerializer[M]):
    """A record whose lines of text are cleaned; texts of many lines stay as they were written."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: LineField,
        models.EmailField: EmailField,
    }


class KeyField(serializers.SlugRelatedField[Any]):
    """A record by its key."""

    def __init__(self, slug_field: str = "key", **options: Any) -> None:
        super().__init__(slug_field=slug_field, **options)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictDecimalField(serializers.DecimalField):
    """A decimal such as "1234.50": no exponent, no separators of groups."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and not numbers.STRICT.fullmatch(data.strip()):
            self.fail("invalid")
        return super().to_internal_value(data)


class ContactBrief(Model[Contact]):
    class Meta:
        model = Contact
        fields = ("id", "name", "email", "phone")


class CompanyBrief(Model[Company]):
    class Meta:
        model = Company
        fields = ("id", "name")


class Plain:
    """Writes a record by `row`, without building a field for each value: these answers are given at every move.

    The fields declared beside it describe the answer in the schema; a test holds the two together.
    """

    row: Callable[[Any], dict[str, Any]]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        row = self.row(instance)
        if "fields" not in self.__dict__:  # as long as nobody has asked for some fields only
            return row
        return {name: row[name] for name in self.fields}  # type: ignore[attr-defined]


def _reader(serializer: Any) -> User | None:
    """Return who asks; nobody where an answer is made without a request."""
    request = serializer.context.get("request")
    return request.user if request is not None else None


def _amount(amount: Decimal | None) -> str | None:
    return f"{amount:.2f}" if amount is not None else None


def _key(record: Any, name: str = "key") -> str | None:
    return getattr(record, name) if record is not None else None


def _time(moment: Any) -> str | None:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if moment is not None else None


def _as_told(row: dict[str, Any], reader: User | None) -> dict[str, Any]:
    """Return the row as the reader may see it."""
    if reader is None or reader.role != Role.PARTNER:
        return row
    return {name: OURS.get(name, value) for name, value in row.items()}


OURS: Final = {
    "owner": None,
    "offered_to": None,
    "source": None,
    "campaign": None,
    "team": None,
    "expected_on": None,
    "parent": None,
    "merged_into": None,
    "snoozed_until": None,
    "contact_attempts": None,
    "inputs": {},
    "custom": {},
}
"""What partners read of a journey or event instead of what is no affair of theirs."""


class JourneySerializer(Plain, Model[Journey]):
    """A journey as it stands: the snapshot, with the sequence number of its last event.

    Where it came from and who works on it is not told to partners.
    """

    external_id = serializers.CharField(source="known_as", read_only=True, allow_null=True)
    contact = ContactBrief(read_only=True)
    company = CompanyBrief(read_only=True, allow_null=True)
    owner = KeyField("username", read_only=True, allow_null=True)
    offered_to = KeyField("username", read_only=True, allow_null=True)
    source = KeyField(read_only=True, allow_null=True, help_text="Null to partners.")
    campaign = KeyField(read_only=True, allow_null=True)
    service = KeyField(read_only=True, allow_null=True)
    amount = StrictDecimalField(14, 2, min_value=Decimal(0), required=False, allow_null=True)
    custom = CustomValues("journey", required=False)
    credit = serializers.DecimalField(
        20,
        2,
        read_only=True,
        allow_null=True,
        help_text="What was paid beyond the contract and not paid back; null for who does not see money.",
    )
    half = serializers.CharField(read_only=True)
    is_open = serializers.BooleanField(read_only=True)
    contact_attempts = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Outward contacts up to and including the first response; null to partners.",
    )

    class Meta:
        model = Journey
        fields = (
            "id",
            "external_id",
            "stage",
            "stage_since",
            "seq",
            "kind",
            "half",
            "is_open",
            "created_at",
            "contact",
            "company",
            "owner",
            "offered_to",
            "source",
            "campaign",
            "service",
            "amount",
            "credit",
            "expected_on",
            "parent",
            "merged_into",
            "snoozed_until",
            "contact_attempts",
            "custom",
        )
        read_only_fields = tuple(name for name in fields if name not in {"amount", "expected_on", "custom"})

    def validate_amount(self, amount: Decimal | None) -> Decimal | None:
        refuse_fraction(amount)
        return amount

    def update(self, instance: Journey, validated_data: dict[str, Any]) -> Journey:
        """Write through the one place that keeps what was there before."""
        if "amount" in validated_data and not access.sees_amounts(_reader(self)):
            raise PermissionDenied(_("Your role does not see amounts."))
        own = validated_data.pop("custom", {})
        values = validated_data | {f"{CUSTOM}{key}": value for key, value in own.items()}
        with transaction.atomic():
            held = machine.lock([instance.pk])[0]
            write(held, values, actor=self.context["request"].user)
        instance.refresh_from_db(fields=["amount", "expected_on", "custom"])
        return instance

    def row(self, instance: Journey) -> dict[str, Any]:
        """Write a journey that was read `with_sums("credit")` and `with_attempts()`."""
        contact, company = instance.contact, instance.company
        reader = _reader(self)
        sees = access.sees_amounts(reader)
        row = {
            "id": instance.pk,
            "external_id": instance.known_as,
            "stage": instance.stage,
            "stage_since": _time(instance.stage_since),
            "seq": instance.seq,
            "kind": instance.kind,
            "half": instance.half,
            "is_open": instance.is_open,
            "created_at": _time(instance.created_at),
            "contact": {
                "id": contact.pk,
                "name": contact.name,
                "email": contact.email,
                "phone": contact.phone,
            },
            "company": {"id": company.pk, "name": company.name} if company else None,
            "owner": _key(instance.owner, "username"),
            "offered_to": _key(instance.offered_to, "username"),
            "source": instance.source.key,
            "campaign": _key(instance.campaign),
            "service": _key(instance.service),
            "amount": _amount(instance.amount) if sees else None,
            "credit": _amount(instance.credit) if sees else None,  # type: ignore[attr-defined]
            "expected_on": instance.expected_on.isoformat() if instance.expected_on else None,
            "parent": instance.parent_id,
            "merged_into": instance.merged_into_id,
            "snoozed_until": _time(instance.snoozed_until),
            "contact_attempts": instance.contact_attempts,  # type: ignore[attr-defined]
            "custom": {} if reader is None else instance.custom,
        }
        return _as_told(row, reader)


class EventSerializer(Plain, Model[Event]):
    """A fact of the ledger with the cuts frozen on it."""

    actor = KeyField("username", read_only=True, allow_null=True)
    source = KeyField(read_only=True, allow_null=True, help_text="Null to partners.")
    campaign = KeyField(read_only=True, allow_null=True)
    service = KeyField(read_only=True, allow_null=True)
    owner = KeyField("username", read_only=True, allow_null=True)
    team = KeyField("name", read_only=True, allow_null=True)
    stage_from = serializers.CharField(read_only=True, help_text="Empty on facts.")
    stage_to = serializers.CharField(read_only=True, help_text="Empty on facts.")

    class Meta:
        model = Event
        fields = (
            "id",
            "external_id",
            "journey",
            "seq",
            "event",
            "stage_from",
            "stage_to",
            "occurred_at",
            "recorded_at",
            "actor",
            "act",
            "value",
            "amount",
            "currency",
            "reason",
            "inputs",
            "annuls",
            "source",
            "campaign",
            "service",
            "owner",
            "team",
        )
        read_only_fields = fields

    def row(self, instance: Event) -> dict[str, Any]:
        reader = _reader(self)
        hidden = instance.event in MONEY_EVENTS and not access.sees_amounts(reader)
        row = {
            "id": instance.pk,
            "external_id": instance.external_id,
            "journey": instance.journey_id,
            "seq": instance.seq,
            "event": str(instance.event),
            "stage_from": str(instance.stage_from),
            "stage_to": str(instance.stage_to),
            "occurred_at": _time(instance.occurred_at),
            "recorded_at": _time(instance.recorded_at),
            "actor": _key(instance.actor, "username"),
            "act": str(instance.act),
            "value": "" if hidden else instance.value,
            "amount": None if hidden else _amount(instance.amount),
            "currency": instance.currency,
            "reason": instance.reason,
            "inputs": {} if hidden else instance.inputs,
            "annuls": instance.annuls_id,
            "source": instance.source.key,
            "campaign": _key(instance.campaign),
            "service": _key(instance.service),
            "owner": _key(instance.owner, "username"),
            "team": _key(instance.team, "name"),
        }
        return _as_told(row, reader)


class ActivitySerializer(Model[Activity]):
    actor = KeyField("username", read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = ("id", "journey", "event", "kind", "direction", "outcome", "summary", "at", "actor")


class _KeyedSerializer(Model[Any]):
    """A catalogue entry: its key is given once and stays."""

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        if validated_data.get("key", instance.key) != instance.key:
            raise serializers.ValidationError({"key": ["A key never changes; rename the label."]})
        return super().update(instance, validated_data)


class SourceSerializer(_KeyedSerializer):
    class Meta:
        model = Source
        fields = ("id", "key", "label", "active")


class ServiceSerializer(_KeyedSerializer):
    class Meta:
        model = Service
        fields = ("id", "key", "label", "active")


class CampaignSerializer(_KeyedSerializer):
    source = KeyField(queryset=Source.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Campaign
        fields = ("id", "key", "label", "active", "source")


class ReasonSerializer(_KeyedSerializer):
    class Meta:
        model = Reason
        fields = ("id", "kind", "key", "label", "active")


class TeamSerializer(Model[Team]):
    class Meta:
        model = Team
        fields = ("id", "name")


class UserSerializer(Model[User]):
    """A person or service account; `password` is written, never read."""

    team = KeyField("name", queryset=Team.objects.all(), required=False, allow_null=True)
    password = serializers.CharField(write_only=True, required=False, validators=[validate_password])

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "name",
            "email",
            "role",
            "team",
            "is_active",
            "takes_handoffs",
            "password",
        )

    def create(self, validated_data: dict[str, Any]) -> User:
        password = validated_data.pop("password", None)
        user = User(**validated_data)
        user.set_password(password)
        user.save()
        return user

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        password = validated_data.pop("password", None)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        changed = list(validated_data)
        if password:
            instance.set_password(password)
            changed.append("password")
        instance.save(update_fields=changed)
        return instance


# envelopes -----------------------------------------------------------------------------------------------------------


class ActRequest(serializers.Serializer[Any]):
    """What a move or a fact is sent in. `inputs` are described by the move's `asks`."""

    inputs = serializers.DictField(required=False, default=dict, help_text="As `asks` of the move describes.")
    occurred_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Default now; may be past."
    )
    expected_seq = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Refuse if the journey moved on.",
    )


class BulkRequest(ActRequest):
    """One move for many journeys."""

    expected_seq = None  # type: ignore[assignment]
    journeys = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=5000
    )
    mode = serializers.ChoiceField(choices=["all", "each"], default="all")


class AnnulRequest(serializers.Serializer[Any]):
    """Which event to annul, and which others of the journey together with it."""

    event = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    with_events = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=1000
    )
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        others = fields.pop("with_events")
        others.source = "with_events"
        return {**fields, "with": others}


class OriginalSerializer(serializers.Serializer[Any]):
    """What an amount was in its own currency, before it was frozen at a rate."""

    amount = serializers.CharField()
    currency = serializers.CharField()
    rate = serializers.CharField()
    day = serializers.DateField(required=False, help_text="From which the rate holds")


class WarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class ActResponse(serializers.Serializer[Any]):
    """`warnings` name what was saved as it was given, though it is seldom meant."""

    journey = JourneySerializer()
    event = EventSerializer(allow_null=True)
    warnings = WarningSerializer(many=True)


class AnnulResponse(serializers.Serializer[Any]):
    journey = JourneySerializer(allow_null=True)
    events = EventSerializer(many=True)


class FeedResponse(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    cursor = serializers.CharField(help_text="`after` of the next page")
    next = serializers.CharField()
    previous = serializers.CharField(allow_null=True)


class RefusalItem(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    reason = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())
    detail = serializers.CharField()


class BulkResponse(serializers.Serializer[Any]):
    moved = serializers.ListField(child=serializers.IntegerField())
    refusals = RefusalItem(many=True)


class MoveItem(serializers.Serializer[Any]):
    """A move and whether it is open to the caller."""

    name = serializers.CharField()
    label = serializers.CharField()
    open = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True, help_text="stage, role or data where it is closed")
    missing = serializers.ListField(child=serializers.CharField())
    detail = serializers.CharField()
    asks = serializers.DictField(help_text="JSON schema of the inputs")


class Fault(serializers.Serializer[Any]):
    field = serializers.CharField()
    reason = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457 problem document."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    errors = Fault(many=True, required=False)


class RefusalProblem(Problem):
    """Why an act is refused; a request whose Idempotency-Key is in use is told no more than any problem says."""

    reason = serializers.CharField(required=False)
    missing = serializers.ListField(child=serializers.CharField(), required=False)
    detail = serializers.CharField(required=False)
    current = extend_schema_field({"type": "object", "nullable": True})(serializers.DictField)(
        required=False, allow_null=True
    )
