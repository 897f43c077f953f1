"""What a case holds of the four kinds of evidence, whether each covers the failure, and what its lack leaves open.

    client log · client capture · server log · server capture

A kind covers a failed session if it was being written from the session's first record to its last, and of that
terminal. Where that cannot be said, the reason says what is missing for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.analysis import (
    CapturePoint,
    CaseAnalysis,
    Check,
    Outcome,
    Role,
    Seen,
    Session,
    Sighting,
    Source,
    SourceKind,
    Terminal,
)
from app.core.diagnosis.wording import (
    NO_CLIENT_CAPTURE,
    NO_CLIENT_LOG,
    NO_SERVER_CAPTURE,
    NO_SERVER_LOG,
    NO_SIZES,
    NO_TWO_CAPTURES,
)
from app.core.records import NS, Text

MOST_SESSIONS = 200  # of those that failed are asked; the rest would say the same
SLACK_NS = 2 * NS  # logs count whole seconds, and a session may end with its last record

Span = tuple[int, int]


class Cover(StrEnum):
    COVERS = "covers"
    PARTLY = "partly"
    NOT = "not"
    UNKNOWN = "unknown"  # it may, and nothing here can tell
    ABSENT = "absent"  # there is no such evidence


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of evidence. `sources` are the paths of its files, `blocks` the codes of rules that its lack or its gap
    leaves open."""

    kind: str  # "client_log" | "client_capture" | "server_log" | "server_capture"
    cover: Cover
    reason: Text
    sources: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


KINDS: dict[str, tuple[Text, tuple[Text, ...]]] = {
    "client_log": (Text("Client log (iNode)", "客户端日志（iNode）"), (NO_CLIENT_LOG, NO_SIZES)),
    "client_capture": (Text("Capture on the terminal", "终端侧抓包"), (NO_CLIENT_CAPTURE, NO_TWO_CAPTURES)),
    "server_log": (Text("Policy server log", "策略服务器日志"), (NO_SERVER_LOG,)),
    "server_capture": (Text("Capture on the server", "服务器侧抓包"), (NO_SERVER_CAPTURE, NO_TWO_CAPTURES)),
}
COVER_NAMES = {
    Cover.COVERS: Text("covers the failure", "覆盖故障时刻"),
    Cover.PARTLY: Text("covers part of it", "部分覆盖"),
    Cover.NOT: Text("does not cover it", "未覆盖"),
    Cover.UNKNOWN: Text("cannot be known", "无法判断"),
    Cover.ABSENT: Text("missing", "缺失"),
}
_WHOLE = Text("from the first message to the last", "从首个报文到最后一个报文")
_NO_FILE = Text("no such file is in the case", "案例中没有这类文件")
_NO_EXCHANGE = Text("no exchange was found that it could cover", "未找到可供对照的交互")
_OTHER_TERMINAL = Text("it is of other terminals", "属于其他终端")
_NO_COMMON_CLOCK = Text(
    "its clock and that of the failure are not tied: name the time zone of the log",
    "其时钟与故障时间无法对应：请指定日志的时区",
)
_LOG_BEGINS = Text("its first line is {:,} s after the first message", "其首行比首个报文晚 {:,} 秒")
_LOG_ENDS = Text(
    "its last line is {:,} s before the end of the exchange: whether it was still being written, it does not say",
    "其末行比交互结束早 {:,} 秒：此后是否仍在记录，无从得知",
)
_CAPTURE_BEGINS = Text("it begins {:,} s after the first message", "在首个报文之后 {:,} 秒才开始")
_CAPTURE_ENDS = Text("its last frame is {:,} s before the last message", "其最后一帧比最后一个报文早 {:,} 秒")
_APART = Text("it was written at another time", "记录的是其他时间")

Judged = tuple[Cover, Text]


def judge_coverage(
    sources: Sequence[Source],
    points: Sequence[CapturePoint],
    terminals: Sequence[Terminal],
    checks: Sequence[Check],
) -> tuple[Holding, ...]:
    """The four kinds in the order of the path. Without a failure it is every other exchange that is asked for."""
    sessions = _asked(terminals)
    files = _files(sources, points)
    return tuple(_holding(kind, files[kind], sources, points, sessions, checks) for kind in KINDS)


def judge_coverage_of(analysis: CaseAnalysis) -> tuple[Holding, ...]:
    return judge_coverage(analysis.sources, analysis.capture_points, analysis.terminals, analysis.checks)


def _asked(terminals: Sequence[Terminal]) -> list[Session]:
    for wanted in ((Outcome.FAILED,), tuple(Outcome)):
        found = [s for t in terminals for s in t.sessions if s.outcome in wanted and s.start_ns is not None]
        if found:
            return found[:MOST_SESSIONS]
    return []


def _files(sources: Sequence[Source], points: Sequence[CapturePoint]) -> dict[str, tuple[str, ...]]:
    roles = {path: point.role for point in points for path in point.sources}
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for source in sources:
        if source.kind is SourceKind.INODE_LOG:
            found["client_log"].append(source.path)
        elif source.kind is SourceKind.SERVER_LOG:
            found["server_log"].append(source.path)
        elif source.kind is SourceKind.CAPTURE and roles.get(source.path) in (Role.CLIENT, Role.SERVER):
            found[f"{roles[source.path].value}_capture"].append(source.path)
    return {kind: tuple(paths) for kind, paths in found.items()}


def _holding(
    kind: str,
    files: tuple[str, ...],
    sources: Sequence[Source],
    points: Sequence[CapturePoint],
    sessions: Sequence[Session],
    checks: Sequence[Check],
) -> Holding:
    if not files:
        return Holding(kind, Cover.ABSENT, _NO_FILE, (), _blocked(kind, checks))
    if not sessions:
        return Holding(kind, Cover.UNKNOWN, _NO_EXCHANGE, files)
    if kind.endswith("_log"):
        logs = [source for source in sources if source.path in set(files)]
        judged = [_judge_log(session, logs, kind == "client_log") for session in sessions]
    else:
        role = Role.CLIENT if kind == "client_capture" else Role.SERVER
        mine = [point for point in points if point.role is role]
        judged = [max((_judge_point(s, point) for point in mine), key=_rank) for s in sessions]
    cover, reason = _summed(judged)
    return Holding(kind, cover, reason, files, () if cover is Cover.COVERS else _blocked(kind, checks))


def _blocked(kind: str, checks: Sequence[Check]) -> tuple[str, ...]:
    lacks = {text.en for text in KINDS[kind][1]}
    return tuple(
        check.code for check in checks if check.result == "not-run" and any(text.en in lacks for text in check.missing)
    )


def _rank(judged: Judged) -> int:
    return (Cover.NOT, Cover.UNKNOWN, Cover.PARTLY, Cover.COVERS).index(judged[0])


def _summed(judged: Sequence[Judged]) -> Judged:
    """One answer for many failures: how many are covered, and why the others are not."""
    covers = Counter(cover for cover, _ in judged)
    if len(covers) == 1:
        return Counter(judged).most_common(1)[0][0]
    reason = Counter(reason for cover, reason in judged if cover is not Cover.COVERS).most_common(1)[0][0]
    whole = covers[Cover.COVERS]
    told = Text(
        f"{whole} of {len(judged)} failed sessions; of the others most: {reason.en}",
        f"{len(judged)} 个失败会话中覆盖 {whole} 个；其余多为：{reason.zh}",
    )
    return (Cover.PARTLY, told) if whole or covers[Cover.PARTLY] else (Cover.UNKNOWN, told)


# ---------------------------------------------------------------- logs


def _judge_log(session: Session, logs: Sequence[Source], is_client: bool) -> Judged:
    mine = {path for path, _ in _lines(session, is_client)}
    own = [log for log in logs if log.path in mine]
    if is_client and not own:
        return Cover.NOT, _OTHER_TERMINAL
    spans = [span for log in own or logs if (span := _log_span(log, session, is_client)) is not None]
    if not spans:
        return Cover.UNKNOWN, _NO_COMMON_CLOCK
    return _judge_spans(_span(session), spans, _LOG_BEGINS, _LOG_ENDS)


def _lines(session: Session, is_client: bool) -> Iterator[tuple[str, int]]:
    """(log, what its clock is behind the session's) of each line that tells of the session."""
    for message in session.messages:
        for attempt in message.attempts:
            written_ns = attempt.log_time_ns if is_client else attempt.server_log_time_ns
            lines = [item for item in attempt.evidence if item.line is not None]
            if written_ns is None or attempt.time_ns is None or not lines:
                continue
            # The client's line stands first, the server's last.
            yield (lines[0] if is_client else lines[-1]).source, attempt.time_ns - written_ns
    for mark in session.marks:
        if mark.side == ("client" if is_client else "server"):
            yield mark.evidence.source, mark.time_ns - mark.raw_time_ns


def _log_span(log: Source, session: Session, is_client: bool) -> Span | None:
    """From when to when the log tells, on the clock of the session; None where the two clocks are not tied."""
    if log.first_ns is None or log.last_ns is None:
        return None
    own = [behind_ns for path, behind_ns in _lines(session, is_client) if path == log.path]
    if own:
        behind_ns = own[0]
    elif log.zone_offset_s is not None and session.zone_known:
        behind_ns = -log.zone_offset_s * NS - round((log.clock_offset_s or 0.0) * NS)
    elif not session.zone_known and log.clock_offset_s is not None:
        behind_ns = -round(log.clock_offset_s * NS)  # both are on the times of the client's log
    else:
        return None
    return log.first_ns + behind_ns, log.last_ns + behind_ns


# ---------------------------------------------------------------- captures


def _judge_point(session: Session, point: CapturePoint) -> Judged:
    sightings = list(_sightings(session, point.name))
    told = [s for s in sightings if s.state is not Seen.UNKNOWN]
    if len(told) < len(sightings):
        reason = Counter(s.reason for s in sightings if s.state is Seen.UNKNOWN and s.reason).most_common(1)
        return (Cover.PARTLY if told else Cover.NOT), reason[0][0] if reason else _APART
    if not session.zone_known:
        return (Cover.COVERS, _WHOLE) if told else (Cover.UNKNOWN, _NO_COMMON_CLOCK)
    # A capture has nothing to show after the last message; what the log writes later is not on the wire.
    times = [a.time_ns for m in session.messages for a in m.attempts if a.time_ns is not None]
    span = (min(times), max(times)) if times else _span(session)
    return _judge_spans(span, point.observed_ns, _CAPTURE_BEGINS, _CAPTURE_ENDS)


def _sightings(session: Session, point: str) -> Iterator[Sighting]:
    for message in session.messages:
        for attempt in message.attempts:
            if attempt.datagram is not None:
                for fragment in attempt.datagram.fragments:
                    if point in fragment.sightings:
                        yield fragment.sightings[point]


# ---------------------------------------------------------------- times


def _span(session: Session) -> Span:
    start_ns = session.start_ns or 0
    return start_ns, session.end_ns or start_ns


def _judge_spans(asked: Span, spans: Sequence[Span], begins: Text, ends: Text) -> Judged:
    """What one kind was written over against what is asked for; `begins` and `ends` have a place for the seconds."""
    start_ns, end_ns = asked
    meeting = [span for span in spans if span[0] <= end_ns + SLACK_NS and span[1] >= start_ns - SLACK_NS]
    if not meeting:
        return Cover.NOT, _distance(spans, start_ns, end_ns)
    late_ns = min(first for first, _ in meeting) - start_ns
    early_ns = end_ns - max(last for _, last in meeting)
    if late_ns > SLACK_NS:
        return Cover.PARTLY, _with_seconds(begins, late_ns)
    return (Cover.PARTLY, _with_seconds(ends, early_ns)) if early_ns > SLACK_NS else (Cover.COVERS, _WHOLE)


def _with_seconds(text: Text, time_ns: int) -> Text:
    return Text(text.en.format(time_ns // NS), text.zh.format(time_ns // NS))


def _distance(spans: Sequence[Span], start_ns: int, end_ns: int) -> Text:
    before = [start_ns - last for _, last in spans if last < start_ns]
    after = [first - end_ns for first, _ in spans if first > end_ns]
    if before and (not after or min(before) <= min(after)):
        gap_s = min(before) // NS
        return Text(f"it ends {gap_s:,} s before the failure", f"在故障发生前 {gap_s:,} 秒已停止")
    if after:
        gap_s = min(after) // NS
        return Text(f"it begins {gap_s:,} s after the failure", f"在故障结束后 {gap_s:,} 秒才开始")
    return _APART
