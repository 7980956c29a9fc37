"""What runs by the clock."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from deals import warnings
from deals.domain import handoffs

SCHEDULE = {
    "withdraw-overdue-handoffs": {"task": "deals.tasks.withdraw_overdue_handoffs", "schedule": 60.0},
    "warn-of-handoffs": {"task": "deals.tasks.warn_of_handoffs", "schedule": 60.0},
    "tell-of-overdue-payments": {"task": "deals.tasks.tell_of_overdue_payments", "schedule": 900.0},
}


@shared_task
def withdraw_overdue_handoffs() -> None:
    """Give back to marketing the offers that nobody decided in time."""
    handoffs.withdraw_overdue(at=timezone.now())


@shared_task
def warn_of_handoffs() -> None:
    """Warn of the offers that run out soon undecided."""
    warnings.warn_of_handoffs(at=timezone.now())


@shared_task
def tell_of_overdue_payments() -> None:
    """Tell of the instalments whose day is over and that are not paid."""
    warnings.tell_of_overdue(at=timezone.now())
