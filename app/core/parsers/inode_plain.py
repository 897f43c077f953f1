"""The usual records of an iNode log: one of the phrases of `phrases.PLAIN`, alone or with a whole body.

What such a record says in its first line, apart from the time, is said again and again: it is read once, and kept with
the cells of the event table that tell of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.body_shape import ReadBody
from app.core.parsers.event_row import BODY_SIGN, HEAD_ID, MESSAGE_ID, NO_BODY, NUMBER, ROW_BYTES
from app.core.parsers.event_rows import EventRows, peer_of, without_id
from app.core.parsers.inode_bodies import OPENING, BodyKeeper
from app.core.parsers.inode_messages import MessageReader, Place, written
from app.core.parsers.log_heads import Ints
from app.core.parsers.mending import CLOSE
from app.core.records import NS, Direction, EventKind

_TIME_BYTES = len("[2017-07-12 11:14:20]")
_OPENING_BYTES, _CLOSE_BYTES = len(OPENING), len(CLOSE)
_MOST_SAID = 4_096
_ID_DIGITS = 9
_ID_LINE_BYTES = _ID_DIGITS + len(b"\r\n")
_PLAIN_ID = re.compile(rb"[1-9]\d{0,8}")


class Stretch(NamedTuple):
    """Records of a stretch of text, in order. `starts` and `ends` are places in `data` (a start of -1: a head that is
    not the usual one), `places` how their rows begin, packed."""

    data: bytes
    starts: list[int]
    ends: list[int]
    places: list[bytes]
    lines: Ints  # the number of the first, from 1
    own_lines: Ints
    offsets: Ints  # bytes of the file
    times: Ints


class _Said(NamedTuple):
    thread: bytes
    told: dict[bytes, int] | None  # where a message is noted that begins with this record
    cells: bytes  # of its row, behind its place and to its body, or to its end; none: nothing of interest


class _Transfer(NamedTuple):
    """What a record of a transfer says before its id."""

    thread: bytes
    number: int
    text: int  # as the table knows it


class _Rest(NamedTuple):
    """What the three records behind `sent me` say; the same time stands between the pieces, an id behind the last."""

    pieces: tuple[bytes, ...]
    head_id: int
    number: int


class PlainReader:
    def __init__(self, table: EventRows, bodies: BodyKeeper, messages: MessageReader) -> None:
        self._table = table
        self._bodies = bodies
        self._open_bodies = bodies.open_bodies
        self._messages = messages
        self._sent = messages.sent_rows
        self._receiving = messages.receiving_rows
        self._said: dict[bytes, _Said] = {}  # by the first line from the time on, with a body's first element
        self._transfers: dict[bytes, _Transfer] = {}  # by the first line from the time on, to the id's bracket
        self._rests: dict[bytes, _Rest] = {}  # by thread
        self._last_raw = b""  # the last body with nothing to mend, to the end of its record
        self._last_body: ReadBody
        self._last_cells = b""  # how a row with that body ends

    def take(self, stretch: Stretch, at: int) -> int:
        """Takes usual records from number `at` on; gives the number of the first one that is not of that kind."""
        if self._open_bodies:
            return at
        data, starts, ends, places, *_ = stretch
        count = len(starts)
        find, said_by, rows, note = data.find, self._said.get, self._table.rows, self._bodies.note
        sent, receiving = self._sent, self._receiving
        while at < count:
            start, end = starts[at], ends[at]
            if start < 0:
                break
            opening = find(OPENING, start, end)
            key = data[start + _TIME_BYTES : end if opening < 0 else opening + _OPENING_BYTES]
            said = said_by(key)
            if said is None:
                taken = self._take_unknown(stretch, at, opening, key)
                if not taken:
                    break
                at += taken
                continue
            thread, told, cells = said
            if not cells:
                at += 1
                continue
            if told is sent:
                before = told.get(thread)
                if before is not None and rows[before * ROW_BYTES + BODY_SIGN] > 0x7F:
                    # The thread may have told of this message already.
                    if not self._take_any(stretch, at, key):
                        break
                    at += 1
                    continue
            taken = 1
            row = len(rows) // ROW_BYTES
            if opening >= 0:
                raw = data[opening:end]
                if raw != self._last_raw and not self._read_body(raw, data, start, opening):
                    break
                rows += places[at] + cells + self._last_cells
                note(row, self._last_body)
            else:
                rows += places[at] + cells
                if told is receiving:
                    taken = self._take_rest(data, start, end, thread, row)
            if told is not None:
                if thread not in told:
                    self._messages.make_room(stretch.times.item(at), stretch.offsets.item(at))
                told[thread] = row
            at += taken
        return at

    def _read_body(self, raw: bytes, data: bytes, start: int, opening: int) -> bool:
        """Makes the body with which a record ends the last one; False where its end is missing, or something stands
        behind it. `raw`: from its `opening` on, in the record that begins at `start`."""
        body = self._bodies.known(raw.rstrip())
        if body is None:
            close = raw.find(CLOSE) + _CLOSE_BYTES
            if close < _CLOSE_BYTES or raw[close:].strip():
                return False
            body = self._bodies.read(raw[:close], opening - data.rfind(b"\n", 0, start) - 1)
        self._last_body, self._last_cells = body, self._table.body_cells(body)
        self._last_raw = raw if body.mended is None else b""
        return True

    def _take_unknown(self, stretch: Stretch, at: int, opening: int, key: bytes) -> int:
        if opening >= 0 and self._take_transfer(stretch, at, opening, key):
            return 1
        return self._take_any(stretch, at, key)

    def _take_transfer(self, stretch: Stretch, at: int, opening: int, key: bytes) -> bool:
        """The end, with the body, of the message that the thread is receiving; False where it is not that."""
        front, _, behind = key.rpartition(b"[")
        said = self._transfers.get(front)
        message_id, _, blank = behind.partition(b"]")
        if said is None or blank.strip() != OPENING or not _PLAIN_ID.fullmatch(message_id):
            return False
        data, start = stretch.data, stretch.starts[at]
        if not self._read_body(data[opening : stretch.ends[at]], data, start, opening):
            return False
        row = self._messages.row_to_transfer(said.thread, said.number, stretch.times.item(at), stretch.offsets.item(at))
        if row is None:
            return False
        self._table.set_transfer(row, said.number, int(message_id), stretch.places[at], said.text, self._last_cells)
        self._bodies.note(row, self._last_body)
        return True

    def _learn(self, key: bytes, match: re.Match[bytes]) -> None:
        """Keeps what such a record says, where that is nothing but one line (and a body) and comes again and again."""
        behind = key[match.end() - match.start() - _TIME_BYTES :]
        has_body = behind.endswith(OPENING)
        if behind.removesuffix(OPENING).strip() or (b"\n" in behind[:-1] and not has_body):
            return
        which, thread = match.lastindex, match.group(2)
        text = written(match.group(1), thread, _text(match))
        for kept in (self._said, self._transfers):
            if len(kept) >= _MOST_SAID:
                kept.clear()
        to_body = b"" if has_body else NO_BODY
        if which == phrases.PLAIN_STATE and not has_body:
            self._said[key] = _Said(thread, None, b"")
        elif which == phrases.PLAIN_SENT:
            number = int(match.group(3))
            cells = self._table.alike(EventKind.MESSAGE, thread, text, Direction.TO_SERVER, number)
            self._said[key] = _Said(thread, self._sent, cells + to_body)
        elif which == phrases.PLAIN_RECEIVED:
            cells = self._table.alike(
                EventKind.MESSAGE, thread, text, Direction.TO_CLIENT,
                wire_bytes=int(match.group(6)), peer=peer_of(match.group(4), match.group(5)),
            )  # fmt: skip
            self._said[key] = _Said(thread, self._receiving, cells + to_body)
        elif which == phrases.PLAIN_RESULT:
            number, code = int(match.group(12)), int(match.group(13))
            cells = self._table.alike(EventKind.RESULT, thread, text, number=number, code=code)
            self._said[key] = _Said(thread, None, cells + to_body)
        elif which == phrases.PLAIN_TRANSFER and has_body and int(match.group(10)) <= 0xFFFF:
            bare = self._table.texts.number(without_id(text, int(match.group(11))))
            self._transfers[key.rpartition(b"[")[0]] = _Transfer(thread, int(match.group(10)), bare)

    def _take_rest(self, data: bytes, start: int, end: int, thread: bytes, row: int) -> int:
        """What follows upon `sent me`, which was the record before. Gives how many records that makes with it."""
        time = data[start + 1 : start + _TIME_BYTES - 1]
        known = self._rests.get(thread)
        if known is not None:
            pieces, head_id, number = known
            text = time.join(pieces)
            if data.startswith(text, end):
                message_id, found, _ = data[end + len(text) : end + len(text) + _ID_LINE_BYTES].partition(b"\n")
                message_id = message_id.removesuffix(b"\r")
                if found and message_id.isdigit() and len(message_id) <= _ID_DIGITS:
                    self._table.set_ids(row, head_id, number, int(message_id))
                    return 4
        return self._read_rest(data, end, thread, time, row)

    def _read_rest(self, data: bytes, end: int, thread: bytes, time: bytes, row: int) -> int:
        more = phrases.RECEIVED_REST.match(data, end)
        if more is None or more[1] != time or more[2] != thread:
            return 1
        head_id, number = int(more[3], 16), int(more[4])
        pieces = tuple(data[end : more.start(5)].split(time))
        if len(self._rests) >= _MOST_SAID:
            self._rests.clear()
        self._rests[thread] = _Rest(pieces, head_id, number)
        self._table.set_ids(row, head_id, number, int(more[5]))
        return 4

    def _take_any(self, stretch: Stretch, at: int, key: bytes) -> int:
        """As `take`, one record, whatever it says, and those that tell of the same message. Gives how many it took."""
        data, start, end = stretch.data, stretch.starts[at], stretch.ends[at]
        line, lines = stretch.lines.item(at), stretch.own_lines.item(at)
        time_ns, offset = stretch.times.item(at), stretch.offsets.item(at)
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
