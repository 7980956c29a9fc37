"""A small installation in which every page has something to show."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone

from briefs import domain as briefs
from deals.models import Proposal
from funnel import todo_acts
from funnel.models import Campaign, CustomField, Event, SavedView, Service, User
from funnel.models.organisation import Rate
from funnel.stages import Happening, Role, Stage
from kpi import plans
from kpi.digest.choices import token_of
from kpi.models import Plan
from leads.models import ImportJob, WebForm
from partners.models import Referral
from tests import factories


def build(ada: User) -> dict[str, Any]:
    """Return what the pages' arguments name, by key."""
    north = factories.team("North")
    seller = factories.people(Role.SALESPERSON, "sam", team=north)
    factories.people(Role.FIRST_TOUCH, "fay", team=north)
    pat = factories.partner_person("pat")
    acme = factories.partner("acme", name="Acme Works", members=(pat,))
    Campaign.objects.create(key="spring", label="Spring fair")
    given = {"company": "Client Works", "phone": "+442079460001", "campaign": "spring", "service": "audit"}
    journey = factories.journey_at(Stage.BRIEFED, **given)
    won = factories.run(factories.journey_at(Stage.WON), "payment_received")
    referred = factories.run(
        factories.journey_at(Stage.CONTACTED), "refer", {"partner": "acme", "reason": "capacity"}
    )
    fresh = factories.lead(company="Fresh Foods", message="We need twelve sensors.")
    proposal, contract = (
        factories.journey_at(stage) for stage in (Stage.PROPOSAL_SENT, Stage.CONTRACT_REQUESTED)
    )
    for stage in (Stage.HANDED_OFF, Stage.DEMO_SCHEDULED, Stage.OBJECTION, Stage.LOST):
        factories.journey_at(stage)
    task = todo_acts.create(
        actor=ada,
        at=timezone.now(),
        title="Call them back",
        due_at=timezone.now() - dt.timedelta(days=1),
        assignee=ada,
        journey=journey,
    )
    link = briefs.open_link(journey=fresh.pk, actor=ada, at=timezone.now())
    service = Service.objects.get(key="audit")
    factories.template("audit", {"key": "need", "required": True})
    plan = {
        "month": timezone.localdate().strftime("%Y-%m"),
        "metric": "leads_valid",
        "scope": "all",
        "value": "9",
    }
    plans.take(enumerate([plan], start=1))
    assert Plan.objects.exists()
    now = timezone.now()
    job = ImportJob.objects.create(
        state=ImportJob.State.DONE, journeys_name="j.csv", created_at=now, queued_at=now, created_by=ada
    )
    paid = Event.objects.filter(journey=won, event=Happening.PAYMENT_RECEIVED).last()
    rate = Rate.objects.create(currency="USD", into="EUR", day=dt.date(2026, 1, 1), rate=Decimal("0.92"))
    custom = CustomField.objects.create(on="contact", key="tier", label="Tier", type=CustomField.Type.TEXT)
    return {
        "ada": ada,
        "pat": pat,
        "seller": seller.pk,
        "team": north.pk,
        "partner": acme.pk,
        "campaign": Campaign.objects.get(key="spring").pk,
        "service": service.pk,
        "form": WebForm.objects.order_by("pk")[0].pk,
        "journey": journey.pk,
        "won": won.pk,
        "event": paid.pk if paid else 0,
        "fresh": fresh.pk,
        "proposal": proposal.pk,
        "contract": contract.pk,
        "contact": journey.contact_id,
        "company": journey.company_id,
        "referral": Referral.objects.get(journey=referred).pk,
        "task": task.pk,
        "view": SavedView.objects.create(owner=ada, name="Mine", place="list").pk,
        "import": job.pk,
        "rate": rate.pk,
        "custom": custom.pk,
        "brief_key": link.link_key,
        "proposal_token": Proposal.objects.get(journey=proposal).token,
        "digest": token_of(ada, "weekly"),
    }
