"""The link by which a client opens a proposal or contract: how long it works, and taking it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from deals.models import Contract, FormerLink, Proposal
from deals.models.papers import new_token
from funnel.models import Organisation, User

Paper = Proposal | Contract


def issue(paper: Paper, *, actor: User | None) -> Combinable:
    """Make sure that the link of a paper that is sent now works; return until when it does, for the version.

    A link that was revoked is replaced by a new one.
    """
    if paper.link_revoked_at is not None:
        _renew(paper, actor=actor, at=timezone.now())
    lasting = ExpressionWrapper(Now() + F("link_days") * Value(timedelta(days=1)), DateTimeField())
    return Subquery(Organisation.objects.filter(link_days__gt=0).values(until=lasting)[:1])


@transaction.atomic
def revoke(*, paper: Paper, at: datetime) -> Paper:
    """Close the link of a paper for whoever has it; sending or replacing gives the client another."""
    held: Paper = _hold(paper)
    if held.link_revoked_at is None:
        held.link_revoked_at = at
        held.save(update_fields=["link_revoked_at"])
    return held


@transaction.atomic
def replace(*, paper: Paper, actor: User, at: datetime) -> Paper:
    """Close the link of a paper, and make a new one that works for as long as the settings say."""
    held: Paper = _hold(paper)
    _renew(held, actor=actor, at=at)
    sent: Any = held.versions.filter(state="sent").order_by("-number").values("pk")[:1]
    held.versions.filter(pk__in=sent).update(link_expires_at=issue(held, actor=actor))
    return held


def _renew(paper: Paper, *, actor: User | None, at: datetime) -> None:
    FormerLink.objects.create(
        token=paper.token, journey_id=paper.journey_id, replaced_at=at, replaced_by=actor
    )
    paper.token, paper.link_revoked_at = new_token(), None
    paper.save(update_fields=["token", "link_revoked_at"])


def _hold(paper: Paper) -> Any:
    model: Any = type(paper)
    return model.objects.select_for_update(of=("self",)).select_related("journey").get(pk=paper.pk)
