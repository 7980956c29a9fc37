"""What the sales half of the funnel keeps beside the ledger."""

from .contracts import Contract, ContractVersion, LegalIssue
from .handoffs import Handoff
from .meetings import Meeting, Qualification
from .papers import FormerLink
from .payments import DirectCost, Instalment, Payment, PaymentShare, Reschedule
from .proposals import Line, Objection, Proposal, ProposalVersion, ProposalView

__all__ = [
    "Contract",
    "ContractVersion",
    "DirectCost",
    "FormerLink",
    "Handoff",
    "Instalment",
    "LegalIssue",
    "Line",
    "Meeting",
    "Objection",
    "Payment",
    "PaymentShare",
    "Proposal",
    "ProposalVersion",
    "ProposalView",
    "Qualification",
    "Reschedule",
]
