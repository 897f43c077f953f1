"""Rows of an event table while a log is read: events are added and completed.

Records that say the same give rows that are the same but for time, place and body: what lies between the two is packed
once (`alike`), and whoever reads such records puts the rows together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.body import MAX_DEFLATED_SHAPES
from app.core.parsers.body_shape import Identity, ReadBody, Shape
from app.core.parsers.event_row import (
    BEGINNING_CELLS,
    BODY_CELLS,
    BODY_SIGN,
    CELLS,
    CODE,
    DIGEST,
    DIRECTION,
    DIRECTION_NUMBERS,
    DIRECTIONS,
    EVENT,
    ID_CELLS,
    KIND,
    KIND_NUMBERS,
    LINE,
    MAC,
    NO_CODE,
    NONE,
    NUMBER,
    NUMBER_CELLS,
    OFFSETS,
    PACKED,
    PEER,
    PLACE_CELLS,
    ROW,
    ROW_BYTES,
    SAID_CELLS,
    SHAPE,
    START,
    TEXT,
    THREAD,
    TURNED,
    USER,
)
from app.core.parsers.pool import Pool
from app.core.records import NS, Direction, EventKind, Side

_MAX_TEXTS = 50_000  # further texts are left empty; the locator still leads to the line
ID_MARK = b"\x00"
_TEXT_CELL = CELLS[TEXT]


class EventRows:
    """`add` gives the row number; `put` completes a row. `rows` are all of them, packed."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self.rows = bytearray()
        self.texts = Pool(_MAX_TEXTS)
        self._threads = Pool()
        self._peers = Pool()
        self._names = Pool()
        self._events = Pool()
        self._shapes: list[Shape] = []
        self._shape_numbers: dict[bytes, int] = {}

    def add(
        self,
        kind: EventKind,
        time_ns: int,
        line: int,
        start: int,
        size: int,
        thread: bytes,
        text: bytes,
        resolution_ns: int = NS,
        direction: Direction | None = None,
        number: int | None = None,
        wire_bytes: int = NONE,
        message_id: int = NONE,
        identity: Identity = (None, None, None),
        peer: bytes | None = None,
    ) -> int:
        """`peer`: as `set_peer` keeps it."""
        row = len(self.rows) // ROW_BYTES
        user, mac, event = identity
        self.rows += ROW.pack(
            time_ns, start, line, size, resolution_ns, number if number is not None and number <= 0xFFFF else NONE,
            message_id, NONE, wire_bytes, self.texts.number(text), self._threads.number(thread),
            self._peers.number(peer) if peer is not None else 0, NO_CODE, KIND_NUMBERS[kind],
            DIRECTION_NUMBERS[direction], 0,
            self._names.number(user) if user is not None else 0, self._names.number(mac) if mac is not None else 0,
            self._events.number(event) if event is not None else 0, -1,
        )  # fmt: skip
        return row

    def alike(
        self,
        kind: EventKind,
        thread: bytes,
        text: bytes,
        direction: Direction | None = None,
        number: int | None = None,
        wire_bytes: int = NONE,
        peer: bytes | None = None,
        code: int = NO_CODE,
    ) -> bytes:
        """What stands in a row between its place and its body, for records with whole seconds; `code` as it fits. Else
        as `add`."""
        return SAID_CELLS.pack(
            NS, number if number is not None and number <= 0xFFFF else NONE, NONE, NONE, wire_bytes,
            self.texts.number(text), self._threads.number(thread), self._peers.number(peer), code,
            KIND_NUMBERS[kind], DIRECTION_NUMBERS[direction],
        )  # fmt: skip

    def put(self, row: int, column: int, value: int) -> None:
        """Raises struct.error where the value does not fit: use `put_checked` for numbers that a file wrote."""
        CELLS[column].pack_into(self.rows, row * ROW_BYTES + OFFSETS[column], value)

    def put_checked(self, row: int, column: int, value: int) -> None:
        """Leaves the cell as it is where the value is beyond 32 bits."""
        low = NO_CODE + 1 if column == CODE else 0
        high = 0x7FFF_FFFF if column == CODE else NONE - 1
        if low <= value <= high:
            self.put(row, column, value)

    def get(self, row: int, column: int) -> int:
        value: int = CELLS[column].unpack_from(self.rows, row * ROW_BYTES + OFFSETS[column])[0]
        return value

    def set_message(self, row: int, direction: Direction | None, number: int | None) -> None:
        self.put(row, DIRECTION, DIRECTION_NUMBERS[direction])
        self.put(row, NUMBER, number if number is not None and 0 <= number <= 0xFFFF else NONE)

    def set_ids(self, row: int, head_id: int, number: int, message_id: int) -> None:
        """All that tells which message it is, of a row that knows nothing of that; the ids as they fit."""
        number = number if number <= 0xFFFF else NONE
        ID_CELLS.pack_into(self.rows, row * ROW_BYTES + OFFSETS[NUMBER], number, message_id, head_id)

    def beginning(self, row: int) -> tuple[int, int, int]:
        """Its number, time and start."""
        time_ns, start, _, _, _, number = BEGINNING_CELLS.unpack_from(self.rows, row * ROW_BYTES)
        return number, time_ns, start

    def set_transfer(self, row: int, number: int, message_id: int, place: bytes, text: int, body: bytes) -> None:
        """Of a message to the client: `set_message`, `set_place` and `set_body`, where number and id fit. `place`: as a
        row begins; `text`: its number in `texts`, without the id; `body`: its cells."""
        at = row * ROW_BYTES
        rows = self.rows
        rows[at + OFFSETS[START] : at + len(place)] = place[OFFSETS[START] :]
        NUMBER_CELLS.pack_into(rows, at + OFFSETS[NUMBER], number, message_id)
        _TEXT_CELL.pack_into(rows, at + OFFSETS[TEXT], text)
        rows[at + OFFSETS[DIGEST] : at + ROW_BYTES] = body

    def set_place(self, row: int, line: int, start: int, size: int, text: bytes, message_id: int | None) -> None:
        """Another record of the same message is the better witness. The id in its text is kept apart: texts stay
        few."""
        PLACE_CELLS.pack_into(self.rows, row * ROW_BYTES + OFFSETS[START], start, line, size)
        self.put(row, TEXT, self.texts.number(without_id(text, message_id)))

    def set_peer(self, row: int, ip: bytes, port: bytes | None) -> None:
        self.put(row, PEER, self._peers.number(peer_of(ip, port)))

    def set_missing_identity(self, row: int, identity: Identity) -> None:
        """What a line says of the terminal; what its body has said stays."""
        for column, value, pool in zip(
            (USER, MAC, EVENT), identity, (self._names, self._names, self._events), strict=True
        ):
            if value is not None and self.get(row, column) == 0:
                self.put(row, column, pool.number(value))

    def ways(self, numbers: Iterable[int]) -> tuple[int, int]:
        """How many messages of these numbers go to the server, and how many to the client."""
        rows = np.frombuffer(self.rows, PACKED)
        return ways_of(rows[str(KIND)], rows[str(NUMBER)], rows[str(DIRECTION)], numbers)

    def as_servers(self) -> None:
        """It turned out to be the server's log: what was taken as sent by the client was sent by the server."""
        self._side = Side.SERVER
        for row in range(len(self.rows) // ROW_BYTES):
            self.put(row, DIRECTION, TURNED[self.get(row, DIRECTION)])

    def set_body(self, row: int, body: ReadBody) -> None:
        at = row * ROW_BYTES + OFFSETS[DIGEST]
        self.rows[at : at + BODY_CELLS.size] = self.body_cells(body)

    def body_cells(self, body: ReadBody) -> bytes:
        """How a row with that body ends."""
        shape, (user, mac, event), digest, _ = body
        number = self._shape_numbers.get(shape.key)
        if number is None:
            number = self._add_shape(shape)
        names, events = self._names, self._events
        return BODY_CELLS.pack(
            digest,
            names.numbers.get(user) or names.number(user),
            names.numbers.get(mac) or names.number(mac),
            events.numbers.get(event) or events.number(event),
            number,
        )

    def _add_shape(self, shape: Shape) -> int:
        number = self._shape_numbers[shape.key] = len(self._shapes)
        if number >= MAX_DEFLATED_SHAPES:
            shape.never_deflated()
        self._shapes.append(shape)
        return number

    def shape(self, key: bytes) -> Shape:
        return self._shapes[self._shape_numbers[key]]

    def _renumbered(self, part: EventRows, lines: int) -> NDArray[np.void]:
        """The rows of the part that follows in the same log, with the numbers that its strings and shapes have here.
        `lines` stand before it."""
        rows = np.frombuffer(bytearray(part.rows), PACKED)
        for columns, mine, theirs in (
            ((TEXT,), self.texts, part.texts),
            ((THREAD,), self._threads, part._threads),
            ((PEER,), self._peers, part._peers),
            ((USER, MAC), self._names, part._names),
            ((EVENT,), self._events, part._events),
        ):
            numbers = np.array(mine.join(theirs.items), np.uint32)
            for column in columns:
                rows[str(column)] = numbers[rows[str(column)]]
        known = self._shape_numbers
        shapes = [known[s.key] if s.key in known else self._add_shape(s) for s in part._shapes]
        rows[str(SHAPE)] = np.array([*shapes, -1], np.int32)[rows[str(SHAPE)]]  # -1, none, is the last one
        rows[str(LINE)] += np.uint32(lines)
        return rows

    def has_body(self, row: int) -> bool:
        return self.rows[row * ROW_BYTES + BODY_SIGN] <= 0x7F

    def lacks_body(self, row: int) -> bool:
        """Whether it is a message whose body is not there or not whole."""
        shape = self.get(row, SHAPE)
        is_whole = shape >= 0 and self._shapes[shape].is_complete
        return self.get(row, KIND) == KIND_NUMBERS[EventKind.MESSAGE] and not is_whole


def ways_of(
    kinds: NDArray[Any], seen: NDArray[Any], directions: NDArray[Any], numbers: Iterable[int]
) -> tuple[int, int]:
    """See `EventRows.ways`; of rows with these kinds, numbers and directions."""
    is_message = (kinds == KIND_NUMBERS[EventKind.MESSAGE]) & np.isin(seen, list(numbers))
    found = np.bincount(directions[is_message], minlength=len(DIRECTIONS))
    return int(found[DIRECTION_NUMBERS[Direction.TO_SERVER]]), int(found[DIRECTION_NUMBERS[Direction.TO_CLIENT]])


def peer_of(ip: bytes, port: bytes | None) -> bytes:
    return ip + b"\x00" + (port or b"")


def without_id(text: bytes, message_id: int | None) -> bytes:
    if message_id is None or ID_MARK in text:
        return text
    head, found, tail = text.rpartition(b"%d" % message_id)
    return head + ID_MARK + tail if found else text
