"""S1 in small: requests made from the OpenAPI schema, and broken ones, never break the server or the schema."""

from typing import Any

import pytest
import schemathesis
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from funnel.models import ApiToken
from funnel.stages import Role
from tests import factories

EXAMPLES = 6
"""Requests for each operation; schemathesis from the command line makes as many as one likes."""

load_all_checks()
KEPT = CHECKS.get_by_names(["not_a_server_error", "status_code_conformance", "response_schema_conformance"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_no_request_breaks_the_server_or_the_schema(live_server: Any) -> None:
    for stage in ("new", "briefed", "proposal_requested", "won"):
        factories.journey_at(stage)
    scopes = ["read", "write", "admin", "capture"]
    secret = ApiToken.issue(user=factories.people(Role.ADMINISTRATOR), scopes=scopes)[1]
    schema = schemathesis.openapi.from_path(settings.BASE_DIR / "docs" / "openapi.yaml")
    faults = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:

        @limits(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            answer = case.call(base_url=live_server.url, headers={"Authorization": f"Bearer {secret}"})
            case.validate_response(answer, checks=KEPT)

        try:
            send()
        except FailureGroup as group:
            faults += [f"{operation.label}: {fault}" for fault in group.exceptions]
    assert not faults, "\n\n".join(faults)
    assert len(operations) > 60
