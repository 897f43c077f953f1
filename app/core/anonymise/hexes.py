r"""Bytes that a text shows as hexadecimal digits: found in every usual layout, across the ends of lines, written back.

    payload: 3c646174613e…                    one run, of any length, also broken anywhere into lines
    3c 64 61 74 61 3e    3C:64:61:…   3c-64-61-…   0x3c, 0x64, …   \x3c\x64…
    00000010: 3c64 6174 613e 3c69  <data><i   xxd; hexdump, od, tcpdump -X, Wireshark and devices in much the same way
    [2026-11-23 16:52:28] [Cmn] [1394] 0010  3c 64 61 74 | <dat     each row behind a log's own head

Only digits and the column of characters belong to a dump: offsets, signs and line breaks stay what they are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.core.anonymise.hex_rows import Cell, Places, Row, prints, row_before, rows_in, short_row

SURE_PAIRS = 7  # six may be a MAC
IPV6_GROUPS = 8
ROWS_APART = 8  # lines that another thread may have written between two rows


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes, each by the places of its two digits; the first is None where a zero is not written."""

    pairs: tuple[tuple[int | None, int], ...]
    cells: tuple[Cell, ...]

    def octets(self, chars: Sequence[str]) -> bytes:
        return bytes.fromhex("".join(("0" if high is None else chars[high]) + chars[low] for high, low in self.pairs))

    def write(self, chars: list[str], old: bytes, new: bytes, done: Container[int]) -> set[int]:
        """Puts the bytes `new` where `old` stand, as long and in the same case, except at places that are `done`;
        returns those that it changed."""
        upper = any("A" <= chars[place] <= "F" for pair in self.pairs for place in pair if place is not None)
        changed = set()
        for (high, low), before, after in zip(self.pairs, old, new, strict=True):
            if before != after and low not in done:
                digits = f"{after:02X}" if upper else f"{after:02x}"
                chars[low] = digits[1]
                changed.add(low)
                if high is not None:  # else: a byte that is written with one digit keeps one
                    chars[high] = digits[0]
        nothing = next((chars[c.place] for c in self.cells if len(c.octets) == 1 and not prints(c.octets[0])), ".")
        for cell in self.cells:
            after_cell = new[cell.at : cell.at + len(cell.octets)]
            if after_cell != cell.octets:
                chars[cell.place] = _shown(after_cell, cell.octets, chars[cell.place], nothing)
        return changed


@dataclass(slots=True)
class Dump:
    rows: list[Row] = field(default_factory=list)

    def readings(self) -> Iterator[Reading]:
        """What the digits may mean: as they stand; words with their low byte first; begun in the middle of a byte."""
        places = [place for row in self.rows for place in row.places]
        cells = tuple(self._cells())
        yield Reading(_pairs(places), cells)
        if cells:
            return  # and no other reading agrees with them
        groups = [group for row in self.rows for group in row.groups]
        if any(len(group) in (4, 8, 16) for group in groups):
            yield Reading(_pairs([place for group in groups for place in _low_first(group)]), ())
        if all(len(row.groups) == 1 for row in self.rows):
            yield Reading(_pairs(places[1:]), ())

    def _cells(self) -> Iterator[Cell]:
        digits = 0
        for row in self.rows:
            for cell in row.cells:
                yield Cell(cell.place, digits // 2 + cell.at, cell.octets)
            digits += len(row.places)

    @property
    def ends(self) -> tuple[int, int]:
        return self.rows[0].groups[0][0], self.rows[-1].groups[-1][-1] + 1

    def spans(self, changed: set[int] | None) -> Iterator[tuple[int, int]]:
        """Characters that are bytes and nothing else: of all rows, or of those with places that `changed`."""
        for row in self.rows:
            start, end = row.groups[0][0], row.groups[-1][-1] + 1
            if changed is None or any(start <= place < end for place in changed):
                yield start, end
                if row.cells:
                    yield row.cells[0].place, row.cells[-1].place + 1

    @property
    def is_laid_out(self) -> bool:
        """Whether nothing but a dump looks so, whatever its bytes are: no digest, number, MAC or IPv6 address."""
        first = self.rows[0]
        if any(row.cells for row in self.rows):
            return True
        if len(self.rows) > 1 and first.offset is not None and first.offset != self.rows[1].offset:
            return True
        count = len(first.groups)
        are_pairs = all(len(group) <= 2 for group in first.groups)
        return are_pairs and count >= SURE_PAIRS and (first.kind != ":" or count != IPV6_GROUPS or len(self.rows) > 1)


def find_dumps(text: str) -> Iterator[Dump]:
    """All digits of a text that may be bytes, four or more. Whether they are shows when one looks at the bytes."""
    going: list[Dump] = []
    before, before_start = "", 0
    number = start = 0
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        if body.strip():
            for row in _rows(body, start, number, going):
                dump = _continued(row, going)
                if dump is None:
                    first = row_before(before, before_start, row)
                    dump = Dump([first] if first is not None else [])
                    going.append(dump)
                dump.rows.append(row)
            yield from (dump for dump in going if number - dump.rows[-1].line > ROWS_APART)
            going = [dump for dump in going if number - dump.rows[-1].line <= ROWS_APART]
            before, before_start = body, start
            number += 1
        start += len(line)
    yield from going


def has_row(line: str) -> bool:
    """Whether a line shows bytes, so that the next may go on with them."""
    return next(rows_in(line, 0, 0), None) is not None


def _rows(line: str, start: int, number: int, going: Iterable[Dump]) -> Iterator[Row]:
    rows = list(rows_in(line, start, number))
    if not rows:
        ends = ((dump.rows[-1], short_row(line, start, number, dump.rows[-1])) for dump in going)
        rows = [row for last, row in ends if row is not None and _goes_on(row, last)][:1]
    yield from rows


def _goes_on(row: Row, last: Row) -> bool:
    return row.head == last.head or (not row.head.strip() and last.line == row.line - 1)


def _continued(row: Row, going: Iterable[Dump]) -> Dump | None:
    """The dump that goes on with the row, if any: one whose rows look alike, or the one just before."""
    lasts = [(dump, dump.rows[-1]) for dump in going]
    alike = (dump for dump, last in lasts if last.head == row.head and _follows(row, last))
    before = (dump for dump, last in lasts if _goes_on(row, last) and _follows(row, last))
    return next(alike, None) or next(before, None)


def _follows(row: Row, last: Row) -> bool:
    if row.line == last.line or row.kind != last.kind or not last.is_last:
        return False
    if row.offset == last.offset:  # none, or a thread's number
        return True
    if row.offset is None or last.offset is None:
        return False
    count = len(last.places) // 2
    numbers = ((_number(last.offset, base), _number(row.offset, base)) for base in (16, 10, 8))
    return any(before is not None and after == before + count for before, after in numbers)


def _number(digits: str, base: int) -> int | None:
    try:
        return int(digits, base)
    except ValueError:
        return None


def _low_first(group: tuple[int, ...]) -> Iterator[int]:
    for at in range(len(group) - len(group) % 2 - 2, -1, -2):
        yield from group[at : at + 2]


def _pairs(places: Sequence[int | None] | Places) -> tuple[tuple[int | None, int], ...]:
    pairs = zip(places[::2], places[1::2], strict=False)
    return tuple((high, low) for high, low in pairs if low is not None)


def _shown(new: bytes, old: bytes, char: str, nothing: str) -> str:
    """What stands in the column for the bytes `new`, where `char` stood for `old`."""
    if len(new) == 1:
        is_raw = char == chr(old[0]) and not prints(old[0])
        return chr(new[0]) if prints(new[0]) or (is_raw and new[0] >= 0xA0) else nothing
    try:
        shown = new.decode("gb18030" if old == char.encode("gb18030", "ignore") else "utf-8")
    except UnicodeDecodeError:
        return nothing
    return shown if len(shown) == 1 else nothing
