"""Browser fixtures and the people of the interface's tests."""

from __future__ import annotations

import pytest

from funnel.models import Organisation, User
from funnel.stages import Role


@pytest.fixture
def ann(transactional_db: None) -> User:
    """An administrator, in a committed database that a browser's requests see."""
    Organisation.objects.get_or_create(pk=1)
    return User.objects.create_user(
        "ann",
        email="ann@onefunnel.example",
        password="a long enough one",
        name="Ann Berg",
        role=Role.ADMINISTRATOR,
    )
