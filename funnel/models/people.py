"""The people and programs that work here."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from funnel.stages import Role


class Team(models.Model):
    """A group whose members see each other's journeys."""

    name = models.CharField(_("name"), max_length=150, unique=True)

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Someone with a role; the username is the key by which imports and reports name them.

    Service accounts and owners known only from an imported history have no usable password.
    """

    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.MARKETER)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="members")
    name = models.CharField(_("full name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    single_keys = models.BooleanField(
        _("single-key shortcuts"),
        default=True,
        db_default=True,
        help_text=_("Letters act at once in lists: j and k move, a takes. Ctrl K and Enter work either way."),
    )
    takes_handoffs = models.BooleanField(
        _("takes handoffs"),
        default=True,
        help_text=_("The assignment rule offers leads to this salesperson."),
    )
    notices = models.JSONField(
        default=dict,
        blank=True,
        help_text="Kind of notification → the ways it comes, where not the usual ones.",
    )
    lists = models.JSONField(
        default=dict, blank=True, help_text="How this person arranges lists: see funnel.lists.arrangement."
    )

    session_epoch = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Goes up when the person is disabled: older sessions stay closed."
    )

    class Meta(AbstractUser.Meta):
        ordering = ["username", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new password, or being disabled, ends every token and session for good, by whichever door."""
        ends = self.pk is not None and (self._password is not None or not self.is_active)
        with transaction.atomic():
            super().save(*args, **kwargs)
            if ends:
                self._end_access()

    def _end_access(self) -> None:
        self.tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
        if not self.is_active:
            User.objects.filter(pk=self.pk).update(session_epoch=models.F("session_epoch") + 1)
            self.refresh_from_db(fields=["session_epoch"])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Let sessions end with the epoch as they do with the password."""
        known: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]
        return f"{known}.{self.session_epoch}" if self.session_epoch else known

    def get_full_name(self) -> str:
        """Return the name to show: the full name where given, else the key."""
        return self.name or super().get_full_name() or self.username

    @property
    def leads_everyone(self) -> bool:
        """Tell whether this is a manager or an administrator."""
        return self.role in {Role.MANAGER, Role.ADMINISTRATOR}
