"""Work promised by a transaction and done after it."""

from django.db import models


class OutboxRow(models.Model):
    """One event to be handled by one consumer: written with the event, so that neither is lost without the other."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        DEAD = "dead"

    consumer = models.CharField(max_length=50)
    event = models.ForeignKey("funnel.Event", models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField(help_text="Not before; pushed back after a failure.")
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consumer", "event"], name="outbox_once")]
        indexes = [
            models.Index(fields=["run_at", "id"], condition=models.Q(state="waiting"), name="outbox_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.consumer}: {self.state}"
