"""The answer is at the terminal's network card, whole, and the client's log never has it: mostly a host firewall."""

from __future__ import annotations

from app.core.analysis import Attempt, Evidence, Fate, Finding, Message, Outcome, Role, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, of_marks, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.needs import has_client_log
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_CLIENT_CAPTURE, NO_CLIENT_LOG, plural
from app.core.records import Confidence, Direction, Text

CODE = "answer-not-taken"
ANSWER_NUMBERS = (2, 4, 6)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not has_client_log(terminal):
        return NotRun((NO_CLIENT_LOG,))
    clients = case.points_of(Role.CLIENT)
    if not clients or not terminal.has_captures:
        return NotRun((NO_CLIENT_CAPTURE,))
    if terminal.has_found("answered-elsewhere"):
        return MISS
    findings: list[Finding] = []
    for session in terminal.sessions:
        ends = [m for m in session.marks if m.side == "client" and m.kind in ("result", "notice")]
        if session.outcome is Outcome.PASSED or not ends:
            continue
        for message in session.messages:
            came = _came_unread(message, clients)
            if came:
                findings.append(_finding(message, came, unique((*of_attempts(came), *of_marks(ends[:2])))))
    return Hit(tuple(findings[:2])) if findings else MISS


def _came_unread(message: Message, clients: frozenset[str]) -> list[Attempt]:
    """Sends of this answer that the client's card had whole, where its log has none of them."""
    if message.direction is not Direction.TO_CLIENT or message.number not in ANSWER_NUMBERS:
        return []
    if any(a.log_time_ns is not None for a in message.attempts):
        return []
    return [
        a
        for a in message.attempts
        if a.datagram is not None and any(a.datagram.fate.get(point) is Fate.WHOLE for point in clients)
    ]


def _finding(message: Message, came: list[Attempt], evidence: tuple[Evidence, ...]) -> Finding:
    number, n = message.number, len(came)
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"Answer {number} is whole in the terminal's own capture ({plural(n, 'time')}), and the client's log "
            "never has it: something on the terminal keeps it from the client (host firewall, security software, "
            "another process on the port). Likely, not certain: the log may be incomplete.",
            f"{number} 号应答在终端自身抓包中完整（{n} 次），而客户端日志中始终没有：终端本机有程序阻止客户端收到它"
            "（本机防火墙、安全软件或其他进程占用端口）。很可能，尚不能确定：日志也可能不完整。",
        ),
        evidence=evidence,
        message=number,
        counts={"datagrams": n},
        against=(Text("the network delivered the answer to the terminal", "网络已将应答送达终端"),),
        next_steps=(
            Text(
                "On the terminal: switch off the host firewall and security software for one test; check with "
                "netstat -ano "
                "-p udp which process holds the client's port.",
                "在终端上：临时关闭本机防火墙和安全软件复测一次；用 netstat -ano -p udp 查看客户端端口被哪个进程占用。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("the answer reached the terminal's card and not the client", "应答到达终端网卡，但未到达客户端程序"),
    Text("the iNode log and a capture on the same terminal", "同一终端的 iNode 日志与抓包"),
    judge,
)
