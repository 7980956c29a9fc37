"""A database with rows of every kind that REST answers with."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from deals.models import Contract, Meeting
from funnel.merging import merge
from funnel.models import Event, Journey, Notification, User
from funnel.models.organisation import Rate
from funnel.stages import Role, Stage
from leads.history import jobs
from leads.models import ImportJob
from leads.pair_models import Uncompared
from leads.pairing import PAIRS
from tests.factories import START, journey_at, lead, partner, people, run, team, token
from tests.history.files import GOLDEN, load_golden


def world() -> dict[str, User]:
    """Make rows of every kind; return a person of each role, who sees some of them."""
    north = team("North")
    in_team = (Role.FIRST_TOUCH, Role.SALESPERSON)
    users = {str(role): people(role, team=north if role in in_team else None) for role in Role}
    partner("ours", members=(users[Role.PARTNER],))
    journeys = {
        stage: journey_at(stage, campaign="spring", service="crm", company=f"Works at {stage}")
        for stage in Stage.values
    }
    for answer in ("partner_accepted", "partner_declined"):
        run(journey_at(Stage.REFERRED), answer)
    run(run(journey_at(Stage.REFERRED), "partner_accepted"), "partner_outcome")
    won = journeys[Stage.WON]
    for name in ("payment_received", "refund_paid", "direct_cost", "owner_changed", "note_logged"):
        inputs = {"owner_changed": {"owner": Role.MANAGER}, "note_logged": {"text": "Rings on Monday."}}
        run(won, name, inputs.get(name))
    for name in ("legal_issue_raised", "legal_issue_resolved"):
        run(journeys[Stage.CONTRACT_SENT], name, at=timezone.now())
    Contract.objects.update(lawyer=users[Role.LAWYER])
    Meeting.objects.update(specialist=users[Role.SPECIALIST])
    _programs(users, journeys)
    one, other, gone = (lead(name="Ada", company="Same Trade") for _number in range(3))
    for kind in ("contact", "company"):
        loser, survivor = getattr(one, kind), getattr(other, kind)
        if loser != survivor:
            merge(survivor=survivor, loser=loser, actor=users[Role.MANAGER], at=timezone.now())
    run(gone, "personal_data_erased", {"sure": True})
    _pairs()
    load_golden()
    event = Event.objects.filter(journey=won).first()
    for person in users.values():
        for kind in Notification.Kind.values:
            Notification.objects.create(user=person, kind=kind, event=event, key=kind)
    _imports(users[Role.ADMINISTRATOR])
    return users


def _pairs() -> None:
    """Put two people and two companies on record who may be one."""
    alike = [
        lead(name=f"Nora {name}", email=f"nora@{name}.example", company=name)
        for name in ("fieldwork", "fieldworks")
    ]
    Uncompared.objects.all().delete()  # the list compares what waits, and would judge them anew
    for kind, pairs in PAIRS.items():
        first, second = sorted(getattr(journey, kind).pk for journey in alike)
        pairs.objects.update_or_create(
            first_id=first, second_id=second, defaults={"sure": 90, "why": ["phone"]}
        )


def _programs(users: dict[str, User], journeys: dict[str, Journey]) -> None:
    """Make by REST what is made there."""
    client = Client(headers=token(users[Role.ADMINISTRATOR], "read", "write", "admin"))

    def post(path: str, body: Any, kind: str = "application/json") -> Any:
        options = {} if kind == "multipart" else {"content_type": kind}
        answer = client.post(f"/api/v1/{path}", body, **options)
        assert answer.status_code in {200, 201, 202}, (path, answer.content)
        return answer.json()

    new = journeys[Stage.NEW]
    types = {"text": "long", "number": 3, "date": "2026-03-02", "boolean": True, "choice": "red"}
    for on in ("contact", "company", "journey"):
        for kind in types:
            body: dict[str, Any] = {"on": on, "key": f"my_{kind}", "label": kind, "type": kind}
            post("custom-fields/", body | ({"choices": ["red", "blue"]} if kind == "choice" else {}))
    values = {"custom": {f"my_{kind}": value for kind, value in types.items()}}
    for path in (f"contacts/{new.contact_id}/", f"companies/{new.company_id}/", f"journeys/{new.pk}/"):
        changed = client.patch(f"/api/v1/{path}", values, content_type="application/json")
        assert changed.status_code == 200, changed.content
    task = {"title": "Call", "due_at": START.isoformat()}
    made = [
        post("tasks/", task | more)
        for more in ({}, {"journey": new.pk, "repeat": "weekly"}, {"all_day": True})
    ]
    post(f"tasks/{made[0]['id']}/cancel/", {})
    post(f"tasks/{made[1]['id']}/complete/", {})
    for shared in ("nobody", "everyone"):
        post("views/", {"name": shared, "query": "stage=new", "shared": shared, "columns": ["owner"]})
    Rate.objects.create(currency="USD", into="EUR", day=START.date(), rate="0.9")
    for cost in ({"month": "2026-02"}, {"month": "2026-03", "currency": "USD"}):
        post("campaign-costs/", {"campaign": "spring", "amount": "100.00", **cost})
    for scope in ("all", "owner:salesperson"):
        post("plans/", {"month": "2026-03", "metric": "leads_valid", "scope": scope, "value": "5"})
    post(f"briefs/{journeys[Stage.MET].pk}/link/", {})
    post("files/", {"journey": new.pk, "file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 x")}, "multipart")
    post(f"journeys/{new.pk}/facts/activity_logged/", {"inputs": _contact()})


def _contact() -> dict[str, Any]:
    from tests.factories.journeys import STEPS

    return dict(STEPS["respond"](Journey()))


def _imports(actor: User) -> None:
    for changed in (True, False):
        files = {}
        for name in ("journeys", "events"):
            text = (GOLDEN / f"{name}.csv").read_bytes() + (b"J99,?,nowhere,,,,\n" if changed else b"")
            files[name] = SimpleUploadedFile(f"{name}.csv", io.BytesIO(text).read())
        job = jobs.submit(actor=actor, at=timezone.now(), dry_run=changed, strict=False, **files)
        jobs.run(job.pk)
    assert ImportJob.objects.count() == 2
