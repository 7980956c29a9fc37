"""A real mail server for tests: `postbox` takes what is sent to it, or refuses it as told."""

from __future__ import annotations

import email.policy
import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller


class Postbox:
    """A mail server that takes, refuses or breaks off as told, and keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answer = "250 taken"
        self.asked = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.asked += 1
        if self.answer.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture
def postbox(settings: Any) -> Iterator[tuple[Postbox, Controller]]:
    """The server, to which Django sends; with its controller, which can be stopped."""
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.hostname, port
    yield box, server
    server.stop(no_assert=True)
