"""Partners and the people who stand for them."""

from typing import Any

from funnel.models import Service, User
from funnel.stages import Role
from partners.domain import save_partner
from partners.models import Partner

from .journeys import STEPS
from .people import people


def partner(
    key: str = "acme",
    *,
    takes: list[dict[str, Any]] | None = None,
    members: tuple[User, ...] = (),
    **fields: Any,
) -> Partner:
    """Return a new partner that takes anything, or only what `takes` says; services there are keys."""
    able = [
        {
            "service": _service(item.get("service")),
            "region": item.get("region", ""),
            "language": item.get("language", ""),
        }
        for item in ([{}] if takes is None else takes)
    ]
    made = Partner(key=key, name=fields.pop("name", key.capitalize()), **fields)
    return save_partner(partner=made, capabilities=able, members=members)


def partner_person(name: str = "pat") -> User:
    """Return someone with the role of a partner."""
    return people(Role.PARTNER, name)


def _service(key: str | None) -> Service | None:
    return Service.objects.get_or_create(key=key)[0] if key else None


def _any_partner(_journey: Any) -> dict[str, Any]:
    found = Partner.objects.first() or partner()
    return {"partner": found.key, "reason": "capacity"}


STEPS["refer"] = _any_partner
STEPS["return_referral"] = lambda journey: {"reason": "recalled"}
STEPS["partner_accepted"] = lambda journey: {}
STEPS["partner_declined"] = lambda journey: {"reason": "capacity"}
STEPS["partner_outcome"] = lambda journey: {"outcome": "won", "amount": "1000.00"}
