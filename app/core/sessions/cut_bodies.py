"""A body that a rotation cut in two: its beginning ends one file, its rest begins the next one.

The rest has neither a time nor a thread. It is the other half if the files are neighbours in time and of one terminal,
and if both halves together are one whole body.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from app.core.analysis import Source
from app.core.parsers.body import normal_mac, read_body
from app.core.parsers.event_sequence import EventSequence
from app.core.parsers.inode_phrases import BODY, BODY_END
from app.core.records import Body, Locator, LogEdges, LogEvent, LogFacts, Rejected, Rest, Side, Text
from app.core.sessions.cut_heads import (
    head_note,
    record_between,
    rest_lines,
    sample,
    with_record,
    without_last_line,
)  # fmt: skip

NEIGHBOUR_NS = 600_000_000_000


class _Replaced(EventSequence):
    """Events of which one is another."""

    def __init__(self, events: Sequence[LogEvent], row: int, event: LogEvent) -> None:
        self._events = events
        self._row = row
        self._other = event

    def __len__(self) -> int:
        return len(self._events)

    def _event(self, row: int) -> LogEvent:
        return self._other if row == self._row else self._events[row]


@dataclass(frozen=True, slots=True)
class _Half:
    """`body` out of both halves, of which the second ends at byte `end` of the lead."""

    body: Body
    end: int


def join_cut_bodies(logs: Sequence[LogFacts]) -> list[LogFacts]:
    """The same logs; where a body was cut between two of them, the first has it whole and the second lost the lines of
    its rest from what it rejected."""
    joined = {log.source: log for log in logs}
    for log in logs:
        following = _following(log, logs)
        if following is None or not _edges(joined[following.source]).lead:
            continue
        first, second = joined[log.source], joined[following.source]
        record = record_between(log, following)
        if record is not None and not _contradict_any(_named([record.event]), log, following):
            joined[log.source] = without_last_line(first)
            joined[following.source] = with_record(_without_rest(second, record.end, head_note(log)), record)
        elif (half := _half(log, following)) is not None:
            joined[log.source] = _with_body(first, following, half)
            joined[following.source] = _without_rest(second, half.end, _rest_note(log, following, half))
    return [replace(joined[log.source], edges=None) for log in logs]


def _following(log: LogFacts, logs: Sequence[LogFacts]) -> LogFacts | None:
    """The next file of the same rotation, if there is but one."""
    if log.edges is None or log.last_ns is None or not (log.edges.tail or log.edges.line):
        return None
    last = log.events[log.edges.tail_row].time_ns if log.edges.tail else log.last_ns
    near = [
        (other.first_ns, other)
        for other in logs
        if other is not log
        and other.first_ns is not None
        and last <= other.first_ns <= last + NEIGHBOUR_NS
        and (other.format, other.side) == (log.format, log.side)
        and PurePosixPath(other.source).parent == PurePosixPath(log.source).parent
    ]
    first = min((first_ns for first_ns, _ in near), default=None)
    nearest = [other for first_ns, other in near if first_ns == first]
    return nearest[0] if len(nearest) == 1 and nearest[0].edges is not None and nearest[0].edges.lead else None


def _half(log: LogFacts, following: LogFacts) -> _Half | None:
    """None where the two do not make one body of one terminal."""
    tail = _edges(log).tail
    text = tail + _edges(following).lead
    start = BODY.search(text)
    end = BODY_END.search(text, start.end()) if start is not None else None
    if (
        not tail
        or start is None
        or end is None
        or end.end() <= len(tail)
        or BODY.search(text, start.end(), end.start())
    ):
        return None
    body = read_body(text[start.start() : end.end()])
    if not body.is_complete or not body.fields:
        return None
    # A client's log is of one terminal; a server's next file may not name the terminal again.
    is_clients = log.side is Side.CLIENT
    own = replace(log, events=[log.events[_edges(log).tail_row]])
    if _contradict_any(_names(body), *((log, following) if is_clients else (own,))):
        return None
    return _Half(body, end.end() - len(tail))


_Names = tuple[frozenset[str], frozenset[str]]  # users, MACs


def _names(body: Body) -> _Names:
    user, mac = body.first("userName"), normal_mac(body.first("hwAddr"))
    return frozenset([user] if user else []), frozenset([mac] if mac else [])


def _named(events: Iterable[LogEvent]) -> _Names:
    events = list(events)
    return frozenset(e.user for e in events if e.user), frozenset(e.mac for e in events if e.mac)


def _contradict_any(names: _Names, *logs: LogFacts) -> bool:
    return any(_contradict(names, _named(log.events)) for log in logs)


def _contradict(one: _Names, other: _Names) -> bool:
    return any(a and b and not a & b for a, b in zip(one, other, strict=True))


def _edges(log: LogFacts) -> LogEdges:
    return log.edges or LogEdges()


def _with_body(log: LogFacts, following: LogFacts, half: _Half) -> LogFacts:
    row, body = _edges(log).tail_row, half.body
    event = log.events[row]
    edges = _edges(following)
    lines = rest_lines(edges.lead, half.end)
    locator = Locator(following.source, line=1, byte_start=edges.file_offset(0), byte_end=edges.file_offset(half.end))
    whole = replace(
        event,
        body=body,
        user=body.first("userName") or event.user,
        mac=normal_mac(body.first("hwAddr")) or event.mac,
        event_id=body.first("eventSeqID") or event.event_id,
        rest=Rest(locator, sample(edges.lead)),
    )
    note = Text(
        f"The body of its last message was cut by rotation; its rest is in {following.source}, lines 1 to {lines}.",
        f"其最后一条报文的正文在日志轮转时被截断，余下部分位于 {following.source} 第 1 至 {lines} 行。",
    )
    return replace(log, events=_Replaced(log.events, row, whole), notes=(*log.notes, note))


def _rest_note(log: LogFacts, following: LogFacts, half: _Half) -> Text:
    lines = rest_lines(_edges(following).lead, half.end)
    return Text(
        f"Its lines 1 to {lines} are the rest of a body that was cut by rotation; it begins at the end of "
        f"{log.source}.",
        f"第 1 至 {lines} 行是日志轮转时被截断的报文正文的余下部分，其开头位于 {log.source} 末尾。",
    )


def _without_rest(log: LogFacts, end: int, note: Text) -> LogFacts:
    """The lead up to byte `end` of it belongs to the file before."""
    lead = _edges(log).lead
    lines = rest_lines(lead, end)
    kept, freed = [], 0
    for rejected in log.rejected:
        first = rejected.locator.line or 1
        taken = min(max(lines + 1 - first, 0), rejected.lines)
        freed += taken
        if taken == rejected.lines:
            continue
        kept.append(_later(rejected, log, lines) if taken else rejected)
    return replace(
        log,
        rejected=tuple(kept),
        rejected_lines=log.rejected_lines - freed,
        record_lines=log.record_lines + freed,
        notes=(*log.notes, note),
        edges=replace(_edges(log), lead=b""),
    )


def _later(rejected: Rejected, log: LogFacts, lines: int) -> Rejected:
    """What is left of an entry whose lines up to that one were taken out."""
    lead = _edges(log).lead
    at = len(b"".join(lead.splitlines(keepends=True)[:lines]))
    left = rejected.lines - (lines + 1 - (rejected.locator.line or 1))
    locator = replace(rejected.locator, line=lines + 1, byte_start=_edges(log).file_offset(at))
    return Rejected(locator, rejected.reason, left, sample(lead[at:]))


def with_whole_bodies(sources: Iterable[Source]) -> list[Source]:
    """`join_cut_bodies` for the sources of a case."""
    listed = list(sources)
    joined = iter(join_cut_bodies([source.log for source in listed if source.log is not None]))
    return [source if source.log is None else _retold(source, source.log, next(joined)) for source in listed]


def _retold(source: Source, old: LogFacts, log: LogFacts) -> Source:
    notes = source.notes + log.notes[len(old.notes) :]
    return replace(source, log=log, rejected=log.rejected_lines, notes=notes)
