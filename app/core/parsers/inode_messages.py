"""What iNode records tell about messages, put together: rows of the event table that later records complete.

A received message is told by several records of one thread (from whom and how many bytes, head id, type, id, then the
transfer with the body); they become one event. So do a sent message and the record of its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.event_row import CODE, HEAD_ID, MESSAGE_ID, NONE, NUMBER, START, TEXT, TIME, WIRE
from app.core.parsers.event_rows import EventRows
from app.core.records import NS, Direction, EventKind

NEAR_NS = 3 * NS
REACH_BYTES = 4 << 20
_THREADS = 4_096
_KEPT_TEXT_BYTES = 400


@dataclass(slots=True)
class Place:
    """The record that speaks: `line` from 1, `offset` and `size` in bytes of the file."""

    time_ns: int
    resolution_ns: int
    line: int
    offset: int
    size: int
    level: bytes = b""
    thread: bytes = b""


class MessageReader:
    """One method for each phrase; each gives the row that the record belongs to."""

    def __init__(self, table: EventRows) -> None:
        self._table = table
        self.receiving_rows: dict[bytes, int] = {}  # thread → row of the message being received
        self.sent_rows: dict[bytes, int] = {}  # thread → row of its last sent message
        self._handlers: dict[str, Callable[[Place, bytes, re.Match[bytes]], int]] = {
            "sent": self._take_sent,
            "received": self._take_received,
            "head": lambda place, text, event: self.head(place, text, int(event.group(8), 16)),
            "type": lambda place, text, event: self.type(place, text, phrases.number_of(event.group(10))),
            "id": lambda place, text, event: self.id(place, text, phrases.number_of(event.group(12))),
            "hexid": lambda place, text, event: self.id(place, text, phrases.number_of(event.group(14), 16)),
            "transfer": self._take_transfer,
            "result": self._take_result,
            "packet": self._take_packet,
            "error": lambda place, text, _: self.add(EventKind.SEND_ERROR, place, text),
        }

    def take(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        """`event` is a match of `phrases.EVENT` in the record's text."""
        return self._handlers[event.lastgroup or ""](place, text, event)

    def add(
        self,
        kind: EventKind,
        place: Place,
        text: bytes,
        direction: Direction | None = None,
        number: int | None = None,
        wire_bytes: int = NONE,
    ) -> int:
        self.make_room(place.time_ns, place.offset)
        return self._table.add(
            kind, place.time_ns, place.line, place.offset, place.size, place.thread,
            written(place.level, place.thread, text), place.resolution_ns, direction, number, wire_bytes,
        )  # fmt: skip

    def _forget_far(self, time_ns: int, offset: int) -> None:
        for rows in (self.sent_rows, self.receiving_rows):
            for thread, row in list(rows.items()):
                if not is_near(self._table.get(row, TIME), self._table.get(row, START), time_ns, offset):
                    del rows[thread]
        if len(self.sent_rows) + len(self.receiving_rows) > _THREADS:
            self.sent_rows.clear()
            self.receiving_rows.clear()

    def make_room(self, time_ns: int, offset: int) -> None:
        """Before a message that begins at that time and place."""
        if len(self.sent_rows) + len(self.receiving_rows) > _THREADS:
            self._forget_far(time_ns, offset)

    def row_to_transfer(self, thread: bytes, number: int, time_ns: int, offset: int) -> int | None:
        """The message that the thread is receiving, if the transfer of one of that number ends it."""
        row = self.receiving_rows.get(thread)
        if row is None:
            return None
        told, begun_ns, begun = self._table.beginning(row)
        if told not in (NONE, number) or not is_near(begun_ns, begun, time_ns, offset):
            return None
        del self.receiving_rows[thread]
        return row

    def sent(self, place: Place, text: bytes, number: int) -> int:
        row = self.sent_rows.get(place.thread)
        table = self._table
        if row is not None and table.get(row, NUMBER) == number and not table.has_body(row):
            is_length_only = b"packet" in (table.texts.items[table.get(row, TEXT)] or b"")
            if is_length_only and self._is_near(row, place):
                self.move(row, place, text)
                return row
        return self._new_sent(place, text, number)

    def received(self, place: Place, text: bytes, ip: bytes, port: bytes, wire_bytes: int) -> int:
        row = self._new_received(place, text, wire_bytes)
        self._table.set_peer(row, ip, port)
        return row

    def complete(self, thread: bytes, time_ns: int, offset: int, column: int, value: int) -> bool:
        """Fills an empty cell of the message that the thread is receiving; False where that is not so simple."""
        row = self.receiving_rows.get(thread)
        table = self._table
        if row is None or table.get(row, column) != NONE:
            return False
        if not is_near(table.get(row, TIME), table.get(row, START), time_ns, offset):
            return False
        if row < self.sent_rows.get(thread, -1):
            return False
        table.put_checked(row, column, value)
        return True

    def head(self, place: Place, text: bytes, head_id: int) -> int:
        row = self._received_row(place, text)
        self._table.put_checked(row, HEAD_ID, head_id)
        return row

    def type(self, place: Place, text: bytes, number: int) -> int:
        table = self._table
        receiving = self.receiving_rows.get(place.thread)
        if number in phrases.TO_SERVER_TYPES and (receiving is None or not self._is_near(receiving, place)):
            # Some clients say the type of what they send in the same words.
            sent = self.sent_rows.get(place.thread)
            if sent is None or not self._is_near(sent, place) or table.get(sent, NUMBER) not in (NONE, number):
                return self._new_sent(place, text, number)
            table.put(sent, NUMBER, number)
            return sent
        row = self._received_row(place, text)
        if table.get(row, NUMBER) not in (NONE, number):
            row = self._new_received(place, text)
        table.set_message(row, Direction.TO_CLIENT, number)
        return row

    def id(self, place: Place, text: bytes, message_id: int) -> int:
        receiving, sent = self.receiving_rows.get(place.thread), self.sent_rows.get(place.thread)
        is_sent = sent is not None and self._is_near(sent, place) and (receiving is None or receiving < sent)
        row = sent if is_sent and sent is not None else self._received_row(place, text)
        self._table.put_checked(row, MESSAGE_ID, message_id)
        return row

    def transfer(self, place: Place, text: bytes, number: int, message_id: int) -> int:
        table = self._table
        row = self.receiving_rows.pop(place.thread, None)
        if row is None or table.get(row, NUMBER) not in (NONE, number) or not self._is_near(row, place):
            others = (r for r in self.receiving_rows.values() if table.get(r, MESSAGE_ID) == message_id)
            row = next((r for r in others if self._is_near(r, place)), None)
            if row is None:
                row = self.add(EventKind.MESSAGE, place, text)
        table.set_message(row, Direction.TO_CLIENT, number)
        table.put_checked(row, MESSAGE_ID, message_id)
        table.set_place(row, place.line, place.offset, place.size, written(place.level, place.thread, text), message_id)
        return row

    def result(self, place: Place, text: bytes, number: int, code: int) -> int:
        row = self.add(EventKind.RESULT, place, text, number=number)
        self._table.put_checked(row, CODE, code)
        return row

    def owner_of_body(self, place: Place, text: bytes) -> int:
        """The message that a body without a number belongs to: the one this thread has just spoken of, else
        nobody's."""
        for rows in (self.receiving_rows, self.sent_rows):
            row = rows.get(place.thread)
            if row is not None and not self._table.has_body(row) and self._is_near(row, place):
                self.move(row, place, text)
                return row
        return self.add(EventKind.MESSAGE, place, text)

    def move(self, row: int, place: Place, text: bytes) -> None:
        """This record is the better witness of the row's message."""
        self._table.set_place(row, place.line, place.offset, place.size, written(place.level, place.thread, text), None)

    def _take_sent(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        return self.sent(place, text, phrases.number_of(event.group(2)))

    def _take_received(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        return self.received(place, text, event.group(4), event.group(5), int(event.group(6)))

    def _take_transfer(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        return self.transfer(place, text, phrases.number_of(event.group(16)), phrases.number_of(event.group(17)))

    def _take_result(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        return self.result(place, text, int(event.group(19)), int(event.group(20)))

    def _take_packet(self, place: Place, text: bytes, event: re.Match[bytes]) -> int:
        """The number is a type, or where it is too large for one, an id; the length is that of the UDP payload."""
        number, length = phrases.number_of(event.group(22)), int(event.group(23))
        is_type = number <= 0xFF
        row = self.sent_rows.get(place.thread)
        table = self._table
        is_known = (
            row is not None
            and table.get(row, WIRE) == NONE
            and (not is_type or table.get(row, NUMBER) in (NONE, number))
            and self._is_near(row, place)
        )
        if row is None or not is_known:
            row = self._new_sent(place, text, number if is_type else None)
        if not is_type:
            table.put_checked(row, MESSAGE_ID, number)
        table.put_checked(row, WIRE, length)
        return row

    def _new_sent(self, place: Place, text: bytes, number: int | None) -> int:
        row = self.add(EventKind.MESSAGE, place, text, Direction.TO_SERVER, number)
        self.sent_rows[place.thread] = row
        return row

    def _new_received(self, place: Place, text: bytes, wire_bytes: int = NONE) -> int:
        row = self.add(EventKind.MESSAGE, place, text, Direction.TO_CLIENT, wire_bytes=wire_bytes)
        self.receiving_rows[place.thread] = row
        return row

    def _received_row(self, place: Place, text: bytes) -> int:
        row = self.receiving_rows.get(place.thread)
        return row if row is not None and self._is_near(row, place) else self._new_received(place, text)

    def _is_near(self, row: int, place: Place) -> bool:
        return is_near(self._table.get(row, TIME), self._table.get(row, START), place.time_ns, place.offset)


def is_near(time_ns: int, offset: int, later_ns: int, later_offset: int) -> bool:
    """Whether two records can tell of one message: near in time, and in the file: a clock can be set back."""
    return abs(later_ns - time_ns) <= NEAR_NS and later_offset - offset <= REACH_BYTES


def written(level: bytes, thread: bytes, text: bytes) -> bytes:
    """The text of an event as its table keeps it."""
    # The thread is kept apart (\x01 stands for it), so that a table of many threads needs few texts.
    return level + b" \x01 " + text[:_KEPT_TEXT_BYTES] if thread else text[:_KEPT_TEXT_BYTES]
