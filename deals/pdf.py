"""Papers as PDF. What they say goes in as data, never as markup: a client's name cannot become a command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import typst
from django.conf import settings

from deals.models import ContractVersion, ProposalVersion
from deals.totals import percent
from funnel import formats
from funnel.models import Organisation


@cache
def _source(name: str) -> bytes:
    return (settings.BASE_DIR / "templates" / "documents" / f"{name}.typ").read_bytes()


def render(name: str, data: Mapping[str, Any]) -> bytes:
    """Return the paper `templates/documents/NAME.typ` with the data that it reads from its input."""
    given = json.dumps(data, ensure_ascii=False)
    return typst.compile(_source(name), format="pdf", sys_inputs={"data": given})


def proposal_data(version: ProposalVersion, *, organisation: Organisation) -> dict[str, Any]:
    """Return what the paper of a proposal says: two queries where lines and journey are not loaded."""
    from django.utils.translation import get_language
    from django.utils.translation import gettext as _

    journey = version.proposal.journey
    lines = list(version.lines.all())

    def money(amount: Any) -> str:
        return formats.money(amount, version.currency)

    return {
        "language": get_language() or "en",
        "organisation": organisation.name,
        "client": str(journey.company or journey.contact),
        "person": str(journey.contact) if journey.company else "",
        "title": _("Proposal %(number)s, version %(version)s")
        % {"number": version.proposal_id, "version": version.number},
        "sent": formats.full_day(version.sent_at) if version.sent_at else _("Draft"),
        "valid": _("Valid until %(day)s") % {"day": formats.full_day(version.valid_until)}
        if version.valid_until
        else "",
        "note": version.note,
        "heads": [
            _("Description"),
            _("Quantity"),
            _("Unit price"),
            _("Discount"),
            _("Tax"),
            _("Net"),
        ],
        "lines": [
            [
                line.description,
                f"{formats.number(line.quantity, 3)} {line.unit}".strip(),
                formats.price(line.unit_price, version.currency),
                percent(line.discount) if line.discount else "",
                percent(line.tax),
                money(line.net),
            ]
            for line in lines
        ],
        "totals": [[words, money(amount)] for words, amount in version.sums],
        "for": _("For"),
        "page": _("Page"),
    }


def proposal(version: ProposalVersion, *, organisation: Organisation) -> bytes:
    """Return a version of a proposal as PDF."""
    return render("proposal", proposal_data(version, organisation=organisation))


def contract(version: ContractVersion, *, organisation: Organisation) -> bytes:
    """Return a version of a contract as PDF."""
    from django.utils.translation import get_language
    from django.utils.translation import gettext as _

    journey = version.contract.journey
    offer = proposal_data(version.offer, organisation=organisation) if version.offer else {}
    return render(
        "contract",
        {
            "language": get_language() or "en",
            "title": _("Contract %(number)s, version %(version)s")
            % {"number": version.contract_id, "version": version.number},
            "between": _("between"),
            "and": _("and"),
            "organisation": organisation.name,
            "client": str(journey.company or journey.contact),
            "terms": [part for part in version.terms.replace("\r", "").split("\n\n") if part.strip()],
            "heads": offer.get("heads", []),
            "lines": offer.get("lines", []),
            "totals": offer.get("totals", []),
            "amount": [_("Amount"), formats.money(version.amount, organisation.currency)]
            if version.amount is not None
            else [],
            "signatures": [
                [_("For %(who)s") % {"who": organisation.name}, _("Date, signature")],
                [_("For %(who)s") % {"who": journey.company or journey.contact}, _("Date, signature")],
            ],
            "page": _("Page"),
        },
    )
