"""Partners, what they can take, and what was referred to them."""

from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, Reason, Service, User
from funnel.stages import Stage


class Partner(models.Model):
    """A company that takes what we cannot solve; the key is what ledgers, imports and programs name it by."""

    key = models.CharField(_("key"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    active = models.BooleanField(
        _("active"), default=True, help_text=_("Only active partners are proposed and can be chosen.")
    )
    capacity = models.PositiveIntegerField(
        _("capacity a month"),
        null=True,
        blank=True,
        help_text=_("How many referrals the algorithm proposes in a calendar month; empty is no limit."),
    )
    weight = models.PositiveIntegerField(
        _("weight"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_("A partner of weight 2 gets twice as many referrals as one of weight 1."),
    )

    class Meta:
        ordering = ["key"]
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        constraints = [models.CheckConstraint(condition=Q(weight__gte=1), name="partner_weight_positive")]

    def __str__(self) -> str:
        return self.name or self.key

    def serves(self, service_id: int | None) -> bool:
        """Tell whether the partner takes work of the service, wherever and in whatever language: one query."""
        return any(able.service_id in {None, service_id} for able in self.capabilities.all())


class Capability(models.Model):
    """One kind of work that a partner takes: what is left empty fits anything."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="capabilities")
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    region = models.CharField(_("region"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)

    if TYPE_CHECKING:
        service_id: int | None

    class Meta:
        ordering = ["pk"]
        verbose_name = _("capability")
        verbose_name_plural = _("capabilities")
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "service", "region", "language"],
                name="capability_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        parts = [str(self.service) if self.service else "", self.region, self.language]
        return " · ".join(part for part in parts if part) or str(_("Anything"))


class PartnerMember(models.Model):
    """Someone who signs in for a partner; a person stands for one partner."""

    user = models.OneToOneField(User, models.CASCADE, related_name="partner_member", verbose_name=_("person"))
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="members", verbose_name=_("partner"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("partner's person")
        verbose_name_plural = _("partners' people")

    def __str__(self) -> str:
        return str(self.user)


class ReferralQuerySet(models.QuerySet["Referral"]):
    def standing(self) -> Self:
        """Keep what no undo has withdrawn."""
        return self.filter(withdrawn_at=None)

    def latest(self) -> Self:
        """Keep the last standing referral of each journey."""
        later = Referral.objects.filter(
            journey=OuterRef("journey"), withdrawn_at=None, event__seq__gt=OuterRef("event__seq")
        )
        return self.standing().filter(~Exists(later))

    def current(self) -> Self:
        """Keep those that stand now: the journey is with this partner, who has not declined."""
        return self.latest().filter(journey__stage=Stage.REFERRED, journey__annulled_at=None).kept()

    def kept(self) -> Self:
        """Keep those that did not come back: only they use up a partner's capacity and turns."""
        return self.exclude(state__in=(Referral.State.DECLINED, Referral.State.RETURNED))

    def declined_in_place(self) -> Self:
        """Keep those that a partner declined while the journey still stands with it, as it once could."""
        return self.latest().filter(
            state=Referral.State.DECLINED, journey__stage=Stage.REFERRED, journey__annulled_at=None
        )

    def overdue(self, *, at: datetime) -> Self:
        """Keep those that the partner has left unanswered beyond their time."""
        return self.current().filter(state=Referral.State.OFFERED, due_at__lte=at)

    def of(self, user: User) -> Self:
        """Keep what was referred to the partner that the user stands for."""
        return self.filter(partner__members__user=user)

    def with_journeys(self) -> Self:
        """Fetch along what lists show."""
        return self.select_related(
            "partner", "reason", "event", "journey__contact", "journey__company", "journey__service"
        )


class Referral(models.Model):
    """A journey passed to a partner, and what became of it. The ledger has the facts; this is where they lead."""

    class State(models.TextChoices):
        OFFERED = "offered", _("Offered")
        ACCEPTED = "accepted", _("Taken")
        DECLINED = "declined", _("Declined")
        DONE = "done", _("Done")
        RETURNED = "returned", _("Returned")

    class Outcome(models.TextChoices):
        WON = "won", _("Won")
        LOST = "lost", _("Lost")
        NO_ANSWER = "no_answer", _("The client does not answer")
        NOT_FIT = "not_fit", _("Turned out not to fit")

    class ReturnReason(models.TextChoices):
        CAPACITY = "capacity", _("No capacity now")
        NOT_OUR_FIELD = "not_our_field", _("Not our field")
        REGION = "region", _("Not our region")
        TERMS = "terms", _("The terms do not suit")
        OTHER = "other", _("Another reason")
        NO_ANSWER = "no_answer", _("The partner does not answer")
        RECALLED = "recalled", _("We take it back")

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="referrals")
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="referrals", verbose_name=_("partner"))
    event = models.OneToOneField(Event, models.CASCADE, related_name="referral")
    reason = models.ForeignKey(Reason, models.PROTECT, related_name="+", verbose_name=_("why"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OFFERED)
    decline_reason = models.CharField(
        _("why returned"), max_length=20, choices=ReturnReason.choices, blank=True
    )
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices, blank=True)
    amount = models.DecimalField(
        _("amount"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("What the partner earned, in the organisation's currency."),
    )
    referred_at = models.DateTimeField(_("referred"))
    due_at = models.DateTimeField(
        _("to be answered by"),
        null=True,
        blank=True,
        help_text=_("By the business clock; empty without a limit."),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="Set when the referral was undone.")

    objects = ReferralQuerySet.as_manager()

    if TYPE_CHECKING:
        journey_id: int
        partner_id: int
        event_id: int

    class Meta:
        ordering = ["-referred_at", "-pk"]
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="referral_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(state="offered", decided_at=None)
                | (~Q(state="offered") & Q(decided_at__isnull=False)),
                name="referral_decided_when_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | (~Q(state="done") & Q(done_at=None, outcome="")),
                name="referral_outcome_when_done",
            ),
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(done_at__gte=F("referred_at")), name="referral_done_after"
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "-referred_at"], name="referral_partner"),
            models.Index(fields=["-referred_at", "-id"], name="referral_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.partner} · {self.journey_id}"


DECLINES: Final = tuple(
    reason
    for reason in Referral.ReturnReason
    if reason not in {Referral.ReturnReason.NO_ANSWER, Referral.ReturnReason.RECALLED}
)
"""The reasons for which a partner itself gives a referral back."""
