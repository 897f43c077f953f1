"""Sessions with all that is below them, from their tables: messages, attempts, datagrams, sightings, marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session as DatabaseSession

from app.core.analysis import (
    Attempt,
    DatagramFate,
    Evidence,
    Fate,
    FragmentFate,
    Mark,
    Message,
    Outcome,
    Seen,
    Session,
    Sighting,
)
from app.core.records import CheckResult, Confidence, Direction, Text
from app.db.results import (
    AttemptRow,
    CapturePointRow,
    DatagramRow,
    EvidenceRow,
    FragmentRow,
    MarkRow,
    MessageRow,
    PhraseRow,
    SessionRow,
    SightingRow,
    SourceRow,
)
from app.db.texts import built

Rows = Sequence[Row[Any]]


class _Names:
    """What the numbers of one analysis stand for: points at once, files and sentences as far as they are asked for."""

    def __init__(self, session: DatabaseSession, analysis_id: int) -> None:
        self._session, self._analysis_id = session, analysis_id
        points = select(CapturePointRow.no, CapturePointRow.name).where(CapturePointRow.analysis_id == analysis_id)
        self.points: dict[int, str] = {number: name for number, name in session.execute(points)}  # noqa: C416
        self.sources: dict[int, str] = {}
        self._phrases: dict[int, Text] = {}

    def learn(self, sources: set[int | None], phrases: set[int | None]) -> None:
        """Fetch the paths and sentences of these numbers: one terminal needs few of a big case's."""
        for number, path in self._fetch(_PATHS, sources):
            self.sources[number] = path
        for number, en, zh in self._fetch(_PHRASES, phrases):
            self._phrases[number] = Text(en, zh)

    def _fetch(self, query: Any, numbers: set[int | None]) -> Iterator[Any]:
        wanted = sorted(number for number in numbers if number is not None)
        if wanted:
            yield from self._session.execute(query, {"analysis": self._analysis_id, "numbers": wanted})

    def phrase(self, number: int | None) -> Text | None:
        return None if number is None else self._phrases[number]

    def evidence(self, row: Any, text: str) -> Evidence:
        path = row.source_path if row.source_no is None else self.sources[row.source_no]
        return Evidence(path, row.line, row.frame, text)


_ANALYSIS = bindparam("analysis", type_=Integer)
# One array instead of a list of parameters: the text of the statement stays the same, so that its plan can be kept.
_AMONG = any_(bindparam("numbers", type_=ARRAY(Integer)))
_PATHS: Any = select(SourceRow.no, SourceRow.path).where(SourceRow.analysis_id == _ANALYSIS, SourceRow.no == _AMONG)
_PHRASES: Any = select(PhraseRow.no, PhraseRow.en, PhraseRow.zh).where(
    PhraseRow.analysis_id == _ANALYSIS, PhraseRow.no == _AMONG
)


@dataclass(frozen=True, slots=True)
class _Level:
    """A table below sessions: all of its rows of an analysis, or those under some rows of the table above."""

    everything: Select[Any]
    under: Select[Any]


def _level(table: Any, above: Any, *order: Any) -> _Level:
    everything = select(table.__table__).where(table.analysis_id == _ANALYSIS).order_by(*order)
    return _Level(everything, everything.where(above == _AMONG))


_MARKS = _level(MarkRow, MarkRow.session_no, MarkRow.session_no, MarkRow.position)
_MESSAGES = _level(MessageRow, MessageRow.session_no, MessageRow.no)
_ATTEMPTS = _level(AttemptRow, AttemptRow.message_no, AttemptRow.no)
_DATAGRAMS = _level(DatagramRow, DatagramRow.attempt_no)
_FRAGMENTS = _level(FragmentRow, FragmentRow.attempt_no, FragmentRow.attempt_no, FragmentRow.position)
_SIGHTINGS = _level(
    SightingRow, SightingRow.attempt_no, SightingRow.attempt_no, SightingRow.position, SightingRow.point_no
)
_EVIDENCE = _level(EvidenceRow, EvidenceRow.attempt_no, EvidenceRow.no)


def load_session(session: DatabaseSession, analysis_id: int, row: Any) -> Session:
    """One session, given its row, with all that is below it."""
    return _build(session, analysis_id, [row], [row.no])[row.terminal_no][0]


def load_sessions(
    session: DatabaseSession, analysis_id: int, terminals: Sequence[int] | None = None
) -> dict[int, tuple[Session, ...]]:
    """Number of a terminal → its sessions in order; of the terminals with these numbers, or of all."""
    query = select(SessionRow.__table__).where(SessionRow.analysis_id == analysis_id).order_by(SessionRow.no)
    if terminals is not None:
        query = query.where(SessionRow.terminal_no.in_(terminals))
    rows = session.execute(query).all()
    return _build(session, analysis_id, rows, None if terminals is None else [row.no for row in rows])


def _build(
    session: DatabaseSession, analysis_id: int, rows: Sequence[Any], numbers: list[int] | None
) -> dict[int, tuple[Session, ...]]:
    """`numbers` of the sessions; None takes the tables as a whole. Ten statements, whatever the number of rows."""

    def fetch(level: _Level, above: list[int] | None) -> Sequence[Row[Any]]:
        if above is None:
            return session.execute(level.everything, {"analysis": analysis_id}).all()
        return session.execute(level.under, {"analysis": analysis_id, "numbers": above}).all()

    def numbers_of(found: Sequence[Row[Any]]) -> list[int] | None:
        return None if numbers is None else [row.no for row in found]

    names = _Names(session, analysis_id)
    marks, messages = fetch(_MARKS, numbers), fetch(_MESSAGES, numbers)
    attempts = fetch(_ATTEMPTS, numbers_of(messages))
    sent = numbers_of(attempts)
    datagrams, fragments, sightings = (fetch(level, sent) for level in (_DATAGRAMS, _FRAGMENTS, _SIGHTINGS))
    evidence = [row for row in fetch(_EVIDENCE, sent) if row.attempt_no is not None]
    names.learn(
        {row.source_no for rows_of in (marks, sightings, evidence) for row in rows_of},
        {row.tied_by_no for row in attempts}
        | {row.match_reason_no for row in datagrams}
        | {row.reason_no for row in sightings},
    )
    whole = _datagrams(datagrams, _fragments(fragments, _sightings(sightings, names)), names)
    of_session = _messages(messages, _attempts(attempts, whole, _evidence(evidence, names), names))
    said = _marks(marks, names)
    sessions: dict[int, list[Session]] = defaultdict(list)
    for row in rows:
        sessions[row.terminal_no].append(_session(row, tuple(of_session[row.no]), tuple(said[row.no])))
    return {number: tuple(found) for number, found in sessions.items()}


def _session(row: Row[Any], messages: tuple[Message, ...], marks: tuple[Mark, ...]) -> Session:
    return Session(
        event_id=row.event_id, outcome=Outcome(row.outcome), start_ns=row.start_ns, end_ns=row.end_ns,
        messages=messages, marks=marks, server_ip=tuple(row.server_ip), zone_known=row.zone_known, key=row.key,
    )  # fmt: skip


def _marks(rows: Rows, names: _Names) -> dict[int, list[Mark]]:
    marks: dict[int, list[Mark]] = defaultdict(list)
    for row in rows:
        evidence = names.evidence(row, row.evidence_text)
        marks[row.session_no].append(
            Mark(row.kind, row.side, row.time_ns, row.raw_time_ns, row.text, evidence, row.code)
        )
    return marks


def _messages(rows: Rows, attempts: dict[int, list[Attempt]]) -> dict[int, list[Message]]:
    messages: dict[int, list[Message]] = defaultdict(list)
    for row in rows:
        messages[row.session_no].append(_message(row, tuple(attempts[row.no])))
    return messages


def _message(row: Row[Any], attempts: tuple[Attempt, ...]) -> Message:
    return Message(
        number=row.number, direction=Direction(row.direction), attempts=attempts,
        check=None if row.check_result is None else built(CheckResult, row.check_result),
        fields=tuple((name, value) for name, value in row.fields), plain_bytes=row.plain_bytes,
        deflated_bytes=row.deflated_bytes,
    )  # fmt: skip


def _attempts(
    rows: Rows, datagrams: dict[int, DatagramFate], evidence: dict[int, list[Evidence]], names: _Names
) -> dict[int, list[Attempt]]:
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for row in rows:
        attempts[row.message_no].append(_attempt(row, tuple(evidence[row.no]), datagrams.get(row.no), names))
    return attempts


def _attempt(row: Row[Any], evidence: tuple[Evidence, ...], datagram: DatagramFate | None, names: _Names) -> Attempt:
    return Attempt(
        attempt=row.attempt, time_ns=row.time_ns, gap_s=row.gap_s, plain_bytes=row.plain_bytes,
        wire_bytes=row.wire_bytes, evidence=evidence, datagram=datagram, log_time_ns=row.log_time_ns,
        server_log_time_ns=row.server_log_time_ns, tied_by=names.phrase(row.tied_by_no), message_id=row.message_id,
    )  # fmt: skip


def _evidence(rows: Rows, names: _Names) -> dict[int, list[Evidence]]:
    evidence: dict[int, list[Evidence]] = defaultdict(list)
    for row in rows:
        evidence[row.attempt_no].append(names.evidence(row, row.text))
    return evidence


def _datagrams(rows: Rows, fragments: dict[int, list[FragmentFate]], names: _Names) -> dict[int, DatagramFate]:
    return {row.attempt_no: _datagram(row, tuple(fragments[row.attempt_no]), names) for row in rows}


def _datagram(row: Row[Any], fragments: tuple[FragmentFate, ...], names: _Names) -> DatagramFate:
    details = row.details
    return DatagramFate(
        identification=row.identification, source=row.source, destination=row.destination, ip_version=row.ip_version,
        wire_bytes=row.wire_bytes, fragments=fragments,
        fate={point: Fate(fate) for point, fate in row.fate.items()},
        lost_between=None if row.lost_from is None else (row.lost_from, row.lost_to), coding=row.coding,
        match_reason=names.phrase(row.match_reason_no),
        match_confidence=None if row.match_confidence is None else Confidence(row.match_confidence),
        translations={point: tuple(pair) for point, pair in details.get("translations", {}).items()},
        split_at={
            point: tuple((offset, length) for offset, length in ranges)
            for point, ranges in details.get("split_at", {}).items()
        },
        duplicates=details.get("duplicates", {}),
        anomalies={point: tuple(found) for point, found in details.get("anomalies", {}).items()},
        tunnels={point: tuple(found) for point, found in details.get("tunnels", {}).items()},
        ttl=details.get("ttl", {}),
    )  # fmt: skip


def _fragments(rows: Rows, sightings: dict[tuple[int, int], dict[str, Sighting]]) -> dict[int, list[FragmentFate]]:
    fragments: dict[int, list[FragmentFate]] = defaultdict(list)
    for row in rows:
        fragments[row.attempt_no].append(
            FragmentFate(row.offset_bytes, row.length_bytes, sightings[row.attempt_no, row.position])
        )
    return fragments


def _sightings(rows: Rows, names: _Names) -> dict[tuple[int, int], dict[str, Sighting]]:
    sightings: dict[tuple[int, int], dict[str, Sighting]] = defaultdict(dict)
    for row in rows:
        sightings[row.attempt_no, row.position][names.points[row.point_no]] = Sighting(
            state=Seen(row.state), source=None if row.source_no is None else names.sources[row.source_no],
            frames=tuple(row.frames), raw_time_ns=row.raw_time_ns, time_ns=row.time_ns,
            reason=names.phrase(row.reason_no), reason_code=row.reason_code, line=row.line,
        )  # fmt: skip
    return sightings
