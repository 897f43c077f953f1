"""Bodies of one iNode log: given to their rows, put together where another thread's record cut them, and settled.

A body may be cut in two by a record of another thread; its rest is put back. What a wrap made unknown is settled when a
retransmission shows it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from app.core.parsers.body import BodyReader
from app.core.parsers.body_shape import ReadBody
from app.core.parsers.event_rows import EventRows
from app.core.parsers.inode_messages import is_near
from app.core.parsers.mending import CLOSE, MAX_UNKNOWN, Mended, settle, squeeze

OPENING = b"<data>"
MAX_BODY_BYTES = 1 << 20
_OPEN_BODIES = 8
_OPEN_RECORDS = 200  # a body that found no rest within so many records stays cut
_UNSETTLED = 64
_COPIES = 8
_RECENT_EXACT = 64


@dataclass(slots=True)
class _OpenBody:
    row: int
    thread: bytes
    raw: bytearray
    column: int
    time_ns: int
    offset: int
    age: int = 0


class BodyKeeper:
    def __init__(self, table: EventRows, bodies: BodyReader) -> None:
        self._table = table
        self._bodies = bodies
        self.read, self.known = bodies.read, bodies.known
        self.open_bodies: list[_OpenBody] = []  # that wait for their rest
        self._unsettled: dict[bytes, list[tuple[int, Mended]]] = {}
        self._exact: deque[ReadBody] = deque(maxlen=_RECENT_EXACT)

    def take(self, row: int, raw: bytes, column: int) -> None:
        """A whole body for a row; `column` is where it begins in its line."""
        body = self._bodies.read(raw, column)
        self._table.set_body(row, body)
        self.note(row, body)

    def note(self, row: int, body: ReadBody) -> None:
        """A row has got its body: it may settle another one, or be settled."""
        if self._unsettled or (body.mended is not None and not body.mended.is_exact):
            self._compare(row, body)
        else:
            self._exact.append(body)

    def open(self, row: int, thread: bytes, raw: bytes, column: int, time_ns: int, offset: int) -> None:
        """The beginning of a body whose end has not come; it is in the record of that time and place."""
        self.open_bodies.append(_OpenBody(row, thread, bytearray(raw), column, time_ns, offset))
        if len(self.open_bodies) > _OPEN_BODIES:
            self._close(self.open_bodies[0])

    def feed(self, piece: bytes) -> None:
        """A further line of the body that was left open last."""
        body = self.open_bodies[-1]
        body.raw += piece
        if CLOSE in body.raw[-len(piece) - len(CLOSE) :] or len(body.raw) > MAX_BODY_BYTES:
            self._close(body)

    def age(self, thread: bytes) -> None:
        """A further record came. If the thread that left a body open speaks again, or many others did, the body is
        cut."""
        for body in self.open_bodies[:]:
            body.age += 1
            if body.thread == thread or body.age > _OPEN_RECORDS:
                self._close(body)

    def close_far(self, time_ns: int, offset: int) -> None:
        """The rest of a body is written at once after what came between."""
        for body in self.open_bodies[:]:
            if not is_near(body.time_ns, body.offset, time_ns, offset):
                self._close(body)

    def finish(self) -> None:
        while self.open_bodies:
            self._close(self.open_bodies[0])
        for copies in self._unsettled.values():
            self._settle(copies)
        self._unsettled.clear()

    def _close(self, body: _OpenBody) -> None:
        self.open_bodies.remove(body)
        self.take(body.row, bytes(body.raw), body.column)

    def _compare(self, row: int, body: ReadBody) -> None:
        event = body.identity[2]
        mended = body.as_mended()
        if event is None or not mended.is_complete or len(mended.unknown) >= MAX_UNKNOWN:
            return
        if mended.is_exact:
            self._exact.append(body)
            if event in self._unsettled:
                self._settle([*self._unsettled.pop(event), (row, mended)])
            return
        bare = squeeze(mended.text)
        alike = (known.as_mended() for known in self._exact if known.identity[2] == event)
        exact = [(-1, known) for known in alike if squeeze(known.text) == bare]
        copies = self._unsettled.setdefault(event, [])
        copies.append((row, mended))
        if exact or len(copies) >= _COPIES:
            self._settle([*self._unsettled.pop(event), *exact])
        elif len(self._unsettled) > _UNSETTLED:
            self._settle(self._unsettled.pop(next(iter(self._unsettled))))

    def _settle(self, copies: list[tuple[int, Mended]]) -> None:
        """Copies of one text tell each other what a wrap hid; texts that only share the event id are left alone."""
        groups: dict[bytes, list[tuple[int, Mended]]] = {}
        for row, mended in copies:
            groups.setdefault(squeeze(mended.text), []).append((row, mended))
        for group in groups.values():
            if len(group) < 2:
                continue
            body = self._bodies.take(settle([mended for _, mended in group]))
            for row, _ in group:
                if row >= 0:
                    self._table.set_body(row, body)
