"""What runs by the clock."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from deals.domain import handoffs

SCHEDULE = {"withdraw-overdue-handoffs": {"task": "deals.tasks.withdraw_overdue_handoffs", "schedule": 60.0}}


@shared_task
def withdraw_overdue_handoffs() -> None:
    """Give back to marketing the offers that nobody decided in time."""
    handoffs.withdraw_overdue(at=timezone.now())
