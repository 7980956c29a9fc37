"""What is told of each person: declared once for the table, the rows behind a number and the files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from funnel.stages import TARGETS, Happening
from funnel.sums import PAID

H = Happening


@dataclass(frozen=True, slots=True)
class Column:
    """`events`: how many of them the person made. `time`: how long they took. `journeys`: how many they own now.
    `tasks`: how many of theirs are late now.

    `money` takes the permission to see money: it tells the sign with which the amounts of which events are summed.
    `definition` tells in a sentence what is counted.
    """

    key: str
    name: str | Promise
    definition: str | Promise
    kind: Literal["events", "time", "journeys", "tasks"] = "events"
    events: tuple[str, ...] = ()
    money: Mapping[Happening, int] = field(default_factory=dict)


COLUMNS: Final = (
    Column(
        "responses", _("Responses"), _("First responses to applications."), events=(H.FIRST_RESPONSE,)
    ),
    Column(
        "response_time",
        _("Response time"),
        _("Median business minutes from the application to its first response, of the responses that were first."),
        kind="time",
        events=(H.FIRST_RESPONSE,),
    ),
    Column("meetings", _("Meetings"), _("First meetings held."), events=(H.FIRST_MEETING_HELD,)),
    Column("briefs", _("Briefs"), _("Briefs filled."), events=(H.BRIEF_FILLED,)),
    Column("handoffs", _("Handoffs"), _("Leads handed off to sales."), events=(H.HANDED_OFF,)),
    Column("demos", _("Demos"), _("Demos held; missed ones do not count."), events=(H.DEMO_HELD,)),
    Column("proposals", _("Proposals"), _("Proposals sent, each version."), events=(H.PROPOSAL_SENT,)),
    Column("contracts", _("Contracts"), _("Contracts sent, each version."), events=(H.CONTRACT_SENT,)),
    Column("won", _("Won"), _("Contracts signed."), events=(H.CONTRACT_SIGNED,)),
    Column("payments", _("Payments"), _("Payments recorded, with their sum less the refunds recorded."),
           events=(H.PAYMENT_RECEIVED,), money=PAID),
    Column("refunds", _("Refunds"), _("Refunds recorded, with their sum."),
           events=(H.REFUND_PAID,), money={H.REFUND_PAID: 1}),
    Column("moves", _("Moves"), _("Moves from stage to stage, in any direction."),
           events=tuple(event for event in TARGETS if event != H.LEAD_CREATED)),
    Column("open", _("Open"), _("Open journeys that the person owns now."), kind="journeys"),
    Column("stuck", _("Stuck"), _("Of these, journeys that stand at their stage for longer than its limit."),
           kind="journeys"),
    Column("late", _("Overdue steps"), _("Tasks of the person whose day or time has passed, and that are still open."),
           kind="tasks"),
)  # fmt: skip
BY_KEY: Final[Mapping[str, Column]] = {column.key: column for column in COLUMNS}
COUNTED: Final = tuple(dict.fromkeys(event for column in COLUMNS for event in column.events))
