"""The events of a log that was read in parts, with the rows of each part in columns that are as narrow as what is in
them.

The times and places of a part lie near each other, and it names few threads and terminals: less than half the bytes of
the rows as they are packed while a part is read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.event_row import (
    COLUMNS,
    DIRECTION,
    KIND,
    NUMBER,
    PACKED,
    ROW,
    TIME,
    TURNED,
)
from app.core.parsers.event_rows import EventRows, ways_of
from app.core.parsers.event_table import EventTable
from app.core.parsers.pool import Pool, PoolOfParts
from app.core.records import NS, LogEvent, Side

Cells = NDArray[Any]
_TYPES = ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64))
_MASKS = [0xFFFF_FFFF if code == "I" else -1 for code in COLUMNS]  # such cells are kept as if they had a sign


class Column(NamedTuple):
    """`base` + `scale` × each of `values`; `base` in every row where there are none."""

    base: int
    scale: int
    values: Cells | None

    def at(self, row: int) -> int:
        return self.base + self.scale * self.values.item(row) if self.values is not None else self.base


class PartRows:
    """The rows of one part, to be read only."""

    def __init__(self, rows: Cells) -> None:
        """`rows`: of the type PACKED, one at least."""
        self._length = len(rows)
        self._columns = [narrowed(rows[str(at)], NS if at == TIME else 1) for at in range(len(COLUMNS))]

    def __len__(self) -> int:
        return self._length

    def cell(self, row: int, column: int) -> int:
        return self._columns[column].at(row) & _MASKS[column]

    def cells(self, row: int) -> tuple[int, ...]:
        return tuple([column.at(row) & mask for column, mask in zip(self._columns, _MASKS, strict=True)])

    def column(self, column: int) -> Cells:
        base, scale, values = self._columns[column]
        wide = np.full(self._length, base & 0xFFFF_FFFF_FFFF_FFFF, np.uint64)
        if values is not None:
            wide += values.astype(np.uint64) * np.uint64(scale)
        return wide.astype(PACKED[column])

    def set_column(self, column: int, cells: Cells) -> None:
        self._columns[column] = narrowed(cells, 1)

    def packed(self) -> Cells:
        rows = np.empty(self._length, PACKED)
        for at in range(len(COLUMNS)):
            rows[str(at)] = self.column(at)
        return rows


def narrowed(cells: Cells, scale: int) -> Column:
    """`scale`: what all of them may be whole multiples of, from the least one on."""
    if cells.dtype == np.uint32:
        cells = np.ascontiguousarray(cells).view(np.int32)  # NONE, the largest of all, lies next to zero so
    low, high = int(cells.min()), int(cells.max())
    if low == high:
        return Column(low, 1, None)
    wide = cells if cells.dtype == np.uint64 else cells.astype(np.int64)
    above = (wide - low).view(np.uint64)  # also where the two are further apart than signed ones can be
    if scale > 1 and not (above % np.uint64(scale)).any():
        above //= np.uint64(scale)
    else:
        scale = 1
    spread = (high - low) // scale
    return Column(low, scale, above.astype(next(kind for bits, kind in _TYPES if not spread >> bits)))


class JoinedTable(EventTable):
    """Grows with `extend` only."""

    def __init__(self, source: str, side: Side) -> None:
        super().__init__(source, side)
        self._events: Pool = PoolOfParts()
        self._parts: list[PartRows] = []
        self._ends: list[int] = []  # how many rows the parts have, up to each of them

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[LogEvent]:
        for part in self._parts:
            for cells in ROW.iter_unpack(part.packed().tobytes()):
                yield self._told(cells)

    def extend(self, part: EventRows, lines: int) -> None:
        """The rows of the part that follows in the same log; `lines` stand before it."""
        rows = self._renumbered(part, lines)
        if len(rows):
            self._parts.append(PartRows(rows))
            self._ends.append(len(self) + len(rows))

    def get(self, row: int, column: int) -> int:
        part, place = self._find(row)
        return part.cell(place, column)

    def ways(self, numbers: Iterable[int]) -> tuple[int, int]:
        numbers = list(numbers)
        found = [
            ways_of(part.column(KIND), part.column(NUMBER), part.column(DIRECTION), numbers) for part in self._parts
        ]
        return sum(sent for sent, _ in found), sum(received for _, received in found)

    def as_servers(self) -> None:
        self._side = Side.SERVER
        for part in self._parts:
            part.set_column(DIRECTION, np.array(TURNED, np.uint8)[part.column(DIRECTION)])

    def _cells(self, row: int) -> tuple[int, ...]:
        part, place = self._find(row)
        return part.cells(place)

    def _find(self, row: int) -> tuple[PartRows, int]:
        """The part in which a row is, and its number there."""
        which = bisect_right(self._ends, row)
        return self._parts[which], row - (self._ends[which - 1] if which else 0)
