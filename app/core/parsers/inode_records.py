"""Records of an iNode log, one after the other: text, body and loose lines told apart.

The usual record takes a short way (`inode_plain`); everything else, wrapped, cut, interleaved or unknown, takes the
thorough one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.accounts import NO_RECORD, NO_SUCH_TIME, LineAccount
from app.core.parsers.body import BodyReader
from app.core.parsers.event_row import SIZE
from app.core.parsers.event_rows import EventRows
from app.core.parsers.inode_bodies import OPENING, BodyKeeper
from app.core.parsers.inode_messages import MessageReader, Place
from app.core.parsers.inode_plain import PlainReader
from app.core.parsers.log_heads import NO_TIME
from app.core.parsers.mending import CLOSE
from app.core.records import EventKind, Text

_MAX_HEAD_BYTES = 2_000
_BLANK = b" \t\r\n\x0b\x0c\xef\xbb\xbf"  # a mark of UTF-8 between two files that were put together says nothing

_CLOSED_TAIL = re.compile(rb"(?:\s|```|>(?=\s*<)|<i\b[^<]{0,4000}(?:</i>)?)*+(?:</data>)?")


@dataclass(slots=True)
class Record:
    """One record: `raw` is all of it, its first line is `line` (from 1), `offset` its place in the file."""

    raw: bytes
    line: int
    lines: int
    offset: int
    time_ns: int
    resolution_ns: int


class RecordReader:
    def __init__(self, table: EventRows, account: LineAccount, bodies: BodyReader) -> None:
        self._table = table
        self._account = account
        self._bodies = BodyKeeper(table, bodies)
        self._messages = MessageReader(table)
        self.take_usual = PlainReader(table, self._bodies, self._messages).take

    def take(self, record: Record) -> None:
        """Any record with all its lines."""
        if record.time_ns == NO_TIME:
            self._account.reject(record.line, record.lines, record.offset, record.raw, NO_SUCH_TIME)
            return
        if self._bodies.open_bodies:
            self._bodies.close_far(record.time_ns, record.offset)
        raw = record.raw
        body_start = self._body_start(record)
        own_end = (
            len(raw) if body_start >= 0 or record.lines == 1 else _paragraph_end(raw, bool(self._bodies.open_bodies))
        )
        head, text = _head_text(raw, min(own_end, body_start) if body_start >= 0 else own_end)
        place = Place(record.time_ns, record.resolution_ns, record.line, record.offset, own_end)
        if head is not None:
            place.level, place.thread = head.groups()
        if self._bodies.open_bodies:
            self._bodies.age(place.thread)
        row = None
        event = phrases.EVENT.search(text)
        if event is not None:
            row = self._messages.take(place, text, event)
        elif _is_notice(text):
            row = self._messages.add(EventKind.NOTICE, place, text)
        if body_start >= 0:
            if row is None:
                row = self._messages.owner_of_body(place, text)
            self._take_body(record, row, place.thread, body_start)
        elif own_end < len(raw):
            self.take_loose(raw[own_end:], record.line + raw.count(b"\n", 0, own_end), record.offset + own_end)

    def take_loose(self, raw: bytes, line: int, offset: int, reason: Text = NO_RECORD) -> None:
        """Lines without a head: the rest of an open body, or rejected. Blank lines and fences belong to whatever is
        near."""
        start = offset
        lines, at = 0, offset  # the run of lines to reject that ends here
        for piece in _lines(raw):
            bare = piece.strip(_BLANK)
            is_rest = bool(bare and self._bodies.open_bodies) and phrases.BODY_PART.search(piece[:400]) is not None
            if is_rest:
                self._bodies.feed(piece)
            if bare and not is_rest and not bare.startswith(b"```"):
                lines += 1
            elif lines:
                self._account.reject(line - lines, lines, at, raw[at - offset : start - offset], reason)
                lines = 0
            line += 1
            start += len(piece)
            if not lines:
                at = start
        if lines:
            self._account.reject(line - lines, lines, at, raw[at - offset :], reason)

    def finish(self) -> None:
        self._bodies.finish()

    def _body_start(self, record: Record) -> int:
        start = record.raw.find(OPENING)
        if start < 0 and record.lines > 1:
            broken = phrases.BODY.search(record.raw)
            start = broken.start() if broken is not None else -1
        return start

    def _take_body(self, record: Record, row: int, thread: bytes, start: int) -> None:
        raw = record.raw
        column = start - (raw.rfind(b"\n", 0, start) + 1)
        end = raw.find(CLOSE, start)
        if end < 0 and record.lines > 1:
            broken = phrases.BODY_END.search(raw, start)  # the end itself is broken by a wrap
            end = broken.end() - len(CLOSE) if broken is not None else -1
        if end < 0:
            self._bodies.open(row, thread, raw[start:], column, record.time_ns, record.offset)
            return
        end += len(CLOSE)
        if raw[end:].strip():
            end = self._end_of_tail(record, end)
        self._table.put(row, SIZE, end)
        self._bodies.take(row, raw[start:end], column)

    def _end_of_tail(self, record: Record, end: int) -> int:
        """Elements written after the end belong to the body; other text there is nobody's."""
        raw = record.raw
        tail = _CLOSED_TAIL.match(raw, end)
        after = tail.end() if tail is not None else end
        if self._bodies.open_bodies and b"<i" in raw[end:after]:
            after = end  # the rest of a body that this record cut in two
        line_start = raw.rfind(b"\n", 0, after) + 1
        # Text behind the end on its own line stays with the record; from the next line on it is loose.
        is_at_line_start = line_start >= end and not raw[line_start:after].strip()
        loose_from = line_start if is_at_line_start else raw.find(b"\n", after) + 1
        if loose_from and raw[loose_from:].strip():
            first = record.line + raw.count(b"\n", 0, loose_from)
            self.take_loose(raw[loose_from:], first, record.offset + loose_from)
        return after


def _head_text(raw: bytes, end: int) -> tuple[re.Match[bytes] | None, bytes]:
    """The match of level and thread (None where the record has none), and the text before any body, unwrapped."""
    text = raw[: min(end, _MAX_HEAD_BYTES)].rstrip()
    if b"\n" in text:
        text = _joined(text)
    head = phrases.HEAD.match(text)
    beginning = head or phrases.TIME_ONLY.match(text)
    return head, text[beginning.end() if beginning is not None else 0 :]


def _is_notice(text: bytes) -> bool:
    if text.isascii():
        return phrases.ENGLISH_NOTICE.search(text) is not None
    return phrases.NOTICE.search(text) is not None


def _joined(raw: bytes) -> bytes:
    """Lines put together as a wrap cut them: only the breaks go, and lines that are fences."""
    lines = [line.strip(b"\r") for line in raw.split(b"\n")]
    return b"".join(line for line in lines if not line.startswith(b"```"))


def _lines(raw: bytes) -> list[bytes]:
    *lines, rest = raw.split(b"\n")
    return [line + b"\n" for line in lines] + ([rest] if rest else [])


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
