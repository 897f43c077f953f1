"""The server's log has the message and no answer: narrows `server-silent` down to the service."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.arrivals import Arrival, unanswered_arrivals
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.needs import has_server_log
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_SERVER_LOG, plural
from app.core.records import Confidence, Text

CODE = "logged-not-answered"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    arrivals = [a for a in unanswered_arrivals(case, terminal) if a.logged and not a.has_stray_reply]
    if arrivals:
        return Hit(tuple(_finding(a) for a in arrivals))
    return MISS if has_server_log(terminal) else NotRun((NO_SERVER_LOG,))


def _finding(arrival: Arrival) -> Finding:
    n, number = len(arrival.logged), arrival.message.number
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"The service itself received message {number} ({plural(n, 'line')} in its log) and did not answer: "
            f"look inside the "
            "service (database, licence, proxy settings, load). Likely, not certain: a log is its only witness.",
            f"策略服务已收到 {number} 号报文（日志 {n} 行）却没有应答：请查服务内部（数据库、授权、代理配置、负载）。"
            "很可能，尚不能确定：仅以日志为证。",
        ),
        evidence=of_attempts(arrival.logged),
        message=number,
        counts={"logged": n},
        against=(
            Text(
                "the message was read and understood, so neither network nor reassembly is the fault",
                "报文已被读取并识别，因此与网络和重组无关",
            ),
        ),
        next_steps=(
            Text(
                "In the server's debug log read on from these lines on the same thread: errors, database waits, a "
                "queue that is "
                "full. Compare with a terminal that was answered in the same minute.",
                "在服务器 debug 日志中沿同一线程从这些行往后看：报错、数据库等待、队列满；"
                "并与同一分钟内得到应答的终端比较。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("the service logged the message and did not answer it", "策略服务记录了报文但没有应答"),
    Text("the policy server's debug log", "策略服务器 debug 日志"),
    judge,
)
