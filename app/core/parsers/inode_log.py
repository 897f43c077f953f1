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
import numpy.typing as npt

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.accounts import BEFORE_FIRST, TOO_LONG, LineAccount
from app.core.parsers.event_table import START, EventTable
from app.core.parsers.inode_records import Record, RecordReader
from app.core.parsers.log_heads import NO_TIME, Heads, Ints, find_heads, line_starts, places_of
from app.core.parsers.log_text import TextStream, as_narrow, chosen_codec
from app.core.records import LogEdges, LogFacts, Side, Text

FORMAT = "inode"
MAX_RECORD_BYTES = 1 << 20
MAX_EDGE_BYTES = 256 << 10
_TAIL_ROWS = 8
SERVERS_OWN = Text(
    "Written in the style of an iNode log, but it receives what clients send and sends what the server sends: read as "
    "the policy server's log.",
    "样式与 iNode 日志相同，但接收的是客户端发送的报文、发送的是服务器发送的报文，因此按策略服务器日志读取。",
)
_SMALL_LOG_LINES = 20_000
_FEW = 4
_SECOND_LETTER = len("[2017-07-12 11:14:20] [D")  # of the level
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


Choice = npt.NDArray[np.bool_]


def _choose(chosen: Choice, positions: Ints, found: list[int] | Ints) -> None:
    """Marks the records in which the offsets lie."""
    indexes = np.searchsorted(positions, np.asarray(found, np.int64), side="right") - 1
    chosen[indexes[indexes >= 0]] = True


def parse_inode_log(blocks: Iterable[bytes], source: str, encoding: str | None = None) -> LogFacts:
    """`encoding` is what a person chose (any Python name); None leaves it to the content. Never raises on content."""
    parser = _Parser(blocks, source, encoding)
    parser.run()
    return parser.facts()


class _Parser:
    def __init__(self, blocks: Iterable[bytes], source: str, encoding: str | None) -> None:
        self._source = source
        self._encoding = encoding
        self._stream = TextStream(blocks, encoding)
        self._table = EventTable(source, Side.CLIENT)
        self._account = LineAccount(source)
        self._reader = RecordReader(self._table, self._account)
        self._records = 0
        self._first: int | None = None
        self._last: int | None = None
        self._base = 0  # text offset at which the buffer begins
        self._is_inside_line = False
        self._lead = b""
        self._tail = (b"", 0)  # the last record and its offset

    def run(self) -> None:
        buffer = b""
        for piece in self._stream:
            buffer += piece
            used = self._feed(buffer, is_final=False)
            buffer = buffer[used:]
            self._base += used
        if buffer:
            self._feed(buffer, is_final=True)
        self._reader.finish()

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
            self._tail = (data[last:], self._stream.file_offset(self._base + last))
        if not is_final and len(heads.positions):
            last = int(heads.positions[-1])
            if end - last < MAX_RECORD_BYTES:
                limit = last
        elif not is_final and end < MAX_RECORD_BYTES and not self._records:
            return 0
        if limit == 0:
            return 0
        self._process(data, starts, heads, limit)
        self._is_inside_line = data[limit - 1] != 10
        return limit

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
        self._note_times(heads.times[:count])
        self._records += int((heads.times[:count] != NO_TIME).sum())
        ends = np.append(positions[1:], limit)
        head_lines = heads.lines[:count]
        # A record ends before the next one's line, or within that line where the two are glued together.
        own_lines = np.searchsorted(starts, ends) - head_lines
        chosen = self._worth_reading(data, heads, positions, own_lines, limit)
        self._read(data, heads, chosen, ends[chosen].tolist(), own_lines[chosen].tolist(), first_line)

    def _read(
        self, data: bytes, heads: Heads, chosen: Ints, ends: list[int], own_lines: list[int], first_line: int
    ) -> None:
        positions, lines = heads.positions[chosen].tolist(), heads.lines[chosen].tolist()
        times, resolutions = heads.times[chosen].tolist(), heads.resolutions[chosen].tolist()
        is_plain = (heads.is_plain[chosen] & (heads.times[chosen] != NO_TIME)).tolist()
        reader, stream = self._reader, self._stream
        index, total = 0, len(positions)
        while index < total:
            position, end, line, count = positions[index], ends[index], lines[index] + first_line, own_lines[index]
            offset = stream.file_offset(self._base + position)
            taken = 0
            if is_plain[index]:
                taken = reader.take_plain(data, position, end, line, count, offset, times[index])
            if not taken:
                reader.take(Record(data[position:end], line, count, offset, times[index], resolutions[index]))
            index += taken or 1

    def _take_lead(self, raw: bytes, line: int) -> None:
        """Lines in front of the first head of this stretch."""
        if self._is_inside_line:
            raw = raw.partition(b"\n")[2]
        if not raw:
            return
        reason = BEFORE_FIRST if not self._records else TOO_LONG
        if not self._records and len(self._lead) <= MAX_EDGE_BYTES:
            self._lead += raw
        self._reader.take_loose(raw, line, self._stream.file_offset(self._base), reason)

    def _worth_reading(self, data: bytes, heads: Heads, positions: Ints, own_lines: Ints, limit: int) -> Ints:
        """Records that may hold an event, a body or lines of somebody else. All others are counted and passed over."""
        count = len(positions)
        chosen = (own_lines > 1) | ~heads.is_plain[:count] | (heads.times[:count] == NO_TIME)
        _choose(chosen, positions, places_of(phrases.MODULE, data, limit))
        if self._has_other_dialect(data, positions):
            # The first record of a stretch has no line break before it that the expression could find.
            chosen[0] = True
            for needle in (phrases.CANDIDATE, phrases.OPENING):
                # One byte further than the line break that an expression may begin with.
                _choose(chosen, positions, [match.start() + 1 for match in needle.finditer(data, 0, limit)])
        self._choose_notices(chosen, data, positions, limit)
        return np.flatnonzero(chosen)

    def _choose_notices(self, chosen: Choice, data: bytes, positions: Ints, limit: int) -> None:
        """Among the records not chosen yet, those with a sentence for the user."""
        rest = np.flatnonzero(~chosen)
        if not len(rest):
            return
        ends = np.append(positions, limit)[rest + 1]
        starts = positions[rest]
        needles = phrases.ENGLISH_NOTICES if data.isascii() else (*phrases.ENGLISH_NOTICES, phrases.NOTICE)
        if int((ends - starts).sum()) * _FEW < limit:
            # Bodies make up the chunk: look into the few other records only.
            text = b"".join(data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
            sizes = ends - starts
            is_notice = np.zeros(len(rest), bool)
            found = [match.start() for needle in needles for match in needle.finditer(text)]
            _choose(is_notice, np.cumsum(sizes) - sizes, found)
            chosen[rest[is_notice]] = True
            return
        _choose(chosen, positions, [match.start() for needle in needles for match in needle.finditer(data, 0, limit)])

    def _has_other_dialect(self, data: bytes, positions: Ints) -> bool:
        """Whether records may hold events without naming the module: small logs, levels in capitals, no module at
        all."""
        if self._account.lines < _SMALL_LOG_LINES or phrases.MODULE not in data:
            return True
        octets = np.frombuffer(data, np.uint8)
        second_letters = octets[np.minimum(positions + _SECOND_LETTER, len(data) - 1)]
        return bool(((second_letters <= ord("Z")) & (second_letters >= ord("A"))).any() or (second_letters == 95).any())

    def _note_times(self, times: Ints) -> None:
        real = times[times != NO_TIME]
        if not len(real):
            return
        first, last = int(real.min()), int(real.max())
        self._first = first if self._first is None else min(self._first, first)
        self._last = last if self._last is None else max(self._last, last)

    def facts(self) -> LogFacts:
        account = self._account
        side = Side.SERVER if self._messages_run_backwards() else Side.CLIENT
        if side is Side.SERVER:
            self._table.as_servers()
        return LogFacts(
            source=self._source,
            side=side,
            format=FORMAT,
            encoding=chosen_codec(self._encoding) or self._stream.encoding,
            lines=account.lines,
            records=self._records,
            record_lines=account.record_lines,
            rejected_lines=account.rejected_lines,
            events=self._table.compact(),
            rejected=tuple(account.rejected),
            first_ns=self._first,
            last_ns=self._last,
            format_score=1.0,
            notes=(*self._notes(), *((SERVERS_OWN,) if side is Side.SERVER else ())),
            edges=self._edges(),
        )

    def _edges(self) -> LogEdges | None:
        lead = self._lead if self._lead.strip() and len(self._lead) <= MAX_EDGE_BYTES else b""
        tail, offset = self._tail
        table = self._table
        rows = range(len(table) - 1, max(len(table) - _TAIL_ROWS, 0) - 1, -1)
        row = next((row for row in rows if table.get(row, START) == offset and table.lacks_body(row)), -1)
        if row < 0 or len(tail) > MAX_EDGE_BYTES:
            tail, row = b"", -1
        return LogEdges(lead, self._stream.file_offset(len(self._lead)), tail, row) if lead or tail else None

    def _messages_run_backwards(self) -> bool:
        """Whether most messages were received that only clients send, and sent that only servers send."""
        sent, received_as_server = self._table.ways(phrases.TO_SERVER_TYPES)
        sent_as_server, received = self._table.ways(phrases.TO_CLIENT_TYPES)
        return sent_as_server + received_as_server > sent + received

    def _notes(self) -> tuple[Text, ...]:
        if not self._records:
            return (
                Text(
                    "No record that begins with a time was found: this is not an iNode log, or it was cut or "
                    "changed on the way.",
                    "未找到以时间开头的记录：该文件不是 iNode 日志，或在传递过程中被截断或改动。",
                ),
            )
        return ()
