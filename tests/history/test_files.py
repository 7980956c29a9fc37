"""Files come from anywhere: any encoding, any line end, any damage. Each is read, or refused in one sentence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from funnel.models import Event, Note
from leads.history import FileProblem

from .files import EVENT_HEADER, JOURNEY_HEADER, load, standing

pytestmark = pytest.mark.django_db

JOURNEYS = f"{JOURNEY_HEADER}\nA,C1,web,весна,Аня,crm,первая заявка с сайта\n"
EVENTS = (
    f"{EVENT_HEADER}\n"
    "E1,A,lead_created,2026-03-02T08:00:00Z,,\n"
    "E2,A,note_logged,2026-03-02T09:00:00Z,,Клиент просит перезвонить завтра утром\n"
)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode("utf-32"),
        lambda text: text.encode("cp1251"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace("\n", "\n\n").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=[
        "utf-8",
        "utf-8 with a mark",
        "utf-16",
        "utf-16 big-endian",
        "utf-16 little-endian without a mark",
        "utf-16 big-endian without a mark",
        "utf-32",
        "cp1251",
        "CRLF",
        "CR",
        "CRLF in utf-16",
        "semicolons",
        "tabs",
        "blank lines",
        "no line end at the end",
    ],
)
def test_a_readable_file_is_read_whole(encode: Callable[[str], bytes]) -> None:
    assert load(encode(JOURNEYS), encode(EVENTS)).counts == (3, 3, 0, 0)
    assert standing() == {"A": "new/Аня"}
    assert set(Note.objects.values_list("text", flat=True)) == {
        "первая заявка с сайта",
        "Клиент просит перезвонить завтра утром",
    }


def test_columns_may_stand_in_any_order_among_others() -> None:
    events = "value,extra,event,journey_id,recorded_at_utc,event_id,occurred_at_utc\n,x,lead_created,A,,E1,2026-03-02T08:00:00Z\n"
    assert load(JOURNEYS.encode(), events.encode()).counts == (2, 2, 0, 0)


def _workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * 10_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"\n\n \r\n", "is empty"),
        (b"\0" * 5000, "is empty"),
        (_workbook(), "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save the sheet as CSV"),
        (EVENT_HEADER.replace("event_id,", "").encode(), "missing: event_id"),
        (EVENT_HEADER.replace(",value", "").encode(), "missing: value"),
        (EVENT_HEADER.replace("recorded_at_utc", "recorded_at").encode(), "missing: recorded_at_utc"),
        (JOURNEYS.encode(), "missing: event_id, event"),
        (EVENT_HEADER.upper().encode(), "missing: event_id"),
        (f"{EVENT_HEADER},value".encode(), "“value” stands there twice"),
        (b"{}", "missing"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "events.csv"),
        (b'"' + EVENT_HEADER.encode(), "missing"),
        (EVENTS.encode("utf-16")[:-1], "not readable as utf-16"),
        (b"x" * 3_000_000, "missing"),
        (b"," * 2_000_000, "missing"),
        (b'"' * 2_000_001, "missing"),
    ],
)
def test_what_is_no_table_of_events_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(FileProblem) as problem:
        load(JOURNEYS.encode(), data)
    assert words in str(problem.value)
    assert str(problem.value).startswith("events.csv")
    assert len(str(problem.value)) < 300
    assert not Event.objects.exists()


def test_a_file_with_nothing_but_its_header_is_an_import_of_nothing() -> None:
    empty = load(f"{JOURNEY_HEADER}\n".encode(), EVENT_HEADER.encode())
    assert empty.counts == (0, 0, 0, 0)


def test_a_few_broken_bytes_in_utf8_cost_their_rows_alone() -> None:
    events = EVENTS.encode() + b"E3,A,note_logged,2026-03-02T09:00:00Z,,\xff\xfe\n"
    outcome = load(JOURNEYS.encode(), events)
    assert outcome.places == [("events", 4, "value")]
    assert Note.objects.count() == 2


def test_damage_beside_the_columns_that_are_read_does_not_matter() -> None:
    events = EVENTS.replace("value\n", "value,other\n").replace("Z,,", "Z,,,").encode()
    assert load(JOURNEYS.encode(), events).counts == (3, 3, 0, 0)


def test_values_that_look_like_the_syntax_of_copy_stay_as_they_are() -> None:
    for number, value in enumerate(("\\N", "\\.", "a\\tb", "tab\tbed", "back\\slash", "")):
        row = f"E{number + 10},A,first_response,2026-03-02T09:00:00Z,,{value}\n"
        load(JOURNEYS.encode(), EVENTS.encode() + row.encode())
        assert Event.objects.get(external_id=f"E{number + 10}").value == value
