"""Settings over REST: each change is kept with who made it, as in the browser."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from funnel.settings_log import Subject, Values, note

from .views import WholeResource


class WatchedResource(WholeResource):
    """A resource of settings of one kind, its `subject`."""

    subject: Subject

    def perform_create(self, serializer: Any) -> None:
        with transaction.atomic():
            saved = serializer.save()
            self.keep(saved, before=None, after=self.subject.values_of(saved))

    def perform_update(self, serializer: Any) -> None:
        with transaction.atomic():
            before = self.subject.values_of(self.subject.locked(str(serializer.instance.pk)))
            saved = serializer.save()
            self.keep(saved, before=before, after=self.subject.values_of(saved))

    def perform_destroy(self, instance: Any) -> None:
        with transaction.atomic():
            self.keep(instance, before=self.subject.values_of(instance), after=None)
            instance.delete()

    def keep(self, record: Any, *, before: Values | None, after: Values | None) -> None:
        """Keep what a request changed of a record."""
        note(
            self.subject,
            key=self.subject.key_of(record),
            name=self.subject.name_of(record),
            before=before,
            after=after,
            actor=self.request.user,  # type: ignore[arg-type]  # permissions let nobody in who is not signed in
            at=timezone.now(),
        )
