"""One line of a text → the rows of hexadecimal digits in it, each with its offset and its column of characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_H = "[0-9A-Fa-f]"
_BLANKS = rf"[ \t]{{1,8}}(?:[-|][ \t]{{1,3}})?|(?<=[ \t]{_H}{_H})-(?={_H}{_H}[ \t])"
_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_ROW = re.compile(
    rf"(?P<mark>{_LEFT}0[xX]|\\x|%){_H}{{1,2}}(?:[ \t]?[,;]?[ \t]?(?P=mark){_H}{{1,2}}){{3,}}{_RIGHT}"
    rf"|{_LEFT}{_H}{{2}}(?:[,;][ \t]?{_H}{{2}}){{3,}}{_RIGHT}"
    rf"|{_LEFT}{_H}{{2}}(?P<sign>[:-]){_H}{{2}}(?:(?P=sign){_H}{{2}}){{2,}}{_RIGHT}"
    rf"|(?:(?<=0[xX])|(?<=\\x)|{_LEFT})"
    rf"(?:{_H}+(?:{_BLANKS}){_H}+(?:(?:{_BLANKS}){_H}+)*|{_H}{{8,}}(?!h?:[ \t]*{_H})){_RIGHT}"
)
_SHORT_ROW = re.compile(
    rf"[ \t]*(?:(?:0[xX])?{_H}{{3,16}}h?:[ \t]*)?(?P<row>(?P<mark>0[xX]|\\x|%)?{_H}+"
    rf"(?:(?:{_BLANKS}|(?P<sign>[:-])|[ \t]?[,;]?[ \t]?(?P=mark)|[,;][ \t]?){_H}+)*){_RIGHT}"
)
_RUN_END = re.compile(rf"{_LEFT}{_H}+$")
_PAIRS_END = re.compile(rf"{_LEFT}(?:{_H}{{2}}(?:[ :-]|, ?))*{_H}{{2}}[ \t,:-]*$")
_TOKEN = re.compile(rf"(?:0[xX]|\\x|%)?({_H}+)")
_OFFSET = re.compile(rf"{_LEFT}(?:0[xX])?({_H}{{3,16}})h?[: \t][ \t]*$")
_TIME = re.compile(r"\d+(?:[-/:.,]\d+)+")
_AROUND = " \t|*<>\"'"

LEAST_BYTES = 4  # an address
MAC_PAIRS = 6
COLUMN_WITHIN = 80
NOT_PRINTING = ".·?_"

Places = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A character of the column at `place`, and the bytes it stands for: where among the row's, and which."""

    place: int
    at: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """`head` is what stands before it, without times; `kind` the sign between its groups, whose digits stand at the
    places of `groups`. `is_last`: nothing follows on the line."""

    line: int
    head: str
    kind: str
    groups: tuple[tuple[int, ...], ...]
    cells: tuple[Cell, ...]
    offset: str | None
    is_last: bool

    @property
    def places(self) -> Places:
        """Of all digits, with None for a zero that is not written before a byte of one digit."""
        return _places(self.groups)


def rows_in(line: str, start: int, number: int) -> Iterator[Row]:
    """Rows of at least LEAST_BYTES. `start`: where the line begins in its text."""
    done = 0
    for found in _ROW.finditer(line):
        if found.start() < done:
            continue
        row = _row(line, start, number, found.span(), _kind(found))
        if row is not None and len(row.places) >= 2 * LEAST_BYTES:
            done = max(row.groups[-1][-1], row.cells[-1].place if row.cells else 0) + 1 - start
            yield row


def short_row(line: str, start: int, number: int, last: Row) -> Row | None:
    """What may be the end of a dump, however short, on a line after its row `last`: nothing else stands there."""
    head = _head_like(last.head).match(line)
    found = _SHORT_ROW.match(line, head.end() if head else 0)
    if found is None or not last.is_last:
        return None
    return _row(line, start, number, found.span("row"), last.kind, last)


def row_before(line: str, start: int, row: Row) -> Row | None:
    """What may be the short beginning of a dump at the end of the line before its `row`, which begins a line."""
    if row.head.strip() or row.offset is not None:
        return None
    is_run = len(row.groups) == 1
    found = (_RUN_END if is_run else _PAIRS_END).search(line)
    if found is None or (not is_run and any(len(group) > 2 for group in row.groups)):
        return None
    spans = [token.span(1) for token in _TOKEN.finditer(line, found.start())]
    if (row.kind in ":-" and len(spans) == MAC_PAIRS) or (
        not is_run and set(found[0]) & set(":-,") != set(row.kind.strip())
    ):
        return None
    groups = tuple(tuple(range(start + first, start + after)) for first, after in spans)
    return Row(row.line - 1, _TIME.sub("#", line[: found.start()]), row.kind, groups, (), None, is_last=True)


@lru_cache(maxsize=64)
def _head_like(head: str) -> re.Pattern[str]:
    return re.compile(_TIME.pattern.join(map(re.escape, head.split("#"))))


def _kind(found: re.Match[str]) -> str:
    return found["sign"] or found["mark"] or ("," if "," in found[0] or ";" in found[0] else " ")


def _row(line: str, start: int, number: int, where: tuple[int, int], kind: str, last: Row | None = None) -> Row | None:
    spans = [token.span(1) for token in _TOKEN.finditer(line, *where)]
    head, offset = line[: where[0]], None
    if kind in ":-" and len(spans) == MAC_PAIRS and last is None:
        return None
    if kind == " ":
        told = _OFFSET.search(head)
        has_segment = head.endswith(":") and len(spans) > 1 and _is_offset(spans)  # "0B3D:0100  3C 64"
        if told is not None and not has_segment:
            head, offset = head[: told.start()], told[1]
        elif len(spans) > 1 and _is_offset(spans):
            offset, spans = line[slice(*spans[0])], spans[1:]
        spans = _even(spans)
    if not spans:
        return None
    count, cells = _column(line, spans, 1 if last or offset else LEAST_BYTES)
    spans = spans[:count]
    end = cells[-1].place + 1 if cells else spans[-1][1]
    return Row(
        line=number,
        head=_TIME.sub("#", head),
        kind=kind,
        groups=tuple(tuple(range(start + first, start + after)) for first, after in spans),
        cells=tuple(Cell(start + cell.place, cell.at, cell.octets) for cell in cells),
        offset=offset,
        is_last=not line[end:].strip(_AROUND + ",;:-\\"),
    )


def _is_offset(spans: Sequence[tuple[int, int]]) -> bool:
    """Whether the first group is no bytes: longer than a pair and unlike the next, or one more than rows have."""
    first, second = (end - start for start, end in spans[:2])
    return first > 2 and (first != second or (first == 4 and len(spans) in (9, 17)))


def _even(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many groups as are equally long; the last may be shorter. Bytes may be written with one digit or two."""
    lengths = [end - start for start, end in spans]
    if len(spans) == 1 or (max(lengths) <= 2 and len(spans) >= LEAST_BYTES):
        return spans
    usual = max(lengths, key=lambda length: length * lengths.count(length))
    if usual % 2:
        return spans[: lengths[0] >= 2 * LEAST_BYTES]
    same = next((number for number, length in enumerate(lengths) if length != usual), len(spans))
    return spans[: same + (same < len(spans) and lengths[same] < usual)]


# ---------------------------------------------------------------- the column of characters


def _column(line: str, spans: list[tuple[int, int]], least: int) -> tuple[int, tuple[Cell, ...]]:
    """How many of the groups are bytes, and the column that shows the same bytes; its words may look like groups."""
    for count in range(len(spans), 0, -1):
        end = spans[count - 1][1]
        octets = _octets(line, spans[:count])
        for at in range(end + 1, min(end + COLUMN_WITHIN, len(line))):
            cells = _agreeing(line, at, octets)
            if len(cells) >= least:
                return count, cells
            if line[at] not in _AROUND + ":;":
                break
    return len(spans), ()


def _agreeing(line: str, at: int, octets: bytes) -> tuple[Cell, ...]:
    """Cells where the characters from `at` on show these bytes and no others; blanks at the end may be missing."""
    cells: list[Cell] = []
    done = 0
    while done < len(octets) and at < len(line):
        width = next((width for width in (1, 2, 3, 4) if _shows(line[at], octets[done : done + width])), 0)
        if not width:
            return ()
        cells.append(Cell(at, done, octets[done : done + width]))
        at, done = at + 1, done + width
    is_whole = not octets[done:].strip(b" \0") and not line[at:].strip(_AROUND)
    return tuple(cells) if is_whole else ()


def _shows(char: str, octets: bytes) -> bool:
    if len(octets) == 1:
        return char == chr(octets[0]) or (not prints(octets[0]) and char in NOT_PRINTING)
    return ord(char) > 127 and octets in (char.encode("utf-8", "ignore"), char.encode("gb18030", "ignore"))


def prints(octet: int) -> bool:
    return 0x20 <= octet < 0x7F


# ---------------------------------------------------------------- digits


def _places(groups: Sequence[tuple[int, ...]]) -> Places:
    is_by_byte = max(map(len, groups)) <= 2 and any(len(group) == 1 for group in groups[1:-1])
    if is_by_byte:
        return tuple(place for group in groups for place in ((None, *group) if len(group) == 1 else group))
    return tuple(place for group in groups for place in group)


def _octets(line: str, spans: Sequence[tuple[int, int]]) -> bytes:
    digits = "".join(
        "0" if place is None else line[place] for place in _places([tuple(range(*span)) for span in spans])
    )
    return bytes.fromhex(digits[: len(digits) & ~1])
