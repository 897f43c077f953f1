"""Log events as packed rows: some 90 bytes each, where a `LogEvent` with its locator and strings takes half a kilobyte.

A log of 2 GB can hold more than a million events. The table is a sequence: an event is put together when it is asked
for.
Events can still be completed (`table.put(row, WIRE, 569)`) as long as the parser owns the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any

import numpy as np

from app.core.parsers.body import MAX_DEFLATED_SHAPES, ReadBody, normal_mac
from app.core.parsers.body_shape import Identity, Shape
from app.core.parsers.event_sequence import EventSequence
from app.core.parsers.log_text import decode
from app.core.parsers.pool import Pool
from app.core.records import NS, Body, Direction, Endpoint, EventKind, Locator, LogEvent, Side

PLAIN_TUPLE_EVENTS = 5_000
MAX_TEXT_CHARACTERS = 300
NONE = 0xFFFF_FFFF  # no number, no id
NO_CODE = -0x8000_0000
_MAX_BODIES = 4_096
_MAX_TEXTS = 50_000  # further texts are left empty; the locator still leads to the line
_ID_MARK = b"\x00"
_THREAD_MARK = b"\x01"

_KINDS = tuple(EventKind)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_DIRECTIONS: tuple[Direction | None, ...] = (None, Direction.TO_SERVER, Direction.TO_CLIENT)
_DIRECTION_NUMBERS: dict[Direction | None, int] = {direction: number for number, direction in enumerate(_DIRECTIONS)}

_TURNED = [
    _DIRECTION_NUMBERS[turned] for turned in (None, Direction.TO_CLIENT, Direction.TO_SERVER)
]  # by the number of what it was

_COLUMNS = "qqIIIIIIIIIIQIIIiiBB"
_ROW = Struct("<" + _COLUMNS)
(TIME, START, LINE, SIZE, RESOLUTION, NUMBER, MESSAGE_ID, HEAD_ID, WIRE,
 TEXT, THREAD, PEER, DIGEST, USER, MAC, EVENT, SHAPE, CODE, KIND, DIRECTION) = range(len(_COLUMNS))  # fmt: skip
_OFFSETS = [Struct("<" + _COLUMNS[:at]).size for at in range(len(_COLUMNS))]
_CELLS = [Struct("<" + code) for code in _COLUMNS]
_BODY_CELLS = Struct("<" + _COLUMNS[DIGEST : SHAPE + 1])
_PLACE_CELLS = Struct("<" + _COLUMNS[START : SIZE + 1])
_SIZE = _ROW.size
_PACKED = np.dtype([(str(at), {"q": "<i8", "Q": "<u8", "I": "<u4", "i": "<i4", "B": "u1"}[code])
                    for at, code in enumerate(_COLUMNS)])  # fmt: skip


class EventTable(EventSequence):
    """`add` gives the row number; `put` completes a row until the parser hands the table out."""

    def __init__(self, source: str, side: Side) -> None:
        self._source = source
        self._side = side
        self._rows = bytearray()
        self._count = 0
        self.texts = Pool(_MAX_TEXTS)
        self._threads = Pool()
        self._peers = Pool()
        self._names = Pool()
        self._events = Pool()
        self._shapes: list[Shape] = []
        self._shape_numbers: dict[bytes, int] = {}
        self._bodies: dict[tuple[int, int, int, int], Body] = {}

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
        row = self._count
        self._count = row + 1
        user, mac, event = identity
        self._rows += _ROW.pack(
            time_ns, start, line, size, resolution_ns, number if number is not None and number <= 0xFFFF else NONE,
            message_id, NONE, wire_bytes, self.texts.number(text), self._threads.number(thread),
            self._peers.number(peer) if peer is not None else 0, 0,
            self._names.number(user) if user is not None else 0, self._names.number(mac) if mac is not None else 0,
            self._events.number(event) if event is not None else 0, -1, NO_CODE,
            _KIND_NUMBERS[kind], _DIRECTION_NUMBERS[direction],
        )  # fmt: skip
        return row

    def put(self, row: int, column: int, value: int) -> None:
        """Raises struct.error where the value does not fit: use `put_checked` for numbers that a file wrote."""
        _CELLS[column].pack_into(self._rows, row * _SIZE + _OFFSETS[column], value)

    def put_checked(self, row: int, column: int, value: int) -> None:
        """Leaves the cell as it is where the value is beyond 32 bits."""
        low = NO_CODE + 1 if column == CODE else 0
        high = 0x7FFF_FFFF if column == CODE else NONE - 1
        if low <= value <= high:
            self.put(row, column, value)

    def get(self, row: int, column: int) -> int:
        value: int = _CELLS[column].unpack_from(self._rows, row * _SIZE + _OFFSETS[column])[0]
        return value

    def set_message(self, row: int, direction: Direction | None, number: int | None) -> None:
        self.put(row, DIRECTION, _DIRECTION_NUMBERS[direction])
        self.put(row, NUMBER, number if number is not None and 0 <= number <= 0xFFFF else NONE)

    def set_place(self, row: int, line: int, start: int, size: int, text: bytes, message_id: int | None) -> None:
        """Another record of the same message is the better witness. The id in its text is kept apart: texts stay
        few."""
        _PLACE_CELLS.pack_into(self._rows, row * _SIZE + _OFFSETS[START], start, line, size)
        self.put(row, TEXT, self.texts.number(_without_id(text, message_id)))

    def set_peer(self, row: int, ip: bytes, port: bytes | None) -> None:
        self.put(row, PEER, self._peers.number(ip + b"\x00" + (port or b"")))

    def set_missing_identity(self, row: int, identity: Identity) -> None:
        """What a line says of the terminal; what its body has said stays."""
        for column, value, pool in zip(
            (USER, MAC, EVENT), identity, (self._names, self._names, self._events), strict=True
        ):
            if value is not None and self.get(row, column) == 0:
                self.put(row, column, pool.number(value))

    def ways(self, numbers: Iterable[int]) -> tuple[int, int]:
        """How many messages of these numbers go to the server, and how many to the client."""
        rows = np.frombuffer(self._rows, _PACKED)
        is_message = (rows[str(KIND)] == _KIND_NUMBERS[EventKind.MESSAGE]) & np.isin(rows[str(NUMBER)], list(numbers))
        found = np.bincount(rows[str(DIRECTION)][is_message], minlength=len(_DIRECTIONS))
        return int(found[_DIRECTION_NUMBERS[Direction.TO_SERVER]]), int(found[_DIRECTION_NUMBERS[Direction.TO_CLIENT]])

    def as_servers(self) -> None:
        """It turned out to be the server's log: what was taken as sent by the client was sent by the server."""
        self._side = Side.SERVER
        for row in range(self._count):
            self.put(row, DIRECTION, _TURNED[self.get(row, DIRECTION)])

    def set_body(self, row: int, body: ReadBody) -> None:
        number = self._shape_numbers.get(body.shape.key)
        if number is None:
            number = self._add_shape(body.shape)
        user, mac, event = body.identity
        names = self._names.number
        _BODY_CELLS.pack_into(
            self._rows, row * _SIZE + _OFFSETS[DIGEST],
            body.digest, names(user), names(mac), self._events.number(event), number,
        )  # fmt: skip

    def _add_shape(self, shape: Shape) -> int:
        number = self._shape_numbers[shape.key] = len(self._shapes)
        if number >= MAX_DEFLATED_SHAPES:
            shape.never_deflated()
        self._shapes.append(shape)
        return number

    def extend(self, part: EventTable, lines: int) -> None:
        """The rows of the part that follows in the same log; `lines` stand before it."""
        rows = np.frombuffer(bytearray(part._rows), _PACKED)
        for columns, mine, theirs in (
            ((TEXT,), self.texts, part.texts),
            ((THREAD,), self._threads, part._threads),
            ((PEER,), self._peers, part._peers),
            ((USER, MAC), self._names, part._names),
            ((EVENT,), self._events, part._events),
        ):
            numbers = np.array([mine.number(item) for item in theirs.items], np.uint32)
            for column in columns:
                rows[str(column)] = numbers[rows[str(column)]]
        known = self._shape_numbers
        shapes = [known[s.key] if s.key in known else self._add_shape(s) for s in part._shapes]
        rows[str(SHAPE)] = np.array([*shapes, -1], np.int32)[rows[str(SHAPE)]]  # -1, none, is the last one
        rows[str(LINE)] += np.uint32(lines)
        self._rows += rows.tobytes()
        self._count += part._count

    def has_body(self, row: int) -> bool:
        return self.get(row, SHAPE) >= 0

    def lacks_body(self, row: int) -> bool:
        """Whether it is a message whose body is not there or not whole."""
        shape = self.get(row, SHAPE)
        is_whole = shape >= 0 and self._shapes[shape].is_complete
        return self.get(row, KIND) == _KIND_NUMBERS[EventKind.MESSAGE] and not is_whole

    def __len__(self) -> int:
        return self._count

    def compact(self) -> Sequence[LogEvent]:
        """What a parser hands out: plain events while they are few, else the table, from now on to be read only."""
        return tuple(self) if len(self) <= PLAIN_TUPLE_EVENTS else self.frozen()

    def frozen(self) -> EventTable:
        """This table, from now on to be read only, without what is needed to add."""
        for name in ("texts", "_threads", "_peers", "_names", "_events"):
            setattr(self, name, getattr(self, name).frozen())
        self._shape_numbers = {}
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bodies": {}}

    def _event(self, row: int) -> LogEvent:
        (
            time_ns, start, line, size, resolution_ns, number, message_id, head_id, wire, text, thread, peer,
            digest, user, mac, event, shape, code, kind, direction,
        ) = _ROW.unpack_from(self._rows, row * _SIZE)  # fmt: skip
        return LogEvent(
            locator=Locator(self._source, line=line, byte_start=start, byte_end=start + size),
            side=self._side,
            kind=_KINDS[kind],
            time_ns=time_ns,
            resolution_ns=resolution_ns,
            thread=self._threads.text(thread),
            text=self._text(text, message_id, thread),
            direction=_DIRECTIONS[direction],
            number=_known(number),
            message_id=_known(message_id),
            head_id=_known(head_id),
            user=self._names.text(user) or None,
            mac=normal_mac(self._names.text(mac)) if mac else None,
            event_id=self._events.text(event) or None,
            peer=self._peer(peer),
            wire_bytes=_known(wire),
            body=self._body(shape, digest, (user, mac, event)) if shape >= 0 else None,
            result_code=code if code != NO_CODE else None,
        )

    def _text(self, number: int, message_id: int, thread: int) -> str:
        text = self.texts.items[number] or b""
        if _ID_MARK in text and message_id != NONE:
            text = text.replace(_ID_MARK, b"%d" % message_id, 1)
        text = text.replace(_THREAD_MARK, b"[" + (self._threads.items[thread] or b"") + b"]", 1)
        return " ".join(decode(text).replace("\x00", "").replace("\x01", "").split())[:MAX_TEXT_CHARACTERS]

    def _peer(self, number: int) -> Endpoint | None:
        item = self._peers.items[number]
        if item is None:
            return None
        ip, _, port = item.partition(b"\x00")
        return Endpoint(ip.decode("ascii", "replace"), int(port) if port else None)

    def _body(self, shape: int, digest: int, identity: tuple[int, int, int]) -> Body:
        key = (shape, *identity)
        body = self._bodies.get(key)
        if body is None:
            user, mac, event = identity
            values = (self._names.items[user], self._names.items[mac], self._events.items[event])
            body = self._shapes[shape].with_identity(values, digest)
            if len(self._bodies) >= _MAX_BODIES:
                self._bodies.clear()
            self._bodies[key] = body
        return body


def _without_id(text: bytes, message_id: int | None) -> bytes:
    if message_id is None or _ID_MARK in text:
        return text
    head, found, tail = text.rpartition(b"%d" % message_id)
    return head + _ID_MARK + tail if found else text


def _known(value: int) -> int | None:
    return value if value != NONE else None
