"""Demo data in a running installation: loaded once, by `make up` or from the first run, and taken out again.

The ledger is never rewritten. Taking the demo out annuls every event of its journeys, as an undo does: they leave every
list and every figure. What lies beside the ledger goes for good: invented people and companies, tasks, plans, costs.
How far a load or a removal has come is told through the cache, and only there.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from config.models import Milestone
from funnel.annulment import CannotAnnul, annul
from funnel.models import (
    Campaign,
    Company,
    Contact,
    CustomField,
    Event,
    Journey,
    Notification,
    SavedView,
    Service,
    Task,
    Team,
    User,
)
from funnel.stages import Happening
from kpi.models import Plan
from leads.models import CampaignCost
from partners.models import Partner

log = logging.getLogger(__name__)

NAME: Final = "demo data"
PROGRESS: Final = "config:demo"
LOST_AFTER: Final = 20 * 60
"""Seconds after which work that nobody tells of any more was lost: longer than its task may run."""
KEPT: Final[tuple[type[models.Model], ...]] = (
    Campaign,
    Company,
    Contact,
    CustomField,
    Partner,
    Plan,
    Service,
    Team,
    User,
)
"""What the demo makes beside journeys and is taken out of use, or away, with it."""

Tell = Callable[[int, int], None]


class CannotRemove(Exception):
    """The demo stays as it is, for the reason given."""


@dataclass(frozen=True, slots=True)
class Demo:
    """How the demo stands: "none", "waiting" for a worker, "loading", "loaded", "removing", "removed" or "failed".

    `removable` where it is known what it made; `error` says why something failed.
    """

    phase: str
    done: int = 0
    total: int = 0
    removable: bool = False
    error: str = ""

    @property
    def is_busy(self) -> bool:
        return self.phase in {"waiting", "loading", "removing"}


def state() -> Demo:
    """Return how the demo stands: one query."""
    told: dict[str, Any] = cache.get(PROGRESS) or {}
    if told and time.time() - told["at"] < LOST_AFTER and told["phase"] != "over":
        return Demo(told["phase"], told["done"], told["total"], error=told["error"])
    there = Milestone.objects.filter(name=NAME).first()
    if there is None:
        return Demo("none")
    if there.facts.get("removed"):
        return Demo("removed")
    return Demo("loaded", removable="xact" in there.facts)


def is_in() -> bool:
    """Tell whether there is a demo that can be taken out: one query."""
    return (
        Milestone.objects.filter(name=NAME, facts__has_key="xact").exclude(facts__has_key="removed").exists()
    )


def tell(phase: str, done: int = 0, total: int = 0, error: str = "") -> None:
    """Say how far the work is; "over" when it is done."""
    mark = {"phase": phase, "done": done, "total": total, "error": error, "at": time.time()}
    cache.set(PROGRESS, mark, timeout=LOST_AFTER)


@transaction.atomic
def load(*, journeys: int, sign_in: bool, progress: Tell | None = None) -> str:
    """Load the demo where there is no journey and never was one of a demo; return what to tell people.

    All of it or none. Without `progress` standard error hears how far it is. Colleagues of the demo can sign in with its known password only where `sign_in` says so.
    """
    if Milestone.objects.filter(name=NAME).exists() or Journey.objects.exists():
        return ""
    before = {model: set(model._default_manager.values_list("pk", flat=True)) for model in KEPT}
    answer = io.StringIO()
    call_command("seed", journeys=journeys, sign_in=sign_in, progress=progress, stdout=answer)
    words = answer.getvalue() if sign_in else ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xact = cursor.fetchone()[0]
    made = {
        model._meta.label_lower: sorted(
            set(model._default_manager.values_list("pk", flat=True)) - before[model]
        )
        for model in KEPT
    }
    last = Event.objects.aggregate(last=models.Max("pk"))["last"]
    Milestone.objects.create(name=NAME, words=words, facts={"xact": xact, "last": last, "made": made})
    # thousands of acts have each asked for the same wake-up: one is enough
    connection.run_on_commit = list({entry[1]: entry for entry in connection.run_on_commit}.values())
    return words


def journeys() -> set[int]:
    """Return the journeys of the demo, taken out or not; none where it is not known which they are."""
    there = Milestone.objects.filter(name=NAME, facts__has_key="xact").first()
    return journeys_of(there.facts) if there else set()


def journeys_of(facts: dict[str, Any]) -> set[int]:
    """Return the journeys that came with the demo, and those that were passed on from them since."""
    arrived = Event.objects.filter(xact=facts["xact"], pk__lte=facts["last"], event=Happening.LEAD_CREATED)
    found = set(arrived.values_list("journey_id", flat=True))
    ahead = found
    while ahead:
        ahead = set(Journey.objects.filter(parent__in=ahead).values_list("pk", flat=True)) - found
        found |= ahead
    return found


@transaction.atomic
def remove(*, actor: User, at: datetime, progress: Tell = lambda done, total: None) -> int:
    """Take the demo out, with whatever was done on its journeys since; return how many journeys left.

    All of it or nothing. Raises CannotRemove.
    """
    there = Milestone.objects.select_for_update().filter(name=NAME).first()
    if there is None or "xact" not in there.facts or there.facts.get("removed"):
        raise CannotRemove(_("There is no demo data here that could be told from yours."))
    journeys = journeys_of(there.facts)
    mixed = Journey.objects.filter(merged_into__in=journeys).exclude(pk__in=journeys).first()
    if mixed is not None:
        words = _("Number %(n)s, one of yours, is merged into one of the demo: unmerge it first.")
        raise CannotRemove(words % {"n": mixed.pk})
    alive = sorted(Journey.objects.filter(pk__in=journeys, annulled_at=None).values_list("pk", flat=True))
    for first in range(0, len(alive), 25):
        batch = alive[first : first + 25]
        events = Event.objects.live().filter(journey__in=batch).values_list("pk", flat=True)
        try:
            annul(events=list(events), actor=actor, at=at)
        except CannotAnnul as why:
            raise CannotRemove(str(why)) from None
        progress(first + len(batch), len(alive))
    _forget_people(there.facts["made"], journeys, at)
    _put_out_of_use(there.facts["made"], journeys, actor)
    there.words, there.facts = "", {**there.facts, "removed": True}
    there.save(update_fields=["words", "facts"])
    return len(alive)


def _forget_people(made: dict[str, list[int]], journeys: set[int], at: datetime) -> None:
    """Delete the invented people and companies. Their journeys, which nobody sees, come to one erased person."""
    theirs = Journey.objects.filter(pk__in=journeys)
    contacts = {*made["funnel.contact"], *theirs.values_list("contact_id", flat=True)}
    companies = {*made["funnel.company"], *theirs.exclude(company=None).values_list("company_id", flat=True)}
    Notification.objects.filter(event__journey__in=journeys).delete()
    Task.objects.filter(journey__in=journeys).delete()
    nobody = Contact.objects.create(name="", erased_at=at)
    theirs.update(contact=nobody, company=None)
    # whoever was merged into another goes before the other
    _delete(Contact.objects.filter(pk__in=contacts, journeys=None).order_by("merged_into"))
    _delete(Company.objects.filter(pk__in=companies, journeys=None, contacts=None).order_by("merged_into"))


def _delete(records: Any) -> None:
    """Delete what nothing of theirs holds any more; what something does hold stays."""
    for record in records:
        try:
            with transaction.atomic():
                record.delete()
        except (models.ProtectedError, models.RestrictedError):
            log.info("%s of the demo is in use and stays", record._meta.model_name)


def _put_out_of_use(made: dict[str, list[int]], journeys: set[int], actor: User) -> None:
    """Plans and costs of the demo go; its people, services, campaigns and partners are out of use.

    Whoever or whatever has been taken up by real journeys since stays as it is.
    """
    real = Journey.objects.exclude(pk__in=journeys)
    campaigns = Campaign.objects.filter(pk__in=made["funnel.campaign"]).exclude(
        pk__in=real.exclude(campaign=None).values("campaign")
    )
    CampaignCost.objects.filter(campaign__in=list(campaigns)).delete()
    campaigns.update(active=False)
    services = Service.objects.filter(pk__in=made["funnel.service"])
    services.exclude(pk__in=real.exclude(service=None).values("service")).update(active=False)
    Partner.objects.filter(pk__in=made["partners.partner"]).update(active=False)
    CustomField.objects.filter(pk__in=made["funnel.customfield"]).update(active=False)
    Plan.objects.filter(pk__in=made["kpi.plan"], updated_by=None).delete()
    people = User.objects.filter(pk__in=made["funnel.user"]).exclude(pk=actor.pk)
    SavedView.objects.filter(owner__in=people).delete()
    Task.objects.filter(assignee__in=people, created_by__in=people, journey=None).delete()
    people.exclude(pk__in=real.exclude(owner=None).values("owner")).update(is_active=False)
