"""The answer came from another address than the one that was asked: clients and firewalls drop such answers."""

from __future__ import annotations

from app.core.analysis import Attempt, Fate, Finding, Message, Outcome, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.terminal_view import ANSWERS, TerminalView
from app.core.diagnosis.wording import NO_SERVER_CAPTURE
from app.core.records import Confidence, Direction, Text

CODE = "answered-elsewhere"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not terminal.has_captures:
        return NotRun((NO_SERVER_CAPTURE,))
    findings: list[Finding] = []
    for session in terminal.sessions:
        if session.outcome is Outcome.PASSED:
            continue
        for message in session.messages:
            if message.direction is not Direction.TO_CLIENT or any(a.log_time_ns is not None for a in message.attempts):
                continue
            asked = [a for m in session.messages if message.number in ANSWERS.get(m.number, ()) for a in m.attempts]
            findings.extend(_finding(message, q, a) for q, a in _mismatches(asked, message.attempts))
    return Hit(tuple(findings[:4])) if findings else MISS


def _mismatches(asked: list[Attempt], answers: tuple[Attempt, ...]) -> list[tuple[Attempt, Attempt]]:
    """The first (request, answer) whose server addresses differ at one and the same point."""
    for request in asked:
        for answer in answers:
            if request.datagram is None or answer.datagram is None:
                continue
            for point, fate in answer.datagram.fate.items():
                is_both = fate is Fate.WHOLE and request.datagram.fate.get(point) is Fate.WHOLE
                if is_both and _destination(request, point) != _source(answer, point):
                    return [(request, answer)]
    return []


def _destination(attempt: Attempt, point: str) -> str:
    assert attempt.datagram is not None
    return attempt.datagram.translations.get(point, ("", attempt.datagram.destination))[1]


def _source(attempt: Attempt, point: str) -> str:
    assert attempt.datagram is not None
    return attempt.datagram.translations.get(point, (attempt.datagram.source, ""))[0]


def _finding(message: Message, request: Attempt, answer: Attempt) -> Finding:
    assert request.datagram is not None and answer.datagram is not None
    number, asked, came = message.number, request.datagram.destination, answer.datagram.source
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"Answer {number} comes from {came}, though {asked} was asked: a stateful firewall, a NAT or the client "
            f"itself "
            "will not take it for the answer, and the client's log never has it. Likely: both addresses were seen at "
            "one "
            "point; that this is why the answer was not taken is an inference.",
            f"{number} 号应答来自 {came}，而请求发往 {asked}：状态防火墙、NAT 或客户端自身不会将其视为应答，"
            f"客户端日志中也始终没有它。"
            "很可能：两个地址在同一抓包点可见，但应答因此未被接受属于推断。",
        ),
        evidence=of_attempts((request, answer)),
        message=number,
        counts={"datagrams": sum(1 for a in message.attempts if a.datagram is not None)},
        against=(Text("the server did answer, and in time", "服务器确已及时应答"),),
        next_steps=(
            Text(
                "Check the server's addresses: second network card, cluster or load-balancer address, proxy address "
                "announced in message 2 (damProxyIp), source address of the service.",
                "检查服务器地址：第二块网卡、集群或负载均衡地址、2 号报文下发的代理地址（damProxyIp）、"
                "服务绑定的源地址。",
            ),
        ),
        details={"asked": asked, "answered_from": came},
    )


RULE = TerminalRule(
    CODE,
    Text("the answer came from another address than the one asked", "应答来自与请求目的不同的地址"),
    Text("request and answer at one capture point", "同一抓包点的请求与应答"),
    judge,
)
