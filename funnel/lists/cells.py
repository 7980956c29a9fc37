"""What stands in each cell of the list. Drawn here rather than by a template: a page has five hundred of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from funnel import access, formats, phones
from funnel.journey_page import minutes_left
from funnel.models import Journey, Organisation, User
from funnel.stages import FACTS, Happening
from funnel.templatetags import ui
from funnel.todo import Step, next_steps

from .columns import Column


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the list, and in what: what every cell is drawn with."""

    user: User
    organisation: Organisation
    now: datetime
    may_edit: bool
    may_assign: bool
    base: str
    new_task: str

    @classmethod
    def of(cls, user: User, organisation: Organisation, now: datetime) -> Reader:
        return cls(
            user,
            organisation,
            now,
            may_edit=access.may(user, access.Permission.EDIT_JOURNEYS),
            may_assign=access.may_record(user, Happening.OWNER_CHANGED),
            base=reverse("funnel:journey-list"),
            new_task=reverse("funnel:task-new"),
        )

    def page(self, journey: Journey) -> str:
        """Return the address of a journey, without asking the resolver for each of a hundred."""
        return f"{self.base}{journey.pk}/"

    def edits(self, column: Column, journey: Journey) -> bool:
        """Tell whether the person may change what the cell shows."""
        if not column.edits or not self.may_edit or journey.stage == "merged":
            return False
        if column.edits == "owner":
            return self.may_assign and journey.stage in FACTS[Happening.OWNER_CHANGED].sources
        return column.edits != "company_name" or journey.company_id is not None


@dataclass(slots=True)
class Row:
    """A journey with its cells. `left` are the minutes to answer it in, None where no clock runs."""

    journey: Journey
    left: float | None
    step: Step | None
    head: str = ""
    cells: list[SafeString] = field(default_factory=list)


def rows(journeys: list[Journey], columns: Iterable[Column], reader: Reader) -> list[Row]:
    """Return the rows of a list: one query where next steps are shown, else none."""
    columns = list(columns)
    clock = reader.organisation.clock
    wanted = any(column.key == "next" for column in columns)
    steps = next_steps(journey.pk for journey in journeys) if wanted and journeys else {}
    found = []
    for journey in journeys:
        left = minutes_left(journey, reader.organisation, clock, reader.now)
        row = Row(journey, left, steps.get(journey.pk))
        row.head = client(row, reader)
        row.cells = [cell(column, row, reader) for column in columns]
        found.append(row)
    return found


def cell(column: Column, row: Row, reader: Reader) -> SafeString:
    """Return the whole cell of a column, with its <td>."""
    return format_html(
        '<td class="{}" data-col="{}">{}</td>', css_of(column), column.key, inside(column, row, reader)
    )


def css_of(column: Column) -> str:
    return f"{'num ' if column.number else ''}{column.gives_way}".strip() or column.key


def inside(column: Column, row: Row, reader: Reader, *, saved: bool = False) -> SafeString:
    """Return what stands in a cell: a value, or a link that turns into its editor."""
    words = DRAWN[column.key](row, reader)
    if not reader.edits(column, row.journey):
        return words
    label = _("%(field)s of %(who)s") % {"field": column.label, "who": row.journey}
    return format_html(
        '<a class="cell{}" href="{}cells/{}/" data-cell title="{}">{}</a>',
        " saved" if saved else "",
        reader.page(row.journey),
        column.edits,
        label,
        words,
    )


def client(row: Row, reader: Reader) -> SafeString:
    """Return the head of a row: who it is, by whom, which number, of which kind."""
    journey = row.journey
    return format_html(
        '<th scope="row"><a class="name" href="{}">{}</a><small>{}#{}{}</small></th>',
        reader.page(journey),
        journey,
        f"{journey.contact} · " if journey.company_id else "",
        journey.pk,
        f" · {journey.get_kind_display()}" if journey.kind != Journey.Kind.NEW else "",
    )


# each column ---------------------------------------------------------------------------------------------------------

_DIM: Final = '<span class="dim">{}</span>'


def _plain(text: Any) -> SafeString:
    return format_html("{}", text) if text not in (None, "") else format_html(_DIM, formats.DASH)


def _clock(row: Row, _reader: Reader) -> SafeString:
    if row.journey.snoozed_until:
        return ui.tag(_("Snoozed"), "", "alarm-clock")
    return ui.sla_chip(row.left)


def _owner(row: Row, reader: Reader) -> SafeString:
    if row.journey.owner_id is None and reader.may_assign:
        return format_html(_DIM, _("Assign"))
    return ui.person(row.journey.owner)


def _amount(row: Row, reader: Reader) -> SafeString:
    amount = row.journey.amount
    if amount is None:
        return _plain("")
    return format_html("{}", formats.money(amount, reader.organisation.currency))


def _step(row: Row, reader: Reader) -> SafeString:
    if row.step is None:
        if not row.journey.is_open or row.journey.snoozed_until:
            return _plain("")
        if not reader.may_edit:
            return format_html('<span class="lacks">{}</span>', _("None"))
        url = f"{reader.new_task}?journey={row.journey.pk}"
        return format_html('<a class="lacks" href="{}" data-dialog>{}</a>', url, _("Set a next step"))
    return format_html(
        '<span class="step"><span>{}</span> <small>{}</small></span>',
        row.step,
        ui.when(row.step.due_at, "due"),
    )


DRAWN: Final[Mapping[str, Callable[[Row, Reader], SafeString]]] = {
    "stage": lambda row, reader: ui.stage_pill(row.journey.stage),
    "clock": _clock,
    "owner": _owner,
    "amount": _amount,
    "next": _step,
    "attempts": lambda row, reader: _plain(row.journey.contact_attempts),  # type: ignore[attr-defined]
    "source": lambda row, reader: _plain(row.journey.source),
    "created": lambda row, reader: ui.when(row.journey.created_at, css="dim"),
    "age": lambda row, reader: ui.when(row.journey.stage_since, "age", "dim"),
    "expected": lambda row, reader: ui.when(row.journey.expected_on),
    "service": lambda row, reader: _plain(row.journey.service),
    "campaign": lambda row, reader: _plain(row.journey.campaign),
    "contact": lambda row, reader: _plain(row.journey.contact.name),
    "email": lambda row, reader: _plain(row.journey.contact.email),
    "phone": lambda row, reader: _plain(phones.marked(row.journey.contact.phone)),
    "company": lambda row, reader: _plain(row.journey.company),
    "region": lambda row, reader: _plain(row.journey.contact.region),
    "offered": lambda row, reader: ui.person(row.journey.offered_to),
    "kind": lambda row, reader: _plain(row.journey.get_kind_display()),
    "snoozed": lambda row, reader: ui.when(row.journey.snoozed_until),
    "number": lambda row, reader: format_html("{}", row.journey.pk),
}
