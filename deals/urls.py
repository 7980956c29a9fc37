from __future__ import annotations

from django.urls import URLPattern, path

from .views import contracts, handoffs, links, meetings, payments, proposals, public, sending

app_name = "deals"
urlpatterns: list[URLPattern] = [
    path("handoffs/", handoffs.handoff_list, name="handoff-list"),
    path("meetings/", meetings.meeting_list, name="meeting-list"),
    path("meetings/<int:pk>/meeting.ics", meetings.meeting_ics, name="meeting-ics"),
    path("proposals/", proposals.proposal_list, name="proposal-list"),
    path("journeys/<int:pk>/proposal/", proposals.proposal, name="proposal"),
    path("journeys/<int:pk>/proposal/totals/", proposals.proposal_totals, name="proposal-totals"),
    path("journeys/<int:pk>/proposal/compare/", proposals.proposal_compare, name="proposal-compare"),
    path("journeys/<int:pk>/proposal/v<int:number>.pdf", proposals.proposal_pdf, name="proposal-pdf"),
    path("journeys/<int:pk>/proposal/send/", sending.send, {"paper": "proposal"}, name="proposal-send"),
    path("journeys/<int:pk>/contract/send/", sending.send, {"paper": "contract"}, name="contract-send"),
    path("journeys/<int:pk>/proposal/link/", links.change_link, {"paper": "proposal"}, name="proposal-link"),
    path("journeys/<int:pk>/contract/link/", links.change_link, {"paper": "contract"}, name="contract-link"),
    path("contracts/", contracts.contract_list, name="contract-list"),
    path("journeys/<int:pk>/contract/", contracts.contract, name="contract"),
    path("journeys/<int:pk>/contract/lawyer/", contracts.contract_lawyer, name="contract-lawyer"),
    path("journeys/<int:pk>/contract/v<int:number>.pdf", contracts.contract_pdf, name="contract-pdf"),
    path("journeys/<int:pk>/contract/v<int:number>/file/", contracts.contract_file, name="contract-file"),
    path("payments/", payments.payment_list, name="payment-list"),
    path("payments/instalments/<int:pk>/", payments.instalment_move, name="instalment-move"),
    path("p/<slug:token>/", public.public_paper, name="public-proposal"),
    path("p/<slug:token>/proposal.pdf", public.public_pdf, {"paper": "proposal"}, name="public-proposal-pdf"),
    path("p/<slug:token>/contract.pdf", public.public_pdf, {"paper": "contract"}, name="public-contract-pdf"),
    path("p/<slug:token>/file/", public.public_file, name="public-contract-file"),
]
