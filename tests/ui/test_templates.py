"""What holds for every template and style: it compiles, names icons that exist, and writes nothing inline."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import lucide
import pytest
from django.conf import settings
from django.template.loader import get_template

from funnel import registry
from funnel.look import STAGE_COLOURS, THEMES
from funnel.models import User
from funnel.stages import Role, Stage

FOLDER = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html"))
STYLES = Path(settings.BASE_DIR) / "static" / "css"
INLINE = re.compile(
    r"<script>|<script(?![^>]*(\bsrc=|application/json))[^>]*>|<style>|\sstyle=|\son[a-z]+=\"", re.IGNORECASE
)
ICON = re.compile(r'{% icon "([^"]+)"|icon_name="([^"]+)"|\bicon="([^"]+)"')


@pytest.fixture(scope="module")
def icons() -> set[str]:
    with ZipFile(Path(lucide.__file__).parent / "lucide.zip") as archive:
        return {name.removesuffix(".svg") for name in archive.namelist()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_and_writes_nothing_inline(name, icons):
    get_template(name)
    source = (FOLDER / name).read_text()
    assert not (found := INLINE.search(source)), f"inline: {found[0]}"
    named = {name for names in ICON.findall(source) for name in names if name and "{" not in name}
    assert named <= icons


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SERVICE])
def test_the_left_bar_names_icons_that_exist(icons, role):
    user = User.objects.create_user("x", role=role)
    named = {entry["icon"] for provide in registry.navigation for entry in provide(user)}
    assert named
    assert named <= icons


def test_the_themes_have_icons_that_exist(icons):
    assert {icon for icon, _label in THEMES.values()} <= icons


def test_every_stage_has_a_colour_and_every_colour_a_class():
    tokens = (STYLES / "tokens.css").read_text()
    assert set(STAGE_COLOURS) == set(Stage)
    for colour in STAGE_COLOURS.values():
        assert f".s-{colour} {{" in tokens


def test_every_style_sheet_is_imported():
    whole = (STYLES / "app.css").read_text()
    files = {path.relative_to(STYLES).as_posix() for path in STYLES.rglob("*.css")} - {"app.css"}
    assert set(re.findall(r'@import url\("([^"]+)"\)', whole)) == files


def test_colours_are_named_once_in_the_tokens():
    colour = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
    for path in STYLES.rglob("*.css"):
        lines = [line for line in path.read_text().splitlines() if colour.search(line)]
        stray = [
            line for line in lines if "light-dark(" not in line and "url(" not in line and "--a:" not in line
        ]
        if path.name not in {"tokens.css", "shell.css", "print.css"}:
            assert not [line for line in stray if "var(--a, #717783)" not in line], path.name
