"""The figures' entry in the left bar."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from funnel.access import Permission, may
from funnel.models import User
from kpi.dashboards.pages import VIEWS, home


def entries(user: User) -> Iterator[dict[str, Any]]:
    """Yield the campaigns and the dashboard, under which plan and staff activity stand as tabs, and the digests, to who may see reports."""
    if may(user, Permission.SEE_REPORTS):
        yield {"url_name": "kpi:campaigns", "icon": "megaphone", "label": _("Campaigns"), "weight": 75}
        yield {
            "url_name": home(user).url_name,
            "holds": (*(view.url_name for view in VIEWS), "kpi:plan-grid", "kpi:staff"),
            "icon": "chart-column",
            "label": _("Dashboard"),
            "weight": 80,
        }
        yield {
            "url_name": "kpi:digest",
            "icon": "mail",
            "label": _("E-mail digests"),
            "weight": 920,
            "place": "account",
        }


def settings_pages(user: User) -> Iterator[dict[str, Any]]:
    """Yield the digests for those who may see reports."""
    if may(user, Permission.SEE_REPORTS):
        yield {
            "group": "mine",
            "url_name": "kpi:digest",
            "icon": "mail",
            "label": _("E-mail digests"),
            "text": _("The figures of a week or a month, by e-mail."),
        }
