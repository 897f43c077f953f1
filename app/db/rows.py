"""The rows of an analysis, table by table, parents first: generators, since a big case has millions of sightings.

Each row holds its table's columns in their order, without the analysis, which is the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from app.core.analysis import DatagramFate, Evidence, Outcome, Sighting, Terminal
from app.core.records import LogFacts
from app.db.base import Base
from app.db.numbering import Numbering
from app.db.results import (
    AttemptRow,
    CapturePointRow,
    CheckRow,
    DatagramRow,
    EvidenceRow,
    FindingRow,
    FragmentRow,
    MarkRow,
    MessageRow,
    PhraseRow,
    RejectedRow,
    SessionRow,
    SightingRow,
    SourceRow,
    TerminalRow,
)
from app.db.texts import clean, clean_name, clean_or_none, plain, text_rows, to_json, whole

Row = tuple[Any, ...]

# What a datagram keeps by point in one JSON column, since most have nothing of it.
DATAGRAM_DETAILS = ("translations", "split_at", "duplicates", "anomalies", "tunnels", "ttl")


def rows_by_table(numbering: Numbering) -> Iterator[tuple[type[Base], Iterable[Row]]]:
    yield PhraseRow, ((number, clean(text.en), clean(text.zh)) for text, number in numbering.phrases.items())
    yield SourceRow, _sources(numbering)
    yield RejectedRow, _rejected(numbering)
    yield CapturePointRow, _points(numbering)
    yield TerminalRow, (_terminal(number, terminal) for number, terminal in enumerate(numbering.analysis.terminals))
    yield SessionRow, _sessions(numbering)
    yield MarkRow, _marks(numbering)
    yield MessageRow, _messages(numbering)
    yield AttemptRow, _attempts(numbering)
    yield DatagramRow, _datagrams(numbering)
    yield FragmentRow, _fragments(numbering)
    yield SightingRow, _sightings(numbering)
    yield FindingRow, _findings(numbering)
    yield EvidenceRow, _evidence(numbering)
    yield CheckRow, _checks(numbering)


def _sources(numbering: Numbering) -> Iterator[Row]:
    for number, source in enumerate(numbering.analysis.sources):
        yield (
            number, clean(source.path), source.sha256, source.size_bytes, source.kind.value,
            clean_or_none(source.capture_point), source.records, source.rejected, whole(source.first_ns),
            whole(source.last_ns), source.clock_offset_s, clean_or_none(source.encoding),
            clean_or_none(source.log_format), source.log_format_score, source.zone_offset_s,
            to_json(text_rows(source.notes)),
            None if source.log is None else to_json(plain(_reduced(source.log))),
            None if source.capture is None else to_json(plain(source.capture)),
        )  # fmt: skip


def _reduced(log: LogFacts) -> LogFacts:
    """Without its events, which are in the file and in the sessions, and its rejected lines, which have a table."""
    return replace(log, events=(), rejected=(), edges=None)


def _rejected(numbering: Numbering) -> Iterator[Row]:
    for number, source in enumerate(numbering.analysis.sources):
        for position, rejected in enumerate(source.log.rejected if source.log is not None else ()):
            where, reason = rejected.locator, rejected.reason
            yield (
                number, position, where.line, where.byte_start, where.byte_end, rejected.lines, clean(reason.en),
                clean(reason.zh), clean(rejected.sample),
            )  # fmt: skip


def _points(numbering: Numbering) -> Iterator[Row]:
    for number, point in enumerate(numbering.analysis.capture_points):
        clocks = {source: plain(clock) for source, clock in point.source_clocks.items()}
        yield (
            number, clean(point.name), point.role.value, point.order, point.order_by,
            [clean(source) for source in point.sources], to_json(plain(point.clock)), to_json(clocks),
            to_json(point.observed_ns), to_json(text_rows(point.notes)),
        )  # fmt: skip


def _terminal(number: int, terminal: Terminal) -> Row:
    sessions = terminal.sessions
    starts = [session.start_ns for session in sessions if session.start_ns is not None]
    ends = [session.end_ns for session in sessions if session.end_ns is not None]
    third = [
        attempt for session in sessions for message in session.messages if message.number == 3
        for attempt in message.attempts
    ]  # fmt: skip
    lost = _first_leg_lost(terminal)
    main = terminal.findings[0] if terminal.findings else None
    who = [terminal.user or "", terminal.mac or "", *terminal.ip]
    return (
        number, clean(terminal.key), clean_name(terminal.user), clean_name(terminal.mac),
        [clean(ip) for ip in terminal.ip], terminal.outcome.value, clean_or_none(terminal.client_version),
        clean(" ".join(who).lower()), len(sessions), sum(session.outcome is Outcome.FAILED for session in sessions),
        whole(min(starts, default=None)), whole(max(ends, default=None)),
        whole(max((attempt.plain_bytes for attempt in third if attempt.plain_bytes is not None), default=None)),
        whole(max((attempt.wire_bytes for attempt in third if attempt.wire_bytes is not None), default=None)),
        clean_or_none(lost[0]), clean_or_none(lost[1]), None if main is None else main.code,
        None if main is None else main.severity.value,
    )  # fmt: skip


def _first_leg_lost(terminal: Terminal) -> tuple[str, str] | tuple[None, None]:
    for session in terminal.sessions:
        for message in session.messages:
            for attempt in message.attempts:
                if attempt.datagram is not None and attempt.datagram.lost_between is not None:
                    return attempt.datagram.lost_between
    return None, None


def _sessions(numbering: Numbering) -> Iterator[Row]:
    for number, terminal_no, session in numbering.sessions():
        yield (
            number, terminal_no, clean(session.key), clean_name(session.event_id), session.outcome.value,
            whole(session.start_ns), whole(session.end_ns), [clean(ip) for ip in session.server_ip], session.zone_known,
        )  # fmt: skip


def _marks(numbering: Numbering) -> Iterator[Row]:
    for number, _terminal_no, session in numbering.sessions():
        for position, mark in enumerate(session.marks):
            yield (
                number, position, clean(mark.kind), mark.side, whole(mark.time_ns) or 0, whole(mark.raw_time_ns) or 0,
                clean(mark.text), whole(mark.code), *_where(numbering, mark.evidence),
            )  # fmt: skip


def _where(numbering: Numbering, evidence: Evidence) -> Row:
    """source_no, source_path, line, frame, text"""
    source_no = numbering.sources.get(evidence.source)
    path = clean(evidence.source) if source_no is None else None
    return source_no, path, whole(evidence.line), whole(evidence.frame), clean(evidence.text)


def _messages(numbering: Numbering) -> Iterator[Row]:
    for number, session_no, message in numbering.messages():
        yield (
            number, session_no, whole(message.number) or 0, message.direction.value, whole(message.plain_bytes),
            whole(message.deflated_bytes), None if message.check is None else to_json(plain(message.check)),
            to_json(message.fields),
        )  # fmt: skip


def _attempts(numbering: Numbering) -> Iterator[Row]:
    for number, message_no, attempt in numbering.attempts():
        yield (
            number, message_no, attempt.attempt, whole(attempt.time_ns), attempt.gap_s, whole(attempt.plain_bytes),
            whole(attempt.wire_bytes), whole(attempt.log_time_ns), whole(attempt.server_log_time_ns),
            numbering.phrase(attempt.tied_by), whole(attempt.message_id),
        )  # fmt: skip


def _carried(numbering: Numbering) -> Iterator[tuple[int, DatagramFate]]:
    for number, _message_no, attempt in numbering.attempts():
        if attempt.datagram is not None:
            yield number, attempt.datagram


def _datagrams(numbering: Numbering) -> Iterator[Row]:
    for number, datagram in _carried(numbering):
        lost = datagram.lost_between or (None, None)
        confidence = datagram.match_confidence
        details = {name: getattr(datagram, name) for name in DATAGRAM_DETAILS if getattr(datagram, name)}
        yield (
            number, whole(datagram.identification), clean(datagram.source), clean(datagram.destination),
            datagram.ip_version, whole(datagram.wire_bytes),
            to_json({point: fate.value for point, fate in datagram.fate.items()}), clean_or_none(lost[0]),
            clean_or_none(lost[1]), datagram.coding, numbering.phrase(datagram.match_reason),
            None if confidence is None else confidence.value, to_json(details) if details else "{}",
        )  # fmt: skip


def _fragments(numbering: Numbering) -> Iterator[Row]:
    for number, datagram in _carried(numbering):
        for position, fragment in enumerate(datagram.fragments):
            yield number, position, fragment.offset, fragment.length


def _sightings(numbering: Numbering) -> Iterator[Row]:
    points = numbering.points
    for number, datagram in _carried(numbering):
        for position, fragment in enumerate(datagram.fragments):
            for point, sighting in fragment.sightings.items():
                yield number, position, points[point], *_sighting(numbering, sighting)


def _sighting(numbering: Numbering, sighting: Sighting) -> Row:
    source_no = None if sighting.source is None else numbering.sources.get(sighting.source)
    frames = "{" + ",".join(map(str, sighting.frames)) + "}"
    return (
        sighting.state.value, source_no, frames, whole(sighting.raw_time_ns), whole(sighting.time_ns),
        numbering.phrase(sighting.reason), sighting.reason_code, whole(sighting.line),
    )  # fmt: skip


def _findings(numbering: Numbering) -> Iterator[Row]:
    for number, terminal_no, finding in numbering.findings():
        between = finding.between or (None, None)
        yield (
            number, terminal_no, finding.code, finding.severity.value, finding.confidence.value, whole(finding.message),
            clean_or_none(between[0]), clean_or_none(between[1]), clean(finding.summary.en), clean(finding.summary.zh),
            to_json(finding.counts), to_json(text_rows(finding.against)), to_json(text_rows(finding.next_steps)),
            to_json(finding.details),
        )  # fmt: skip


def _evidence(numbering: Numbering) -> Iterator[Row]:
    for number, (attempt_no, finding_no, evidence) in enumerate(numbering.evidence()):
        yield number, attempt_no, finding_no, *_where(numbering, evidence)


def _checks(numbering: Numbering) -> Iterator[Row]:
    for number, terminal_no, check in numbering.checks():
        yield number, terminal_no, check.code, check.result, to_json(text_rows(check.missing))
