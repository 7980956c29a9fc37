"""Questions about applications, readable as business."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from funnel.models import Journey, User
from funnel.queries import JourneyQuerySet, last
from funnel.stages import Stage
from funnel.words import TermQuery
from partners.models import Referral

from .models import Application, application_terms


def waiting_for(user: User) -> JourneyQuerySet:
    """Return the applications that wait for an answer from the user or a colleague: new ones, and returned ones.

    Those put aside come back when their time is over; those that a partner declined before declining returned them
    wait here to be returned.
    """
    awake = Q(snoozed_until=None) | Q(snoozed_until__lte=timezone.now())
    declined = Q(pk__in=Referral.objects.declined_in_place().values("journey"))
    journeys: JourneyQuerySet = Journey.objects.visible_to(user)
    return journeys.filter(awake, Q(stage__in=(Stage.NEW, Stage.RETURNED)) | declined)


def earlier_of(journey: Journey, user: User, *, limit: int = 5) -> list[Journey]:
    """Return the newest other journeys of the same client that the user sees: one query."""
    client = Q(contact=journey.contact_id)
    if journey.company_id:
        client |= Q(company=journey.company_id)
    others = Journey.objects.visible_to(user).filter(client).exclude(pk=journey.pk)
    return list(others.with_parties().order_by("-created_at", "-pk")[:limit])


def said(query: TermQuery) -> QuerySet[Any]:
    """Return the journeys (their ids, the newest first) whose applicants said what a query asks for."""
    applications = Application.objects.alias(terms=application_terms()).filter(terms=query)
    return applications.order_by(last("journey_id")).values("journey")
