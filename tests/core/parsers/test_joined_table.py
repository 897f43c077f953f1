"""Rows in narrow columns are the rows that they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.event_row import COLUMNS, NONE, PACKED, ROW
from app.core.parsers.event_table import EventTable
from app.core.parsers.joined_table import JoinedTable, PartRows, narrowed
from app.core.records import NS, EventKind, Side

_EDGES = {"q": (-(1 << 63), (1 << 63) - 1), "Q": (0, (1 << 64) - 1), "I": (0, NONE), "i": (-(1 << 31), (1 << 31) - 1),
          "B": (0, 255)}  # fmt: skip
_CELLS = st.tuples(*(st.sampled_from(_EDGES[code]) | st.integers(*_EDGES[code]) | st.just(7) for code in COLUMNS))


@given(st.lists(_CELLS, min_size=1, max_size=6))
def test_what_is_put_in_columns_comes_out_of_them(told: list[tuple[int, ...]]) -> None:
    rows = np.frombuffer(b"".join(ROW.pack(*cells) for cells in told), PACKED)
    part = PartRows(rows)
    assert [part.cells(row) for row in range(len(part))] == told
    assert [[part.cell(row, at) for at in range(len(COLUMNS))] for row in range(len(part))] == [list(c) for c in told]
    assert part.packed().tobytes() == rows.tobytes()


@pytest.mark.parametrize(
    ("cells", "scale", "bits"),
    [
        (np.array([5, 5, 5], np.int64), 1, None),
        (np.array([7, 7 + 255 * NS], np.int64), NS, 8),
        (np.array([7, 8 + 255 * NS], np.int64), NS, 64),
        (np.array([NONE, 0, 254], np.uint32), 1, 8),
        (np.array([1 << 40, (1 << 40) + 256], np.int64), 1, 16),
    ],
)
def test_a_column_is_as_narrow_as_what_is_in_it(cells: np.ndarray, scale: int, bits: int | None) -> None:
    column = narrowed(cells, scale)
    assert (column.values.dtype.itemsize * 8 if column.values is not None else None) == bits


def test_strings_and_lines_of_the_parts_are_those_of_the_log() -> None:
    said = [(b"a", b"02:00:00:00:00:01", b"e1"), (b"b", None, b"e2"), (b"a", None, b"e1"), (None, None, b"e3")]
    joined = JoinedTable("x", Side.CLIENT)
    for identities in (said[:2], [], said[2:]):
        part = EventTable("x", Side.CLIENT)
        for line, identity in enumerate(identities, 1):
            part.add(EventKind.MESSAGE, line * NS, line, 10 * line, 5, b"1f", b"out-pkt", identity=identity)
        joined.extend(part.frozen(), lines=20 * len(joined))
    expected = [("a", "e1", 1), ("b", "e2", 2), ("a", "e1", 41), (None, "e3", 42)]
    assert [(event.user, event.event_id, event.locator.line) for event in joined] == expected
    assert [(event.user, event.event_id, event.locator.line) for event in joined[::-1]] == expected[::-1]
    assert joined[0].mac == "02:00:00:00:00:01"
    assert list(joined) == [joined[row] for row in range(len(joined))]
