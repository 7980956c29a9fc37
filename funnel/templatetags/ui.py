"""What templates draw with: `{% load ui %}`. The gallery at /components/ shows each of these alive."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

import lucide
from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext as _

from funnel import formats, toasts
from funnel.look import THEMES, stage_colour
from funnel.stages import Stage

from . import ui_fields

register = template.Library()
register.tags.update(ui_fields.register.tags)
register.filters.update(ui_fields.register.filters)

for _name in (
    "money",
    "price",
    "money_short",
    "capped",
    "day",
    "full_day",
    "clock",
    "day_time",
    "month",
    "span",
    "age",
):
    register.filter(_name, getattr(formats, _name))
register.filter("number", formats.number)
register.filter("percent", formats.percent)
register.filter("change", formats.change)
register.filter("stage_colour", stage_colour)


# -- marks ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _icon(name: str, size: int, css: str, heavy: bool) -> SafeString:
    drawn = "".join(
        ElementTree.tostring(line, encoding="unicode").strip() for line in lucide._load_icon(name)
    )
    # what every icon shares stands in the class "i": a page has a hundred of them
    return format_html(
        '<svg class="i{}{}" width="{}" height="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        " heavy" if heavy else "",
        f" {css}" if css else "",
        size,
        size,
        mark_safe(drawn),  # noqa: S308  the wheel's own drawing
    )


@register.simple_tag
def icon(name: str, size: int = 16, css: str = "", heavy: bool = False) -> SafeString:
    """Draw a Lucide icon. It is decoration: the words stand beside it, or in the aria-label of its button."""
    return _icon(str(name), int(size), str(css), heavy)


@register.simple_tag
def avatar(person: Any, css: str = "", size: int | None = None) -> SafeString:
    """Draw a person's initials on their colour; nobody is a question mark."""
    name = full_name(person)
    if not name:
        return format_html(
            '<span class="avatar nobody {}" title="{}"><span aria-hidden="true">?</span>'
            '<span class="sr">{}</span></span>',
            css,
            _("Nobody"),
            _("Nobody"),
        )
    parts = name.split()
    initials = (parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else "")).upper()
    colour = zlib.crc32(name.encode()) % 6
    return format_html(
        '<span class="avatar a{} {}" title="{}"><span aria-hidden="true">{}</span>'
        '<span class="sr">{}</span></span>',
        colour,
        css,
        name,
        initials,
        name,
    )


@register.filter
def full_name(person: Any) -> str:
    """Return the name to show for a user, or for a name given as text."""
    if not person or getattr(person, "is_anonymous", False):
        return ""
    if isinstance(person, str):
        return person
    whole = person.get_full_name() if hasattr(person, "get_full_name") else ""
    return whole or getattr(person, "name", "") or str(person)


@register.simple_tag
def person(who: Any, nobody: str = "") -> SafeString:
    """Draw avatar and name."""
    name = full_name(who)
    if not name:
        return format_html('<span class="dim">{}</span>', nobody or formats.DASH)
    mark = format_html(
        '<span class="avatar a{}" aria-hidden="true">{}</span>',
        zlib.crc32(name.encode()) % 6,
        "".join(part[:1] for part in (name.split()[0], *name.split()[1:][-1:])).upper(),
    )
    return format_html('<span class="person">{} {}</span>', mark, name)


@register.simple_tag
def stage_pill(stage: str) -> SafeString:
    """Draw a stage's name on its column's colour."""
    return _stage_pill(str(stage), get_language() or "")


@lru_cache(maxsize=256)
def _stage_pill(stage: str, _of_language: str) -> SafeString:
    label = Stage(stage).label if stage in Stage.values else stage
    return format_html(
        '<span class="pill s-{}"><span class="dot"></span>{}</span>', stage_colour(stage), label
    )


@register.simple_tag
def pill(text: str, colour: str = "application") -> SafeString:
    """Draw words on a stage's colour or a verdict's (good, warn, bad, info)."""
    return format_html('<span class="pill s-{}"><span class="dot"></span>{}</span>', colour, text)


@register.simple_tag
def tag(text: str, tone: str = "", icon_name: str = "") -> SafeString:
    """Draw a small label; tone is good, warn, bad, info or none."""
    mark = _icon(icon_name, 13, "", True) if icon_name else ""
    return format_html('<span class="tag {}">{}{}</span>', tone, mark, text)


@register.simple_tag
def sla_chip(minutes: object, soon: int = 30) -> SafeString:
    """Draw a running clock: `minutes` of working time are left, negative where it ran out; None is a dash."""
    left = formats.as_number(minutes)
    if left is None:
        return format_html('<span class="dim">{}</span>', formats.DASH)
    words = _("%(span)s left") if left >= 0 else _("%(span)s over")
    tone = "bad" if left < 0 else "warn" if left <= soon else ""
    return format_html('<span class="tag {}">{}</span>', tone, words % {"span": formats.span(left)})


@register.simple_tag
def delta(value: object, unit: str = "pct", good: str = "up") -> SafeString:
    """Draw a change with its arrow, green or red by what is good for this figure ("up" or "down")."""
    found = formats.as_number(value)
    if found is None:
        return format_html('<span class="delta">{}</span>', formats.change(None))
    better = "" if found == 0 else "up" if (found > 0) == (good == "up") else "down"
    arrow = "minus" if found == 0 else "arrow-up-right" if found > 0 else "arrow-down-right"
    return format_html(
        '<span class="delta {}">{}{}</span>', better, _icon(arrow, 14, "", True), formats.change(found, unit)
    )


@register.simple_tag
def when(moment: datetime | date | None, style: str = "day", css: str = "") -> SafeString:
    """Draw a <time>: style is day, day_time, full_day, clock, age or due; the exact moment is its tooltip."""
    if not moment:
        return format_html('<span class="dim">{}</span>', formats.DASH)
    if style == "due":
        tone, words = formats.due(moment)
        css = f"{css} {tone}".strip()
    else:
        words = getattr(formats, style)(moment)
    exact = formats.full_day(moment)
    if isinstance(moment, datetime):
        here = formats.local(moment)
        exact = f"{exact}, {here:%H:%M} ({here:%Z})"
    return format_html(
        '<time datetime="{}" title="{}" class="{}">{}</time>', moment.isoformat(), exact, css, words
    )


# -- blocks ---------------------------------------------------------------------------------------------------


@register.simple_block_tag(takes_context=True)
def panel(
    context: Context,
    content: str,
    title: str = "",
    icon: str = "",
    note: str = "",
    css: str = "",
    id: str = "",
) -> str:
    """Draw a box with a heading: {% panel "Details" icon="info" note="1 / 2" %} … {% endpanel %}."""
    return render_to_string(
        "_components/panel.html",
        {"title": title, "icon": icon, "note": note, "css": css, "id": id, "content": content},
    )


@register.simple_block_tag
def notice(content: str, tone: str = "info", icon: str = "") -> SafeString:
    """Draw a coloured remark: tone is info, good, warn or bad."""
    name = icon or {"good": "circle-check", "warn": "triangle-alert", "bad": "circle-alert"}.get(tone, "info")
    return format_html(
        '<div class="notice {}">{}<div>{}</div></div>', tone, _icon(name, 17, "", False), content
    )


@register.simple_tag
def kv(rows: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> SafeString:
    """Draw label and value; an empty value is a dash."""
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    lines = [
        (label, "blank" if value in (None, "") else "", formats.DASH if value in (None, "") else value)
        for label, value in pairs
    ]
    return format_html(
        '<dl class="kv">{}</dl>',
        format_html_join("", '<div><dt>{}</dt><dd class="{}">{}</dd></div>', lines),
    )


@register.inclusion_tag("_components/stage_path.html")
def stage_path(steps: Iterable[Mapping[str, Any]], label: str = "") -> dict[str, Any]:
    """Draw a journey's path: steps of {label, note, state: done | now | ahead | skipped, tone: won | lost | referred}."""
    return {"steps": steps, "label": label or _("Path of the journey")}


@register.inclusion_tag("_components/timeline.html")
def timeline(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Draw what happened, newest first.

    Items: {title, icon?, colour?, who?, text?, said?, at?, due?, url?, annulled?, undo_url?} or {day} for a divider.
    """
    return {"items": items}


@register.inclusion_tag("_components/empty.html")
def empty(
    title: str, text: str = "", icon: str = "inbox", url: str = "", label: str = "", css: str = ""
) -> dict[str, Any]:
    """Draw why nothing stands here, and the one thing to do about it."""
    return {"title": title, "text": text, "icon": icon, "url": url, "label": label, "css": css}


@register.inclusion_tag("_components/sort_header.html", takes_context=True)
def sort_header(
    context: Context, key: str, label: str, css: str = "", parameter: str = "ordering"
) -> dict[str, Any]:
    """Draw a column's head as a link that sorts by `key`, then the other way; the URL is the state."""
    query = context["request"].GET.copy()
    current = query.get(parameter, "")
    direction = "ascending" if current == key else "descending" if current == f"-{key}" else ""
    query[parameter] = f"-{key}" if current == key else key
    for page in ("cursor", "page", "after", "before"):
        query.pop(page, None)
    return {"label": label, "css": css, "direction": direction, "url": f"?{query.urlencode()}"}


@register.simple_tag(takes_context=True)
def url_with(context: Context, **changes: Any) -> str:
    """Return this page's address with the given parameters changed; None or "" removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}"


# -- the shell ------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """Return the reader's theme: system, light or dark."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if isinstance(request, HttpRequest) else ""
    return chosen if chosen in THEMES else "system"


@register.simple_tag
def themes() -> list[tuple[str, str, str]]:
    """Return (value, icon, label) of each theme."""
    return [(value, mark, str(label)) for value, (mark, label) in THEMES.items()]


@register.filter
def native_name(code: str) -> str:
    """Return a language's own name for itself: "Русский"."""
    return capfirst(get_language_info(code)["name_local"])


register.filter("undo_url", toasts.undo_of)
