"""A part of an iNode log, several parts as one, and the facts of the whole.

A part is read without knowing what stands before it. `cut_at` finds the places where that changes nothing: no message
is being told there, and none of the records before can be completed by one after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from app.core.parsers import inode_phrases as phrases
from app.core.parsers.accounts import LineAccount
from app.core.parsers.event_row import START
from app.core.parsers.event_table import EventTable
from app.core.parsers.inode_choice import worth_reading
from app.core.parsers.inode_messages import NEAR_NS, REACH_BYTES
from app.core.parsers.joined_table import JoinedTable
from app.core.parsers.log_heads import NO_TIME, Ints, find_heads, line_starts
from app.core.parsers.log_text import chosen_codec, encoding_name
from app.core.records import MAX_EDGE_BYTES, NS, LogEdges, LogFacts, Side, Text

FORMAT = "inode"
SERVERS_OWN = Text(
    "Written in the style of an iNode log, but it receives what clients send and sends what the server sends: read as "
    "the policy server's log.",
    "样式与 iNode 日志相同，但接收的是客户端发送的报文、发送的是服务器发送的报文，因此按策略服务器日志读取。",
)
_NO_RECORD = Text(
    "No record that begins with a time was found: this is not an iNode log, or it was cut or changed on the way.",
    "未找到以时间开头的记录：该文件不是 iNode 日志，或在传递过程中被截断或改动。",
)
_TAIL_ROWS = 8
# A message told before a cut is over: times waver by NEAR_NS at most before the clock counts as set back, on both sides
# of the cut, and a record NEAR_NS later than its message completes it.
_QUIET_NS = 3 * NEAR_NS + NS


class NotOneReading(Exception):
    """The parts cannot be put together: the log has to be read in one."""


class WindowTooShort(Exception):
    """More has to be looked at to say whether a log can be cut."""


@dataclass(slots=True)
class InodePart:
    """What the records that begin in [start, end) gave. `lead` are the lines before the first record where they may be
    half of one, `lead_places` the bytes where they begin and end; `tail` is the last record; `line` the last line,
    where it has no end and may begin a record."""

    source: str
    start: int = 0
    end: int = 0
    table: EventTable = field(init=False)
    account: LineAccount = field(init=False)
    records: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    encodings: frozenset[str] = frozenset()
    lead: bytes = b""
    lead_places: tuple[int, ...] = (0,)
    tail: bytes = b""
    tail_start: int = 0
    line: bytes = b""
    line_start: int = 0
    has_wraps: bool = False
    set_backs: list[int] = field(default_factory=list)  # where the clock was, the first and the last among them

    def __post_init__(self) -> None:
        self.table = EventTable(self.source, Side.CLIENT)
        self.account = LineAccount(self.source)

    def note_times(self, times: Ints) -> None:
        real = times[times != NO_TIME]
        if len(real):
            self._note(len(real), int(real.min()), int(real.max()))

    def _note(self, records: int, first_ns: int, last_ns: int) -> None:
        self.records += records
        self.first_ns = first_ns if self.first_ns is None else min(self.first_ns, first_ns)
        self.last_ns = last_ns if self.last_ns is None else max(self.last_ns, last_ns)


@dataclass(slots=True)
class JoinedParts(InodePart):
    """Several parts of one log, which `extend` puts one behind the other, from the beginning of the log on."""

    table: JoinedTable = field(init=False)

    def __post_init__(self) -> None:
        InodePart.__post_init__(self)
        self.table = JoinedTable(self.source, Side.CLIENT)

    def extend(self, part: InodePart) -> None:
        """Raises NotOneReading where `part` does not follow, or may have been read otherwise for what stands before
        it."""
        if part.start != self.end or part.has_wraps or self._is_clock_set_back_near(part):
            raise NotOneReading
        if not part.start:
            self.lead, self.lead_places = part.lead, part.lead_places
        self.end, self.tail, self.tail_start = part.end, part.tail, part.tail_start
        self.line, self.line_start = part.line, part.line_start
        self.table.extend(part.table, self.account.lines)
        self.account.extend(part.account)
        self.encodings |= part.encodings
        self.set_backs += part.set_backs
        if part.first_ns is not None and part.last_ns is not None:
            self._note(part.records, part.first_ns, part.last_ns)

    def _is_clock_set_back_near(self, part: InodePart) -> bool:
        """Records on both sides of the cut could then be of one time again."""
        around = (*self.set_backs[-1:], *part.set_backs[:1]) if part.start else ()
        return any(abs(position - part.start) <= REACH_BYTES for position in around)


def joined(parts: Iterable[InodePart], source: str) -> InodePart:
    """The parts of one log, from its beginning to its end. Raises NotOneReading."""
    whole = JoinedParts(source)
    for part in parts:
        whole.extend(part)
    return whole


def cut_at(window: bytes, start: int) -> int | None:
    """Where the last record that begins in `window` begins, if the log can be cut there; a byte of the file.

    `window` begins at byte `start` and ends where a piece of the file does: there a reading of the whole file stops,
    too, and goes on from its last record. Raises WindowTooShort.
    """
    first = window.find(b"\n") + 1
    data = window[first:]
    end = data.rfind(b"\n") + 1
    if not end:
        raise WindowTooShort
    starts = line_starts(data, end)
    heads = find_heads(data, starts, end)
    last = len(heads.positions) - 1
    if last < 1:
        raise WindowTooShort
    if not heads.is_plain[last] or (heads.times == NO_TIME).any():
        return None
    position = int(heads.positions[last])
    if starts[heads.lines[last]] != position:
        return None  # glued to the line before
    before = np.flatnonzero(heads.times[:last] <= heads.times[last] - _QUIET_NS)
    if not len(before):
        raise WindowTooShort
    if (np.diff(heads.times[before[-1] :]) < 0).any():
        return None
    own_lines = np.searchsorted(starts, heads.positions[1:]) - heads.lines[:-1]
    if (worth_reading(data, heads, own_lines, position, has_other_dialect=True) > before[-1]).any():
        return None
    return start + first + position


def facts_of(part: InodePart, encoding: str | None = None) -> LogFacts:
    """The facts of a log that is one part. `encoding`: what a person chose."""
    table, account = part.table, part.account
    side = Side.SERVER if _messages_run_backwards(table) else Side.CLIENT
    if side is Side.SERVER:
        table.as_servers()
    edges = _edges(part)
    return LogFacts(
        source=part.source,
        side=side,
        format=FORMAT,
        encoding=chosen_codec(encoding) or encoding_name(part.encodings),
        lines=account.lines,
        records=part.records,
        record_lines=account.record_lines,
        rejected_lines=account.rejected_lines,
        events=table.compact(),
        rejected=tuple(account.rejected),
        first_ns=part.first_ns,
        last_ns=part.last_ns,
        format_score=1.0,
        notes=(*(() if part.records else (_NO_RECORD,)), *((SERVERS_OWN,) if side is Side.SERVER else ())),
        edges=edges,
    )


def _edges(part: InodePart) -> LogEdges | None:
    tail, table = part.tail, part.table
    rows = range(len(table) - 1, max(len(table) - _TAIL_ROWS, 0) - 1, -1)
    row = next((row for row in rows if table.get(row, START) == part.tail_start and table.lacks_body(row)), -1)
    if row < 0 or len(tail) > MAX_EDGE_BYTES:
        tail, row = b"", -1
    if not (part.lead or tail or part.line):
        return None
    return LogEdges(part.lead, part.lead_places, tail, row, part.line, part.line_start)


def _messages_run_backwards(table: EventTable) -> bool:
    """Whether most messages were received that only clients send, and sent that only servers send."""
    sent, received_as_server = table.ways(phrases.TO_SERVER_TYPES)
    sent_as_server, received = table.ways(phrases.TO_CLIENT_TYPES)
    return sent_as_server + received_as_server > sent + received
