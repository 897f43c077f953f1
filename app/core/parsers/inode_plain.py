"""The usual records of an iNode log: one of the phrases of `phrases.PLAIN`, alone or with a whole body.

What such a record says in its first line, apart from the time, is said again and again: it is read once, and kept with
the cells of the event table that tell of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.body import ReadBody
from app.core.parsers.event_row import HEAD_ID, MESSAGE_ID, NUMBER
from app.core.parsers.event_rows import Alike, EventRows, peer_of, without_id
from app.core.parsers.inode_bodies import OPENING, BodyKeeper
from app.core.parsers.inode_messages import MessageReader, Place, written
from app.core.parsers.mending import CLOSE
from app.core.records import NS, Direction, EventKind

_TIME_BYTES = len("[2017-07-12 11:14:20]")
_CLOSE_BYTES = len(CLOSE)
_MOST_SAID = 4_096
_PLAIN_ID = re.compile(rb"[1-9]\d{0,8}")


class _Said(NamedTuple):
    thread: bytes
    told: dict[bytes, int] | None  # where a message is noted that begins with this record
    alike: Alike | None  # None: nothing of interest


class _Transfer(NamedTuple):
    """What a record of a transfer says before its id."""

    thread: bytes
    number: int
    text: int  # as the table knows it


class PlainReader:
    def __init__(self, table: EventRows, bodies: BodyKeeper, messages: MessageReader) -> None:
        self._table = table
        self._bodies = bodies
        self._open_bodies = bodies.open_bodies
        self._messages = messages
        self._sent = messages.sent_rows
        self._receiving = messages.receiving_rows
        self._said: dict[bytes, _Said] = {}  # by the first line from the time on, to a body's first byte
        self._transfers: dict[bytes, _Transfer] = {}  # by the first line from the time on, to the id's bracket

    def take(self, data: bytes, start: int, end: int, line: int, lines: int, offset: int, time_ns: int) -> int:
        """For data[start:end] with the usual head. Gives how many records it took: 0 where this one is not of that
        kind, several where the next ones tell of the same message."""
        if self._open_bodies:
            return 0
        opening = data.find(OPENING, start, end)
        key = data[start + _TIME_BYTES : opening + 1 or end]
        said = self._said.get(key)
        if said is None:
            if opening >= 0 and self._take_transfer(data, start, opening, end, key, line, offset, time_ns):
                return 1
            return self._take_any(data, start, end, key, line, lines, offset, time_ns)
        thread, told, alike = said
        if alike is None:
            return 1
        if told is not None:
            before = told.get(thread)
            if before is None:
                self._messages.make_room(time_ns, offset)
            elif told is self._sent and not self._table.has_body(before):
                # The thread may have told of this message already.
                return self._take_any(data, start, end, key, line, lines, offset, time_ns)
        if opening >= 0:
            body = self._body(data, start, opening, end)
            if body is None:
                return 0
            row = self._table.add_alike(alike, time_ns, line, offset, end - start, body)
            self._bodies.note(row, body)
        else:
            row = self._table.add_alike(alike, time_ns, line, offset, end - start)
        if told is not None:
            told[thread] = row
            if told is self._receiving and opening < 0:
                return self._take_rest(data, start, end, thread, row)
        return 1

    def _body(self, data: bytes, start: int, opening: int, end: int) -> ReadBody | None:
        """The record's body; None where its end is missing, or something stands behind it."""
        close = data.find(CLOSE, opening, end) + _CLOSE_BYTES
        if close < _CLOSE_BYTES or data[close:end].strip():
            return None
        return self._bodies.read(data[opening:close], opening - data.rfind(b"\n", 0, start) - 1)

    def _take_transfer(
        self, data: bytes, start: int, opening: int, end: int, key: bytes, line: int, offset: int, time_ns: int
    ) -> bool:
        """The end, with the body, of the message that the thread is receiving; False where it is not that."""
        front, _, behind = key.rpartition(b"[")
        said = self._transfers.get(front)
        message_id, _, blank = behind.partition(b"]")
        if said is None or blank.strip() != b"<" or not _PLAIN_ID.fullmatch(message_id):
            return False
        body = self._body(data, start, opening, end)
        row = self._messages.row_to_transfer(said.thread, said.number, time_ns, offset) if body is not None else None
        if body is None or row is None:
            return False
        self._table.set_transfer(row, said.number, int(message_id), line, offset, end - start, said.text)
        self._table.set_body(row, body)
        self._bodies.note(row, body)
        return True

    def _learn(self, key: bytes, match: re.Match[bytes]) -> None:
        """Keeps what such a record says, where that is nothing but one line (and a body) and comes again and again."""
        behind = key[match.end() - match.start() - _TIME_BYTES :]
        has_body = behind.endswith(b"<")
        if behind.removesuffix(b"<").strip() or (b"\n" in behind[:-1] and not has_body):
            return
        which, thread = match.lastindex, match.group(2)
        text = written(match.group(1), thread, _text(match))
        for kept in (self._said, self._transfers):
            if len(kept) >= _MOST_SAID:
                kept.clear()
        if which == phrases.PLAIN_STATE and not has_body:
            self._said[key] = _Said(thread, None, None)
        elif which == phrases.PLAIN_SENT:
            number = int(match.group(3))
            alike = self._table.alike(EventKind.MESSAGE, thread, text, Direction.TO_SERVER, number)
            self._said[key] = _Said(thread, self._sent, alike)
        elif which == phrases.PLAIN_RECEIVED:
            alike = self._table.alike(
                EventKind.MESSAGE, thread, text, Direction.TO_CLIENT,
                wire_bytes=int(match.group(6)), peer=peer_of(match.group(4), match.group(5)),
            )  # fmt: skip
            self._said[key] = _Said(thread, self._receiving, alike)
        elif which == phrases.PLAIN_RESULT:
            number, code = int(match.group(12)), int(match.group(13))
            alike = self._table.alike(EventKind.RESULT, thread, text, number=number, code=code)
            self._said[key] = _Said(thread, None, alike)
        elif which == phrases.PLAIN_TRANSFER and has_body and int(match.group(10)) <= 0xFFFF:
            bare = self._table.texts.number(without_id(text, int(match.group(11))))
            self._transfers[key.rpartition(b"[")[0]] = _Transfer(thread, int(match.group(10)), bare)

    def _take_rest(self, data: bytes, start: int, end: int, thread: bytes, row: int) -> int:
        more = phrases.RECEIVED_REST.match(data, end)
        if more is None:
            return 1
        time, told_by, head_id, number, message_id = more.groups()
        if told_by != thread or not data.startswith(time, start + 1):
            return 1
        self._table.set_ids(row, int(head_id, 16), int(number), int(message_id))
        return 4

    def _take_any(
        self, data: bytes, start: int, end: int, key: bytes, line: int, lines: int, offset: int, time_ns: int
    ) -> int:
        """As `take`, whatever the record says."""
        match = phrases.PLAIN.match(data, start, end)
        if match is None:
            return 0
        which = match.lastindex
        if key not in self._said:
            self._learn(key, match)
        raw = data[match.end() : end].strip()
        if raw:
            if which == phrases.PLAIN_STATE or not _is_one_body(raw):
                return 0
        elif lines > 1:
            return 0
        elif which == phrases.PLAIN_STATE or self._complete(match, which, time_ns, offset):
            return 1
        level, thread = match.group(1, 2)
        place = Place(time_ns, NS, line, offset, end - start, level, thread)
        row = self._take_phrase(place, _text(match), match)
        if raw:
            self._bodies.take(row, raw, data.find(OPENING, match.end()) - data.rfind(b"\n", 0, match.end()) - 1)
        elif which == phrases.PLAIN_RECEIVED:
            return self._take_rest(data, start, end, thread, row)
        return 1

    def _complete(self, match: re.Match[bytes], which: int | None, time_ns: int, offset: int) -> bool:
        """A record that only adds a number to the message that its thread is receiving; False where it is none."""
        if which == phrases.PLAIN_HEAD:
            return self._messages.complete(match.group(2), time_ns, offset, HEAD_ID, int(match.group(7), 16))
        if which == phrases.PLAIN_ID:
            return self._messages.complete(match.group(2), time_ns, offset, MESSAGE_ID, int(match.group(9)))
        if which == phrases.PLAIN_TYPE:
            return self._messages.complete(match.group(2), time_ns, offset, NUMBER, int(match.group(8)))
        return False

    def _take_phrase(self, place: Place, text: bytes, match: re.Match[bytes]) -> int:
        which = match.lastindex
        messages = self._messages
        if which == phrases.PLAIN_SENT:
            return messages.sent(place, text, int(match.group(3)))
        if which == phrases.PLAIN_RECEIVED:
            return messages.received(place, text, match.group(4), match.group(5), int(match.group(6)))
        if which == phrases.PLAIN_HEAD:
            return messages.head(place, text, int(match.group(7), 16))
        if which == phrases.PLAIN_TYPE:
            return messages.type(place, text, int(match.group(8)))
        if which == phrases.PLAIN_ID:
            return messages.id(place, text, int(match.group(9)))
        if which == phrases.PLAIN_RESULT:
            return messages.result(place, text, int(match.group(12)), int(match.group(13)))
        return messages.transfer(place, text, int(match.group(10)), int(match.group(11)))


def _text(match: re.Match[bytes]) -> bytes:
    """What stands behind the thread."""
    return match.string[match.end(2) + 2 : match.end()]


def _is_one_body(raw: bytes) -> bool:
    """Whether `raw` is one body from its beginning to its end, and nothing else."""
    return raw.startswith(OPENING) and raw.endswith(CLOSE) and raw.find(CLOSE) == len(raw) - len(CLOSE)
