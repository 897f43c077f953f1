"""CaseAnalysis → the verdict document (version 1), a mapping ready for JSON.

The document is a contract that outsiders use: keys are added, never renamed or removed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.core.analysis import (
    Attempt,
    CapturePoint,
    CaseAnalysis,
    Check,
    Clock,
    DatagramFate,
    Evidence,
    Finding,
    Mark,
    Message,
    Session,
    Source,
    Terminal,
)
from app.core.coverage import Holding, judge_coverage_of
from app.core.records import NS, Text

VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_document(analysis: CaseAnalysis) -> dict[str, object]:
    """The whole verdict; every value is str, int, float, bool, None, list or dict."""
    return {
        "version": VERSION,
        "sources": [_source(s) for s in analysis.sources],
        "capture_points": [_point(p) for p in analysis.capture_points],
        "terminals": [_terminal(t) for t in analysis.terminals],
        "findings": [finding_document(f) for f in analysis.findings],
        "checks": [_check(c) for c in analysis.checks],
        "coverage": [_holding(holding) for holding in judge_coverage_of(analysis)],
        "notes": [_text(n) for n in analysis.notes],
    }


def iso(time_ns: int | None, is_utc: bool = True) -> str | None:
    """ISO 8601 to the microsecond; with Z only where the zone is known."""
    if time_ns is None:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if is_utc else "")


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def _holding(holding: Holding) -> dict[str, object]:
    return {
        "kind": holding.kind,
        "cover": holding.cover.value,
        "reason": _text(holding.reason),
        "sources": list(holding.sources),
        "blocks": list(holding.blocks),
    }


def _source(source: Source) -> dict[str, object]:
    # A log writes local times: UTC where its zone is known, else as written and without the Z.
    is_utc = source.log is None or source.zone_offset_s is not None
    zone_ns = (source.zone_offset_s or 0) * NS if source.log is not None else 0
    return {
        "path": source.path,
        "sha256": source.sha256,
        "size": source.size_bytes,
        "kind": source.kind.value,
        "capture_point": source.capture_point,
        "records": source.records,
        "rejected": source.rejected,
        "first": iso(_less(source.first_ns, zone_ns), is_utc),
        "last": iso(_less(source.last_ns, zone_ns), is_utc),
        "clock_offset_s": source.clock_offset_s,
        "encoding": source.encoding,
        "format": source.log_format,
        "format_score": source.log_format_score,
        "zone_offset_s": source.zone_offset_s,
        "notes": [_text(n) for n in source.notes],
    }


def _less(time_ns: int | None, zone_ns: int) -> int | None:
    return None if time_ns is None else time_ns - zone_ns


def _point(point: CapturePoint) -> dict[str, object]:
    return {
        "name": point.name,
        "role": point.role.value,
        "order": point.order,
        "order_by": point.order_by,
        "clock": _clock(point.clock),
        "observed": [[iso(start), iso(end)] for start, end in point.observed_ns],
        "sources": list(point.sources),
        "notes": [_text(n) for n in point.notes],
    }


def _clock(clock: Clock) -> dict[str, object]:
    return {
        "offset_s": clock.offset_s,
        "drift_ppm": clock.drift_ppm,
        "uncertainty_s": clock.uncertainty_s,
        "lower_s": clock.lower_s,
        "upper_s": clock.upper_s,
        "quality": clock.quality,
        "reference": clock.reference,
        "method": clock.method.en,
        "steps": [{"at": iso(at), "jump_s": jump} for at, jump in clock.steps],
        "matched": clock.matched,
    }


def _terminal(terminal: Terminal) -> dict[str, object]:
    return {
        "user": terminal.user,
        "mac": terminal.mac,
        "ip": list(terminal.ip),
        "outcome": terminal.outcome.value,
        "sessions": [_session(s) for s in terminal.sessions],
        "findings": [finding_document(f) for f in terminal.findings],
        "checks": [_check(c) for c in terminal.checks],
    }


def _session(session: Session) -> dict[str, object]:
    utc = session.zone_known
    return {
        "event_id": session.event_id,
        "outcome": session.outcome.value,
        "start": iso(session.start_ns, utc),
        "end": iso(session.end_ns, utc),
        "server_ip": list(session.server_ip),
        "messages": [_message(m, utc) for m in session.messages],
        "results": [_mark(m, utc) for m in session.marks],
    }


def _mark(mark: Mark, utc: bool) -> dict[str, object]:
    return {
        "kind": mark.kind,
        "time": iso(mark.time_ns, utc),
        "code": mark.code,
        "text": mark.text,
        "evidence": _evidence(mark.evidence),
    }


def _message(message: Message, utc: bool) -> dict[str, object]:
    document: dict[str, object] = {
        "number": message.number,
        "direction": message.direction.value,
        "plain_bytes": message.plain_bytes,
        "attempts": [_attempt(a, utc) for a in message.attempts],
        "fields": [[name, value] for name, value in message.fields],
    }
    if message.check is not None:
        check = message.check
        document["check"] = {
            "system": check.system,
            "language": check.language,
            "patches": check.patches,
            "distinct_patches": check.distinct_patches,
            "repeated": list(check.repeated),
            "antivirus": [list(pair) for pair in check.antivirus],
        }
    return document


def _attempt(attempt: Attempt, utc: bool) -> dict[str, object]:
    return {
        "attempt": attempt.attempt,
        "time": iso(attempt.time_ns, utc),
        "gap_s": attempt.gap_s,
        "plain_bytes": attempt.plain_bytes,
        "wire_bytes": attempt.wire_bytes,
        "evidence": [_evidence(e) for e in attempt.evidence],
        "tied_by": None if attempt.tied_by is None else _text(attempt.tied_by),
        "datagram": None if attempt.datagram is None else _datagram(attempt.datagram),
    }


def _datagram(fate: DatagramFate) -> dict[str, object]:
    return {
        "id": None if fate.identification is None else f"0x{fate.identification:04x}",
        "source": fate.source,
        "destination": fate.destination,
        "ip_version": fate.ip_version,
        "coding": fate.coding,
        "fragments": [
            {
                "offset": f.offset,
                "length": f.length,
                "sightings": {point: s.state.value for point, s in f.sightings.items()},
                "reasons": {point: _text(s.reason) for point, s in f.sightings.items() if s.reason is not None},
            }
            for f in fate.fragments
        ],
        "fate": {point: state.value for point, state in fate.fate.items()},
        "lost_between": None if fate.lost_between is None else list(fate.lost_between),
        "match": None
        if fate.match_reason is None
        else {
            "reason": _text(fate.match_reason),
            "confidence": fate.match_confidence.value if fate.match_confidence else None,
        },
        "translated": {point: list(pair) for point, pair in fate.translations.items()},
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    document: dict[str, object] = {"source": evidence.source}
    if evidence.line is not None:
        document["line"] = evidence.line
    if evidence.frame is not None:
        document["frame"] = evidence.frame
    document["text"] = evidence.text
    return document


def finding_document(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "between": None if finding.between is None else list(finding.between),
        "counts": dict(finding.counts),
        "against": [_text(t) for t in finding.against],
        "summary": _text(finding.summary),
        "evidence": [_evidence(e) for e in finding.evidence],
        "next_steps": [_text(t) for t in finding.next_steps],
        "details": dict(finding.details),
    }


def _check(check: Check) -> dict[str, object]:
    document: dict[str, object] = {"code": check.code, "result": check.result}
    if check.missing:
        document["missing"] = [t.en for t in check.missing]
        document["missing_zh"] = [t.zh for t in check.missing]
    return document
