"""Reading a CSV file that comes from anywhere: its encoding, its delimiter, its records with their line numbers.

A fault of one record costs that record; a file that is no table at all raises FileProblem, in one sentence.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from django.utils.translation import gettext as _

from funnel import cleaning

from . import encodings

LONGEST_RECORD: Final = 1_000_000
"""Characters; a longer record is rejected unread, so that memory stays bounded."""
MOST_LINES: Final = 1000
"""Lines that one quoted field may span; beyond that the quotation mark counts as never closed."""
SHOWN: Final = 3
"""Rows that show how an encoding reads a file."""
LOOKED_AT: Final = 2000
"""Rows among which those are looked for."""
CHUNK: Final = 1 << 20

csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD + 1))


class FileProblem(Exception):
    """The file as a whole cannot be read; the message says which file and why."""


class Uncertain(FileProblem):
    """The file may be read in several encodings, and nobody has named one; `file` is the file, opened."""

    def __init__(self, file: "CsvFile") -> None:
        self.file = file
        super().__init__(
            _("%(file)s: the encoding is not certain; it may be %(encodings)s. Name the right one.")
            % {"file": file.name, "encodings": ", ".join([file.encoding, *file.alternatives])}
        )


class Record(NamedTuple):
    """One record and the line it starts at. `fault` says why it cannot be read; `fields` are empty then."""

    line: int
    fields: Sequence[str]
    fault: str = ""


@dataclass(slots=True)
class CsvFile:
    """A table in a binary stream that can be read again from its start. `name` is what messages call it.

    `named` is the encoding that somebody has named, "" where it is to be found out. Where several may be meant,
    `encoding` is the likeliest and `alternatives` are the others; `guesses` tells that the likeliest will do.
    """

    name: str
    stream: BinaryIO
    named: str = ""
    guesses: bool = False
    alternatives: Sequence[str] = ()
    encoding: str = ""
    delimiter: str = ","
    is_utf8: bool = False
    header: Sequence[str] = ()
    lines: int = 0

    def open(self, required: Sequence[str]) -> None:
        """Find out encoding, delimiter and columns.

        Raises FileProblem where this is no table with those columns, and Uncertain where the encoding has to be named.
        """
        self.encoding = self._encoding()
        if self.named:
            self.encoding, self.alternatives = self._by_name(), ()
        for self.delimiter in (",", ";", "\t"):
            self.header = self._header()
            if set(required) <= set(self.header):
                break
        else:
            self.delimiter = ","
            self.header = self._header()
            missing = [column for column in required if column not in self.header]
            raise FileProblem(
                _("%(file)s: the first line must name the columns; missing: %(columns)s.")
                % {"file": self.name, "columns": ", ".join(missing)}
            )
        for column in required:
            if self.header.count(column) > 1:
                raise FileProblem(
                    _("%(file)s: the column “%(column)s” stands there twice.")
                    % {"file": self.name, "column": column}
                )
        if self.alternatives and not self.guesses:
            raise Uncertain(self)

    def _by_name(self) -> str:
        """Return the encoding that was named; a mark at the file's beginning, or letters in UTF-8, know better."""
        try:
            named = encodings.named(self.named)
        except LookupError:
            raise FileProblem(
                _("%(file)s: there is no encoding “%(encoding)s”; utf-8, cp1252 and cp1251 are some.")
                % {"file": self.name, "encoding": self.named}
            ) from None
        return self.encoding if self.is_utf8 or self.encoding in {"utf-8-sig", "utf-16", "utf-32"} else named

    def sample(self, encoding: str) -> list[list[str]]:
        """Return rows as an encoding reads them, those with letters that encodings differ in first."""
        known, self.encoding = self.encoding, encoding
        telling: list[list[str]] = []
        plain: list[list[str]] = []
        try:
            for _number, record in zip(range(LOOKED_AT), self.records(), strict=False):
                fields = list(record.fields)
                (plain if "".join(fields).isascii() else telling).append(fields)
                if len(telling) == SHOWN:
                    break
        except FileProblem:
            pass  # it breaks off where this encoding has no letter
        finally:
            self.encoding = known
        return [*telling, *plain][:SHOWN]

    def records(self) -> Iterator[Record]:
        """Yield the records below the header, one at a time, blank lines left out."""
        records = self._all_records()
        next(records, None)
        yield from records

    def _header(self) -> list[str]:
        first = next(self._all_records(), None)
        if first is None:
            raise FileProblem(_("%(file)s is empty.") % {"file": self.name})
        return [cleaning.line(name) for name in first.fields]

    def _encoding(self) -> str:
        """Return the encoding by its mark, by being UTF-8, or by the look of its letters; count the lines."""
        self.stream.seek(0)
        head = self.stream.read(4096)
        if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
            raise FileProblem(_("%(file)s is empty.") % {"file": self.name})
        if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            raise FileProblem(
                _("%(file)s is a workbook or an archive; save the sheet as CSV.") % {"file": self.name}
            )
        for mark, encoding in (
            (b"\xef\xbb\xbf", "utf-8-sig"),
            (b"\xff\xfe\x00\x00", "utf-32"),
            (b"\x00\x00\xfe\xff", "utf-32"),
            (b"\xff\xfe", "utf-16"),
            (b"\xfe\xff", "utf-16"),
        ):
            if head.startswith(mark):
                self._count_lines()
                return encoding
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > len(head) * 0.2:
            self._count_lines()
            return "utf-16-be" if even > odd else "utf-16-le"
        return self._utf8_or_legacy()

    def _count_lines(self) -> None:
        self.stream.seek(0)
        self.lines = 0
        while chunk := self.stream.read(CHUNK):
            self.lines += chunk.count(b"\n")

    def _utf8_or_legacy(self) -> str:
        """Tell UTF-8, a few broken bytes in it allowed, from the one-byte encodings of old spreadsheets."""
        self.stream.seek(0)
        self.lines, good, bad, sample, rest = 0, 0, 0, b"", b""
        while chunk := self.stream.read(CHUNK):
            self.lines += chunk.count(b"\n")
            if not rest and chunk.isascii():
                continue
            text = rest + chunk
            cut = len(text) - _tail(text)
            text, rest = text[:cut], text[cut:]
            decoded = text.decode("utf-8", "surrogateescape")
            broken = len(re.findall("[\udc80-\udcff]", decoded))
            good, bad = good + len(re.findall("[^\x00-\x7f]", decoded)) - broken, bad + broken
            if broken and len(sample) < 65536:
                sample += b"\n".join(line for line in text.split(b"\n") if not line.isascii())[:65536]
        bad += len(rest)
        self.is_utf8 = good > 0 and not bad
        if good >= bad:
            return "utf-8"
        found, *self.alternatives = encodings.guess(sample or rest) or [""]
        if not found:
            raise FileProblem(
                _("%(file)s: the encoding is not recognised; save it as UTF-8.") % {"file": self.name}
            )
        return found

    def _all_records(self) -> Iterator[Record]:
        self.stream.seek(0)
        errors = "surrogateescape" if self.encoding.startswith("utf-8") else "strict"
        text = io.TextIOWrapper(self.stream, encoding=self.encoding, errors=errors, newline=None)
        lines = _Lines(text)
        try:
            while (record := self._next(lines)) is not None:
                yield record
        except UnicodeError:
            raise FileProblem(
                _("%(file)s, line %(line)s: not readable as %(encoding)s; save the file as UTF-8.")
                % {"file": self.name, "line": lines.number + 1, "encoding": self.encoding}
            ) from None
        finally:
            text.detach()

    def _next(self, lines: "_Lines") -> Record | None:
        while (taken := lines.take()) is not None:
            number, line = taken
            if line is None:
                return Record(number, (), _("The line is longer than a million characters."))
            if '"' in line:
                return self._quoted(number, line, lines)
            if line := line.rstrip("\n"):
                return Record(number, line.split(self.delimiter))
        return None

    def _quoted(self, number: int, line: str, lines: "_Lines") -> Record:
        """Read a record with quotation marks, on as many lines as they hold together.

        Where that comes to nothing the first line alone is at fault, and the others are read anew.
        """
        held: list[tuple[int, str | None]] = []
        text, latest = line, line
        while True:
            if '"' in latest:
                fields, open_still = self._split(text)
                if not open_still:
                    if fields is not None and (not held or len(fields) == len(self.header)):
                        return Record(number, fields)
                    break
            if len(held) >= MOST_LINES or len(text) > LONGEST_RECORD or (taken := lines.take()) is None:
                break
            held.append(taken)
            if taken[1] is None:
                break
            latest = taken[1]
            text += latest
        lines.put_back(held)
        return Record(number, (), _("A quotation mark is opened and not closed, or closed too early."))

    def _split(self, text: str) -> tuple[list[str] | None, bool]:
        """Return the fields of a record, None where its quoting is wrong, and whether it is still open."""
        try:
            return next(csv.reader((text.rstrip("\n"),), delimiter=self.delimiter, strict=True)), False
        except csv.Error as error:
            return None, "unexpected end of data" in str(error)


def named_for(named: str, *streams: BinaryIO) -> list[str]:
    """Return the encoding named for each of several files: it is meant for those whose own is not certain, if any is."""
    uncertain = [bool(named) and not _is_certain(stream) for stream in streams]
    return [named if here or not any(uncertain) else "" for here in uncertain]


def _is_certain(stream: BinaryIO) -> bool:
    file = CsvFile("", stream)
    try:
        file._encoding()
    except FileProblem:
        return False
    return not file.alternatives


class _Lines:
    """Lines with their numbers, that can be put back; a line too long to keep comes as None."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.number = 0
        self.waiting: deque[tuple[int, str | None]] = deque()

    def take(self) -> tuple[int, str | None] | None:
        if self.waiting:
            return self.waiting.popleft()
        line = self.text.readline(LONGEST_RECORD + 1)
        if not line:
            return None
        self.number += 1
        if len(line) <= LONGEST_RECORD:
            return self.number, line
        while line and not line.endswith("\n"):
            line = self.text.readline(LONGEST_RECORD)
        return self.number, None

    def put_back(self, lines: Sequence[tuple[int, str | None]]) -> None:
        self.waiting.extendleft(reversed(lines))


def _tail(text: bytes) -> int:
    """Return how many bytes at the end begin a character that goes on in the next chunk."""
    for size in (1, 2, 3):
        if len(text) >= size and text[-size] >= 0xC0:
            needed = 2 if text[-size] < 0xE0 else 3 if text[-size] < 0xF0 else 4
            return size if size < needed else 0
        if len(text) < size or text[-size] < 0x80:
            return 0
    return 0
