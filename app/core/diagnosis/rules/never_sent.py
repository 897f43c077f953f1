"""The client logged a message that its own running capture does not have: client firewall, driver, wrong interface."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.analysis import Attempt, Evidence, Finding, Mark, Message, Outcome, Role, Seen, Session, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_marks, sending_line, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.needs import has_client_log
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_CLIENT_CAPTURE, NO_CLIENT_LOG, plural
from app.core.network.traces import NoteCode
from app.core.records import NS, CaptureFacts, Confidence, Direction, Text

CODE = "never-sent"
SLACK_NS = 2 * NS  # log times have whole seconds

STEPS = (
    Text(
        "On the terminal: switch off the host firewall and third-party security software for one test, check the "
        "network "
        "driver, and capture on all interfaces at once (the message may leave through a VPN or a second card).",
        "在终端上：临时关闭本机防火墙和第三方安全软件复测一次，检查网卡驱动，并在所有网卡上同时抓包（报文可能从 VPN "
        "或另一块网卡发出）。",
    ),
)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not has_client_log(terminal):
        return NotRun((NO_CLIENT_LOG,))
    own = _own_captures(case, terminal)
    unsent = [f for s in terminal.sessions for m in s.messages if own and (f := _unsent(case, terminal, s, m, own))]
    explained = {f.message for f in unsent} | terminal.explained_messages()
    findings = (*unsent, *_send_errors(terminal, explained))
    if findings:
        return Hit(findings)
    return MISS if own else NotRun((NO_CLIENT_CAPTURE,))


def _send_errors(terminal: TerminalView, explained: frozenset[int | None] | set[int | None]) -> Iterator[Finding]:
    """Errors of the socket, by the message that they hit; those of a message whose fate is known add nothing."""
    marks: dict[int | None, list[Mark]] = {}
    for session, mark in terminal.marks("send_error"):
        number = _message_at(session, mark)
        if session.outcome is not Outcome.PASSED and number not in explained:
            marks.setdefault(number, []).append(mark)
    for number, its in marks.items():
        yield _send_error(number, its)


def _message_at(session: Session, mark: Mark) -> int | None:
    """The message whose line lies nearest to the error."""
    lines = [
        (abs(a.log_time_ns - mark.raw_time_ns), message.number)
        for message in session.messages
        if message.direction is Direction.TO_SERVER
        for a in message.attempts
        if a.log_time_ns is not None
    ]
    return min(lines)[1] if lines else None


def _send_error(number: int | None, marks: list[Mark]) -> Finding:
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"The client's own log says that sending failed ({plural(len(marks), 'time')}): a local fault of the "
            f"terminal. Likely, not "
            "certain: a log is its only witness.",
            f"客户端日志自身报告发送失败（{len(marks)} 次）：属终端本地故障。很可能，尚不能确定：仅以日志为证。",
        ),
        evidence=unique(of_marks(marks)),
        message=number,
        counts={"datagrams": len(marks)},
        next_steps=STEPS,
    )


def _own_captures(case: CaseView, terminal: TerminalView) -> dict[str, bool]:
    """Client-side captures of this terminal → whether they hold any datagram of it."""
    clients = case.points_of(Role.CLIENT)
    own: dict[str, bool] = {}
    folders: set[str] = set()
    for _, _, attempt in terminal.sends():
        if attempt.log_time_ns is not None:
            folders.update(_folder(e.source) for e in attempt.evidence if e.line is not None)
        if attempt.datagram is None:
            continue
        for fragment in attempt.datagram.fragments:
            for point in clients:
                sighting = fragment.sightings.get(point)
                if sighting and sighting.state is Seen.SEEN and sighting.source:
                    own[sighting.source] = True
    if not own:
        for point in clients:
            own.update({s: False for s in case.points[point].sources if _folder(s) in folders})
    return own


def _folder(source: str) -> str:
    return source.rpartition("/")[0]


def _unsent(
    case: CaseView, terminal: TerminalView, session: Session, message: Message, own: dict[str, bool]
) -> Finding | None:
    if message.direction is not Direction.TO_SERVER or session.outcome is Outcome.PASSED or not session.zone_known:
        return None
    if any(a.datagram is not None and a.log_time_ns is None for a in message.attempts):
        return None  # datagrams that no line was tied to: the missing ones may be among them
    lines = [a for a in message.attempts if a.datagram is None and a.log_time_ns is not None and sending_line(a)]
    if len(lines) < len(message.attempts):
        return None  # some send was seen somewhere: then others may have been lost on the way
    covered = [a for a in lines if any(_covers(case, source, a) for source in own)]
    return _finding(case, message, covered, own) if covered else None


def _covers(case: CaseView, source: str, attempt: Attempt) -> bool:
    facts = _facts(case, source)
    network = case.facts.network
    if facts is None or network is None or attempt.time_ns is None or facts.first_ns is None or facts.last_ns is None:
        return False
    if any(True for code in (NoteCode.FILTERED, NoteCode.DROPPED) for _ in network.notes_of(code, source)):
        return False
    clock = network.clocks.get(source)
    first, last = (clock.to_reference(t) if clock else t for t in (facts.first_ns, facts.last_ns))
    return first <= attempt.time_ns - SLACK_NS and attempt.time_ns + SLACK_NS <= last


def _facts(case: CaseView, source: str) -> CaptureFacts | None:
    its = case.source(source)
    return its.capture if its is not None else None


def _finding(case: CaseView, message: Message, sends: list[Attempt], own: dict[str, bool]) -> Finding:
    """`sends`: those at whose time the terminal's own capture was surely running."""
    n, told = len(sends), len(message.attempts)
    has_others = any(own.values())
    is_open = any((f := _facts(case, s)) is not None and f.non_ip_frames + f.tcp_frames > 0 for s in own)
    is_sure = has_others and is_open and n > 1
    reason = (
        Text(
            "Certain: that capture was running, is not filtered, and has other messages of this terminal.",
            "结论确定：该抓包当时正在进行、未加过滤，且含有该终端的其他报文。",
        )
        if is_sure
        else Text(
            "Likely, not certain: the capture may have been taken on another interface, through a filter, or shows "
            "one send only.",
            "很可能，尚不能确定：抓包可能在另一块网卡上、带有过滤，或只涉及一次发送。",
        )
    )
    capture = sorted(own)[0]
    where = Evidence(capture, frame=1, text=f"udp {message.number}: ✗")
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.CERTAIN if is_sure else Confidence.LIKELY,
        summary=Text(
            f"The client logged message {message.number} as sent {plural(told, 'time')}, "
            f"{'all' if n == told else n} of them while its own capture ({capture}) was running, and the "
            f"capture has none: it never left the terminal. {reason.en}",
            f"客户端日志记录 {message.number} 号报文发送了 {told} 次，其中 {n} 次时终端自身正在抓包（{capture}），"
            f"而抓包中一个也没有：报文没有离开终端。{reason.zh}",
        ),
        evidence=unique([*(e for a in sends for e in sending_line(a)), where]),
        message=message.number,
        counts={"datagrams": told, "covered": n, "fragments_sent": 0},
        against=(Text("the network is not involved: nothing reached it", "与网络无关：报文没有进入网络"),),
        next_steps=STEPS,
    )


RULE = TerminalRule(
    CODE,
    Text(
        "the client logged a message that its own capture does not have",
        "客户端日志中已发送的报文，在其自身抓包中不存在",
    ),
    Text("the iNode log and a capture on the same terminal", "同一终端的 iNode 日志与抓包"),
    judge,
)
