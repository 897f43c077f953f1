"""Log events in columns: some 80 bytes each, where a `LogEvent` with its locator and strings takes half a kilobyte.

A log of 2 GB can hold more than a million events. The table is a sequence: an event is put together when it is asked
for.
Events can still be completed (`table.wire[row] = 569`) as long as the parser owns the table.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from app.core.parsers.body import Identity, ReadBody, Shape, normal_mac
from app.core.parsers.log_text import decode
from app.core.records import NS, Body, Direction, Endpoint, EventKind, Locator, LogEvent, Side

PLAIN_TUPLE_EVENTS = 20_000
MAX_TEXT_CHARACTERS = 300
NO_ID = 0xFFFF_FFFF
NO_CODE = -0x8000_0000
_MAX_BODIES = 4_096
_MAX_TEXTS = 50_000  # further texts are left empty; the locator still leads to the line
_ID_MARK = b"\x00"
_THREAD_MARK = b"\x01"

_KINDS = tuple(EventKind)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_DIRECTIONS: tuple[Direction | None, ...] = (None, Direction.TO_SERVER, Direction.TO_CLIENT)
_DIRECTION_NUMBERS = {direction: number for number, direction in enumerate(_DIRECTIONS)}


class Pool:
    """Distinct byte strings, numbered from 1; 0 is None. Beyond `limit` of them new ones become None."""

    def __init__(self, limit: int = 1 << 31) -> None:
        self._limit = limit
        self.items: list[bytes | None] = [None]
        self._numbers: dict[bytes, int] = {}

    def number(self, item: bytes | None) -> int:
        if item is None:
            return 0
        number = self._numbers.get(item)
        if number is None:
            if len(self.items) > self._limit:
                return 0
            number = self._numbers[item] = len(self.items)
            self.items.append(item)
        return number

    def text(self, number: int) -> str | None:
        item = self.items[number]
        return None if item is None else decode(item)


class EventTable(Sequence[LogEvent]):
    """`add` gives the row number; the public columns may be written until the parser hands the table out."""

    def __init__(self, source: str, side: Side) -> None:
        self._source = source
        self._side = side
        self.time = array("q")
        self.line = array("I")
        self.start = array("q")
        self.size = array("I")
        self.kind = array("B")
        self.direction = array("B")
        self.resolution = array("I")
        self.number = array("i")  # -1: none
        self.message_id = array("I")
        self.head_id = array("I")
        self.wire = array("i")
        self.code = array("i")  # of a RESULT
        self.text_number = array("I")
        self.thread_number = array("I")
        self.peer_number = array("I")
        self.user = array("I")
        self.mac = array("I")
        self.event = array("I")
        self.shape = array("i")
        self.digest = array("Q")
        self.texts = Pool(_MAX_TEXTS)
        self.threads = Pool()
        self.peers = Pool()
        self.names = Pool()
        self.events = Pool()
        self._shapes: list[Shape] = []
        self._shape_numbers: dict[int, int] = {}
        self._bodies: dict[tuple[int, int], Body] = {}

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
    ) -> int:
        row = len(self.time)
        self.time.append(time_ns)
        self.line.append(line)
        self.start.append(start)
        self.size.append(min(size, NO_ID))
        self.kind.append(_KIND_NUMBERS[kind])
        self.direction.append(0)
        self.resolution.append(resolution_ns)
        self.number.append(-1)
        self.message_id.append(NO_ID)
        self.head_id.append(NO_ID)
        self.wire.append(-1)
        self.code.append(NO_CODE)
        self.text_number.append(self.texts.number(text))
        self.thread_number.append(self.threads.number(thread))
        self.peer_number.append(0)
        self.user.append(0)
        self.mac.append(0)
        self.event.append(0)
        self.shape.append(-1)
        self.digest.append(0)
        return row

    def set_message(self, row: int, direction: Direction | None, number: int | None) -> None:
        self.direction[row] = _DIRECTION_NUMBERS[direction]
        self.number[row] = number if number is not None and 0 <= number <= 0xFFFF else -1

    def set_place(self, row: int, line: int, start: int, size: int, text: bytes, message_id: int | None) -> None:
        """Another record of the same message is the better witness. The id in its text is kept apart: texts stay
        few."""
        self.line[row], self.start[row], self.size[row] = line, start, min(size, NO_ID)
        self.text_number[row] = self.texts.number(_without_id(text, message_id))

    def set_id(self, row: int, message_id: int) -> None:
        self.message_id[row] = message_id if 0 <= message_id < NO_ID else NO_ID

    def set_head_id(self, row: int, head_id: int) -> None:
        self.head_id[row] = head_id if 0 <= head_id < NO_ID else NO_ID

    def set_wire(self, row: int, wire_bytes: int) -> None:
        self.wire[row] = wire_bytes if 0 <= wire_bytes <= 0x7FFF_FFFF else -1

    def set_code(self, row: int, code: int) -> None:
        self.code[row] = code if NO_CODE < code <= 0x7FFF_FFFF else NO_CODE

    def set_peer(self, row: int, ip: bytes, port: bytes | None) -> None:
        self.peer_number[row] = self.peers.number(ip + b"\x00" + (port or b""))

    def set_identity(self, row: int, identity: Identity) -> None:
        user, mac, event = identity
        self.user[row] = self.names.number(user)
        self.mac[row] = self.names.number(mac)
        self.event[row] = self.events.number(event)

    def set_body(self, row: int, body: ReadBody) -> None:
        number = self._shape_numbers.get(id(body.shape))
        if number is None:
            number = self._shape_numbers[id(body.shape)] = len(self._shapes)
            self._shapes.append(body.shape)
        self.shape[row] = number
        self.digest[row] = body.digest
        self.set_identity(row, body.identity)

    def __len__(self) -> int:
        return len(self.time)

    @overload
    def __getitem__(self, index: int) -> LogEvent: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LogEvent, ...]: ...
    def __getitem__(self, index: int | slice) -> LogEvent | tuple[LogEvent, ...]:
        if isinstance(index, slice):
            return tuple(self._event(row) for row in range(*index.indices(len(self))))
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        return self._event(row)

    def __iter__(self) -> Iterator[LogEvent]:
        return (self._event(row) for row in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        # Numbers by object identity mean nothing in another process, and nobody adds there.
        return {**self.__dict__, "_shape_numbers": {}, "_bodies": {}}

    def compact(self) -> Sequence[LogEvent]:
        """What a parser hands out: plain events while they are few, else the table itself."""
        if len(self) <= PLAIN_TUPLE_EVENTS:
            return tuple(self)
        return self

    def _event(self, row: int) -> LogEvent:
        start = self.start[row]
        kind = _KINDS[self.kind[row]]
        return LogEvent(
            locator=Locator(self._source, line=self.line[row], byte_start=start, byte_end=start + self.size[row]),
            side=self._side,
            kind=kind,
            time_ns=self.time[row],
            resolution_ns=self.resolution[row],
            thread=self.threads.text(self.thread_number[row]) or "",
            text=self._text(row),
            direction=_DIRECTIONS[self.direction[row]],
            number=_known(self.number[row]),
            message_id=self.message_id[row] if self.message_id[row] != NO_ID else None,
            head_id=self.head_id[row] if self.head_id[row] != NO_ID else None,
            user=(self.names.text(self.user[row]) or "").strip() or None,
            mac=normal_mac(self.names.text(self.mac[row])),
            event_id=(self.events.text(self.event[row]) or "").strip() or None,
            peer=self._peer(self.peer_number[row]),
            wire_bytes=_known(self.wire[row]),
            body=self._body(row),
            result_code=self.code[row] if self.code[row] != NO_CODE else None,
        )

    def _text(self, row: int) -> str:
        text = self.texts.items[self.text_number[row]] or b""
        if _ID_MARK in text and self.message_id[row] != NO_ID:
            text = text.replace(_ID_MARK, b"%d" % self.message_id[row], 1)
        text = text.replace(_THREAD_MARK, b"[" + (self.threads.items[self.thread_number[row]] or b"") + b"]", 1)
        return " ".join(decode(text).replace("\x00", "").replace("\x01", "").split())[:MAX_TEXT_CHARACTERS]

    def _peer(self, number: int) -> Endpoint | None:
        item = self.peers.items[number]
        if item is None:
            return None
        ip, _, port = item.partition(b"\x00")
        return Endpoint(ip.decode("ascii", "replace"), int(port) if port else None)

    def _body(self, row: int) -> Body | None:
        shape = self.shape[row]
        if shape < 0:
            return None
        key = (shape, self.digest[row])
        body = self._bodies.get(key)
        if body is None:
            identity = (
                self.names.items[self.user[row]],
                self.names.items[self.mac[row]],
                self.events.items[self.event[row]],
            )
            body = self._shapes[shape].with_identity(identity, f"{self.digest[row]:016x}")
            if len(self._bodies) >= _MAX_BODIES:
                del self._bodies[next(iter(self._bodies))]
            self._bodies[key] = body
        return body


def _without_id(text: bytes, message_id: int | None) -> bytes:
    if message_id is None or _ID_MARK in text:
        return text
    head, found, tail = text.rpartition(b"%d" % message_id)
    return head + _ID_MARK + tail if found else text


def _known(value: int) -> int | None:
    return value if value >= 0 else None
