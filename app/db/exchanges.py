"""Sessions with all that is below them, from their tables: messages, attempts, datagrams, sightings, marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
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
from app.db.exchange_rows import ExchangeRows, fetch_everything, fetch_under
from app.db.json_rows import Rows
from app.db.results import SessionRow
from app.db.texts import built


class _Names:
    """What the numbers in the rows stand for."""

    def __init__(self, rows: ExchangeRows) -> None:
        self.points: dict[int, str] = dict(rows.points)
        self.sources: dict[int, str] = dict(rows.paths)
        self._phrases = {number: Text(en, zh) for number, en, zh in rows.phrases}

    def phrase(self, number: int | None) -> Text | None:
        return None if number is None else self._phrases[number]

    def evidence(self, row: Any, text: str) -> Evidence:
        path = row.source_path if row.source_no is None else self.sources[row.source_no]
        return Evidence(path, row.line, row.frame, text)


def load_session(session: DatabaseSession, analysis_id: int, row: Any) -> Session:
    """One session, given its row, with all that is below it. One statement."""
    return _build(fetch_under(session, analysis_id, [row.no]), [row])[row.terminal_no][0]


def load_sessions(
    session: DatabaseSession, analysis_id: int, terminals: Sequence[int] | None = None
) -> dict[int, tuple[Session, ...]]:
    """Number of a terminal → its sessions in order; of the terminals with these numbers, or of all."""
    query = select(SessionRow.__table__).where(SessionRow.analysis_id == analysis_id).order_by(SessionRow.no)
    if terminals is not None:
        query = query.where(SessionRow.terminal_no.in_(terminals))
    heads = session.execute(query).all()
    if terminals is None:
        return _build(fetch_everything(session, analysis_id), heads)
    return _build(fetch_under(session, analysis_id, [head.no for head in heads]), heads)


def _build(rows: ExchangeRows, heads: Rows) -> dict[int, tuple[Session, ...]]:
    """`heads` are the rows of the sessions."""
    names = _Names(rows)
    evidence = _evidence([row for row in rows.evidence if row.attempt_no is not None], names)
    whole = _datagrams(rows.datagrams, _fragments(rows.fragments, _sightings(rows.sightings, names)), names)
    of_session = _messages(rows.messages, _attempts(rows.attempts, whole, evidence, names))
    said = _marks(rows.marks, names)
    sessions: dict[int, list[Session]] = defaultdict(list)
    for head in heads:
        sessions[head.terminal_no].append(_session(head, tuple(of_session[head.no]), tuple(said[head.no])))
    return {number: tuple(found) for number, found in sessions.items()}


def _session(row: Any, messages: tuple[Message, ...], marks: tuple[Mark, ...]) -> Session:
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


def _message(row: Any, attempts: tuple[Attempt, ...]) -> Message:
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


def _attempt(row: Any, evidence: tuple[Evidence, ...], datagram: DatagramFate | None, names: _Names) -> Attempt:
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


def _datagram(row: Any, fragments: tuple[FragmentFate, ...], names: _Names) -> DatagramFate:
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
