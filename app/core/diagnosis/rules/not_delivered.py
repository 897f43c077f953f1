"""Whole at the server's network card, and no line in the server's log: narrows `server-silent` down to the host."""

from __future__ import annotations

from app.core.analysis import Finding, Severity, SourceKind
from app.core.diagnosis.advice import scene, server_steps
from app.core.diagnosis.arrivals import Arrival, unanswered_arrivals
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.needs import has_server_log
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_SERVER_CAPTURE, NO_SERVER_LOG, plural
from app.core.records import Confidence, Text

CODE = "not-delivered"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not case.has_kind(SourceKind.SERVER_LOG):
        return NotRun((NO_SERVER_LOG,))
    arrivals = [a for a in unanswered_arrivals(case, terminal) if a.whole and not a.is_broken and not a.logged]
    if not arrivals:
        return MISS if terminal.has_captures else NotRun((NO_SERVER_CAPTURE,))
    return Hit(tuple(_finding(case, terminal, a) for a in arrivals))


def _finding(case: CaseView, terminal: TerminalView, arrival: Arrival) -> Finding:
    n, number = len(arrival.whole), arrival.message.number
    knows = has_server_log(terminal)
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY if knows else Confidence.POSSIBLE,
        summary=Text(
            f"Message {number} is whole in the server's capture ({plural(n, 'time')}) and has no line in the "
            f"server's log: the host "
            "firewall, a full socket buffer, or a service that hangs. "
            + (
                "Likely: the log knows other messages of this terminal."
                if knows
                else "Possible only: the log knows nothing of this terminal, it may not cover this time."
            ),
            f"{number} 号报文在服务器侧抓包中完整（{n} 次），但服务器日志中没有记录：可能是本机防火墙、"
            f"套接字缓冲区已满或服务挂起。"
            + (
                "很可能：日志中有该终端的其他报文。"
                if knows
                else "仅为可能：日志中没有该终端的任何记录，可能未覆盖该时段。"
            ),
        ),
        evidence=of_attempts(arrival.whole, tuple(arrival.points)),
        message=number,
        counts={"datagrams": n},
        against=(
            Text("a log level below debug would leave the line out as well", "日志级别低于 debug 时同样不会有该记录"),
        ),
        next_steps=server_steps(scene(case, terminal, arrival.message.attempts)),
    )


RULE = TerminalRule(
    CODE,
    Text("whole at the server's network card, not in the server's log", "到达服务器网卡且完整，但服务器日志没有记录"),
    Text("a capture on the server and its debug log", "服务器侧抓包与服务器 debug 日志"),
    judge,
)
