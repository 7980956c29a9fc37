"""The columns that the list of journeys can show, who sees them, and how the list is ordered by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import F, Func, IntegerField, Min, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Least, Lower, NullIf
from django.utils.translation import gettext_lazy as _

from funnel import access, paging, registry
from funnel.access import Permission
from funnel.models import Task, User
from funnel.queries import JourneyQuerySet
from funnel.stages import Label, Stage


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list. `usual` ones stand there until somebody chooses; `edits` names what a cell changes.

    `gives_way` is from which width of the window on it is shown: "" always, "w2" not on a phone, "w3" on a wide desk.
    """

    key: str
    label: Label
    usual: bool = False
    number: bool = False
    gives_way: str = ""
    edits: str = ""
    permission: Permission | None = None


CLIENT: Final = Column("client", _("Client"))
"""Who it is about: the head of each row, always the first."""

COLUMNS: Final = (
    Column("stage", _("Stage"), usual=True),
    Column("clock", _("Clock"), usual=True),
    Column("owner", _("Owner"), usual=True, gives_way="w2", edits="owner"),
    Column(
        "amount",
        _("Amount"),
        usual=True,
        number=True,
        gives_way="w2",
        edits="amount",
        permission=Permission.SEE_MONEY,
    ),
    Column("next", _("Next step"), usual=True, gives_way="w2"),
    Column("attempts", _("Attempts"), number=True, gives_way="w3"),
    Column("source", _("Source"), usual=True, gives_way="w3"),
    Column("created", _("Received"), usual=True, number=True, gives_way="w2"),
    Column("age", _("In stage"), number=True, gives_way="w2"),
    Column("expected", _("Expected on"), number=True, gives_way="w2", edits="expected_on"),
    Column("service", _("Service"), gives_way="w2", edits="service"),
    Column("campaign", _("Campaign"), gives_way="w3"),
    Column("contact", _("Contact"), gives_way="w2", edits="name"),
    Column("email", _("E-mail"), gives_way="w3", edits="email"),
    Column("phone", _("Phone"), gives_way="w3", edits="phone"),
    Column("company", _("Company"), gives_way="w2", edits="company_name"),
    Column("region", _("Region"), gives_way="w3", edits="region"),
    Column("offered", _("Offered to"), gives_way="w3"),
    Column("kind", _("Kind"), gives_way="w3"),
    Column("snoozed", _("Snoozed until"), number=True, gives_way="w3"),
    Column("number", _("Number"), number=True, gives_way="w3"),
)
BY_KEY: Final[Mapping[str, Column]] = {column.key: column for column in COLUMNS}


def known_to(user: User) -> list[Column]:
    """Return the columns that the person's role may see."""
    return [column for column in COLUMNS if column.permission is None or access.may(user, column.permission)]


def usual(user: User) -> list[str]:
    """Return the keys of the columns that stand there until somebody chooses."""
    return [column.key for column in known_to(user) if column.usual]


def chosen(keys: Iterable[Any], user: User) -> list[Column]:
    """Return the columns of these keys in their order: unknown ones, and those of other roles, are left out."""
    allowed = {column.key for column in known_to(user)}
    return [BY_KEY[key] for key in dict.fromkeys(map(str, keys)) if key in allowed]


# order ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sort:
    """How the list is ordered by a column. `first` is the way that the first press on its head gives."""

    by: str
    read: Callable[[str], Any] = paging.moment
    nullable: bool = False
    first: str = ""
    value: Callable[[Mapping[str, Sequence[Any]]], Any] | None = None
    """What `by` stands for where it is no field, given what people call things, in order: {"source": [ids], …}."""


def _rank(field: str, name: str) -> Callable[[Mapping[str, Sequence[Any]]], Any]:
    """Order by the place of a reference among what the reader sees, in the reader's own alphabet."""

    def value(orders: Mapping[str, Sequence[Any]]) -> Any:
        listed = Func(Value(list(orders[name])), function="", template="(%(expressions)s)::bigint[]")
        return Func(listed, F(field), function="array_position", output_field=IntegerField())

    return value


def _stages(_orders: Mapping[str, Sequence[Any]]) -> Any:
    listed = Func(Value(list(Stage.values)), function="", template="(%(expressions)s)::text[]")
    stage = Func(F("stage"), function="", template="(%(expressions)s)::text")
    return Func(listed, stage, function="array_position", output_field=IntegerField())


def _lower(*names: str) -> Callable[[Mapping[str, Sequence[Any]]], Any]:
    def value(_orders: Mapping[str, Sequence[Any]]) -> Any:
        filled = [NullIf(F(name), Value("")) for name in names]
        return Lower(Coalesce(*filled) if len(filled) > 1 else filled[0], output_field=TextField())

    return value


def _next_due(_orders: Mapping[str, Sequence[Any]]) -> Any:
    steps = Task.objects.order_by().open().filter(journey=OuterRef("pk")).values("journey")
    tasks = Subquery(steps.annotate(due=Min("due_at")).values("due"))
    meetings = [
        Subquery(find().order_by().filter(journey=OuterRef("pk")).values("due"))
        for find in registry.appointments
    ]
    return Least(tasks, *meetings) if meetings else tasks


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError("no number")
    return int(text)


SORTS: Final[Mapping[str, Sort]] = {
    "created": Sort("created_at", first="-"),
    "age": Sort("stage_since"),
    "amount": Sort("amount", paging.amount, nullable=True, first="-"),
    "expected": Sort("expected_on", date.fromisoformat, nullable=True),
    "number": Sort("pk", _number, first="-"),
    "snoozed": Sort("snoozed_until", nullable=True),
    "kind": Sort("kind", paging.words),
    "client": Sort(
        "called", paging.words, True, value=_lower("company__name", "contact__name", "contact__email")
    ),
    "contact": Sort("called", paging.words, True, value=_lower("contact__name", "contact__email")),
    "company": Sort("called", paging.words, True, value=_lower("company__name")),
    "email": Sort("called", paging.words, True, value=_lower("contact__email")),
    "region": Sort("called", paging.words, True, value=_lower("contact__region")),
    "stage": Sort("place", paging.whole, value=_stages),
    "owner": Sort("place", paging.whole, True, value=_rank("owner_id", "owner")),
    "offered": Sort("place", paging.whole, True, value=_rank("offered_to_id", "owner")),
    "source": Sort("place", paging.whole, True, value=_rank("source_id", "source")),
    "campaign": Sort("place", paging.whole, True, value=_rank("campaign_id", "campaign")),
    "service": Sort("place", paging.whole, True, value=_rank("service_id", "service")),
    "next": Sort("due", nullable=True, value=_next_due),
}
"""Key of a column → how the list is ordered by it. A phone number and a running clock have no order of use."""

USUAL_ORDER: Final = "-created"
FORMER: Final = {"oldest": "created", "waiting": "age", "moved": "-age"}
"""What addresses called orders before columns had them."""


def order_choices(user: User) -> list[tuple[str, Label]]:
    """Return every order that the person may ask for: key, with "-" for the falling one, and the column's name."""
    columns = [CLIENT, *known_to(user)]
    return [
        (f"{sign}{column.key}", column.label)
        for column in columns
        if column.key in SORTS
        for sign in ("", "-")
    ]


def ordered(
    journeys: JourneyQuerySet, order: str, orders: Mapping[str, Sequence[Any]], *, with_attempts: bool = False
) -> tuple[JourneyQuerySet, dict[str, Any]]:
    """Return the journeys with what they are ordered by, and the words of `paging.keyset` that order them.

    `with_attempts` counts what the rows show of them.

    An index leads to the page only where they are ordered by when they came or by their number; elsewhere the page is
    found before its rows are fetched.
    """
    sort = SORTS[order.removeprefix("-")]

    def named(rows: JourneyQuerySet) -> JourneyQuerySet:
        return rows if sort.value is None else rows.annotate(**{sort.by: sort.value(orders)})

    def complete(rows: JourneyQuerySet) -> JourneyQuerySet:
        return rows.with_parties().with_attempts() if with_attempts else rows.with_parties()

    words: dict[str, Any] = {
        "by": sort.by,
        "oldest_first": not order.startswith("-"),
        "read": sort.read,
        "nullable": sort.nullable,
    }
    if sort.by in {"created_at", "pk"}:
        return complete(journeys), words
    return named(journeys), {**words, "fetch": lambda rows: complete(named(rows))}
