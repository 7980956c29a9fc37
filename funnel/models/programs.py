"""How programs come in: tokens, and the answers remembered for their retries."""

import hashlib
import secrets
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .people import User


class Scope(models.TextChoices):
    READ = "read", _("Read")
    WRITE = "write", _("Write")
    CAPTURE = "capture", _("Capture leads")
    ADMIN = "admin", _("Administer")


class ApiToken(models.Model):
    """A secret that stands for a user; only its hash is stored."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices), verbose_name=_("scopes"))
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(
        cls, *, user: User, scopes: list[str], name: str = "", expires_at: datetime | None = None
    ) -> tuple[Self, str]:
        """Make a token; return it with the secret, which is never shown again."""
        secret = "of_" + secrets.token_urlsafe(32)
        made = cls.objects.create(
            user=user, name=name, scopes=scopes, digest=cls.digest_of(secret), expires_at=expires_at
        )
        return made, secret

    @property
    def scope_labels(self) -> list[str]:
        return [str(dict(Scope.choices).get(scope, scope)) for scope in self.scopes]

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @classmethod
    def alive(cls) -> models.QuerySet[Self]:
        """Return the tokens that open the door now."""
        now = timezone.now()
        return cls.objects.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None, user__is_active=True
        )


class IdempotencyKey(models.Model):
    """The first answer to a request that named itself, replayed to its retries for a day."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255, help_text="Hash of the name that the request gave itself.")
    fingerprint = models.CharField(max_length=64, help_text="Hash of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the first request runs.")
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
