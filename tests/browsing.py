"""A real browser for tests: `visit("/path/", user=ann)` returns a Playwright page that is watched.

When the test ends, whatever the browser complained about fails it: refusals of the content security policy, script
errors, requests to other servers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

PATIENCE = 30_000
"""Milliseconds that a browser may take to do what is asked while both cores are busy with other tests."""

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the session."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


class Watch:
    """What went wrong in a page, apart from what the test expects (`page.watch.allow("409")`)."""

    def __init__(self, home: str) -> None:
        self.home, self.paused = home, False
        self.faults: list[str] = []
        self.allowed: list[str] = []

    def allow(self, words: str) -> None:
        """Let complaints that contain `words` pass."""
        self.allowed.append(words)

    def attend(self, page: Page) -> None:
        page.on("console", lambda said: said.type in {"error", "warning"} and self.note(told(said)))
        page.on("pageerror", lambda error: self.note(f"script error: {error}"))
        page.on("request", lambda asked: self.is_outside(asked.url) and self.note(f"asked {asked.url}"))

    def is_outside(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https", "ws", "wss"} and not url.startswith(self.home)

    def note(self, fault: str) -> None:
        if not self.paused:
            self.faults.append(fault)

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(words in fault for words in self.allowed)]


def told(said: ConsoleMessage) -> str:
    """Return what the browser's console says, and of which address."""
    return f"{said.text} {said.location.get('url', '')}".strip()


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Visit]:
    """Open an address as a user, in a theme and size; each visit has a browser profile of its own."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def go(
        path: str,
        user: Any = None,
        *,
        theme: str = "light",
        size: dict[str, int] | None = None,
        scripts: bool = True,
        language: str = "en-GB",
    ) -> Page:
        context = browser.new_context(
            viewport=size or DESK,
            color_scheme=theme,
            java_script_enabled=scripts,
            locale=language,
            base_url=live_server.url,
        )
        context.set_default_timeout(PATIENCE)
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
            )
        page = context.new_page()
        watch = Watch(live_server.url)
        watch.attend(page)
        page.watch = watch
        opened.append((context, watch))
        page.goto(path)
        return page

    yield go
    faults = [fault for _context, watch in opened for fault in watch.unexpected]
    for context, _watch in opened:
        context.close()
    assert not faults, "the browser complained:\n" + "\n".join(faults)


def check_access(page: Page) -> None:
    """Assert that axe finds nothing on the page as it stands, and that it does not scroll sideways."""
    found = access_faults(page, {"minor", "moderate", "serious", "critical", None})
    assert not found, "\n".join(found)


def access_faults(page: Page, impacts: Collection[str | None] = ("serious", "critical")) -> list[str]:
    """Return what axe finds of these impacts on the page as it stands, and how far it scrolls sideways."""
    # axe writes styles of its own, which the policy refuses: not the page's doing
    page.watch.paused = True
    answer = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]}).response
    with page.expect_console_message(lambda said: said.text == "axe is done"):
        page.evaluate("console.info('axe is done')")
    page.watch.paused = False
    found = [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]}\n    {node['failureSummary']}"
        for rule in answer["violations"]
        if rule["impact"] in impacts
        for node in rule["nodes"]
    ]
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"the page is {over} px wider than the window"] if over > 0 else found
