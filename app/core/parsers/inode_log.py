"""iNode client logs, streamed: blocks of bytes → `LogFacts`.

    [2017-07-12 11:14:20] [DtlCmn] [1394] SecPkt secPushInner: out-pkt [1]
    <data><i n="userName">a@b</i><i n="hwAddr">00:25:11:E9:55:B9</i><i n="eventSeqID">n1</i></data>

gives one record of two lines and one event. A log of gigabytes takes the memory of a few megabytes of text and of
its events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from app.core.parsers.accounts import BEFORE_FIRST, TOO_LONG
from app.core.parsers.body import BodyReader
from app.core.parsers.event_row import WHERE
from app.core.parsers.inode_choice import has_other_dialect, worth_reading
from app.core.parsers.inode_messages import NEAR_NS
from app.core.parsers.inode_parts import InodePart, facts_of
from app.core.parsers.inode_plain import Stretch
from app.core.parsers.inode_records import Record, RecordReader
from app.core.parsers.lead_lines import LeadLines
from app.core.parsers.log_heads import NO_TIME, Heads, Ints, find_heads, line_starts, set_back
from app.core.parsers.log_text import TextStream, as_narrow
from app.core.records import LogFacts

MAX_RECORD_BYTES = 1 << 20
_MAX_HEAD_BYTES = 400
_SMALL_LOG_BYTES = 2 << 20  # as far as every dialect is looked for
_SNIFF_HEAD = re.compile(
    rb"(?m)^[ \t>`*|-]{0,8}\[\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^\]\n]{0,10}\]"
    rb" ?\[[^\]\n]{1,24}\] ?\[(?:0x)?[0-9A-Fa-f]{1,16}\]"
)
_SNIFF_WORDS = re.compile(
    rb"SecPkt|out-pkt \[|secRcvThrd|pushSecRslt|sndSecMsg|<i n=\"(?:eventSeqID|userName|hwAddr)\"|iNode|MsgTYPE is"
)


def sniff_inode_log(head: bytes) -> float:
    """How likely a file that begins so is an iNode log: 0 (no) to 1."""
    text = as_narrow(head)
    if not text or text.count(b"\x00") * 10 > len(text):
        return 0.0
    heads = len(_SNIFF_HEAD.findall(text))
    words = len(_SNIFF_WORDS.findall(text))
    if not heads:
        return 0.3 if words > 1 and b"<data>" in text and b'<i n="' in text else 0.0
    lines = sum(1 for line in text.split(b"\n") if line.strip())
    share = min(heads / max(lines, 1) * 2, 1.0)
    return round(0.75 + 0.25 * share, 3) if words else round(0.5 * share, 3)


def parse_inode_log(blocks: Iterable[bytes], source: str, encoding: str | None = None) -> LogFacts:
    """`encoding` is what a person chose (any Python name); None leaves it to the content. Never raises on content."""
    return facts_of(_Parser(TextStream(blocks, encoding), source).run(), encoding)


def parse_inode_part(
    blocks: Iterable[bytes], source: str, start: int, end: int | None, bodies: BodyReader
) -> InodePart:
    """One of the parts into which `log_parts.cut_at` lets a log be cut. `blocks`: from byte `start` on, each to where
    a piece ends; the last one to the end of the piece in which byte `end` lies, or of the file (None). `bodies` may
    have read parts before this one."""
    return _Parser(TextStream(blocks, start=start), source, bodies, start).run(end is None)


class _Parser:
    def __init__(self, stream: TextStream, source: str, bodies: BodyReader | None = None, start: int = 0) -> None:
        self._stream = stream
        self._part = InodePart(source, start)
        self._account = self._part.account
        self._bodies = bodies or BodyReader()
        self._reader = RecordReader(self._part.table, self._account, self._bodies)
        self._base = start  # text offset at which the buffer begins
        self._lead = LeadLines(stream.file_offset)
        self._is_inside_line = False
        self._clock_ns = NO_TIME  # the latest time since the clock was last set back

    def run(self, has_end: bool = True) -> InodePart:
        """`has_end`: the log ends with this part; else its last record begins the next one."""
        buffer = b""
        for piece in self._stream:
            buffer += piece
            used = self._feed(buffer, is_final=False)
            buffer = buffer[used:]
            self._base += used
        if buffer and has_end:
            self._feed(buffer, is_final=True)
            self._note_last_line(buffer)
        self._reader.finish()
        part = self._part
        part.end = self._stream.file_offset(self._base)
        part.encodings = self._stream.seen
        part.has_wraps = self._bodies.has_wraps
        part.lead, part.lead_places = self._lead.half, self._lead.places
        return part

    def _feed(self, data: bytes, is_final: bool) -> int:
        """Takes whole records off the front of `data`; gives the bytes taken. The last record waits for its end."""
        end = len(data) if is_final else data.rfind(b"\n") + 1
        if end == 0:
            if len(data) < MAX_RECORD_BYTES:
                return 0
            end = len(data)
        starts = line_starts(data, end)
        if self._is_inside_line:
            starts = starts[1:]
        heads = find_heads(data, starts, end)
        limit = end
        if is_final and len(heads.positions):
            last = int(heads.positions[-1])
            self._part.tail = data[last:]
            self._part.tail_start = self._stream.file_offset(self._base + last)
        if not is_final and len(heads.positions):
            last = int(heads.positions[-1])
            if end - last < MAX_RECORD_BYTES:
                limit = last
        elif not is_final and end < MAX_RECORD_BYTES and not self._part.records:
            return 0
        if limit == 0:
            return 0
        self._process(data, starts, heads, limit)
        self._is_inside_line = data[limit - 1] != 10
        return limit

    def _note_last_line(self, data: bytes) -> None:
        start = data.rfind(b"\n") + 1
        if data[start : start + 1] == b"[" and len(data) - start <= _MAX_HEAD_BYTES:
            self._part.line = data[start:]
            self._part.line_start = self._stream.file_offset(self._base + start)

    def _process(self, data: bytes, starts: Ints, heads: Heads, limit: int) -> None:
        count = int(np.searchsorted(heads.positions, limit))
        lines = int(np.searchsorted(starts, limit))
        first_line = self._account.lines + 1
        self._account.lines += lines
        positions = heads.positions[:count]
        lead_end = int(positions[0]) if count else limit
        if lead_end > 0:
            self._take_lead(data[:lead_end], first_line)
        if not count:
            return
        self._part.note_times(heads.times[:count])
        ends = np.append(positions[1:], limit)
        head_lines = heads.lines[:count]
        # A record ends before the next one's line, or within that line where the two are glued together.
        own_lines = np.searchsorted(starts, ends) - head_lines
        is_open = self._base < _SMALL_LOG_BYTES or has_other_dialect(data, heads)
        chosen = worth_reading(data, heads, own_lines, limit, is_open)
        set_backs, self._clock_ns = set_back(heads.times[:count], self._clock_ns, NEAR_NS)
        self._part.set_backs += [
            self._stream.file_offset(self._base + position)
            for position in positions[set_backs[:1] + set_backs[-1:]].tolist()
        ]
        self._read(data, heads, chosen, ends[chosen], own_lines[chosen], first_line)

    def _read(self, data: bytes, heads: Heads, chosen: Ints, ends: Ints, own_lines: Ints, first_line: int) -> None:
        positions, times, lines = heads.positions[chosen], heads.times[chosen], heads.lines[chosen] + first_line
        offsets = self._stream.file_offsets(positions + self._base)
        where = np.empty(len(chosen), WHERE)
        for name, column in zip(WHERE.names or (), (times, offsets, lines, ends - positions), strict=True):
            where[name] = column
        is_usual = heads.is_plain[chosen] & (times != NO_TIME)
        starts = np.where(is_usual, positions, -1).tolist()
        places: list[bytes] = where.view(f"V{WHERE.itemsize}").tolist()
        stretch = Stretch(data, starts, ends.tolist(), places, lines, own_lines, offsets, times)
        at = self._reader.take_usual(stretch, 0)
        while at < len(chosen):
            self._reader.take(
                Record(
                    data[positions[at] : ends[at]], lines.item(at), own_lines.item(at), offsets.item(at),
                    times.item(at), heads.resolutions.item(chosen[at]),
                )
            )  # fmt: skip
            at = self._reader.take_usual(stretch, at + 1)

    def _take_lead(self, raw: bytes, line: int) -> None:
        """Lines in front of the first head of this stretch."""
        begin = raw.find(b"\n") + 1 or len(raw) if self._is_inside_line else 0
        raw, at = raw[begin:], self._base + begin
        if not raw:
            return
        reason = BEFORE_FIRST if not self._part.records else TOO_LONG
        if not self._part.records:
            self._lead.add(raw, at)
        self._reader.take_loose(raw, line, self._stream.file_offset(at), reason)
