"""One application's way through the funnel, and the ledger of what happened on it."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel.queries import EventQuerySet, JourneyQuerySet
from funnel.stages import CLOSED_STAGES, VOID_STAGES, Happening, Stage, half

from .catalogue import Campaign, Service, Source
from .parties import Company, Contact, own_fields
from .people import Team, User

ERASED = "erased:"


def erased_key(key: str) -> str:
    """Return what is kept of the key that others gave a journey once its person is erased: whether it comes again."""
    return key if key.startswith(ERASED) else f"{ERASED}{hashlib.sha256(key.encode()).hexdigest()}"


class Journey(models.Model):
    """The snapshot of a journey: always what replaying its ledger gives. Only `machine` and `history` write it."""

    class Kind(models.TextChoices):
        NEW = "new", _("New")
        REPEAT = "repeat", _("Repeat")
        WIN_BACK = "win_back", _("Win-back")

    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True, unique=True)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="journeys", verbose_name=_("contact"))
    company = models.ForeignKey(
        Company, models.PROTECT, null=True, blank=True, related_name="journeys", verbose_name=_("company")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.NEW)
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", verbose_name=_("source"))
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("campaign")
    )
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    owner = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="journeys", verbose_name=_("owner")
    )
    offered_to = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="offers", verbose_name=_("offered to")
    )
    decide_by = models.DateTimeField(
        _("to be decided by"),
        null=True,
        blank=True,
        help_text=_("While it is offered to sales and a clock runs."),
    )
    stage = models.CharField(_("stage"), max_length=20, choices=Stage.choices, default=Stage.NEW)
    stage_since = models.DateTimeField(_("in this stage since"))
    seq = models.PositiveIntegerField(default=0, help_text="The sequence number of the last event.")
    created_at = models.DateTimeField(_("received at"), help_text="When the application arrived.")
    amount = models.DecimalField(_("expected amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    expected_on = models.DateField(_("expected on"), null=True, blank=True)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("passed on from"),
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="absorbed", verbose_name=_("merged into")
    )
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)
    annulled_at = models.DateTimeField(
        null=True, blank=True, help_text="Set when the capture itself was undone."
    )
    custom = own_fields()

    objects = JourneyQuerySet.as_manager()

    happened: Mapping[str, str] | None = None
    """The kinds of its live events, each with the value of the last one, where a page has loaded them: what never
    happened need not be looked for."""

    if TYPE_CHECKING:
        contact_id: int
        company_id: int | None
        owner_id: int | None
        offered_to_id: int | None

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        constraints = [
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="journey_stage_known"),
            models.CheckConstraint(
                condition=Q(stage_since__gte=F("created_at")), name="journey_stage_after_creation"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="journey_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(stage=Stage.MERGED) | Q(merged_into=None), name="journey_merged_into_when_merged"
            ),
        ]
        indexes = [
            models.Index(fields=["stage", "-created_at", "-id"], name="journey_stage_created"),
            models.Index(fields=["owner", "stage", "-created_at"], name="journey_owner_stage"),
            models.Index(fields=["-created_at", "-id"], name="journey_created"),
            models.Index(fields=["stage_since", "id"], name="journey_stage_since"),
            models.Index(fields=["stage", "stage_since", "id"], name="journey_stage_age"),
            models.Index(fields=["amount", "id"], name="journey_amount"),
        ]

    def __str__(self) -> str:
        return str(self.company or self.contact)

    @property
    def known_as(self) -> str | None:
        """Return the key that others gave the journey; nothing once its person is erased."""
        return None if (self.external_id or "").startswith(ERASED) else self.external_id

    @property
    def half(self) -> str:
        return half(self.stage)

    @property
    def is_open(self) -> bool:
        return self.stage not in CLOSED_STAGES | VOID_STAGES

    @property
    def client_key(self) -> tuple[str, int]:
        """Return who the client is: the company, or the contact where there is none."""
        return ("company", self.company_id) if self.company_id else ("contact", self.contact_id)


class TransactionNumber(Func):
    """The number of the running transaction, by which the feed of events is ordered."""

    template = "pg_current_xact_id()::text"
    arity = 0
    output_field = models.TextField()


class Event(models.Model):
    """One immutable fact. Rows are only ever added: triggers in the database refuse UPDATE, DELETE and TRUNCATE.

    `value` keeps the word of the vocabulary (a stage, a version, a key), `amount` the money in `currency`, `inputs`
    ids and keys, never personal text. `source` to `team` are the cuts, frozen as they stood at the event.
    Foreign keys have no index of their own: every write would pay for them, and no figure is read by one alone.
    """

    external_id = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001  unique where given
    journey = models.ForeignKey(Journey, models.PROTECT, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    event = models.CharField(max_length=30, choices=Happening.choices)
    stage_from = models.CharField(max_length=20, blank=True, choices=Stage.choices)
    stage_to = models.CharField(
        max_length=20, blank=True, choices=Stage.choices, help_text="Empty on facts, which change no stage."
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    act = models.UUIDField(
        default=uuid.uuid4, help_text="Shared by the events of one act, which are undone together."
    )
    value = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    inputs = models.JSONField(default=dict)
    annuls = models.OneToOneField("self", models.PROTECT, null=True, related_name="annulment")
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="+", db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, null=True, related_name="+", db_index=False)
    owner = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="+", db_index=False)
    xact = models.BigIntegerField(
        db_default=Cast(TransactionNumber(), models.BigIntegerField()),
        help_text="The transaction that wrote it: with the id, the order of the feed.",
    )

    objects = EventQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int
        actor_id: int | None
        annuls_id: int | None

    class Meta:
        ordering = ["journey", "occurred_at", "seq"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.UniqueConstraint(fields=["journey", "seq"], name="event_seq_once_a_journey"),
            models.CheckConstraint(condition=Q(event__in=Happening.values), name="event_known"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="event_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("occurred_at")), name="event_recorded_after"
            ),
            models.CheckConstraint(
                condition=Q(event=Happening.ANNULLED, annuls__isnull=False)
                | (~Q(event=Happening.ANNULLED) & Q(annuls=None)),
                name="event_annuls_when_annulled",
            ),
        ]
        indexes = [
            models.Index(fields=["event", "occurred_at"], name="event_by_time"),
            models.Index(fields=["xact", "id"], name="event_feed"),
        ]

    def __str__(self) -> str:
        return self.get_event_display()
