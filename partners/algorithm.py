"""Which partner a journey goes to: those who can take it, the one whose turn it is first.

A partner fits where one of its capabilities matches the service, region and language of the journey, the month's
capacity is not used up, and it has not declined this journey before, nor left it unanswered. Among those that fit, the turn is with the one
that had the fewest referrals for its weight in the last 90 days; ties go to the one that has waited longest, then to
the first key. Everything is read for all journeys at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from funnel import formats
from funnel.models import Company, Contact, Journey, Organisation

from .models import Capability, Partner, Referral

FAIR_DAYS: Final = 90
NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A partner that fits a journey, and why: sentences to show. `left` is the month's free capacity, None unlimited.

    `turn` says of the first why it comes before the second; it is "" where there is no choice.
    """

    partner: Partner
    why: tuple[str, ...]
    left: int | None
    recent: int
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A partner that does not fit a journey, and why not, in words."""

    partner: Partner
    why: str


@dataclass(slots=True)
class _Load:
    """What a partner has had: standing referrals this month and lately, and when the last one was."""

    month: int = 0
    recent: int = 0
    last: datetime = NEVER


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a journey needs of a partner."""

    service_id: int | None
    regions: frozenset[str]
    language: str


def propose(journeys: Sequence[Journey], *, at: datetime) -> dict[int, list[Candidate]]:
    """Return for each journey the partners that fit, the proposed one first, each with why.

    Seven queries for any number of journeys.
    """
    field = _Field.read(journeys, at=at)
    return {journey.pk: field.ranked(journey) for journey in journeys}


def review(journey: Journey, *, at: datetime) -> tuple[list[Candidate], list[Unfit]]:
    """Return the partners that fit a journey, the proposed one first, and the active ones that do not."""
    field = _Field.read([journey], at=at)
    return field.ranked(journey), field.unfit(journey)


def assign(journeys: Sequence[Journey], *, at: datetime) -> dict[int, Partner]:
    """Choose a partner for each journey in turn, every choice counting for the next; who fits none is left out.

    The partners are locked first, so that referrals made at the same time share capacity and turns.
    """
    list(Partner.objects.select_for_update(no_key=True).filter(active=True).order_by("pk").values_list("pk"))
    field = _Field.read(journeys, at=at)
    chosen: dict[int, Partner] = {}
    for journey in journeys:
        best = min(field.fitting(journey), key=lambda found: field.turn(found[0]), default=None)
        if best is not None:
            chosen[journey.pk] = best[0]
            field.count(best[0], at)
    return chosen


class _Field:
    """The partners as they stand at one moment, and what the journeys wish of them."""

    def __init__(
        self,
        partners: Sequence[Partner],
        loads: dict[int, _Load],
        wishes: dict[int, _Wish],
        declined: set[tuple[int, int]],
    ) -> None:
        self.partners, self.loads, self.wishes, self.declined = partners, loads, wishes, declined

    @classmethod
    def read(cls, journeys: Sequence[Journey], *, at: datetime) -> "_Field":
        partners = list(
            Partner.objects.filter(active=True).prefetch_related("capabilities__service").order_by("key")
        )
        given_back = (Referral.State.DECLINED, Referral.State.RETURNED)
        declined = (
            Referral.objects.standing()
            .filter(journey__in=[journey.pk for journey in journeys], state__in=given_back)
            .exclude(decline_reason=Referral.ReturnReason.RECALLED)
        )
        return cls(
            partners, _loads(at), _wishes(journeys), set(declined.values_list("journey_id", "partner_id"))
        )

    def fitting(self, journey: Journey) -> Iterable[tuple[Partner, Capability]]:
        """Yield the partners that can take the journey now, each with its most specific capability that matches."""
        wish = self.wishes[journey.pk]
        for partner in self.partners:
            matching = [able for able in partner.capabilities.all() if _matches(able, wish)]
            if matching and self.left(partner) != 0 and (journey.pk, partner.pk) not in self.declined:
                yield partner, max(matching, key=_specificity)

    def ranked(self, journey: Journey) -> list[Candidate]:
        found = sorted(self.fitting(journey), key=lambda found: self.turn(found[0]))
        ranked = [self._candidate(partner, able) for partner, able in found]
        if len(ranked) > 1:
            turn = self._before(ranked[0].partner, ranked[1].partner)
            ranked[0] = replace(ranked[0], why=(*ranked[0].why, turn), turn=turn)
        return ranked

    def _before(self, first: Partner, second: Partner) -> str:
        """Say in words why the turn is with the first and not with the second."""
        mine, theirs = self.loads[first.pk], self.loads[second.pk]
        names = {"first": first, "other": second}
        if mine.recent / first.weight != theirs.recent / second.weight:
            return _(
                "Next in rotation: %(mine)s referrals at weight %(weight)s, %(other)s has %(theirs)s at"
                " weight %(other_weight)s"
            ) % {
                **names,
                "mine": mine.recent,
                "weight": first.weight,
                "theirs": theirs.recent,
                "other_weight": second.weight,
            }
        if mine.last == theirs.last:
            return _("Level with %(other)s: first by key") % names
        if mine.last == NEVER:
            return _("Level with %(other)s: never had a referral") % names
        last = {"day": formats.day(mine.last), "other_day": formats.day(theirs.last)}
        return _("Level with %(other)s: has waited longer, since %(day)s, %(other)s since %(other_day)s") % {
            **names,
            **last,
        }

    def unfit(self, journey: Journey) -> list[Unfit]:
        fitting = {partner.pk for partner, _able in self.fitting(journey)}
        return [
            Unfit(partner, self._why_not(partner, journey))
            for partner in self.partners
            if partner.pk not in fitting
        ]

    def _why_not(self, partner: Partner, journey: Journey) -> str:
        wish = self.wishes[journey.pk]
        if (journey.pk, partner.pk) in self.declined:
            return _("has given this one back")
        if not partner.serves(wish.service_id):
            name = journey.service or _("requests without a service")
            return _("does not serve %(service)s") % {"service": name}
        if not any(_matches(able, wish) for able in partner.capabilities.all()):
            return _("another region or language")
        return _("no place left this month")

    def left(self, partner: Partner) -> int | None:
        if partner.capacity is None:
            return None
        return max(0, partner.capacity - self.loads[partner.pk].month)

    def turn(self, partner: Partner) -> tuple[float, datetime, str]:
        """Return the key that puts the partner whose turn it is first."""
        load = self.loads[partner.pk]
        return load.recent / partner.weight, load.last, partner.key

    def count(self, partner: Partner, at: datetime) -> None:
        load = self.loads[partner.pk]
        load.month, load.recent, load.last = load.month + 1, load.recent + 1, max(load.last, at)

    def _candidate(self, partner: Partner, able: Capability) -> Candidate:
        left, recent = self.left(partner), self.loads[partner.pk].recent
        why = [
            _("Service: %(name)s") % {"name": able.service} if able.service else _("Takes any service"),
            _("Region: %(name)s") % {"name": able.region} if able.region else _("Works in any region"),
            _("Language: %(name)s") % {"name": able.language} if able.language else _("Any language"),
            _("No limit a month")
            if left is None
            else ngettext("%(n)s place left this month", "%(n)s places left this month", left) % {"n": left},
            ngettext("%(n)s referral in the last 90 days", "%(n)s referrals in the last 90 days", recent)
            % {"n": recent},
        ]
        return Candidate(partner, tuple(why), left, recent)


def _loads(at: datetime) -> dict[int, _Load]:
    """Count the standing referrals that did not come back, at most up to `at`."""
    clock = Organisation.current().clock
    begin, end = clock.period_bounds(clock.month_at(at))
    since = at - timedelta(days=FAIR_DAYS)
    rows = (
        Referral.objects.standing()
        .kept()
        .filter(referred_at__lt=max(end, at))
        .values_list("partner_id")
        .annotate(
            month=Count("pk", filter=Q(referred_at__gte=begin, referred_at__lt=end)),
            recent=Count("pk", filter=Q(referred_at__gt=since)),
            last=Max("referred_at"),
        )
    )
    loads: dict[int, _Load] = defaultdict(_Load)
    for partner, month, recent, last in rows:
        loads[partner] = _Load(month, recent, last)
    return loads


def _wishes(journeys: Sequence[Journey]) -> dict[int, _Wish]:
    """Read what the journeys' contacts and companies say of region and language: two queries."""
    contacts = {
        pk: (region, language)
        for pk, region, language in Contact.objects.filter(
            pk__in={journey.contact_id for journey in journeys}
        ).values_list("pk", "region", "language")
    }
    companies = dict(
        Company.objects.filter(
            pk__in={journey.company_id for journey in journeys if journey.company_id}
        ).values_list("pk", "region")
    )
    wishes = {}
    for journey in journeys:
        region, language = contacts[journey.contact_id]
        regions = {region, companies.get(journey.company_id or 0, "")} - {""}
        wishes[journey.pk] = _Wish(
            journey.service_id, frozenset(map(_folded, regions)), _folded(language).partition("-")[0]
        )
    return wishes


def _matches(able: Capability, wish: _Wish) -> bool:
    return (
        able.service_id in {None, wish.service_id}
        and (not able.region or _folded(able.region) in wish.regions)
        and (not able.language or _folded(able.language).partition("-")[0] == wish.language)
    )


def _specificity(able: Capability) -> int:
    return bool(able.service_id) + bool(able.region) + bool(able.language)


def _folded(word: str) -> str:
    return word.strip().casefold().replace("_", "-")
