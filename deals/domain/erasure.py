"""Erasing what the sales half keeps of people; amounts, dates and decisions stay."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction

from deals.models import (
    ContractVersion,
    FormerLink,
    Handoff,
    LegalIssue,
    Line,
    Meeting,
    Objection,
    ProposalVersion,
    ProposalView,
    Qualification,
    Reschedule,
)


def erase(journeys: Sequence[int]) -> None:
    """Blank every word about the people of journeys, and delete their files once the erasure is committed."""
    Handoff.objects.filter(journey__in=journeys).update(comment="")
    Meeting.objects.filter(journey__in=journeys).update(place="", link="", attendees="")
    Qualification.objects.filter(journey__in=journeys).update(need="", authority="", timing="")
    said = {"answer_text": "", "answered_by": "", "answered_as": ""}
    ProposalVersion.objects.filter(proposal__journey__in=journeys).update(note="", **said)
    FormerLink.objects.filter(journey__in=journeys).delete()
    ProposalView.objects.filter(proposal__journey__in=journeys).delete()
    Line.objects.filter(version__proposal__journey__in=journeys).update(description="", unit="")
    Objection.objects.filter(journey__in=journeys).update(said="", resolution="")
    LegalIssue.objects.filter(journey__in=journeys).update(text="", resolution="")
    Reschedule.objects.filter(instalment__contract__journey__in=journeys).update(why="")
    versions = ContractVersion.objects.filter(contract__journey__in=journeys)
    for name in versions.exclude(file="").values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    versions.update(terms="", file="", file_name="", **said)
