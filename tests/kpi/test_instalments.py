"""Instalments due and paid on time: by the day that they are due, by the cuts of the signature, as known at a moment."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from deals.models import Instalment
from funnel.models import Event, Organisation
from funnel.periods import Period
from kpi import report, verify
from kpi.instalments import instalments
from kpi.metrics import BY_KEY
from kpi.queries import Bucket, Span

from . import ledgers
from .ledgers import Row, Start
from .schedules import move, pay, schedule

METRICS = [BY_KEY[key] for key in ("instalments_due", "instalments_paid_on_time")]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T12:00+01:00")


LATER = moment("2026-05-01")


@pytest.fixture
def due(berlin: Organisation) -> dict[str, Instalment]:
    """Three signed journeys. J1 (web, spring, Ann of North): due on 1, 15 and 31 March and 1 April. J2 (ads, Bob, who
    took it over from Ann before the signature): due on 31 March and 10 March. J3 is spam: due on 10 March."""
    starts = [
        Start("J1", "C1", campaign="spring", owner="Ann", service="crm"),
        Start("J2", "C2", source="ads", owner="Ann"),
        Start("J3", "C3", owner="Ann"),
    ]
    rows = [Row(f"L{n}", f"J{n}", "lead_created", moment("2026-02-01")) for n in (1, 2, 3)]
    rows += [
        Row("O2", "J2", "owner_changed", moment("2026-02-03"), "Bob"),
        Row("S1", "J1", "contract_signed", moment("2026-02-20"), "400"),
        Row("S2", "J2", "contract_signed", moment("2026-02-20"), "200", moment("2026-03-12")),
        Row("S3", "J3", "merged_into", moment("2026-02-21")),
        Row("T3", "J3", "contract_signed", moment("2026-02-20"), "50"),
        Row("O1", "J1", "owner_changed", moment("2026-02-25"), "Bob"),  # after the signature: Ann keeps it
        Row("P1", "J1", "payment_received", moment("2026-03-01"), "150"),
        Row("P2", "J1", "payment_received", moment("2026-03-16"), "50"),
        Row("P3", "J1", "payment_received", moment("2026-03-31"), "100", moment("2026-04-02")),
    ]
    ledgers.write(starts, rows, teams={"Ann": "North", "Bob": "South"})
    one = schedule(
        "J1", ("2026-03-01", "100"), ("2026-03-15", "100"), ("2026-03-31", "100"), ("2026-04-01", "100")
    )
    two = schedule("J2", ("2026-03-31", "100"), ("2026-03-10", "100"))
    three = schedule("J3", ("2026-03-10", "50"))
    pay(one[0], "P1", "100", on="2026-03-01")  # on the day: in time
    pay(one[1], "P1", "50", on="2026-03-01")
    pay(one[1], "P2", "50", on="2026-03-16")  # the rest a day late
    pay(one[2], "P3", "100", on="2026-03-31")  # in time, entered two days later
    return {
        "1/1": one[0],
        "1/2": one[1],
        "1/3": one[2],
        "1/4": one[3],
        "2/1": two[0],
        "2/2": two[1],
        "3/1": three[0],
    }


def told(month: str = "2026-03", as_of: datetime = LATER, **options: Any) -> tuple[Any, Any, Any]:
    """Due, paid on time, of how many."""
    found = report.build(
        organisation=Organisation.current(),
        period=Period.parse(month),
        as_of=as_of,
        metrics=METRICS,
        **options,
    )
    count, rate = (line.current for line in found.lines)
    return count.figure, rate.numerator, rate.denominator  # type: ignore[union-attr]


@pytest.mark.usefixtures("due")
def test_instalments_count_by_the_day_they_are_due_and_as_paid_when_covered_by_it() -> None:
    assert told("2026-03") == (5, 2, 5)  # void J3 left out
    assert told("2026-04") == (1, 0, 1)
    assert told("2026-02") == (0, 0, 0)
    assert told("2026-03-01..2026-03-15") == (3, 1, 3)
    assert told("2026-03-15..2026-03-31") == (3, 1, 3)
    assert told("2026-Q1") == (5, 2, 5)


@pytest.mark.usefixtures("due")
def test_they_are_cut_as_at_the_signature_and_the_parts_add_up() -> None:
    def cut(by: str) -> dict[str | None, tuple[Any, Any]]:
        found = report.build(
            organisation=Organisation.current(),
            period=Period.parse("2026-03"),
            as_of=LATER,
            by=by,
            metrics=METRICS,
        )
        return {
            name: (values["instalments_due"].figure, values["instalments_paid_on_time"].numerator)  # type: ignore[union-attr]
            for name, values in found.cuts.items()
        }

    assert cut("source") == {"web": (3, 2), "ads": (2, 0)}
    assert cut("campaign") == {"spring": (3, 2), "": (2, 0)}
    assert cut("service") == {"crm": (3, 2), "": (2, 0)}
    assert cut("owner") == {"Ann": (3, 2), "Bob": (2, 0)}
    assert cut("team") == {"North": (3, 2), "South": (2, 0)}


@pytest.mark.usefixtures("due")
def test_filters_keep_the_values_named() -> None:
    assert told(filters={"source": ["ads"]}) == (2, 0, 2)
    assert told(filters={"source": ["ads", "web"], "campaign": ["spring"]}) == (3, 2, 3)
    assert told(filters={"campaign": [""]}) == (2, 0, 2)
    assert told(filters={"owner": ["Nobody"]}) == (0, 0, 0)


@pytest.mark.usefixtures("due")
def test_what_was_recorded_later_is_left_out() -> None:
    assert told(as_of=moment("2026-04-01T12:00+02:00")) == (5, 1, 5)  # P3 was entered on 2 April
    assert told(as_of=moment("2026-03-11")) == (1, 1, 1)  # J2's signature was entered on 12 March
    assert told(as_of=moment("2026-03-12T13:00+01:00")) == (2, 1, 2)


@pytest.mark.usefixtures("due")
def test_a_day_counts_once_it_has_begun() -> None:
    assert told(as_of=moment("2026-03-30T23:59+02:00")) == (3, 1, 3)
    assert told(as_of=moment("2026-03-31T00:00+02:00")) == (5, 1, 5)


def test_a_day_moved_later_stands_where_it_stood(due: dict[str, Instalment]) -> None:
    move(due["1/2"], "2026-03-16", at=moment("2026-03-16"))
    assert told() == (5, 3, 5)  # paid on its new day
    move(due["1/2"], "2026-04-20", at=moment("2026-04-05"))
    assert told() == (4, 2, 4)
    assert told("2026-04") == (2, 1, 2)
    assert told(as_of=moment("2026-04-03")) == (5, 3, 5)
    assert told(as_of=moment("2026-03-15")) == (3, 1, 3)


def test_merged_and_spam_journeys_count_again_when_they_come_back(due: dict[str, Instalment]) -> None:
    journey = due["3/1"].contract.journey
    source = Event.objects.filter(journey=journey).values_list("source_id", flat=True)[0]
    Event.objects.create(
        journey=journey, seq=9, event="unmerged", occurred_at=moment("2026-04-20"), recorded_at=moment("2026-04-20"),
        source_id=source,
    )  # fmt: skip
    assert told() == (6, 2, 6)
    assert told(as_of=moment("2026-04-19")) == (5, 2, 5)


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize("by", ["", "source", "owner"])
def test_what_is_known_now_is_the_same_from_snapshots_and_from_the_ledger(by: str) -> None:
    organisation = Organisation.current()
    spans = [Span(m, *organisation.clock.month_bounds(m)) for m in ("2026-02", "2026-03", "2026-04")]
    given = [
        instalments(clock=organisation.clock, spans=spans, as_of=LATER, by=by, lag=lag)
        for lag in (None, timedelta(seconds=5))
    ]
    for name in ("instalments_due", "instalments_in_time"):
        numbers = [{bucket: one.numbers[name](bucket) for bucket in one.buckets} for one in given]
        assert numbers[0] == numbers[1]
        assert numbers[0]
    assert given[0].numbers["instalments_due"](Bucket("2026-02")) == 0


@pytest.mark.usefixtures("due")
def test_they_take_one_statement_however_many_there_are(django_assert_num_queries: Any) -> None:
    organisation = Organisation.current()
    spans = [Span(m, *organisation.clock.month_bounds(m)) for m in ("2026-02", "2026-03", "2026-04")]
    for lag in (None, timedelta(seconds=5)):
        with django_assert_num_queries(1):
            instalments(clock=organisation.clock, spans=spans, as_of=LATER, by="owner", lag=lag)


@pytest.mark.parametrize(
    "as_of", ["2026-05-01", "2026-04-01T12:00+02:00", "2026-03-12T13:00+01:00", "2026-03-11"]
)
def test_the_second_count_agrees_on_schedules_and_costs(due: dict[str, Instalment], as_of: str) -> None:
    from .test_costs import spend

    spend(spring={"2026-02": "100", "2026-03": "40.25"}, idle={"2026-03": "7"})
    move(due["1/2"], "2026-04-20", at=moment("2026-03-20"))
    organisation = Organisation.current()
    months = verify.months_of_the_ledger(organisation, moment(as_of))
    found = [
        str(one)
        for _, differing in verify.compare(organisation=organisation, as_of=moment(as_of), months=months)
        for one in differing
    ]
    assert found == []


def test_the_second_count_sees_a_wrong_schedule(
    due: dict[str, Instalment], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lenient(**options: Any) -> Any:
        found = instalments(**options)
        numbers = {**found.numbers, "instalments_in_time": found.numbers["instalments_due"]}
        return type(found)(numbers, found.buckets)

    monkeypatch.setattr(verify, "instalments", lenient)
    organisation = Organisation.current()
    compared = verify.compare(organisation=organisation, as_of=LATER, months=[Period.parse("2026-03")])
    named = {(one.metric, one.by) for _, differing in compared for one in differing}
    assert named == {
        ("instalments_paid_on_time", by) for by in ("", "source", "campaign", "service", "owner", "team")
    }
