"""What runs by the clock."""

from celery import shared_task
from django.utils import timezone

from . import domain

SCHEDULE = {
    "return-overdue-referrals": {"task": "partners.tasks.return_overdue_referrals", "schedule": 60.0},
}


@shared_task
def return_overdue_referrals() -> None:
    """Give back to marketing the referrals that partners did not answer in time."""
    domain.return_overdue(at=timezone.now())
