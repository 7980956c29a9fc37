"""What the sales half plugs into the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deals import act_forms as forms
from deals import consumers, queries
from deals.domain import adoption, contracts, erasure, handoffs, meetings, payments, proposals, public
from deals.models import Contract, Handoff, Meeting
from funnel import access, acts, outbox, registry
from funnel.access import Permission
from funnel.forms import NoInputs
from funnel.models import Journey, User
from funnel.stages import REPEAT, Role, Stage
from funnel.stages import Happening as H


def register_acts() -> None:
    """Say how each move and fact of the sales half is done."""
    acts.register("hand_off", form=forms.HandOffForm, perform=handoffs.hand_off)
    acts.register("withdraw_handoff", form=NoInputs, perform=handoffs.withdraw_handoff)
    acts.register("accept", form=NoInputs, perform=handoffs.accept)
    acts.register("reject", form=forms.RejectForm, perform=handoffs.reject)
    acts.register("schedule_demo", form=forms.ScheduleDemoForm, perform=meetings.schedule_demo)
    acts.register("miss_demo", form=NoInputs, perform=meetings.miss_demo)
    acts.register("cancel_demo", form=forms.CancelDemoForm, perform=meetings.cancel_demo)
    acts.register("hold_demo", form=forms.HoldDemoForm, perform=meetings.hold_demo)
    acts.register("qualify", form=forms.QualifyForm, perform=meetings.qualify)
    acts.register("request_proposal", form=NoInputs, perform=proposals.request_proposal)
    acts.register("send_proposal", form=forms.SendProposalForm, perform=proposals.send_proposal, bulk=False)
    acts.register("object", form=forms.ObjectForm, perform=proposals.raise_objection)
    acts.register(
        H.OBJECTION_RESOLVED, form=forms.ResolveObjectionForm, perform=proposals.resolve_objection, bulk=False
    )
    acts.register("request_contract", form=forms.RequestContractForm, perform=contracts.request_contract)
    acts.register("send_contract", form=forms.SendContractForm, perform=contracts.send_contract, bulk=False)
    acts.register("sign", form=forms.SignForm, perform=contracts.sign, bulk=False)
    acts.register(H.LEGAL_ISSUE_RAISED, form=forms.LegalIssueForm, perform=contracts.raise_legal_issue)
    acts.register(
        H.LEGAL_ISSUE_RESOLVED,
        form=forms.ResolveIssueForm,
        perform=contracts.resolve_legal_issue,
        bulk=False,
    )
    acts.register(H.PAYMENT_RECEIVED, form=forms.PaymentForm, perform=payments.receive_payment, bulk=False)
    acts.register(H.REFUND_PAID, form=forms.RefundForm, perform=payments.pay_refund, bulk=False)
    acts.register(H.CLIENT_ANSWERED, form=forms.AnswerForm, perform=public.answer, bulk=False)
    acts.register(H.DIRECT_COST, form=forms.CostForm, perform=payments.record_cost)
    registry.requirements |= {
        "demo.begun": meetings.not_begun,
        "demo.ahead": meetings.begun,
        "proposal.version": proposals.lacks_version,
        "contract.version": contracts.lacks_version,
    }


def register_undo() -> None:
    """Say what goes with an event that is annulled, what stands against it, and what an erasure takes."""
    registry.on_annulled |= {
        H.HANDED_OFF: handoffs.offers_annulled,
        H.HANDOFF_WITHDRAWN: handoffs.decisions_annulled,
        H.SAL_ACCEPTED: handoffs.decisions_annulled,
        H.SAL_REJECTED: handoffs.decisions_annulled,
        H.DEMO_SCHEDULED: meetings.meetings_annulled,
        H.DEMO_HELD: meetings.meetings_annulled,
        H.SQL_QUALIFIED: meetings.qualifications_annulled,
        H.PROPOSAL_REQUESTED: proposals.requests_annulled,
        H.CLIENT_ANSWERED: public.answers_annulled,
        H.PROPOSAL_SENT: proposals.sendings_annulled,
        H.OBJECTION_RAISED: proposals.objections_annulled,
        H.OBJECTION_RESOLVED: proposals.resolutions_annulled,
        H.CONTRACT_REQUESTED: contracts.requests_annulled,
        H.CONTRACT_SENT: contracts.sendings_annulled,
        H.CONTRACT_SIGNED: contracts.signatures_annulled,
        H.LEGAL_ISSUE_RAISED: contracts.issues_annulled,
        H.LEGAL_ISSUE_RESOLVED: contracts.settlements_annulled,
        H.PAYMENT_RECEIVED: payments.payments_annulled,
        H.REFUND_PAID: payments.payments_annulled,
        H.DIRECT_COST: payments.costs_annulled,
    }
    registry.on_left[Stage.DEMO_SCHEDULED] = meetings.close
    registry.on_left_annulled[Stage.DEMO_SCHEDULED] = meetings.reopen
    registry.annul_guards |= {
        H.PROPOSAL_SENT: public.answered_guard,
        H.CONTRACT_SENT: public.answered_guard,
        H.OBJECTION_RAISED: proposals.objection_guard,
        H.CONTRACT_SIGNED: payments.signature_guard,
        H.PAYMENT_RECEIVED: payments.payment_guard,
    }
    registry.on_erased.append(erasure.erase)


def register_consumers() -> None:
    """Tell those whom an act invites, and follow an imported past."""
    outbox.register("deals.invite", events=consumers.INVITES, handle=consumers.invite)
    registry.history_landed.append(adoption.adopt)


def onward(journey: Journey) -> registry.Steer | None:
    """Propose to a salesperson to go on with the further purchase of a client that they opened."""
    owner = journey.owner
    if (
        journey.stage != Stage.NEW
        or journey.kind != REPEAT
        or owner is None
        or owner.role != Role.SALESPERSON
    ):
        return None
    why = gettext("The client has bought before: no first answer, brief or handoff is needed.")
    return registry.Steer("accept", gettext("Go on in sales"), {}, why)


def register_sight() -> None:
    """Let specialists see what they are invited to, lawyers the contracts that are theirs."""
    registry.visibility.append(invited)
    registry.steers.append(onward)


def register_pages() -> None:
    """Put the sales half into the left bar, onto the journey's page and into the REST doors."""
    from deals import panels
    from deals.api import views as api

    registry.navigation.append(navigation)
    registry.journey_panels += [
        ("deals/panels/handoff.html", panels.handoff),
        ("deals/panels/meetings.html", panels.meetings),
        ("deals/panels/proposal.html", panels.proposal),
        ("deals/panels/contract.html", panels.contract),
        ("deals/panels/payments.html", panels.payments),
    ]
    registry.act_pages |= {"send_proposal": "deals:proposal", "send_contract": "deals:contract"}
    registry.path_pages |= {"proposal": "deals:proposal", "contract": "deals:contract"}
    registry.appointments.append(queries.appointments)
    registry.path_waits["demo.begun"] = _("It can be recorded once the demo has begun.")
    registry.path_labels |= {
        "demo.begun": _("The demo has begun"),
        "demo.ahead": _("The demo is still to come"),
        "proposal.version": _("A draft of the proposal"),
        "proposal.lines": _("Lines in the proposal"),
        "contract.version": _("A draft of the contract"),
        "contract.terms": _("The contract's terms, or a file"),
        "contract.amount": _("The contract's amount"),
        "salesperson": _("A salesperson to whom it is not offered yet"),
        "objection": _("An open objection"),
        "issue": _("An open legal issue"),
        "payments": _("Payments as large as what goes back"),
        "currency": _("A rate of the currency for that day"),
        "paid_on": _("A day paid that is not after the entry"),
        "instalment": _("An instalment that is not paid yet"),
    }
    registry.api_routes += [
        ("handoffs", api.HandoffViewSet, "handoff"),
        ("meetings", api.MeetingViewSet, "meeting"),
        ("proposals", api.ProposalViewSet, "proposal"),
        ("contracts", api.ContractViewSet, "contract"),
        ("payments", api.PaymentViewSet, "payment"),
    ]


def navigation(user: User) -> Iterator[dict[str, Any]]:
    """Yield what the person's role works with; what it may not use, it does not see."""
    inside = user.role not in {Role.PARTNER, Role.SPECIALIST, Role.LAWYER, Role.SERVICE}
    if inside:
        waiting = Handoff.objects.waiting().filter(Q(offered_to=user) | Q(offered_to=None))
        yield {
            "url_name": "deals:handoff-list",
            "icon": "send",
            "label": _("Handoffs"),
            "weight": 40,
            "count": waiting.order_by().values("pk")[:100] if user.role == Role.SALESPERSON else None,
        }
    if user.role not in {Role.PARTNER, Role.LAWYER, Role.SERVICE}:
        yield {"url_name": "deals:meeting-list", "icon": "calendar", "label": _("Meetings"), "weight": 44}
    if access.may(user, Permission.WRITE_PROPOSALS):
        yield {"url_name": "deals:proposal-list", "icon": "file-text", "label": _("Proposals"), "weight": 46}
    if access.may(user, Permission.WRITE_CONTRACTS):
        yield {
            "url_name": "deals:contract-list",
            "icon": "signature",
            "label": _("Contracts"),
            "weight": 48,
        }
    if access.may(user, Permission.SEE_MONEY):
        yield {"url_name": "deals:payment-list", "icon": "banknote", "label": _("Payments"), "weight": 50}


def invited(user: User) -> Q:
    """Return the condition for the journeys that a specialist or lawyer is invited to."""
    if user.role == Role.SPECIALIST:
        return Q(pk__in=Meeting.objects.filter(specialist=user).values("journey"))
    if user.role == Role.LAWYER:
        return Q(pk__in=Contract.objects.filter(lawyer=user).values("journey"))
    return Q(pk__in=())
