"""Where the apps above plug into the kernel. Filled once, in `AppConfig.ready()`; read ever after.

The kernel knows no app above it: what it needs of them comes through these lists, so that data flows one way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.db.models import Q, QuerySet

if TYPE_CHECKING:
    from .models import Event, Journey, User
    from .words import TermQuery


class Sureness(Protocol):
    """How sure it is that two records are one: in per cent, as a key and in words, and what speaks for and against."""

    @property
    def sure(self) -> int: ...
    @property
    def share(self) -> float: ...
    @property
    def level(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def reasons(self) -> list[str]: ...
    @property
    def against(self) -> list[str]: ...


Requirement = Callable[[Sequence["Journey"], Mapping[str, Any]], Mapping[int, Sequence[str]]]
"""Given locked journeys and the inputs, return for each that lacks something the paths that are missing.

Set-based: one query however many journeys. Among the inputs `at` is the time of the move; without it, it is now.
"""

requirements: dict[str, Requirement] = {}
"""Requirement path of a move → who can tell whether it is met."""

on_annulled: dict[str, Callable[[Sequence["Event"], datetime], None]] = {}
"""Event → what withdraws the records that were made of such events, in the same transaction."""

on_left: dict[str, Callable[[Sequence["Event"]], None]] = {}
"""Stage → what closes the records that stand only while a journey is there, in the transaction of the moves that leave.
"""

on_left_annulled: dict[str, Callable[[Sequence["Event"]], None]] = {}
"""Stage → what opens them again once such moves are annulled."""

annul_guards: dict[str, Callable[[Sequence["Event"], AbstractSet[int]], str]] = {}
"""Event → what tells why such events cannot be annulled though the ledger alone would let them go.

Takes the events of that kind and the keys of all that are to go; returns the words for whoever asked, or "".
"""

on_erased: list[Callable[[Sequence[int]], None]] = []
"""What erases the personal words that an app keeps on journeys (their ids), in the transaction of the erasure,
while their contacts still say who they are."""

visibility: list[Callable[["User"], Q]] = []
"""Further journeys that a user sees, as conditions on Journey."""

history_values: dict[str, Callable[[Iterable[str]], None]] = {}
"""Event → what creates the records that its values in an imported history name (partners, reasons)."""

history_landed: list[Callable[[int], None]] = []
"""What follows an import of history, or its undo, in its transaction, whose number (`Event.xact` of all it wrote) is given.

Imported events have no outbox rows, for nobody is told of the past; figures that are kept must follow through here.
"""

on_client_changed: list[Callable[[Sequence[int]], None]] = []
"""What follows when the contact or company of journeys (their ids) is another, in that transaction: nothing of it
stands in the ledger, and figures by client are kept."""

applications: list[Callable[["TermQuery"], QuerySet[Any]]] = []
"""What finds the journeys (their ids, the newest first) whose applications say what a query asks for."""

lookalikes: dict[str, Callable[[Any], Sequence[tuple[Any, "Sureness"]]]] = {}
"""For "contact" and "company", who finds the records that may be the same as one: each with how sure it is, and why."""

journey_panels: list[tuple[str, Callable[["Journey", "User"], dict[str, Any] | None]]] = []
"""Template and context builder of each panel that an app shows on the journey page; None hides it."""


class Steer(NamedTuple):
    """The move to make next instead of the natural one, what its button says, its inputs, and why it is that one."""

    move: str
    label: str
    inputs: Mapping[str, str]
    why: str


steers: list[Callable[["Journey"], Steer | None]] = []
"""Who may know of a journey that it does not go the natural way on; None leaves it to the table."""

reason_words: dict[str, Mapping[str, Any]] = {}
"""Event → what people call the reasons that it carries, by key, where they are not reasons that people keep."""

act_pages: dict[str, str] = {}
"""Move or fact → the URL name, taking the journey's id, of the page that does it where a plain form would not do."""

path_waits: dict[str, Any] = {}
"""Requirement path that only time meets → the sentence that says so; the others somebody can fill in."""

appointments: list[Callable[[], QuerySet[Any]]] = []
"""Meetings that are scheduled and not over, each its journey's next step until it is: with `journey`, what it is called
(`called`) and when it is due (`due`): when it begins, once it has begun when it ends."""

path_labels: dict[str, Any] = {}
"""Requirement path, such as "brief.budget" → what people call it; see `labels.label_of` for the rest."""

path_pages: dict[str, str] = {}
"""Requirement path or the part before its dot → the URL name, taking the journey's id, where it is filled in."""

navigation: list[Callable[["User"], Iterable[dict[str, Any]]]] = []
"""Entries of the left bar: dicts of url_name, icon, label, weight and, where it counts something, count:
a number, or a queryset cut short, which is counted together with the others.

With `"place": "account"` an entry stands in the menu under the avatar instead: settings, imports, users.
"""

settings_pages: list[Callable[["User"], Iterable[dict[str, Any]]]] = []
"""Pages of the settings that an app adds: dicts of url_name, icon, label and text, for the role that may use them.

`group` names the part of the settings' first page: organisation, people, funnel (where none is named), marketing, mine.
"""

first_run: list[Callable[["User"], str]] = []
"""Where the first page leads somebody before anything is set up; "" where it leads to their work."""

invented: list[Callable[[], Iterable[int]]] = []
"""Who tells which journeys (their ids) are not the organisation's own but came with a demo."""

api_routes: list[tuple[str, type, str]] = []
"""(prefix, viewset, basename) of each REST resource."""
