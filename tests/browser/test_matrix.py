"""Every page × theme × language × {empty, full, refused}: axe finds nothing serious, nothing breaks the content policy.

`make test` looks at each page once, themes, languages, states and sizes taking turns; `make access` looks at all.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.urls import get_resolver, reverse
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from funnel.models import Organisation, User
from funnel.stages import Role
from tests import factories
from tests.browser.pages import NO_PAGES, PAGES, Page
from tests.browser.world import build
from tests.browsing import DESK, PHONE, Visit, access_faults

THEMES = ("light", "dark")
LANGUAGES = ("en-GB", "ru-RU")
WHOLE = os.environ.get("ACCESS") == "full"
REFUSALS = {400, 403, 404, 409, 410, 422, 429}
"""What a page that refuses may answer; a form that redraws itself with what is wrong answers 200."""


def named(patterns: list[Any] | None = None, space: str = "") -> Iterator[str]:
    """Yield the names of all addresses but those of REST, and of the old addresses that have none."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(pattern, "url_patterns"):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from named(pattern.url_patterns, inner)
        elif pattern.name and not space.startswith("api:"):
            yield f"{space}{pattern.name}"


def test_every_address_is_declared_and_every_declaration_is_an_address() -> None:
    declared = {one.name for one in PAGES}.union(*NO_PAGES.values())
    there = set(named())
    assert there - declared == set(), "declare them in tests/browser/pages.py"
    assert declared - there == set(), "these are no addresses any more"
    assert {one.name for one in PAGES} & frozenset().union(*NO_PAGES.values()) == set()


Look = tuple[Page, str, str, str, bool]
"""A page, its state, the theme, the language, and whether on a phone."""


def looks() -> list[Look]:
    """Return what to look at: everything, or each page once with all the rest taking turns."""
    found: list[Look] = []
    for number, one in enumerate(PAGES):
        options = list(itertools.product(one.states, THEMES, LANGUAGES))
        chosen = options if WHOLE else [options[number * 5 % len(options)]]
        found += [(one, *option, (number + turn) % 3 == 0) for turn, option in enumerate(chosen)]
    return found


def test_the_sample_holds_every_page_and_each_state_theme_and_language() -> None:
    chosen = looks()
    assert {one for one, *_rest in chosen} == set(PAGES)
    for place, wanted in ((1, {"empty", "full", "error"}), (2, set(THEMES)), (3, set(LANGUAGES))):
        counts = {value: sum(look[place] == value for look in chosen) for value in wanted}
        assert min(counts.values()) > len(chosen) / 10, counts


@pytest.fixture
def ada(transactional_db: None) -> User:
    """The administrator of an installation in which there is nothing else."""
    Organisation.objects.get_or_create(pk=1)
    return factories.people(Role.ADMINISTRATOR, "ada")


class Looker:
    """Opens pages in tabs that are used again, one for each person, theme and language."""

    def __init__(self, visit: Visit, ada: User) -> None:
        self.visit = visit
        self.world: dict[str, Any] = {"ada": ada}
        self.tabs: dict[tuple[str, str, str], Tab] = {}
        self.found: list[str] = []

    def tab(self, who: str, theme: str, language: str) -> Tab:
        key = (who, theme, language)
        if key not in self.tabs:
            user = self.world[who] if who else None
            tab = self.visit("/healthz", user, theme=theme, language=language)
            tab.emulate_media(reduced_motion="reduce")  # colours are those of the end, not of the way there
            tab.watch.allow("favicon.ico")  # what is no page names no icon, and browsers guess one
            self.tabs[key] = tab
        return self.tabs[key]

    def look(self, one: Page, state: str, theme: str, language: str, small: bool) -> None:
        tab = self.tab(one.who, theme, language)
        tab.set_viewport_size(PHONE if small else DESK)
        path = reverse(one.name, kwargs=one.arguments(self.world))
        where = f"{path} {state} {theme} {language} {'phone' if small else 'desk'}"
        refuses = state == "error" or one.gone
        if refuses:
            for status in REFUSALS:
                tab.watch.allow(f"status of {status}")
        before = len(tab.watch.unexpected)
        if state == "error" and not isinstance(one.refused, str):
            status = self._send(tab, path, one.refused or {})
        else:
            query = one.refused if state == "error" else one.query.format(**self.world)
            answer = tab.goto(path + str(query))
            status = answer.status if answer else 0
        if status != 200 and not (refuses and status in REFUSALS):
            self.found.append(f"{where}: answered {status}")
            return
        self.found += [f"{where}: {fault}" for fault in access_faults(tab)]
        self.found += [f"{where}: {fault}" for fault in tab.watch.unexpected[before:]]

    def _send(self, tab: Tab, path: str, data: Mapping[str, str]) -> int:
        """Send a form as the page itself would, with what it must carry."""
        tab.goto(path)
        token = tab.locator("[name=csrfmiddlewaretoken]")  # public forms have none
        given = {"csrfmiddlewaretoken": token.first.get_attribute("value")} if token.count() else {}
        with tab.expect_navigation() as moved:
            tab.evaluate(
                """([path, data]) => {
                    const form = document.createElement("form");
                    Object.assign(form, { method: "post", action: path });
                    for (const [name, value] of Object.entries(data)) {
                        const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
                        form.append(input);
                    }
                    document.body.append(form);
                    form.submit();
                }""",
                [path, {**data, **given}],
            )
        return moved.value.status if moved.value else 0


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])  # one for each worker
def test_no_page_shuts_anybody_out(visit: Visit, ada: User, half: int) -> None:
    looker, chosen = Looker(visit, ada), [look for look in looks() if PAGES.index(look[0]) % 2 == half]
    for look in chosen:
        if look[1] == "empty":
            looker.look(*look)
    looker.world = build(ada)
    for look in chosen:
        if look[1] != "empty":
            looker.look(*look)
    assert not looker.found, "\n".join(looker.found)


@pytest.mark.browser
def test_what_is_wrong_with_a_page_would_be_found(visit: Visit, ada: User) -> None:
    tab = visit("/settings/", ada)
    assert access_faults(tab) == []
    tab.evaluate(
        "document.querySelector('main h1').insertAdjacentHTML('afterend', '<input><img src=\"/x.png\">')"
    )
    tab.watch.allow("x.png")
    assert [fault.split()[0] for fault in access_faults(tab)] == ["image-alt", "label"]


@pytest.mark.browser
def test_nothing_moves_for_those_who_want_no_motion(visit: Visit, ada: User) -> None:
    tab = visit("/dashboard/", ada)
    moving = """() => [...document.querySelectorAll("*")].filter((node) => {
        const style = getComputedStyle(node);
        const times = [...style.transitionDuration.split(","), ...style.animationDuration.split(",")];
        return times.some((time) => parseFloat(time) > 0.01);
    }).map((node) => node.outerHTML.slice(0, 100))"""
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate(moving), "with motion something does move, or this test sees nothing"
    for path in ("/dashboard/", "/pipeline/", "/inbox/", "/settings/"):
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(path)
        assert tab.evaluate(moving) == [], path


@pytest.mark.browser
def test_the_settings_are_walked_by_keyboard_alone(visit: Visit, ada: User) -> None:
    tab = visit("/settings/", ada)
    tab.keyboard.press("Tab")
    expect(tab.locator(".skip")).to_be_focused()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.locator("main a").first).to_be_focused()
    seen = []
    for _step in range(60):
        seen.append(tab.evaluate("document.activeElement.href ?? document.activeElement.tagName"))
        outline = tab.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.boxShadow })()"
        )
        assert outline != "nonenone", f"nobody sees where the keyboard is: {seen[-1]}"
        if seen[-1].endswith("/settings/stages/"):
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/settings/stages/")
    days = tab.locator("input[name='new-days']")
    days.focus()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("3")
    tab.keyboard.press("Enter")
    expect(tab.locator("#toasts .toast")).to_contain_text("saved")
    undo = tab.locator("#toasts .toast form button")
    undo.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#toasts .toast").last).to_contain_text("undone")
