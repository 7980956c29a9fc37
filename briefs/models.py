"""What is asked of a client before sales may take over, and what was answered."""

import secrets
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from funnel.models import Event, Journey, Service, User


class Verdict(models.TextChoices):
    """Can these tasks be solved here? It routes the journey to sales, to a partner, or out."""

    CAN_SOLVE = "can_solve", _("We can solve it")
    PARTNER = "partner", _("A partner should")
    DECLINE = "decline", _("Decline")


class BriefTemplate(models.Model):
    """The questions for one service; without a service, for every journey whose service has none of its own.

    Once a brief was filled with it, changes make the next version, so that filled briefs keep their questions.
    """

    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        service_id: int | None

    class Meta:
        ordering = ["service__key", "-version"]
        verbose_name = _("brief template")
        verbose_name_plural = _("brief templates")
        constraints = [
            models.UniqueConstraint(
                fields=["service", "version"], name="template_version_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["service"], condition=Q(active=True), name="template_one_active", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return str(self.service) if self.service else str(_("All other services"))


class Question(models.Model):
    """One question of a template. Answers are kept under its key, which later versions of the template share."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Line of text")
        LONG = "long", _("Long text")
        CHOICE = "choice", _("One of a list")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        BOOL = "bool", _("Yes or no")

    template = models.ForeignKey(BriefTemplate, models.CASCADE, related_name="questions")
    key = models.CharField(
        _("key"),
        max_length=50,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*\Z", _("A key has small letters, digits and _."))],
    )
    label = models.CharField(_("question"), max_length=200)
    help = models.CharField(_("help"), max_length=500, blank=True)
    kind = models.CharField(_("kind of answer"), max_length=10, choices=Kind.choices, default=Kind.TEXT)
    choices = ArrayField(
        models.CharField(max_length=150), verbose_name=_("choices"), default=list, blank=True
    )
    required = models.BooleanField(_("required"), default=False)
    active = models.BooleanField(_("asked"), default=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [
            models.UniqueConstraint(fields=["template", "key"], name="question_key_once_a_template"),
            models.CheckConstraint(
                condition=~Q(kind="choice") | Q(choices__len__gte=1), name="question_choices_where_chosen"
            ),
        ]

    def __str__(self) -> str:
        # Questions that ship with the product are message ids of the catalogue; others pass through unchanged.
        return str(_(self.label))


def new_link_key() -> str:
    """Return a secret that nobody guesses."""
    return secrets.token_urlsafe(24)


class Brief(models.Model):
    """The draft of a journey's brief, worked on by marketing and, through a link, by the client.

    `revision` rises with every save, so that two people at once notice each other.
    """

    journey = models.OneToOneField(Journey, models.CASCADE, related_name="brief")
    answers = models.JSONField(_("answers"), default=dict)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    revision = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(_("saved"))
    updated_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("saved by"),
        help_text="Empty where the client did.",
    )
    link_key = models.CharField(max_length=64, null=True, blank=True, unique=True)
    link_expires_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        journey_id: int

    class Meta:
        ordering = ["-updated_at", "-pk"]
        verbose_name = _("brief")
        verbose_name_plural = _("briefs")
        constraints = [
            models.CheckConstraint(
                condition=Q(link_key=None, link_expires_at=None)
                | Q(link_key__isnull=False, link_expires_at__isnull=False),
                name="brief_link_expires",
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["", *Verdict.values]), name="brief_verdict_known"
            ),
        ]
        indexes = [models.Index(fields=["-updated_at", "-id"], name="brief_recent")]

    def __str__(self) -> str:
        return f"{_('Brief')} {self.journey_id}"


class BriefVersion(models.Model):
    """A brief as it was when it was filled, questions and all: frozen, so that the handoff shows what was known."""

    brief = models.ForeignKey(Brief, models.CASCADE, related_name="versions")
    event = models.OneToOneField(Event, models.CASCADE, related_name="brief_version")
    template = models.ForeignKey(BriefTemplate, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField(_("version"))
    rows = models.JSONField(help_text="[{key, label, kind, answer}] in the order asked.")
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices)
    comment = models.TextField(_("comment"), blank=True)
    filled_at = models.DateTimeField(_("filled"))
    filled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="Set when the filling was undone.")

    if TYPE_CHECKING:
        event_id: int

    class Meta:
        ordering = ["brief", "-version"]
        verbose_name = _("filled brief")
        verbose_name_plural = _("filled briefs")
        constraints = [
            models.UniqueConstraint(fields=["brief", "version"], name="brief_version_once"),
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values), name="brief_version_verdict_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{_('Brief')} {self.version}"

    @property
    def answers(self) -> dict[str, Any]:
        return {row["key"]: row["answer"] for row in self.rows}
