"""Log events as packed rows: some 90 bytes each, where a `LogEvent` with its locator and strings takes half a kilobyte.

A log of 2 GB can hold more than a million events. The table is a sequence: an event is put together when it is asked
for.
Events can still be completed (`table.put(row, WIRE, 569)`) as long as the parser owns the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.core.parsers.body import normal_mac
from app.core.parsers.event_row import DIRECTIONS, KINDS, NO_CODE, NONE, ROW, ROW_BYTES
from app.core.parsers.event_rows import ID_MARK, EventRows
from app.core.parsers.event_sequence import EventSequence
from app.core.parsers.log_text import decode
from app.core.records import Body, Endpoint, Locator, LogEvent, Side

PLAIN_TUPLE_EVENTS = 5_000
MAX_TEXT_CHARACTERS = 300
_MAX_BODIES = 4_096
_THREAD_MARK = b"\x01"


class EventTable(EventRows, EventSequence):
    """`add` gives the row number; `put` completes a row until the parser hands the table out."""

    def __init__(self, source: str, side: Side) -> None:
        super().__init__(side)
        self._source = source
        self._bodies: dict[tuple[int, int, int, int], Body] = {}

    def __len__(self) -> int:
        return len(self.rows) // ROW_BYTES

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
        return self._told(self._cells(row))

    def _cells(self, row: int) -> tuple[int, ...]:
        return ROW.unpack_from(self.rows, row * ROW_BYTES)

    def _told(self, cells: tuple[int, ...]) -> LogEvent:
        """The event that a row tells of."""
        (
            time_ns, start, line, size, resolution_ns, number, message_id, head_id, wire, text, thread, peer,
            code, kind, direction, digest, user, mac, event, shape,
        ) = cells  # fmt: skip
        return LogEvent(
            locator=Locator(self._source, line=line, byte_start=start, byte_end=start + size),
            side=self._side,
            kind=KINDS[kind],
            time_ns=time_ns,
            resolution_ns=resolution_ns,
            thread=self._threads.text(thread),
            text=self._text(text, message_id, thread),
            direction=DIRECTIONS[direction],
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
        if ID_MARK in text and message_id != NONE:
            text = text.replace(ID_MARK, b"%d" % message_id, 1)
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


def _known(value: int) -> int | None:
    return value if value != NONE else None
