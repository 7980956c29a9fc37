"""What has happened once in the life of a database."""

from __future__ import annotations

from django.db import models


class Milestone(models.Model):
    """A thing done once, such as the demo data: the mark stands or falls with what it marks.

    `words` is what to tell people about it at every start, `facts` what must be known of it later.
    """

    name = models.CharField(max_length=60, unique=True)
    words = models.TextField(blank=True)
    facts = models.JSONField(default=dict)
    reached_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Tick(models.Model):
    """Which message a bucket of a schedule belongs to: see config/beat.py."""

    name = models.CharField(max_length=100)
    at = models.DateTimeField()
    message = models.CharField(max_length=36)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "at"], name="tick_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"
