"""Sessions with all that is below them, from their tables: messages, attempts, datagrams, sightings, marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
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


class _Names:
    """What the numbers of one analysis stand for."""

    def __init__(self, session: DatabaseSession, analysis_id: int) -> None:
        points = select(CapturePointRow.no, CapturePointRow.name).where(CapturePointRow.analysis_id == analysis_id)
        self.points: dict[int, str] = {number: name for number, name in session.execute(points)}  # noqa: C416
        self.sources: dict[int, str] = {}
        self._session, self._analysis_id = session, analysis_id
        self._phrases: dict[int, Text] = {}

    def learn_sources(self, numbers: set[int | None]) -> None:
        """Fetch the paths of these numbers: one terminal's evidence lies in few of a case's files."""
        wanted = [number for number in numbers if number is not None and number not in self.sources]
        for start in range(0, len(wanted), 10_000):
            query = select(SourceRow.no, SourceRow.path).where(
                SourceRow.analysis_id == self._analysis_id, SourceRow.no.in_(wanted[start : start + 10_000])
            )
            self.sources |= {number: path for number, path in self._session.execute(query)}  # noqa: C416

    def learn_phrases(self, numbers: set[int | None]) -> None:
        """Fetch the sentences of these numbers; a big case has many more than one terminal needs."""
        wanted = [number for number in numbers if number is not None and number not in self._phrases]
        for start in range(0, len(wanted), 10_000):
            query = select(PhraseRow.no, PhraseRow.en, PhraseRow.zh).where(
                PhraseRow.analysis_id == self._analysis_id, PhraseRow.no.in_(wanted[start : start + 10_000])
            )
            self._phrases |= {number: Text(en, zh) for number, en, zh in self._session.execute(query)}

    def phrase(self, number: int | None) -> Text | None:
        return None if number is None else self._phrases[number]

    def evidence(self, row: Any, text: str) -> Evidence:
        path = row.source_path if row.source_no is None else self.sources[row.source_no]
        return Evidence(path, row.line, row.frame, text)


@dataclass(frozen=True, slots=True)
class OneSession:
    """Which session of which terminal: a page shows one, and a terminal may have hundreds."""

    terminal_no: int
    key: str


# What to load: one session, all of a terminal's (its number), or everything.
Which = OneSession | int | None


def load_session(session: DatabaseSession, analysis_id: int, terminal_no: int, key: str) -> Session | None:
    """One session of a terminal, with all that is below it."""
    found = load_sessions(session, analysis_id, OneSession(terminal_no, key)).get(terminal_no)
    return found[0] if found else None


def load_sessions(
    session: DatabaseSession, analysis_id: int, which: Which = None
) -> dict[int, tuple[Session, ...]]:
    """Number of a terminal → its sessions in order; limited to `which`."""
    names = _Names(session, analysis_id)
    query = select(SessionRow.__table__).where(SessionRow.analysis_id == analysis_id).order_by(SessionRow.no)
    rows = session.execute(_only(query, which)).all()
    messages = _messages(session, analysis_id, which, names)
    marks = _marks(session, analysis_id, which, names)
    sessions: dict[int, list[Session]] = defaultdict(list)
    for row in rows:
        sessions[row.terminal_no].append(_session(row, tuple(messages[row.no]), tuple(marks[row.no])))
    return {number: tuple(found) for number, found in sessions.items()}


def _only(query: Select[Any], which: Which) -> Select[Any]:
    if which is None:
        return query
    if isinstance(which, OneSession):
        return query.where(SessionRow.terminal_no == which.terminal_no, SessionRow.key == which.key)
    return query.where(SessionRow.terminal_no == which)


def _session(row: Row[Any], messages: tuple[Message, ...], marks: tuple[Mark, ...]) -> Session:
    return Session(
        event_id=row.event_id, outcome=Outcome(row.outcome), start_ns=row.start_ns, end_ns=row.end_ns,
        messages=messages, marks=marks, server_ip=tuple(row.server_ip), zone_known=row.zone_known, key=row.key,
    )  # fmt: skip


def _of_sessions(query: Select[Any], table: Any, which: Which) -> Select[Any]:
    """Limit rows that have a `session_no` to the sessions of one terminal."""
    if which is None:
        return query
    same = (SessionRow.analysis_id == table.analysis_id) & (SessionRow.no == table.session_no)
    return _only(query.join(SessionRow, same), which)


def _marks(session: DatabaseSession, analysis_id: int, which: Which, names: _Names) -> dict[int, list[Mark]]:
    query = select(MarkRow.__table__).where(MarkRow.analysis_id == analysis_id)
    query = _of_sessions(query, MarkRow, which).order_by(MarkRow.session_no, MarkRow.position)
    marks: dict[int, list[Mark]] = defaultdict(list)
    rows = session.execute(query).all()
    names.learn_sources({row.source_no for row in rows})
    for row in rows:
        evidence = names.evidence(row, row.evidence_text)
        marks[row.session_no].append(
            Mark(row.kind, row.side, row.time_ns, row.raw_time_ns, row.text, evidence, row.code)
        )
    return marks


def _messages(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[int, list[Message]]:
    query = select(MessageRow.__table__).where(MessageRow.analysis_id == analysis_id)
    rows = session.execute(_of_sessions(query, MessageRow, which).order_by(MessageRow.no)).all()
    attempts = _attempts(session, analysis_id, which, names)
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


def _of_messages(query: Select[Any], which: Which) -> Select[Any]:
    """Limit a query that has attempts in it to one terminal."""
    if which is None:
        return query
    message = (MessageRow.analysis_id == AttemptRow.analysis_id) & (MessageRow.no == AttemptRow.message_no)
    return _of_sessions(query.join(MessageRow, message), MessageRow, which)


def _attempts(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[int, list[Attempt]]:
    query = select(AttemptRow.__table__).where(AttemptRow.analysis_id == analysis_id)
    rows = session.execute(_of_messages(query, which).order_by(AttemptRow.no)).all()
    datagrams = _datagrams(session, analysis_id, which, names)
    evidence = _evidence(session, analysis_id, which, names)
    names.learn_phrases({row.tied_by_no for row in rows})
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


def _below_attempts(table: Any, analysis_id: int, which: Which) -> Select[Any]:
    """Rows that have an `attempt_no`, of one terminal where one is given."""
    query = select(table.__table__).where(table.analysis_id == analysis_id)
    if which is None:
        return query
    attempt = (AttemptRow.analysis_id == table.analysis_id) & (AttemptRow.no == table.attempt_no)
    return _of_messages(query.join(AttemptRow, attempt), which)


def _evidence(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[int, list[Evidence]]:
    query = _below_attempts(EvidenceRow, analysis_id, which).where(EvidenceRow.attempt_no.is_not(None))
    evidence: dict[int, list[Evidence]] = defaultdict(list)
    rows = session.execute(query.order_by(EvidenceRow.no)).all()
    names.learn_sources({row.source_no for row in rows})
    for row in rows:
        evidence[row.attempt_no].append(names.evidence(row, row.text))
    return evidence


def _datagrams(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[int, DatagramFate]:
    rows = session.execute(_below_attempts(DatagramRow, analysis_id, which)).all()
    fragments = _fragments(session, analysis_id, which, names)
    names.learn_phrases({row.match_reason_no for row in rows})
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


def _fragments(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[int, list[FragmentFate]]:
    sightings = _sightings(session, analysis_id, which, names)
    query = _below_attempts(FragmentRow, analysis_id, which)
    fragments: dict[int, list[FragmentFate]] = defaultdict(list)
    for row in session.execute(query.order_by(FragmentRow.attempt_no, FragmentRow.position)):
        fragments[row.attempt_no].append(
            FragmentFate(row.offset_bytes, row.length_bytes, sightings[row.attempt_no, row.position])
        )
    return fragments


def _sightings(
    session: DatabaseSession, analysis_id: int, which: Which, names: _Names
) -> dict[tuple[int, int], dict[str, Sighting]]:
    query = _below_attempts(SightingRow, analysis_id, which)
    rows: Sequence[Row[Any]] = session.execute(
        query.order_by(SightingRow.attempt_no, SightingRow.position, SightingRow.point_no)
    ).all()
    names.learn_phrases({row.reason_no for row in rows})
    names.learn_sources({row.source_no for row in rows})
    sightings: dict[tuple[int, int], dict[str, Sighting]] = defaultdict(dict)
    for row in rows:
        sightings[row.attempt_no, row.position][names.points[row.point_no]] = Sighting(
            state=Seen(row.state), source=None if row.source_no is None else names.sources[row.source_no],
            frames=tuple(row.frames), raw_time_ns=row.raw_time_ns, time_ns=row.time_ns,
            reason=names.phrase(row.reason_no), reason_code=row.reason_code,
        )  # fmt: skip
    return sightings
