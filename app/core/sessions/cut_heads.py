"""A record that a rotation cut in its head: one file ends with a line that has no end, the next one goes on with it.

Only both together tell of a message. The event is given to the second file, where most of it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.parsers.event_sequence import EventSequence
from app.core.parsers.inode_log import parse_inode_log
from app.core.parsers.inode_parts import FORMAT
from app.core.parsers.log_text import decode
from app.core.records import Direction, EventKind, Locator, LogEvent, LogFacts, Rest, Text

_SAMPLE_CHARACTERS = 200


class _Preceded(EventSequence):
    """Events and one before them."""

    def __init__(self, event: LogEvent, events: Sequence[LogEvent]) -> None:
        self._first = event
        self._events = events

    def __len__(self) -> int:
        return len(self._events) + 1

    def _event(self, row: int) -> LogEvent:
        return self._events[row - 1] if row else self._first


@dataclass(frozen=True, slots=True)
class CutRecord:
    """`event` as the second file tells it, which has its rest up to byte `end` of the lead."""

    event: LogEvent
    end: int


def record_between(log: LogFacts, following: LogFacts) -> CutRecord | None:
    """None where the two do not make one record that tells of a message."""
    if log.edges is None or following.edges is None or not log.edges.line or log.format != FORMAT:
        return None
    line, lead = log.edges.line, following.edges.lead
    if parse_inode_log([line], log.source).events:
        return None  # its head is whole
    facts = parse_inode_log([line + lead], log.source)
    begins_late = facts.edges is not None and facts.edges.lead
    if facts.records != 1 or len(facts.events) != 1 or begins_late or following.first_ns is None:
        return None
    event = facts.events[0]
    # A message that is received is told by several records; only the last of them, with the body, tells it alone.
    is_told = event.kind is not EventKind.MESSAGE or event.direction is Direction.TO_SERVER or event.body is not None
    if not is_told or not (log.last_ns or 0) <= event.time_ns <= following.first_ns:
        return None
    strays = [rejected.locator.byte_start or 0 for rejected in facts.rejected]
    end = min(strays, default=len(line + lead)) - len(line)
    if end <= 0:
        return None
    beginning = Locator(
        log.source, line=log.lines, byte_start=log.edges.line_start, byte_end=log.edges.line_start + len(line)
    )
    place = Locator(
        following.source,
        line=1,
        byte_start=following.edges.file_offset(0),
        byte_end=following.edges.file_offset(end),
    )
    return CutRecord(replace(event, locator=place, side=following.side, rest=Rest(beginning, sample(line))), end)


def with_record(log: LogFacts, record: CutRecord) -> LogFacts:
    edges = log.edges
    if edges is not None and edges.tail_row >= 0:
        edges = replace(edges, tail_row=edges.tail_row + 1)
    first_ns = min(record.event.time_ns, log.first_ns if log.first_ns is not None else record.event.time_ns)
    return replace(log, events=_Preceded(record.event, log.events), first_ns=first_ns, edges=edges)


def without_last_line(log: LogFacts) -> LogFacts:
    """The last line is part of a record: it is not rejected, if it was."""
    last = log.rejected[-1] if log.rejected else None
    if last is None or (last.locator.line or 0) + last.lines <= log.lines or log.edges is None:
        return log
    kept = replace(last, locator=replace(last.locator, byte_end=log.edges.line_start), lines=last.lines - 1)
    return replace(
        log,
        rejected=(*log.rejected[:-1], *((kept,) if kept.lines else ())),
        rejected_lines=log.rejected_lines - 1,
        record_lines=log.record_lines + 1,
    )


def head_note(log: LogFacts) -> Text:
    return Text(
        f"Its first record was cut by rotation: the record begins in the last line of {log.source}.",
        f"其第一条记录在日志轮转时被截断，开头位于 {log.source} 的最后一行。",
    )


def rest_lines(lead: bytes, end: int) -> int:
    """Lines of the lead that its bytes up to `end` take."""
    return lead.count(b"\n", 0, end) + (lead[end - 1 : end] != b"\n")


def sample(raw: bytes) -> str:
    return decode(raw[: 2 * _SAMPLE_CHARACTERS]).strip().partition("\n")[0][:_SAMPLE_CHARACTERS]
