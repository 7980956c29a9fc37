"""How journeys go: each is told move by move, through the acts that people make, until it ends or time runs out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from funnel import acts, currencies
from funnel.models import Campaign, Journey, User
from funnel.stages import Stage
from leads.domain import capture

from .people import PARTNERS, Cast, Client, invent
from .season import working
from .words import ANSWERS, LINES, MESSAGES, NOTES, OBJECTIONS, REJECTIONS, SAID, TALKS

Story = Iterator[datetime]
"""Yields the moment of its next act, and acts when it is resumed, at that moment."""

Given = tuple[dict[str, Any], User]
"""What an act is given, and who makes it."""

_TO_BRIEF: Final = ("respond", "hold_first_meeting", "fill_brief")
_TO_DEMO: Final = (*_TO_BRIEF, "hand_off", "accept", "schedule_demo", "hold_demo")
_TO_PROPOSAL: Final = (*_TO_DEMO, "qualify", "request_proposal", "send_proposal")
_TO_CONTRACT: Final = (*_TO_PROPOSAL, "request_contract", "send_contract")
WAYS: Final[Mapping[Stage, tuple[str, ...]]] = {
    Stage.NEW: (),
    Stage.CONTACTED: _TO_BRIEF[:1],
    Stage.MET: _TO_BRIEF[:2],
    Stage.BRIEFED: _TO_BRIEF,
    Stage.HANDED_OFF: (*_TO_BRIEF, "hand_off"),
    Stage.RETURNED: (*_TO_BRIEF, "hand_off", "reject"),
    Stage.ACCEPTED: (*_TO_BRIEF, "hand_off", "accept"),
    Stage.DEMO_SCHEDULED: _TO_DEMO[:-1],
    Stage.DEMO_HELD: _TO_DEMO,
    Stage.QUALIFIED: _TO_PROPOSAL[:-2],
    Stage.PROPOSAL_REQUESTED: _TO_PROPOSAL[:-1],
    Stage.PROPOSAL_SENT: _TO_PROPOSAL,
    Stage.OBJECTION: (*_TO_PROPOSAL, "object"),
    Stage.CONTRACT_REQUESTED: _TO_CONTRACT[:-1],
    Stage.CONTRACT_SENT: _TO_CONTRACT,
    Stage.WON: (*_TO_CONTRACT, "sign", "payment_received"),
    Stage.LOST: ("respond", "hold_first_meeting", "lose"),
    Stage.REFERRED: ("respond", "refer"),
    Stage.SPAM: ("mark_spam",),
    Stage.MERGED: ("merge",),
}
"""Stage → the usual way to it, for the journeys that show each stage today."""

_SOURCES: Final = {
    "web": 30,
    "ads": 18,
    "referral": 10,
    "event": 10,
    "webinar": 9,
    "mailing": 8,
    "tender": 5,
    "partner": 4,
    "call": 6,
}
_COMES_AGAIN: Final = 0.12


class Teller:
    """Tells one journey. Everything that chance decides comes from its own `rng`."""

    demo: datetime

    def __init__(self, cast: Cast, rng: Random, *, number: int) -> None:
        self.cast, self.rng, self.number = cast, rng, number
        self.clock = cast.organisation.clock
        self.step = currencies.step(cast.organisation.currency)
        self.pk = 0
        self.seller: User = cast.users["sales"]
        self.marketer: User = cast.users["first_touch"]
        self.service = rng.choice(sorted(cast.services))
        self.total = Decimal(0)
        self.version = 0
        self.reached_qualified = False
        self.partner = ""
        self.next_at: datetime | None = None
        self.due: list[Decimal] = []

    # the ways -------------------------------------------------------------------------------------------------------

    def natural(self, at: datetime) -> Story:
        """Let the journey go as chance has it."""
        rng = self.rng
        yield at
        self.capture(at)
        fate = rng.random()
        if fate < 0.04:
            yield (at := self.soon(at, 5, 600))
            self.act("mark_spam", at)
            return
        yield (at := self.soon(at, 2, 50) if rng.random() < 0.68 else self.soon(at, 60, 1500))
        self.act("respond", at)
        if rng.random() < 0.24:
            yield from self._lost(at, 3, ("no_answer", "no_need", "timing"))
            return
        yield (at := self.days(at, 0.5, 6))
        self.act("hold_first_meeting", at)
        if rng.random() < 0.25:
            yield (at := self.soon(at, 10, 300))
            self.act("note_logged", at)
        fate = rng.random()
        if fate < 0.42:
            yield from self._lost(at, 8, ("no_need", "budget", "timing", "no_answer"))
        elif fate < 0.52:
            yield (at := self.days(at, 0.2, 4))
            yield from self._referred(at)
        else:
            yield (at := self.days(at, 0.2, 12))
            self.act("fill_brief", at)
            yield from self._handed_over(at)

    def shown(self, target: Stage, moments: list[datetime]) -> Story:
        """Take the journey the usual way to `target`, at the moments given: one more than the way has moves."""
        yield moments[0]
        self.capture(moments[0], nobody=target == Stage.NEW)
        for place, (name, at) in enumerate(zip(WAYS[target], moments[1:], strict=True), start=2):
            yield at
            self.next_at = moments[place] if place < len(moments) else None
            self.act(name, at)

    def _lost(self, at: datetime, most_days: float, reasons: tuple[str, ...]) -> Story:
        yield (at := self.days(at, 0.5, most_days))
        self.act("lose", at, reason=self.rng.choice(reasons))

    def _referred(self, at: datetime) -> Story:
        self.act("refer", at)
        answering = self.rng.random()
        if answering < 0.75:
            yield (at := self.days(at, 0.2, 5))
            self.act("partner_accepted", at)
            if answering < 0.5:
                yield (at := self.days(at, 5, 40))
                self.act("partner_outcome", at)
        elif answering < 0.85:
            yield (at := self.days(at, 0.2, 5))
            self.act("partner_declined", at)

    def _handed_over(self, at: datetime) -> Story:
        rng = self.rng
        yield (at := self.soon(at, 5, 500))
        self.act("hand_off", at)
        if rng.random() < 0.17:
            yield (at := self.soon(at, 20, 900))
            self.act("reject", at)
            if rng.random() < 0.5:
                yield from self._lost(at, 10, ("no_need", "budget"))
                return
            yield (at := self.days(at, 0.5, 6))
            self.act("fill_brief", at)
            yield (at := self.soon(at, 5, 200))
            self.act("hand_off", at)
        yield (at := self.soon(at, 10, 900))
        self.act("accept", at)
        yield from self._demonstrated(at)

    def _demonstrated(self, at: datetime) -> Story:
        rng = self.rng
        if rng.random() < 0.8:
            yield (at := self.days(at, 0.1, 3))
            self.act("schedule_demo", at)
            fate = rng.random()
            if fate < 0.05:
                yield (at := at + (self.demo - at) * 0.7)
                self.act("cancel_demo", at)
            elif fate < 0.16:
                yield (at := self._after_the_demo(at))
                self.act("miss_demo", at)
            if fate < 0.16:
                yield (at := self.days(at, 0.5, 4))
                self.act("schedule_demo", at)
            yield (at := self._after_the_demo(at))
            self.act("hold_demo", at)
        else:
            yield (at := self.days(at, 0.5, 8))
            self.act("hold_demo", at)
        if rng.random() < 0.2:
            yield from self._deal_lost(at)
            return
        yield (at := self.days(at, 0.1, 3))
        self.act("qualify", at)
        yield (at := self.soon(at, 10, 300))
        self.act("request_proposal", at)
        yield (at := self.days(at, 0.5, 6))
        self.act("send_proposal", at)
        yield from self._negotiated(at)

    def _negotiated(self, at: datetime) -> Story:
        rng = self.rng
        for _round in range(2):
            if rng.random() > 0.35:
                break
            yield (at := self.days(at, 1, 8))
            self.act("object", at)
            if rng.random() < 0.3:
                yield from self._deal_lost(at)
                return
            yield (at := self.days(at, 0.5, 5))
            self.act("objection_resolved", at)
            yield (at := self.soon(at, 5, 90))
            self.act("send_proposal", at)
        if rng.random() < 0.22:
            yield from self._deal_lost(at)
            return
        yield (at := self.days(at, 1, 9))
        self.act("request_contract", at)
        if rng.random() < 0.3:
            yield (at := self.days(at, 0.3, 2))
            self.act("legal_issue_raised", at)
            yield (at := self.days(at, 0.5, 5))
            self.act("legal_issue_resolved", at)
        yield (at := self.days(at, 0.5, 5))
        self.act("send_contract", at)
        if rng.random() < 0.12:
            yield from self._deal_lost(at)
            return
        yield (at := self.days(at, 1, 10))
        self.act("sign", at)
        yield from self._paid(at)

    def _paid(self, at: datetime) -> Story:
        rng = self.rng
        if rng.random() < 0.5:
            yield (at := self.days(at, 1, 10))
            self.act("direct_cost", at)
        for _instalment in range(2):
            yield (at := self.days(at, 3, 24))
            self.act("payment_received", at)
        if rng.random() < 0.06:
            yield (at := self.days(at, 4, 30))
            self.act("refund_paid", at)

    def _deal_lost(self, at: datetime) -> Story:
        yield from self._lost(at, 9, ("price", "competitor", "timing", "budget"))
        if self.reached_qualified and self.rng.random() < 0.2:
            journey = Journey.objects.get(pk=self.pk)
            yield (at := self.days(journey.stage_since, 25, 120))
            self.act("reopen", at)
            yield (at := self.soon(at, 30, 600))
            self.act("request_proposal", at)
            yield (at := self.days(at, 0.5, 5))
            self.act("send_proposal", at)
            yield (at := self.days(at, 1, 8))
            self.act("request_contract", at)
            yield (at := self.days(at, 0.5, 4))
            self.act("send_contract", at)
            yield (at := self.days(at, 1, 8))
            self.act("sign", at)
            yield from self._paid(at)

    # chance ---------------------------------------------------------------------------------------------------------

    def soon(self, at: datetime, least: int, most: int) -> datetime:
        """Return a moment some open minutes later."""
        return self.clock.add_business(at, minutes=self.rng.randint(least, most)) + self._seconds()

    def days(self, at: datetime, least: float, most: float) -> datetime:
        """Return a moment some days later, in opening hours and never before `at`."""
        wanted = at + timedelta(days=self.rng.uniform(least, most))
        return max(working(self.rng, self.clock, wanted), at + timedelta(minutes=3)) + self._seconds()

    def _seconds(self) -> timedelta:
        return timedelta(seconds=self.rng.randrange(60))

    # the acts -------------------------------------------------------------------------------------------------------

    def capture(self, at: datetime, *, nobody: bool = False) -> None:
        """Let the application in; `nobody` leaves it in the inbox for whoever takes it."""
        rng, cast = self.rng, self.cast
        source = rng.choices(list(_SOURCES), weights=list(_SOURCES.values()))[0]
        theirs = [
            key for key in sorted(cast.campaigns) if cast.campaigns[key].source_id == cast.sources[source].pk
        ]
        campaign: Campaign | None = cast.campaigns[rng.choice(theirs)] if theirs else None
        again = not nobody and cast.clients and rng.random() < _COMES_AGAIN
        client: Client = rng.choice(cast.clients) if again else invent(rng, self.number)
        self.marketer = cast.users["first_touch" if rng.random() < 0.75 else "marketer"]
        self.pk = capture(
            actor=None,
            at=at,
            name=client.name,
            email=client.email,
            phone=client.phone,
            company=client.company,
            source=cast.sources[source],
            campaign=campaign,
            service=cast.services[self.service],
            message=rng.choice(MESSAGES),
            owner=None if nobody else self.marketer,
        ).journey.pk
        if not again:
            cast.clients.append(client)

    def act(self, name: str, at: datetime, **inputs: Any) -> None:
        """Make one move or record one fact, by whoever makes it, with what it asks for."""
        given, actor = getattr(self, f"_{name}", self._plainly)(at)
        acts.run(name=name, journeys=[self.pk], actor=actor, inputs={**given, **inputs}, at=at)

    def _plainly(self, at: datetime) -> Given:
        return {}, self.seller

    def _mark_spam(self, at: datetime) -> Given:
        return {}, self.marketer

    def _respond(self, at: datetime) -> Given:
        kind = self.rng.choice(["call", "call", "email", "message"])
        return {"kind": kind, "summary": self.rng.choice(TALKS)}, self.marketer

    def _hold_first_meeting(self, at: datetime) -> Given:
        return {"how": self.rng.choice(["online", "online", "phone", "client"])}, self.marketer

    def _fill_brief(self, at: datetime) -> Given:
        answers = {key: answer(self.rng, at) for key, answer in ANSWERS[self.service].items()}
        return {"answers": answers, "verdict": "can_solve"}, self.marketer

    def _hand_off(self, at: datetime) -> Given:
        self.seller = self.cast.users[self.rng.choice(["sales", "sales2"])]
        return {"salesperson": self.seller.username}, self.marketer

    def _reject(self, at: datetime) -> Given:
        reason, words = self.rng.choice(REJECTIONS)
        return {"reason": reason, "comment": words}, self.seller

    def _refer(self, at: datetime) -> Given:
        self.partner = self.rng.choice([key for key, _name, able in PARTNERS if self.service in able])
        reason = self.rng.choice(["outside_capability", "region", "capacity", "budget"])
        return {"reason": reason, "partner": self.partner}, self.marketer

    def _partner_accepted(self, at: datetime) -> Given:
        return {}, self._for_the_partner()

    def _partner_declined(self, at: datetime) -> Given:
        return {"reason": self.rng.choice(["capacity", "terms"])}, self._for_the_partner()

    def _partner_outcome(self, at: datetime) -> Given:
        if self.rng.random() < 0.5:
            amount = str(self.rng.randrange(20, 200) * 100)
            return {"outcome": "won", "amount": amount}, self._for_the_partner()
        return {"outcome": self.rng.choice(["lost", "no_answer"])}, self._for_the_partner()

    def _for_the_partner(self) -> User:
        """Return who answers: the partner's own person, or where they have none the manager they told."""
        return self.cast.users["partner" if self.partner == PARTNERS[0][0] else "manager"]

    def _schedule_demo(self, at: datetime) -> Given:
        people = [self.seller.username, *(["specialist"] if self.rng.random() < 0.4 else [])]
        given: dict[str, Any] = {"link": f"https://meet.{self.number}.example/demo"}
        if people[1:]:
            given["specialist"] = people[1]
        actor = self.seller
        for _try in range(20):
            self.demo = self._demo_after(at)
            if self.cast.is_free(people, self.demo):
                break
        else:
            actor, given["overrule"] = self.cast.users["manager"], True
        self.cast.book(people, self.demo)
        return {"starts_at": self.demo.isoformat(), **given}, actor

    def _demo_after(self, at: datetime) -> datetime:
        """Return when a demo may begin: in the days after `at`, but before what is known to come next."""
        if self.next_at is not None:
            return at + (self.next_at - at) * self.rng.random()
        hour = self.days(at, 1, 6).replace(minute=0, second=0, microsecond=0)
        return max(at + timedelta(minutes=10), hour)

    def _after_the_demo(self, at: datetime) -> datetime:
        return max(at, self.demo) + timedelta(minutes=self.rng.randrange(5, 75))

    def _cancel_demo(self, at: datetime) -> Given:
        return {"reason": "They asked for a day after their stocktaking."}, self.seller

    def _hold_demo(self, at: datetime) -> Given:
        outcome = self.rng.choice(["interested", "interested", "proposal"])
        return {"outcome": outcome, "comment": self.rng.choice(TALKS)}, self.seller

    def _qualify(self, at: datetime) -> Given:
        self.reached_qualified = True
        budget = self.rng.randrange(8, 90) * 1000
        return {
            "need": self.rng.choice(MESSAGES),
            "budget": str(budget),
            "authority": self.rng.choice(["Head of operations", "Managing director", "Board, in two weeks"]),
            "timing": self.rng.choice(["This quarter", "Before summer", "By the end of the year"]),
        }, self.seller

    def _send_proposal(self, at: datetime) -> Given:
        self.version += 1
        lines, self.total = [], Decimal(0)
        for description, unit, least, most, price in LINES[self.service]:
            quantity = self.rng.randint(least, most)
            each = (Decimal(price) * (100 - 5 * (self.version - 1)) / 100).quantize(self.step)
            lines.append(
                {
                    "description": description,
                    "unit": unit,
                    "quantity": str(quantity),
                    "unit_price": str(each),
                }
            )
            self.total += quantity * each
        until = (at + timedelta(days=30)).date().isoformat()
        return {"lines": lines, "valid_until": until}, self.seller

    def _object(self, at: datetime) -> Given:
        reason = self.rng.choice(sorted(OBJECTIONS))
        return {"reason": reason, "said": OBJECTIONS[reason]}, self.seller

    def _objection_resolved(self, at: datetime) -> Given:
        return {"resolution": self.rng.choice(SAID)}, self.seller

    def _request_contract(self, at: datetime) -> Given:
        return ({"lawyer": "lawyer"} if self.rng.random() < 0.5 else {}), self.seller

    def _legal_issue_raised(self, at: datetime) -> Given:
        return {
            "text": self.rng.choice(["Penalty clause", "Place of jurisdiction", "Data processing"])
        }, self.seller

    def _legal_issue_resolved(self, at: datetime) -> Given:
        return {"resolution": "Agreed with their counsel."}, self.seller

    def _send_contract(self, at: datetime) -> Given:
        return {"terms": "Delivery in four weeks, acceptance in two.", "amount": str(self.total)}, self.seller

    def _sign(self, at: datetime) -> Given:
        day = at.astimezone(self.clock.zone).date()
        first = (self.total * Decimal("0.4")).quantize(self.step)
        rows = [(14, first), (44, self.total - first)]
        self.due = [amount for _days, amount in rows]
        return {
            "signed_on": day.isoformat(),
            "amount": str(self.total),
            "instalments": [
                {"due_on": (day + timedelta(days=days)).isoformat(), "amount": str(amount)}
                for days, amount in rows
            ],
        }, self.seller

    def _payment_received(self, at: datetime) -> Given:
        return {"amount": str(self.due.pop(0))}, self.seller

    def _refund_paid(self, at: datetime) -> Given:
        return {"amount": str((self.total / 20).quantize(self.step))}, self.seller

    def _direct_cost(self, at: datetime) -> Given:
        amount = (self.total * self.rng.randint(15, 40) / 100).quantize(self.step)
        return {
            "amount": str(amount),
            "kind": self.rng.choice(["subcontractor", "licence", "travel"]),
        }, self.seller

    def _lose(self, at: datetime) -> Given:
        journey = Journey.objects.only("stage").get(pk=self.pk)
        return {"reason": "no_need"}, self.seller if journey.half == "sales" else self.marketer

    def _reopen(self, at: datetime) -> Given:
        return {"stage": "qualified", "why": "They wrote again: the other offer did not hold."}, self.seller

    def _merge(self, at: datetime) -> Given:
        others = Journey.objects.valid().filter(created_at__lte=at).exclude(pk=self.pk)
        survivor = others.order_by("-created_at", "-pk").values_list("pk", flat=True)[0]
        return {"survivor": survivor}, self.cast.users["marketer"]

    def _note_logged(self, at: datetime) -> Given:
        return {"text": self.rng.choice(NOTES)}, self.marketer
