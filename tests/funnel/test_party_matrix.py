"""Who may open and do what with people, companies and custom fields: every address, declared for every role."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from funnel.merging import merge
from funnel.models import CustomField
from funnel.party_urls import urlpatterns
from funnel.stages import Role
from tests.factories import START, lead, people, run, team

pytestmark = pytest.mark.django_db

EVERYBODY = frozenset(Role)
INSIDE = EVERYBODY - {Role.PARTNER}
EDITORS = frozenset({Role.MARKETER, Role.FIRST_TOUCH, Role.SALESPERSON, Role.MANAGER, Role.ADMINISTRATOR})
MERGERS = EDITORS - {Role.SALESPERSON}
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
OWN = frozenset({Role.FIRST_TOUCH, Role.SALESPERSON})
"""Who sees their own journeys and their team's only."""
ALL = frozenset({Role.MARKETER, Role.MANAGER, Role.ADMINISTRATOR, Role.SERVICE})
"""Who sees every journey."""

MATRIX = {
    "contact-list": INSIDE,
    "contact": INSIDE,
    "contact-edit": EDITORS,
    "contact-changes": INSIDE,
    "contact-merge": MERGERS,
    "contact-unmerge": INSIDE,
    "contact-alike": MERGERS,
    "company-list": INSIDE,
    "company": INSIDE,
    "company-edit": EDITORS,
    "company-changes": INSIDE,
    "company-merge": MERGERS,
    "company-unmerge": INSIDE,
    "company-alike": MERGERS,
    "journey-fields": EDITORS,
    "custom-field-list": ADMINISTRATORS,
    "custom-field-new": ADMINISTRATORS,
    "custom-field": ADMINISTRATORS,
}
"""Address → the roles that get in, as far as they see the record."""
ONLY_POST = {"contact-unmerge", "company-unmerge"}
ONLY_GET = {name for name in MATRIX if name.rpartition("-")[2] in {"list", "changes", "alike"}} | {
    "contact",
    "company",
}
NO_RECORD = {"contact-list", "company-list", "custom-field-list", "custom-field-new", "custom-field"}


def test_every_address_is_declared() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(MATRIX)


def test_every_role_gets_what_is_declared_at_every_address() -> None:
    field = CustomField.objects.create(on="journey", key="size", label="Size", type="number")
    north, south = team("North"), team("South")
    users = {role: people(role, f"one-{role}", team=north) for role in Role}
    own = {role: lead(owner=users[role], company=f"Own {role} Works") for role in OWN}
    foreign = lead(owner=people(Role.SALESPERSON, "other", team=south), company="Foreign Trade")
    merged = lead(owner=people(Role.SALESPERSON, "other", team=south), company="Merged Trade")
    survivor = lead(owner=people(Role.SALESPERSON, "other", team=south), company="Stays")
    erased = lead(owner=people(Role.SALESPERSON, "other", team=south), company="Erased Trade")
    manager = users[Role.MANAGER]
    for kind in ("contact", "company"):
        merge(survivor=getattr(survivor, kind), loser=getattr(merged, kind), actor=manager, at=START)
    run(erased, "personal_data_erased", {"sure": True})
    wrong = []
    for role, user in users.items():
        client = Client(raise_request_exception=False)
        client.force_login(user)
        for name, roles in MATRIX.items():
            for which, journey in (
                ("own", own.get(role)),
                ("foreign", foreign),
                ("merged", merged),
                ("erased", erased),
            ):
                if journey is None or (name in NO_RECORD and which != "foreign"):
                    continue
                kind = name.partition("-")[0]
                key = field.pk if name == "custom-field" else getattr(journey, f"{kind}_id", journey.pk)
                bare = name in NO_RECORD - {"custom-field"}
                address = reverse(f"funnel:{name}", args=[] if bare else [key])
                for method in ("get", "post"):
                    # what a POST of nothing does is told elsewhere; here only whether it gets in
                    status = getattr(client, method)(address).status_code
                    sees = which == "own" or role in ALL or name in NO_RECORD
                    wanted = _wanted(name, method, which, roles, role, sees)
                    if status not in wanted:
                        wrong.append((role.value, name, which, method, status, sorted(wanted)))
    assert not wrong, "\n".join(map(str, wrong))


def _wanted(name: str, method: str, which: str, roles: frozenset[Role], role: Role, sees: bool) -> set[int]:
    """Return the statuses that are right: in, refused by role, not there for this person, or no such method."""
    if name == "journey-fields":  # journeys are looked for first, whoever asks
        if not sees:
            return {404}
        return {200, 303, 422} if role in roles else {403}
    if role not in roles and (role == Role.PARTNER or not name.endswith("-edit")):
        return {403}
    if (method == "get" and name in ONLY_POST) or (method == "post" and name in ONLY_GET):
        return {405}
    if not sees:
        return {404}
    if name.endswith("-edit") and (which == "merged" or role not in roles):
        return {403}
    return {200, 303, 422}
