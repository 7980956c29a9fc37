"""Figures about partners for lists: everything in a fixed number of queries."""

from datetime import datetime

from django.db.models import Count, Q, QuerySet, Sum

from funnel.models import Organisation

from .models import Partner, Referral


def partners_with_figures(*, at: datetime) -> QuerySet[Partner]:
    """Return the partners with referrals of the month, waiting, taken, won, and what was earned; two queries."""
    clock = Organisation.current().clock
    begin, end = clock.period_bounds(clock.month_at(at))
    standing = Q(referrals__withdrawn_at=None)
    return (
        Partner.objects.annotate(
            month=Count(
                "referrals",
                filter=standing
                & Q(referrals__referred_at__gte=begin, referrals__referred_at__lt=end)
                & ~Q(referrals__state__in=(Referral.State.DECLINED, Referral.State.RETURNED)),
            ),
            total=Count("referrals", filter=standing),
            waiting=Count("referrals", filter=standing & Q(referrals__state=Referral.State.OFFERED)),
            declined=Count("referrals", filter=standing & Q(referrals__state=Referral.State.DECLINED)),
            done=Count("referrals", filter=standing & Q(referrals__state=Referral.State.DONE)),
            won=Count("referrals", filter=standing & Q(referrals__outcome=Referral.Outcome.WON)),
            earned=Sum("referrals__amount", filter=standing),
        )
        .prefetch_related("capabilities__service")
        .order_by("-active", "name", "key")
    )
