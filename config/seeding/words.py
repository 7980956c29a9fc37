"""What people in the demo say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, Final

MESSAGES: Final = (
    "We need to see where each order stands.",
    "Our spreadsheets no longer keep up with the warehouse.",
    "Please call us about a replacement for our old system.",
    "Нужно объединить заявки с сайта и звонки в одном месте.",
    "Two of our sites work with different systems and it costs us hours.",
    "Хотим понять, сколько стоит внедрение на сорок человек.",
    "Who could look after our installation at weekends?",
    "We saw you at the fair and would like a demonstration.",
    "Ищем замену подрядчику по сопровождению.",
)
TALKS: Final = (
    "Asked what they use today and what it costs them.",
    "Договорились созвониться на этой неделе.",
    "They want to see reports first of all.",
    "Three people will decide; the budget is planned.",
    "Показали демонстрационный стенд, понравилась скорость.",
    "Sent our references, they will come back to us.",
)
NOTES: Final = (
    "Prefers e-mail; never before ten in the morning.",
    "Решение принимают на совете в конце месяца.",
    "Knows us from the spring fair.",
    "Their contract with the present supplier ends in autumn.",
)
REJECTIONS: Final = (
    ("not_ready", "They only wanted a price list; come back in half a year."),
    ("incomplete_brief", "Не указано, кто принимает решение."),
    ("no_budget", "No budget before next year."),
    ("not_fit", "Far too small for what we do."),
)
OBJECTIONS: Final[Mapping[str, str]] = {
    "price": "A fifth more than they had planned.",
    "scope": "Хотят начать с одного склада, а не со всех.",
    "timing": "They need it running two months earlier.",
    "trust": "Asks for a reference of their own trade.",
    "legal": "Their lawyers do not accept the liability clause.",
}
SAID: Final = (
    "Split the work into two stages; the first fits the budget.",
    "Показали отзыв клиента той же отрасли.",
    "Offered to begin with the busiest site.",
    "Moved the training to the second month.",
)
LINES: Final[Mapping[str, tuple[tuple[str, str, int, int, int], ...]]] = {
    "crm": (
        ("Licence, a year", "user", 5, 60, 240),
        ("Set-up and training", "day", 4, 15, 850),
    ),
    "erp": (
        ("Licence, a year", "user", 10, 80, 420),
        ("Introduction", "day", 10, 45, 950),
        ("Migration of data", "day", 3, 12, 900),
    ),
    "support": (
        ("Support, a month", "month", 6, 24, 680),
        ("Audit of the installation", "day", 1, 4, 900),
    ),
}
"""Service → description, unit, least and most, price each."""

Answer = Callable[[Random, datetime], Any]


def _budget(rng: Random, at: datetime) -> str:
    low = rng.randrange(5, 60)
    return f"{low} 000 – {low + rng.randrange(5, 30)} 000"


def _need(rng: Random, at: datetime) -> str:
    return rng.choice(MESSAGES)


ANSWERS: Final[Mapping[str, Mapping[str, Answer]]] = {
    "crm": {
        "need": _need,
        "users": lambda rng, at: rng.randrange(5, 60),
        "budget": _budget,
        "systems": lambda rng, at: rng.choice(["Accounting and telephony", "1С и почта", "Our web shop"]),
    },
    "erp": {
        "need": _need,
        "sites": lambda rng, at: rng.randrange(1, 9),
        "budget": _budget,
        "start_date": lambda rng, at: (at + timedelta(days=rng.randrange(40, 200))).date().isoformat(),
    },
    "support": {
        "need": _need,
        "hours": lambda rng, at: rng.choice(["Working days, nine to six", "Круглосуточно", "Weekends too"]),
        "incidents": lambda rng, at: rng.randrange(1, 40),
    },
}
"""Service → what its brief is answered with."""

Step = tuple[str, str]
"""What to do, and its kind."""

_FIRST: Final = (("Call back", "call"), ("Send our references", "email"), ("Перезвонить", "call"))
_BRIEF: Final = (
    ("Send the brief questionnaire", "email"),
    ("Call about the open questions", "call"),
    ("Уточнить бюджет", "call"),
)
_HANDOFF: Final = (("Introduce the account manager", "email"), ("Read the brief", "todo"))
_DEMO: Final = (
    ("Prepare the demo", "todo"),
    ("Run the demo call", "meeting"),
    ("Подготовить стенд", "todo"),
    ("Ask who decides", "call"),
)
_PROPOSAL: Final = (
    ("Follow up on the proposal", "call"),
    ("Answer their questions about the price", "email"),
    ("Согласовать скидку", "todo"),
)
_CONTRACT: Final = (
    ("Collect the signatures", "todo"),
    ("Send the contract to their lawyer", "email"),
    ("Remind of the contract", "call"),
)
STEPS: Final[Mapping[str, tuple[Step, ...]]] = {
    "new": _FIRST,
    "contacted": _FIRST,
    "met": _BRIEF,
    "briefed": _BRIEF,
    "returned": _BRIEF,
    "handed_off": _HANDOFF,
    "accepted": _HANDOFF,
    "demo_scheduled": _DEMO,
    "demo_held": _DEMO,
    "qualified": _DEMO,
    "proposal_requested": _PROPOSAL,
    "proposal_sent": _PROPOSAL,
    "objection": _PROPOSAL,
    "contract_requested": _CONTRACT,
    "contract_sent": _CONTRACT,
}
"""Stage → what may be the next step there."""
REVIEWS: Final[tuple[Step, ...]] = (
    ("Approve the discount", "todo"),
    ("Join the call with their director", "meeting"),
    ("Look over the proposal", "todo"),
    ("Call their chief accountant", "call"),
    ("Check the payment terms", "todo"),
    ("Thank them for the order", "email"),
)
"""What the manager is asked for."""
OWN_TASKS: Final[tuple[tuple[str, str, str, int, time | None], ...]] = (
    ("manager", "Weekly meeting with sales", "weekly", 0, time(16, 30)),
    ("manager", "Look at the month's figures", "monthly", 3, None),
    ("marketer", "Check the advertising budget", "weekly", 1, None),
    ("first_touch", "Go through the returned leads", "daily", 0, None),
    ("sales", "Update the forecast", "weekly", 1, time(10, 0)),
    ("sales2", "Обновить прогноз", "weekly", 1, time(10, 0)),
)
"""Whose, what, how often, in how many days, at what time."""
