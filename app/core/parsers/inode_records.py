"""Records of an iNode log, one after the other → rows of the event table.

A received message is told by several records of one thread (from whom and how many bytes, head id, type, id, then
the transfer
with the body); they become one event. A body may be cut in two by a record of another thread; its rest is
put back. What a wrap made unknown is settled when a retransmission shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.accounts import NO_RECORD, NO_SUCH_TIME, LineAccount
from app.core.parsers.body import BodyReader, ReadBody
from app.core.parsers.event_table import EventTable
from app.core.parsers.log_heads import NO_TIME
from app.core.parsers.mending import CLOSE, Mended, settle, squeeze
from app.core.records import NS, Direction, EventKind, Text

MAX_RECORD_BYTES = 1 << 20
_MAX_HEAD_BYTES = 2_000
_NEAR_NS = 3 * NS
_OPEN_BODIES = 8
_OPEN_RECORDS = 200  # a body that found no rest within so many records stays cut
_UNSETTLED = 64
_COPIES = 8
_RECENT_EXACT = 64

_CLOSED_TAIL = re.compile(rb"(?:\s|```|>(?=\s*<)|<i\b[^<]{0,4000}(?:</i>)?)*+(?:</data>)?")


@dataclass(slots=True)
class Record:
    """One record: `data[start:end]` holds it, its first line is `line` (from 1), `offset` its place in the file."""

    raw: bytes
    line: int
    lines: int
    offset: int
    time_ns: int
    resolution_ns: int
    level: bytes = b""
    thread: bytes = b""
    size: int = 0  # bytes that belong to it, without loose lines after it


@dataclass(slots=True)
class _OpenBody:
    row: int
    thread: bytes
    raw: bytearray
    column: int
    age: int = 0


class RecordReader:
    def __init__(self, table: EventTable, account: LineAccount) -> None:
        self._table = table
        self._account = account
        self._bodies = BodyReader()
        self._receiving: dict[bytes, int] = {}  # thread → row of the message being received
        self._sent: dict[bytes, int] = {}  # thread → row of its last sent message
        self._open: list[_OpenBody] = []
        self._unsettled: dict[bytes, list[tuple[int, Mended]]] = {}
        self._exact: dict[bytes, list[Mended]] = {}
        self._handlers: dict[str, Callable[[Record, bytes, re.Match[bytes]], int | None]] = {
            "sent": self._take_sent,
            "received": self._take_received,
            "head": self._take_head,
            "type": self._take_type,
            "id": self._take_id,
            "hexid": self._take_hex_id,
            "transfer": self._take_transfer,
            "result": self._take_result,
            "packet": self._take_packet,
            "error": self._take_error,
        }

    def take(self, record: Record) -> None:
        """One record with all its lines."""
        if record.time_ns == NO_TIME:
            self._account.reject(record.line, record.lines, record.offset, record.raw, NO_SUCH_TIME)
            return
        raw = record.raw
        head = phrases.HEAD.match(raw)
        if head is None and record.lines > 1:
            head = phrases.HEAD.match(_joined(raw[:_MAX_HEAD_BYTES]))
            head_end = 0
        else:
            head_end = head.end() if head is not None else 0
        if head is not None:
            record.level, record.thread = head.groups()
        body_start = self._body_start(record)
        text, rest_start = self._head_text(record, head, head_end, body_start)
        record.size = rest_start
        if self._open:
            self._age_open(record.thread)
        row = None
        event = phrases.EVENT.search(text)
        if event is not None:
            row = self._handlers[event.lastgroup or ""](record, text, event)
        elif _is_notice(text):
            row = self._add(EventKind.NOTICE, record, text)
        if body_start >= 0:
            if row is None:
                row = self._owner_of_body(record, text)
            self._take_body(record, row, body_start)
        elif rest_start < len(raw):
            self.take_loose(raw[rest_start:], record.line + raw.count(b"\n", 0, rest_start), record.offset + rest_start)

    def take_loose(self, raw: bytes, line: int, offset: int, reason: Text = NO_RECORD) -> None:
        """Lines without a head: the rest of an open body, or rejected. Blank lines and fences belong to whatever is
        near."""
        for piece in raw.splitlines(keepends=True) if b"\r" not in raw else _lines(raw):
            bare = piece.strip()
            if self._open and bare and phrases.BODY_PART.search(piece[:400]):
                self._feed_open(piece)
            elif bare and not bare.startswith(b"```"):
                self._account.reject(line, 1, offset, piece, reason)
            line += 1
            offset += len(piece)

    def finish(self) -> None:
        while self._open:
            self._close_body(self._open[0])
        for copies in self._unsettled.values():
            self._settle(copies)
        self._unsettled.clear()

    # ------------------------------------------------------------ the record's text

    def _body_start(self, record: Record) -> int:
        start = record.raw.find(b"<data>")
        if start < 0 and record.lines > 1:
            broken = phrases.BODY.search(record.raw)
            start = broken.start() if broken is not None else -1
        return start

    def _head_text(
        self, record: Record, head: re.Match[bytes] | None, head_end: int, body_start: int
    ) -> tuple[bytes, int]:
        """The record's text before any body, unwrapped, and where in the record the lines that belong to it end."""
        raw = record.raw
        if record.lines == 1:
            end = body_start if body_start >= 0 else len(raw)
            if head is None:
                time_only = phrases.TIME_ONLY.match(raw)
                head_end = time_only.end() if time_only is not None else 0
            return raw[head_end : min(end, head_end + _MAX_HEAD_BYTES)].rstrip(), len(raw)
        # Lines that follow at once continue the text; after a blank line, or where a body goes on, they do not.
        end = body_start if body_start >= 0 else _paragraph_end(raw, bool(self._open))
        text = raw[: min(end, _MAX_HEAD_BYTES)]
        joined = _joined(text) if b"\n" in text.rstrip() else text.rstrip()
        match = phrases.HEAD.match(joined) or phrases.TIME_ONLY.match(joined)
        return joined[match.end() if match is not None else 0 :], end if body_start < 0 else len(raw)

    def _add(self, kind: EventKind, record: Record, text: bytes) -> int:
        return self._table.add(
            kind,
            record.time_ns,
            record.line,
            record.offset,
            record.size,
            record.thread,
            self._written(record, text),
            record.resolution_ns,
        )

    @staticmethod
    def _written(record: Record, text: bytes) -> bytes:
        # The thread is kept apart (\x01 stands for it), so that a table of many threads needs few texts.
        return record.level + b" \x01 " + text[:400] if record.thread else text[:400]

    # ------------------------------------------------------------ events

    def _take_sent(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        number = phrases.number_of(event.group(2))
        row = self._sent.get(record.thread)
        table = self._table
        if row is not None and table.number[row] == number and table.shape[row] < 0 and self._is_near(row, record):
            is_length_only = b"packet" in (table.texts.items[table.text_number[row]] or b"")
            if is_length_only:
                table.set_place(row, record.line, record.offset, record.size, self._written(record, text), None)
                return row
        return self._new_sent(record, text, number)

    def _new_sent(self, record: Record, text: bytes, number: int | None) -> int:
        row = self._add(EventKind.MESSAGE, record, text)
        self._table.set_message(row, Direction.TO_SERVER, number)
        self._sent[record.thread] = row
        return row

    def _take_received(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        row = self._new_received(record, text)
        self._table.set_peer(row, event.group(4), event.group(5))
        self._table.set_wire(row, int(event.group(6)))
        return row

    def _new_received(self, record: Record, text: bytes) -> int:
        row = self._add(EventKind.MESSAGE, record, text)
        self._table.set_message(row, Direction.TO_CLIENT, None)
        self._receiving[record.thread] = row
        return row

    def _received_row(self, record: Record, text: bytes) -> int:
        row = self._receiving.get(record.thread)
        return row if row is not None and self._is_near(row, record) else self._new_received(record, text)

    def _take_head(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        row = self._received_row(record, text)
        self._table.set_head_id(row, int(event.group(8), 16))
        return row

    def _take_type(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        number = phrases.number_of(event.group(10))
        receiving = self._receiving.get(record.thread)
        if receiving is None and number in phrases.TO_SERVER_TYPES:
            # Some clients say the type of what they send in the same words.
            row = self._sent.get(record.thread)
            if row is None or not self._is_near(row, record) or self._table.number[row] not in (-1, number):
                row = self._new_sent(record, text, number)
            self._table.number[row] = number
            return row
        row = self._received_row(record, text)
        if self._table.number[row] not in (-1, number):
            row = self._new_received(record, text)
        self._table.set_message(row, Direction.TO_CLIENT, number)
        return row

    def _take_id(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        return self._set_id(record, text, phrases.number_of(event.group(12)))

    def _take_hex_id(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        return self._set_id(record, text, phrases.number_of(event.group(14), 16))

    def _set_id(self, record: Record, text: bytes, message_id: int) -> int:
        receiving, sent = self._receiving.get(record.thread), self._sent.get(record.thread)
        is_sent = sent is not None and self._is_near(sent, record) and (receiving is None or receiving < sent)
        row = sent if is_sent and sent is not None else self._received_row(record, text)
        self._table.set_id(row, message_id)
        return row

    def _take_transfer(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        number, message_id = phrases.number_of(event.group(16)), phrases.number_of(event.group(17))
        row = self._receiving.pop(record.thread, None)
        table = self._table
        if row is None or table.number[row] not in (-1, number) or not self._is_near(row, record):
            row = next((r for r in self._receiving.values() if table.message_id[r] == message_id), None)
            row = row if row is not None else self._add(EventKind.MESSAGE, record, text)
        table.set_message(row, Direction.TO_CLIENT, number)
        table.set_id(row, message_id)
        table.set_place(row, record.line, record.offset, record.size, self._written(record, text), message_id)
        return row

    def _take_result(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        row = self._add(EventKind.RESULT, record, text)
        self._table.set_message(row, None, int(event.group(19)))
        self._table.set_code(row, int(event.group(20)))
        return row

    def _take_packet(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        number, length = phrases.number_of(event.group(22)), int(event.group(23))
        row = self._sent.get(record.thread)
        known = (-1, number) if number <= 0xFF else (-1, *phrases.TO_SERVER_TYPES)
        table = self._table
        if row is None or table.number[row] not in known or table.wire[row] >= 0 or not self._is_near(row, record):
            row = self._new_sent(record, text, number if number <= 0xFF else None)
        if number > 0xFF:
            table.set_id(row, number)
        table.set_wire(row, length)
        return row

    def _take_error(self, record: Record, text: bytes, event: re.Match[bytes]) -> int:
        return self._add(EventKind.SEND_ERROR, record, text)

    def _is_near(self, row: int, record: Record) -> bool:
        return abs(record.time_ns - self._table.time[row]) <= _NEAR_NS

    # ------------------------------------------------------------ bodies

    def _owner_of_body(self, record: Record, text: bytes) -> int:
        """The message that a body without a number belongs to: the one this thread has just spoken of, else
        nobody's."""
        for rows in (self._receiving, self._sent):
            row = rows.get(record.thread)
            if row is not None and self._table.shape[row] < 0 and self._is_near(row, record):
                self._table.set_place(row, record.line, record.offset, record.size, self._written(record, text), None)
                return row
        return self._add(EventKind.MESSAGE, record, text)

    def _take_body(self, record: Record, row: int, start: int) -> None:
        raw = record.raw
        column = start - (raw.rfind(b"\n", 0, start) + 1)
        end = raw.find(CLOSE, start)
        if end < 0 and record.lines > 1 and b"</data>" in _joined(raw[-200:]):
            end = len(raw) - len(CLOSE)  # the end itself is broken by a wrap
        if end < 0:
            self._open.append(_OpenBody(row, record.thread, bytearray(raw[start:]), column))
            if len(self._open) > _OPEN_BODIES:
                self._close_body(self._open[0])
            return
        end = min(end + len(CLOSE), len(raw))
        if raw[end:].strip():
            end = self._end_of_tail(record, end)
        self._set_body(row, raw[start:end], column)

    def _end_of_tail(self, record: Record, end: int) -> int:
        """Elements written after the end belong to the body; other text there is nobody's."""
        raw = record.raw
        tail = _CLOSED_TAIL.match(raw, end)
        after = tail.end() if tail is not None else end
        if self._open and b"<i" in raw[end:after]:
            after = end  # the rest of a body that this record cut in two
        line_start = raw.rfind(b"\n", 0, after) + 1
        # Text behind the end on its own line stays with the record; from the next line on it is loose.
        loose_from = (
            line_start if line_start >= end and not raw[line_start:after].strip() else raw.find(b"\n", after) + 1
        )
        if loose_from and raw[loose_from:].strip():
            first = record.line + raw.count(b"\n", 0, loose_from)
            self.take_loose(raw[loose_from:], first, record.offset + loose_from)
        return after

    def _set_body(self, row: int, raw: bytes, column: int) -> None:
        body = self._bodies.read(raw, column)
        self._table.set_body(row, body)
        if self._unsettled or body.mended.unknown or len(self._exact) < _RECENT_EXACT or b"\n" in raw:
            self._compare(row, body)

    def _compare(self, row: int, body: ReadBody) -> None:
        event = body.identity[2]
        if event is None or not body.mended.is_complete:
            return
        if body.mended.is_exact:
            if event in self._unsettled:
                self._settle([*self._unsettled.pop(event), (row, body.mended)])
            self._exact.setdefault(event, []).append(body.mended)
            del self._exact[event][:-_COPIES]
            _forget_oldest(self._exact, _RECENT_EXACT)
            return
        copies = self._unsettled.setdefault(event, [])
        copies.append((row, body.mended))
        copies += [(-1, mended) for mended in self._exact.get(event, ())] if len(copies) == 1 else []
        if len(copies) > _COPIES or any(known < 0 for known, _ in copies):
            self._settle(self._unsettled.pop(event))
        if len(self._unsettled) > _UNSETTLED:
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

    def _feed_open(self, piece: bytes) -> None:
        body = self._open[-1]
        body.raw += piece
        if CLOSE in body.raw[-len(piece) - len(CLOSE) :] or len(body.raw) > MAX_RECORD_BYTES:
            self._close_body(body)

    def _close_body(self, body: _OpenBody) -> None:
        self._open.remove(body)
        self._set_body(body.row, bytes(body.raw), body.column)

    def _age_open(self, thread: bytes) -> None:
        """The thread that left a body open speaks again, or many others did: the body is cut."""
        for body in self._open[:]:
            body.age += 1
            if body.thread == thread or body.age > _OPEN_RECORDS:
                self._close_body(body)


def _is_notice(text: bytes) -> bool:
    if text.isascii():
        return phrases.ENGLISH_NOTICE.search(text) is not None
    return phrases.NOTICE.search(text) is not None


def _joined(raw: bytes) -> bytes:
    """Lines put together as a wrap cut them: nothing but the breaks (and the indentation after them) goes."""
    lines = [line.strip(b"\r") for line in raw.split(b"\n")]
    return b"".join(line for line in lines if not line.startswith(b"```"))


def _lines(raw: bytes) -> list[bytes]:
    return [line + b"\n" for line in raw.split(b"\n")[:-1]] + (
        [raw.rpartition(b"\n")[2]] if not raw.endswith(b"\n") else []
    )


def _paragraph_end(raw: bytes, has_open_body: bool) -> int:
    """Where the record's own lines end: at a blank line, or at a line that continues somebody's open body."""
    at = raw.find(b"\n") + 1
    while 0 < at < len(raw):
        end = raw.find(b"\n", at) + 1 or len(raw)
        line = raw[at:end]
        if not line.strip() or (has_open_body and phrases.BODY_PART.search(line[:400])):
            return at
        at = end
    return len(raw)


def _forget_oldest(kept: dict[bytes, list[Mended]], limit: int) -> None:
    while len(kept) > limit:
        del kept[next(iter(kept))]
