"""What the KPI app stores: plans, and what it can build anew from the ledger at any time: facts, visits, rollups."""

import re
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from funnel.models import Campaign, Journey, Service, Source, Team, User

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Plan(models.Model):
    """What is wanted of a metric in a month: of everybody, of a team or of a person."""

    month = models.CharField(
        _("month"),
        max_length=7,
        validators=[RegexValidator(rf"^{MONTH.pattern}\Z", _("Write it as 2026-03."))],
    )
    metric = models.CharField(_("metric"), max_length=60)
    scope = models.CharField(
        _("scope"), max_length=200, default="all", help_text=_("all, team:NAME or owner:USERNAME")
    )
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=4)
    updated_at = models.DateTimeField(_("changed"), null=True, editable=False)
    updated_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("changed by"),
        help_text=_("Empty where the command line did."),
    )

    class Meta:
        ordering = ["month", "metric", "scope"]
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.UniqueConstraint(fields=["metric", "scope", "month"], name="plan_once"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="plan_not_negative"),
            models.CheckConstraint(
                condition=models.Q(month__regex=rf"^{MONTH.pattern}$"), name="plan_month_written_right"
            ),
            models.CheckConstraint(
                condition=models.Q(scope="all")
                | models.Q(scope__startswith="team:")
                | models.Q(scope__startswith="owner:"),
                name="plan_scope_known",
            ),
            models.CheckConstraint(
                condition=models.Q(updated_at__isnull=False) | models.Q(updated_by=None),
                name="plan_changed_by_with_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.metric} {self.scope}"


class Frozen(models.Model):
    """The cuts as they stood at an event. Rows are rebuilt from the ledger: no key is held by the database."""

    source = models.ForeignKey(
        Source, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    service = models.ForeignKey(
        Service, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    owner = models.ForeignKey(
        User, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    team = models.ForeignKey(
        Team, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True


class Fact(Frozen):
    """A live event that figures rest on, with what is known of its journey beside it: see `measures` for the columns.

    `id` is the event's. Written by `rollup` alone.
    """

    id = models.BigIntegerField(primary_key=True)
    journey = models.ForeignKey(Journey, models.DO_NOTHING, related_name="+", db_constraint=False)
    event = models.CharField(max_length=30)
    nth = models.IntegerField()
    at = models.DateTimeField()
    day = models.DateField(help_text="The organisation's.")
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    reason = models.CharField(max_length=100, blank=True)
    client = models.CharField(
        max_length=30, blank=True, help_text="company:ID or contact:ID, where money moved."
    )
    void = models.BooleanField()
    is_open = models.BooleanField()
    answered = models.BooleanField()
    demo = models.BooleanField()
    reopened_before = models.BooleanField()
    of_handoff = models.BooleanField()
    first_decision = models.BooleanField()
    next_at = models.DateTimeField(null=True)
    business_s = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    elapsed_s = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    active_s = models.DecimalField(max_digits=24, decimal_places=6, null=True)

    class Meta:
        indexes = [
            models.Index(fields=["event", "at"], name="fact_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.at:%Y-%m-%d}"


class Visit(Frozen):
    """A journey's stay at an open stage: from `at` to `left_at` (null while it stands there), then to `went_to`.

    Voided journeys are here too: without them what entered a stage would not add up.
    """

    journey = models.ForeignKey(Journey, models.DO_NOTHING, related_name="+", db_constraint=False)
    stage = models.CharField(max_length=20)
    at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    went_to = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = [models.Index(fields=["at"], name="visit_by_time")]

    def __str__(self) -> str:
        return f"{self.stage} {self.at:%Y-%m-%d}"


class Numeric(models.Field):  # type: ignore[type-arg]  # Django's own class takes no parameters at run time
    """A number of any size and precision."""

    def db_type(self, connection: Any) -> str:
        return "numeric"


class Rollup(models.Model):
    """The numbers of one family of facts in a month or a day: of all, or of one value of a cut.

    `key` is the id of the cut's value, 0 where the facts have none. `numbers` are the family's columns
    (`measures.Column`) in the order of `rollup.COLUMNS`; those of a day lack what days do not add up to.
    """

    grain = models.CharField(max_length=5)
    starts = models.DateField()
    family = models.CharField(max_length=20)
    cut = models.CharField(max_length=10, blank=True)
    key = models.BigIntegerField()
    numbers = ArrayField(Numeric(null=True))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "cut", "starts", "family", "key"], name="rollup_once_a_bucket"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts} {self.family} {self.cut} {self.key}"


class RollupState(models.Model):
    """How far facts and rollups have followed the ledger; one row, locked by whoever writes them.

    `seen` is the database snapshot whose transactions they contain. While a rebuild or a long catch-up runs, `target`
    is the snapshot that it will have reached, `after` the last journey done.
    """

    fingerprint = models.CharField(max_length=64, blank=True)
    seen = models.TextField(blank=True)
    target = models.TextField(blank=True)
    after = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    began_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="rollup_state_only_one")]

    def __str__(self) -> str:
        return f"{self.done} of {self.total}"


class Estimate(models.Model):
    """Something estimated of a metric in a month, never counted: the last one made stands. See `kpi.estimates`.

    A forecast has `value` between `low` and `high`, the back-test's mean error as a share and the number of months
    tested; without a `value`, `details` tells what was lacking. An adjusted month has the value without its season,
    an anomaly what was counted and the band that was expected.
    """

    class Kind(models.TextChoices):
        FORECAST = "forecast", _("forecast")
        ADJUSTED = "adjusted", _("seasonally adjusted")
        ANOMALY = "anomaly", _("anomaly")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    metric = models.CharField(max_length=60)
    month = models.CharField(max_length=7)
    made_at = models.DateTimeField()
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    error = models.FloatField(null=True, help_text="A share: 0.1 is ten per cent.")
    tested = models.PositiveSmallIntegerField(default=0, help_text="Months of the back-test.")
    method = models.CharField(max_length=40)
    details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "metric", "month"], name="estimate_once"),
            models.CheckConstraint(
                condition=models.Q(month__regex=rf"^{MONTH.pattern}$"), name="estimate_month_written_right"
            ),
            models.CheckConstraint(
                condition=models.Q(low__isnull=True, high__isnull=True) | models.Q(low__lte=models.F("high")),
                name="estimate_interval_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.metric} {self.month}"


class DigestChoice(models.Model):
    """Which digests somebody wants by e-mail; without a row managers and administrators get both, others none."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="digest_choice")
    weekly = models.BooleanField(_("Every Monday, about the week before"))
    monthly = models.BooleanField(_("On the first business day of a month, about the month before"))

    def __str__(self) -> str:
        return f"{self.user_id}: {self.weekly} {self.monthly}"


class DigestMail(models.Model):
    """A digest owed to somebody, once a period. `unsure`: broken off while the mail was handed over; not sent again."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")
        UNSURE = "unsure", _("broken off")
        DROPPED = "dropped", _("no longer wanted")

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)
    period = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "period"], name="digest_once_a_period"),
            models.CheckConstraint(
                condition=models.Q(state="sent", sent_at__isnull=False)
                | (~models.Q(state="sent") & models.Q(sent_at__isnull=True)),
                name="digest_sent_with_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run_at"], condition=models.Q(state__in=["waiting", "sending"]), name="digest_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.period} {self.user_id}"
