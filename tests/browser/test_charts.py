"""Charts in a real browser: tooltips by mouse, keyboard and touch, pictures, access, and life without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from funnel.models import User
from tests.browsing import DESK, PHONE, check_access

pytestmark = [
    pytest.mark.browser,
    pytest.mark.urls("tests.kpi.chart_gallery"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", role="administrator")


def hit(page: Page, index: int, size: str = "large"):
    return page.locator(f"#trend .chart.{size} .hit").nth(index)


@pytest.mark.parametrize(("theme", "language", "size"), [("light", "en-GB", DESK), ("dark", "ru-RU", PHONE)])
def test_charts_are_open_to_everyone(visit, ann, theme, language, size):
    check_access(visit("/charts/", ann, theme=theme, language=language, size=size))


def test_the_mouse_shows_a_tooltip_and_a_click_opens_the_rows(visit, ann):
    page = visit("/charts/", ann)
    hit(page, 5).hover()
    tip = page.locator(".tip")
    expect(tip).to_contain_text("May 2026")
    expect(tip).to_contain_text("$602,000")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    hit(page, 5).click()
    expect(page).to_have_url(re.compile(r"/rows/\?month=5"))


def test_arrows_move_between_points_and_tab_leaves_the_chart(visit, ann):
    page = visit("/charts/", ann)
    hit(page, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tip")).to_contain_text("Jan 2026")
    page.keyboard.press("End")
    expect(page.locator(".tip")).to_contain_text("Nov 2026")
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.locator("#trend .as-table summary")).to_be_focused()


@pytest.fixture
def finger(browser: Browser, visit, ann) -> Iterator[Page]:
    """The gallery on a phone with a touch screen."""
    seen = visit("/charts/", ann, size=PHONE)
    cookies, base = seen.context.cookies(), seen.url
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(base)
    yield page
    context.close()


def test_the_first_touch_tells_and_the_second_opens(finger):
    point = hit(finger, 5, "small")
    point.tap()
    expect(finger.locator(".tip")).to_contain_text("May 2026")
    expect(finger).to_have_url(re.compile("/charts/"))
    point.tap()
    expect(finger).to_have_url(re.compile(r"/rows/\?month=5"))


def test_a_chart_is_saved_as_a_picture(visit, ann, tmp_path: Path):
    page = visit("/charts/", ann)
    with page.expect_download() as saved:
        page.locator("#funnel [data-png]").click()
    assert saved.value.suggested_filename == "funnel.png"
    target = tmp_path / "funnel.png"
    saved.value.save_as(target)
    content = target.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    wide, tall = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert (wide, tall > 700) == ((560 + 32) * 2, True)
    assert 10_000 < len(content) < 500_000
    colours = page.evaluate(PIXELS, list(content))
    assert colours["ground"] == [255, 255, 255]
    assert colours["kinds"] > 50, "bars, slopes and letters"
    assert colours["bar"] == [107, 118, 134], "the colour of applications"


PIXELS = """async (bytes) => {
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const all = pen.getImageData(0, 0, bitmap.width, bitmap.height).data, kinds = new Set(), count = {};
  for (let i = 0; i < all.length; i += 4) {
    const key = [all[i], all[i + 1], all[i + 2]].join();
    kinds.add(key);
    count[key] = (count[key] ?? 0) + 1;
  }
  const bar = "107,118,134";
  return { ground: [...all.slice(0, 3)], kinds: kinds.size, bar: count[bar] > 5000 ? bar.split(",").map(Number) : null };
}"""


def test_without_scripts_points_are_links_and_the_table_opens(visit, ann):
    page = visit("/charts/", ann, scripts=False)
    expect(page.locator("#trend [data-png]")).to_be_hidden()
    page.locator("#trend .as-table summary").click()
    expect(page.locator("#trend .as-table table")).to_contain_text("$602,000")
    hit(page, 5).click()
    expect(page).to_have_url(re.compile(r"/rows/\?month=5"))
