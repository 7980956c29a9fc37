"""Organisations elsewhere, and their figures counted minute by minute: nothing here uses the project's own clock."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from random import Random
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from funnel.models import Organisation

from .ledgers import Row, Start

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """An organisation's settings, and the moments at which its year is awkward."""

    zone: str
    currency: str
    days: str  # ISO weekdays
    opens: time
    closes: time
    holidays: tuple[date, ...]
    edges: tuple[datetime, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.zone

    def settle(self) -> Organisation:
        Organisation.objects.update(
            timezone=self.zone,
            currency=self.currency,
            business_days=[int(day) for day in self.days],
            opens=self.opens,
            closes=self.closes,
            holidays=list(self.holidays),
        )
        return Organisation.current()

    def day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def is_business_day(self, day: date) -> bool:
        return str(day.isoweekday()) in self.days and day not in self.holidays

    def minutes(self, start: datetime, end: datetime) -> int:
        """Open minutes between two whole minutes, each looked at on the wall clock."""
        zone, found, at = ZoneInfo(self.zone), 0, start
        while at < end:
            wall = at.astimezone(zone)
            late = self.closes == time(0)
            if self.opens <= wall.time() and (late or wall.time() < self.closes):
                found += self.is_business_day(wall.date())
            at += MINUTE
        return found


# Each list of edges: the year's beginning, a month's end, both changes of the clocks or what comes nearest.
PLACES = [
    Place(
        "Asia/Kolkata", "INR", "123456", time(10), time(19), (date(2025, 1, 26), date(2025, 1, 31)),
        (utc("2024-12-31T18:30"), utc("2025-01-31T18:30"), utc("2025-02-28T18:30"), utc("2025-03-31T18:30")),
    ),
    Place(  # the clocks move by half an hour, in the south
        "Australia/Lord_Howe", "AUD", "12347", time(1), time(6), (date(2025, 4, 30), date(2025, 4, 25)),
        (utc("2025-03-31T13:00"), utc("2025-04-05T15:00"), utc("2025-04-30T13:30"), utc("2025-10-04T15:30"),
         utc("2025-10-31T13:00")),
    ),
    Place(  # midnight is skipped in spring, and the hour before it comes twice in autumn; open all day and night
        "America/Santiago", "CLP", "1234567", time(0), time(0), (date(2025, 4, 18), date(2025, 9, 18)),
        (utc("2025-04-01T03:00"), utc("2025-04-06T03:00"), utc("2025-04-06T04:00"), utc("2025-05-01T04:00"),
         utc("2025-09-07T04:00"), utc("2025-10-01T03:00")),
    ),
    Place(
        "Asia/Kathmandu", "NPR", "123457", time(10), time(17), (date(2025, 2, 28), date(2025, 3, 13)),
        (utc("2024-12-31T18:15"), utc("2025-01-31T18:15"), utc("2025-02-28T18:15"), utc("2025-03-31T18:15")),
    ),
    Place(
        "Pacific/Apia", "WST", "12345", time(8), time(16, 30), (date(2025, 5, 30), date(2025, 6, 2)),
        (utc("2025-04-30T11:00"), utc("2025-05-31T11:00"), utc("2025-06-30T11:00")),
    ),
    Place(  # summer all year but for a month that the moon appoints
        "Africa/Casablanca", "MAD", "12347", time(0, 30), time(8), (date(2025, 2, 27), date(2025, 3, 31)),
        (utc("2025-01-31T23:00"), utc("2025-02-23T02:00"), utc("2025-03-01T00:00"), utc("2025-04-06T02:00"),
         utc("2025-04-30T23:00")),
    ),
    Place(
        "Australia/Sydney", "AUD", "12345", time(0), time(4), (date(2025, 4, 30), date(2025, 10, 6)),
        (utc("2025-03-31T13:00"), utc("2025-04-05T16:00"), utc("2025-04-30T14:00"), utc("2025-10-04T16:00"),
         utc("2025-10-31T13:00")),
    ),
    Place(
        "America/St_Johns", "CAD", "71234", time(18), time(23, 45), (date(2025, 3, 31), date(2025, 10, 30)),
        (utc("2025-03-01T03:30"), utc("2025-03-09T05:30"), utc("2025-04-01T02:30"), utc("2025-11-02T04:30"),
         utc("2025-12-01T03:30")),
    ),
]  # fmt: skip

STEPS = (
    "lead_created", "first_response", "first_meeting_held", "brief_filled", "handed_off", "sal_accepted",
    "proposal_requested", "proposal_sent", "contract_requested", "contract_sent", "contract_signed",
    "payment_received",
)  # fmt: skip


@dataclass
class History:
    """Journeys that crowd round the edges; `at` tells when each step of each journey happened."""

    starts: list[Start]
    rows: list[Row]
    at: list[dict[str, datetime]]
    amounts: list[int]


def history(place: Place, *, seed: int, journeys: int = 40) -> History:
    """Make journeys that pass through every step, most steps a minute or some days after the last."""
    chance, found = Random(seed), History([], [], [], [])
    for number in range(journeys):
        at = chance.choice(place.edges) + MINUTE * chance.choice(
            (-1441, -1, 0, 1, chance.randrange(-9000, 9000))
        )
        times: dict[str, datetime] = {}
        for step in STEPS[: chance.randint(1, len(STEPS))]:
            times[step] = at
            at += MINUTE * chance.choice((0, 1, 30, 60, 61, chance.randrange(9000), chance.randrange(400)))
        amount = chance.randint(1, 900)
        name = f"Z{number:03}"
        found.starts.append(Start(name, f"C{number:03}"))
        for place_in_row, (step, when) in enumerate(times.items()):
            money = str(amount) if step in {"contract_signed", "payment_received"} else ""
            found.rows.append(Row(f"{name}-{place_in_row:02}", name, step, when, money))
        found.at.append(times)
        found.amounts.append(amount)
    return found


def figures(place: Place, past: History, first: date, until: date) -> dict[str, Any]:
    """Count a period of days [first, until) from the history alone."""

    def within(step: str) -> list[int]:
        return [n for n, at in enumerate(past.at) if step in at and first <= place.day(at[step]) < until]

    def taken(start: str, end: str, by: str) -> list[int]:
        return [
            place.minutes(past.at[n][start], past.at[n][end])
            for n in within(by) if start in past.at[n] and end in past.at[n]
        ]  # fmt: skip

    leads = within("lead_created")
    answers = taken("lead_created", "first_response", "lead_created")
    paid = within("payment_received")
    days = [first + DAY * n for n in range((until - first).days)]
    lead_times = [past.at[n]["payment_received"] - past.at[n]["lead_created"] for n in paid]
    return {
        "leads_gross": len(leads),
        "first_meetings_held": len(within("first_meeting_held")),
        "sal_accepted": len(within("sal_accepted")),
        "deals_won": len(within("contract_signed")),
        "contract_value_won": sum(past.amounts[n] for n in within("contract_signed")),
        "payments_net": sum(past.amounts[n] for n in paid),
        "business_days": sum(map(place.is_business_day, days)),
        "within_hour": sum(minutes <= 60 for minutes in answers),
        "answered": median(answers) if answers else None,
        "unanswered": len(leads) - len(answers),
        "handoff": _hours(taken("handed_off", "sal_accepted", "sal_accepted")),
        "proposal": _hours(taken("proposal_requested", "proposal_sent", "proposal_sent")),
        "contract": _hours(taken("contract_requested", "contract_sent", "contract_sent")),
        "lead_time": (len(lead_times), sum(lead_times, timedelta(0)) / DAY),
    }


def told(metrics: dict[str, Any], column: str = "current") -> dict[str, Any]:
    """The same figures as a report has them."""
    cell = {key: metric[column] for key, metric in metrics.items()}
    counts = (
        "leads_gross",
        "first_meetings_held",
        "sal_accepted",
        "deals_won",
        "contract_value_won",
        "payments_net",
    )
    response = cell["first_response_business_min"]
    lead_time = cell["lead_time_days"]

    def total(key: str) -> tuple[int, float]:
        return cell[key]["n"], (cell[key]["mean"] or 0) * cell[key]["n"]

    return {key: cell[key] for key in counts} | {
        "business_days": cell["leads_per_business_day"]["denominator"],
        "within_hour": cell["response_within_60_business_min"]["numerator"],
        "answered": response["median_responded"],
        "unanswered": response["unanswered"],
        "handoff": total("handoff_decision_business_h"),
        "proposal": total("proposal_prep_business_h"),
        "contract": total("contract_prep_business_h"),
        "lead_time": (lead_time["n"], (lead_time["mean"] or 0) * lead_time["n"]),
    }  # fmt: skip


def _hours(minutes: list[int]) -> tuple[int, float]:
    return len(minutes), float(Fraction(sum(minutes), 60))
