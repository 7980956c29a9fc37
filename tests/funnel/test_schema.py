"""S1 in small: what the doors answer is what the OpenAPI schema says, for every role and every kind of row.

Requests made from the schema, and broken ones, never break the server or the schema either.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
import yaml
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from config.management.commands.api_schema import Command
from funnel.models import ApiToken
from funnel.stages import Role
from tests import factories

from .kinds import world

EXAMPLES = 6
"""Requests for each operation; schemathesis from the command line makes as many as one likes."""
EACH = 4
"""So many rows of each resource are read one by one."""
SCOPES = ["read", "write", "admin", "capture"]

load_all_checks()
KEPT = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


@pytest.fixture(scope="module")
def schema_text() -> bytes:
    return Command().generate()


def plain(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON schema, which knows no `nullable`."""
    if isinstance(node, list):
        return [plain(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    shape = {key: plain(inner) for key, inner in node.items() if key != "nullable"}
    return {"anyOf": [shape, {"type": "null"}]} if node.get("nullable") is True else shape


class Described:
    """The schema: what each answer may be."""

    def __init__(self, text: bytes) -> None:
        self.whole = yaml.safe_load(text)
        self.components = plain(self.whole["components"])
        self.shapes: dict[str, Any] = {}

    def faults(self, path: str, method: str, answer: Any) -> list[str]:
        """Return what of an answer the schema does not say: its status, its kind, its body."""
        said = self.whole["paths"][path][method]["responses"].get(str(answer.status_code))
        if said is None:
            return [f"status {answer.status_code} is not documented"]
        kind = answer["Content-Type"].partition(";")[0] if answer.has_header("Content-Type") else ""
        if not said.get("content"):
            return []
        if kind not in said["content"]:
            return [f"{answer.status_code}: {kind} is not among {list(said['content'])}"]
        if "json" not in kind:
            return []
        found = self.shape(said["content"][kind]["schema"]).iter_errors(answer.json())
        return [f"{'.'.join(map(str, fault.instance_path))}: {fault.message}"[:300] for fault in found]

    def shape(self, schema: dict[str, Any]) -> Any:
        key = json.dumps(schema, sort_keys=True)
        if key not in self.shapes:
            whole = {**plain(schema), "components": self.components}
            self.shapes[key] = jsonschema_rs.Draft7Validator(whole, validate_formats=True)
        return self.shapes[key]


@pytest.mark.django_db
@pytest.mark.slow
def test_what_every_role_reads_is_what_the_schema_says(schema_text: bytes) -> None:
    described, users = Described(schema_text), world()
    clients = {role: Client(headers=factories.token(user, *SCOPES)) for role, user in users.items()}
    reading = [path for path, methods in described.whole["paths"].items() if "get" in methods]
    ids = {path: _ids(clients[Role.ADMINISTRATOR], path) for path in reading if "{" not in path}
    empty = [path for path, found in ids.items() if not found]
    assert set(empty) <= {
        "/api/v1/events/",
        "/api/v1/kpi/records/",
        "/api/v1/kpi/report/",
        "/api/v1/partners/proposed/",
    }
    faults: dict[str, str] = {}
    answered = set()
    for path in reading:
        for address in _addresses(path, ids):
            for role, client in clients.items():
                answer = client.get(address)
                answered.add((path, answer.status_code))
                for fault in described.faults(path, "get", answer):
                    faults.setdefault(f"{path} {re.sub('[0-9]+', '#', fault)}", f"{role} {address} {fault}")
    assert not faults, "\n".join(f"{key}\n    {first}" for key, first in sorted(faults.items()))
    silent = {path for path in reading if (path, 200) not in answered}
    assert not silent, silent


def _ids(client: Client, path: str) -> list[int]:
    body = client.get(path, {"page_size": "200"} if "kpi" not in path else {}).json()
    rows = body.get("results", []) if isinstance(body, dict) else body
    return [row.get("id") or row.get("journey") for row in rows]


QUERIES = {
    "/api/v1/kpi/records/": (
        "metric=leads_valid&month=2026-03",
        "metric=payments_net&month=2026-03",
        "metric=moon",
    ),
    "/api/v1/kpi/report/": ("month=2026-03", "month=2026-03&by=source", "month=moon"),
}


def _addresses(path: str, ids: dict[str, list[int]]) -> list[str]:
    """Return where to read: the list whole and in small pages, the newest, the oldest and some rows in between."""
    if path in QUERIES:
        return [f"{path}?{query}" for query in QUERIES[path]]
    if path.endswith("/proposed/"):
        return [f"{path}?journey={key}" for key in ids["/api/v1/journeys/"][:3]]
    if "{" not in path:
        return [f"{path}?page_size=200", f"{path}?page_size=1", f"{path}?fields=moon"]
    listed, _brace, rest = path.partition("{")
    found = ids[listed]
    some = found[:1] + found[1 :: max(1, len(found) // EACH)] + found[-1:]
    query = f"?survivor={found[0]}" if path.endswith("/merge/") else ""
    return [f"{listed}{key}{rest.partition('}')[2]}{query}" for key in dict.fromkeys([*some, 999_999])]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_no_request_of_any_role_breaks_the_server_or_the_schema(
    live_server: Any, schema_text: bytes, tmp_path: Path
) -> None:
    users = world()
    secrets = {role: ApiToken.issue(user=user, scopes=SCOPES)[1] for role, user in users.items()}
    file = tmp_path / "openapi.yaml"
    file.write_bytes(schema_text)
    schema = schemathesis.openapi.from_path(file)
    faults = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:

        @limits(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), role=st.sampled_from(sorted(secrets)))
        def send(case: Any, role: str) -> None:
            answer = case.call(base_url=live_server.url, headers={"Authorization": f"Bearer {secrets[role]}"})
            case.validate_response(answer, checks=KEPT)

        try:
            send()
        except FailureGroup as group:
            faults += [f"{operation.label}: {fault}" for fault in group.exceptions]
    assert not faults, "\n\n".join(faults)
    assert len(operations) > 60
