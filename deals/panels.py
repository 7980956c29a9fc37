"""What the journey page shows of the sales half: everything in one query, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, JSONObject, NullIf
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from deals.models import (
    ContractVersion,
    Handoff,
    Instalment,
    LegalIssue,
    Meeting,
    Objection,
    Payment,
    ProposalVersion,
)
from funnel import access, formats
from funnel.access import Permission
from funnel.models import Journey, Note, Organisation, User
from funnel.rates import origin_words
from funnel.stages import Role, Stage

MONEY = ("amount", "total", "paid", "left", "credit")
DAYS = ("due_on", "paid_on", "valid_until", "signed_on")
MOMENTS = ("starts_at", "sent_at", "offered_at", "due_at", "decided_at", "raised_at", "resolved_at")


def _name(path: str) -> Coalesce:
    return Coalesce(NullIf(F(f"{path}__name"), Value("")), F(f"{path}__username"), Value(""))


def _rows(queryset: QuerySet[Any], *order: str, **columns: Any) -> ArraySubquery:
    """Return a subquery that gives rows as JSON objects; amounts as text, so that no cent is lost on the way."""
    fields = {
        name: Cast(value, CharField()) if name in MONEY else value
        for name, value in {"pk": F("pk"), **columns}.items()
    }
    return ArraySubquery(queryset.order_by(*order).values(row=JSONObject(**fields))[:50])


def _of(model: Any, path: str = "journey") -> QuerySet[Any]:
    return model.objects.filter(**{path: OuterRef("pk")})


def summary(journey: Journey) -> dict[str, list[dict[str, Any]]]:
    """Return offers, meetings, proposal and contract versions, issues and money of a journey: one query.

    Read once for as long as this object of the journey lives.
    """
    known: dict[str, list[dict[str, Any]]] | None = journey.__dict__.get("_deal_summary")
    if known is None:
        known = journey.__dict__["_deal_summary"] = _read(journey.pk)
    return known


def _read(journey_id: int) -> dict[str, list[dict[str, Any]]]:
    found = (
        Journey.objects.filter(pk=journey_id)
        .values(
            handoffs_=_rows(
                _of(Handoff),
                "-pk",
                offered_at=F("offered_at"),
                due_at=F("due_at"),
                decision=F("decision"),
                decided_at=F("decided_at"),
                reason=F("reason"),
                comment=F("comment"),
                words=Subquery(
                    Note.objects.filter(event=OuterRef("event")).order_by("pk").values("text")[:1]
                ),
                offered_by=_name("offered_by"),
                offered_to=_name("offered_to"),
                decided_by=_name("decided_by"),
                brief=F("brief_version_id"),
            ),
            meetings_=_rows(
                _of(Meeting),
                "-starts_at",
                "-pk",
                starts_at=F("starts_at"),
                minutes=F("minutes"),
                place=F("place"),
                link=F("link"),
                state=F("state"),
                outcome=F("outcome"),
                specialist=_name("specialist"),
            ),
            proposals_=_rows(
                _of(ProposalVersion, "proposal__journey"),
                "-number",
                number=F("number"),
                state=F("state"),
                total=F("total"),
                sent_at=F("sent_at"),
                valid_until=F("valid_until"),
                answer=F("answer"),
            ),
            objections_=_rows(
                _of(Objection),
                "-raised_at",
                "-pk",
                said=F("said"),
                label=Coalesce(NullIf(F("reason__label"), Value("")), F("reason__key")),
                raised_at=F("raised_at"),
                resolved_at=F("resolved_at"),
                resolution=F("resolution"),
            ),
            contracts_=_rows(
                _of(ContractVersion, "contract__journey"),
                "-number",
                number=F("number"),
                state=F("state"),
                amount=F("amount"),
                sent_at=F("sent_at"),
                answer=F("answer"),
                signed_on=F("contract__signed_on"),
                lawyer=_name("contract__lawyer"),
            ),
            issues_=_rows(
                _of(LegalIssue),
                "raised_at",
                "pk",
                text=F("text"),
                raised_at=F("raised_at"),
                resolved_at=F("resolved_at"),
                resolution=F("resolution"),
            ),
            instalments_=_rows(
                Instalment.objects.with_paid().filter(contract__journey=OuterRef("pk")),
                "due_on",
                "position",
                position=F("position"),
                due_on=F("due_on"),
                amount=F("amount"),
                paid=F("paid"),
                left=F("left"),
            ),
            payments_=_rows(
                _of(Payment),
                "-paid_on",
                "-pk",
                kind=F("kind"),
                amount=F("amount"),
                paid_on=F("paid_on"),
                method=F("method"),
                original=F("event__inputs__original"),
            ),
            sums_=_rows(
                Journey.objects.filter(pk=OuterRef("pk")).with_sums("paid", "credit"),
                "pk",
                paid=F("paid"),
                credit=F("credit"),
            ),
            organisation_=ArraySubquery(
                Organisation.objects.values(row=JSONObject(currency=F("currency"), timezone=F("timezone")))
            ),
        )
        .first()
    )
    return {name.removesuffix("_"): [_typed(row) for row in rows] for name, rows in (found or {}).items()}


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row that came as JSON its dates, moments and amounts back."""
    for name in MONEY:
        if row.get(name) is not None:
            row[name] = Decimal(row[name])
    for name in DAYS:
        if isinstance(row.get(name), str):
            row[name] = parse_date(row[name])
    for name in MOMENTS:
        if isinstance(row.get(name), str):
            row[name] = parse_datetime(row[name])
    return row


def _inside(user: User) -> bool:
    return user.role != Role.PARTNER


# panels --------------------------------------------------------------------------------------------------------------


def handoff(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the offer while it waits, and why it came back."""
    if not _inside(user) or journey.stage not in {Stage.HANDED_OFF, Stage.RETURNED}:
        return None
    offers = summary(journey)["handoffs"]
    if not offers:
        return None
    offer = offers[0]
    may_decide = journey.stage == Stage.HANDED_OFF and access.may_move(
        user, "accept", journey.stage, kind=journey.kind, offered_to_id=journey.offered_to_id
    )
    waited = Organisation.current().clock.business_minutes(
        offer["offered_at"], offer["decided_at"] or timezone.now()
    )
    told = {
        **offer,
        "decision_label": dict(Handoff.Decision.choices).get(offer["decision"], ""),
        "age": formats.span(waited),
    }
    return {"offer": told, "may_decide": may_decide}


def meetings(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the demos, the next one first."""
    found = summary(journey)["meetings"] if _inside(user) else []
    if not found:
        return None
    states, outcomes = dict(Meeting.State.choices), dict(Meeting.Outcome.choices)
    for meeting in found:
        meeting["state_label"], meeting["outcome_label"] = (
            states[meeting["state"]],
            outcomes.get(meeting["outcome"], ""),
        )
    return {"meetings": found}


def proposal(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the versions, what the client answered, and the objections."""
    if not access.may(user, Permission.WRITE_PROPOSALS):
        return None
    known = summary(journey)
    if not known["proposals"] and not known["objections"]:
        return None
    return {
        "versions": known["proposals"],
        "objections": known["objections"],
        "currency": _currency(journey),
    }


def contract(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the versions, the lawyer and the legal issues."""
    if not access.may(user, Permission.WRITE_CONTRACTS):
        return None
    known = summary(journey)
    if not known["contracts"] and not known["issues"]:
        return None
    return {
        "versions": known["contracts"],
        "issues": known["issues"],
        "open_issues": sum(issue["resolved_at"] is None for issue in known["issues"]),
        "currency": _currency(journey),
    }


def payments(journey: Journey, user: User) -> dict[str, Any] | None:
    """Show the schedule against what came in and went back, and what the client has over."""
    if not access.may(user, Permission.SEE_MONEY):
        return None
    known = summary(journey)
    if not known["instalments"] and not known["payments"]:
        return None
    zone = ZoneInfo(known["organisation"][0]["timezone"])
    today = timezone.now().astimezone(zone).date()
    for instalment in known["instalments"]:
        instalment["status"] = status_of(instalment, today)
    for payment in known["payments"]:
        payment["origin"] = origin_words(payment["original"])
    return {
        "instalments": known["instalments"],
        "payments": known["payments"],
        **known["sums"][0],
        "currency": _currency(journey),
    }


def status_of(instalment: Mapping[str, Any] | Instalment, today: date) -> str:
    """Return "paid", "overdue", "part" or "due", by the organisation's date."""
    get = instalment.get if isinstance(instalment, Mapping) else lambda name: getattr(instalment, name)
    left: Decimal = get("left") or Decimal(0)
    due_on: date = get("due_on")  # type: ignore[assignment]
    if left <= 0:
        return "paid"
    if due_on < today:
        return "overdue"
    return "part" if get("paid") else "due"


def _currency(journey: Journey) -> str:
    return str(summary(journey)["organisation"][0]["currency"])
