"""What the sales half tells people: a proposal opened, an offer that runs out, money that did not come in."""

import datetime as dt

import pytest
from django.utils import timezone

from deals import warnings
from deals.domain import public
from deals.models import Handoff, Instalment, ProposalVersion
from funnel.models import Notification
from funnel.stages import Role, Stage
from tests.factories import journey_at, organisation, people

pytestmark = pytest.mark.django_db

Kind = Notification.Kind


def told(kind: str) -> list[str]:
    return sorted(Notification.objects.filter(kind=kind).values_list("user__username", flat=True))


def test_the_owner_hears_once_that_a_version_was_opened() -> None:
    journey_at(Stage.PROPOSAL_SENT)
    version = ProposalVersion.objects.select_related("sent_event", "proposal__journey").get()
    for visitor in ("a", "a", "b"):
        public.log_view(version=version, visitor=visitor, at=timezone.now())
    assert told(Kind.VIEWED) == ["salesperson"]


def test_an_offer_that_runs_out_is_announced_once() -> None:
    week = [1, 2, 3, 4, 5, 6, 7]
    organisation(handoff_hours=8, opens=dt.time(0), closes=dt.time(0), business_days=week)
    journey_at(Stage.HANDED_OFF)
    offer = Handoff.objects.get()
    assert warnings.warn_of_handoffs(at=offer.offered_at + dt.timedelta(hours=5)) == 0
    late = offer.offered_at + dt.timedelta(hours=7)
    assert warnings.warn_of_handoffs(at=late) == 1
    assert warnings.warn_of_handoffs(at=late) == 0
    assert told(Kind.SLA) == ["salesperson"]
    organisation(handoff_hours=0)
    assert warnings.warn_of_handoffs(at=late) == 0


def test_an_overdue_payment_is_told_of_once_for_each_day_that_it_was_due_on() -> None:
    journey_at(Stage.WON)
    people(Role.MANAGER)
    due = Instalment.objects.order_by("due_on").first()
    assert due is not None

    def at(day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(12), dt.UTC)

    Instalment.objects.exclude(pk=due.pk).delete()
    assert warnings.tell_of_overdue(at=at(due.due_on)) == 0
    assert warnings.tell_of_overdue(at=at(due.due_on + dt.timedelta(days=1))) == 1
    assert warnings.tell_of_overdue(at=at(due.due_on + dt.timedelta(days=2))) == 0
    assert len(told(Kind.OVERDUE)) == 1
    Instalment.objects.filter(pk=due.pk).update(due_on=due.due_on + dt.timedelta(days=5))
    assert warnings.tell_of_overdue(at=at(due.due_on + dt.timedelta(days=7))) == 1
    assert warnings.tell_of_overdue(at=at(due.due_on + dt.timedelta(days=90))) == 0  # no news any more
    assert len(told(Kind.OVERDUE)) == 2
