"""The request arrives with a translated address, and the server answers to another one, which the NAT does not know."""

from __future__ import annotations

from app.core.analysis import Attempt, Fate, Finding, Outcome, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.terminal_view import ANSWERS, TerminalView
from app.core.diagnosis.wording import NO_SERVER_CAPTURE
from app.core.records import Confidence, Direction, Text

CODE = "translated-unanswerable"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not terminal.has_captures:
        return NotRun((NO_SERVER_CAPTURE,))
    findings = [
        finding
        for session in terminal.sessions
        if session.outcome is not Outcome.PASSED
        for message in session.messages
        if message.direction is Direction.TO_SERVER
        for finding in _judge_request(terminal, message.number, message.attempts)
    ]
    return Hit(tuple(findings[:4])) if findings else MISS


def _judge_request(terminal: TerminalView, number: int, attempts: tuple[Attempt, ...]) -> list[Finding]:
    for request in attempts:
        if request.datagram is None:
            continue
        for point, (source, _) in request.datagram.translations.items():
            if source == request.datagram.source:
                continue
            for answer in _answers(terminal, number):
                assert answer.datagram is not None
                target = answer.datagram.translations.get(point, ("", answer.datagram.destination))[1]
                seen = point in answer.datagram.fate and answer.datagram.fate[point] in (Fate.WHOLE, Fate.PARTIAL)
                if seen and target != source:
                    return [_finding(number, request, answer, source, target, point)]
    return []


def _answers(terminal: TerminalView, number: int) -> list[Attempt]:
    return [
        a
        for _, m, a in terminal.sends(Direction.TO_CLIENT)
        if m.number in ANSWERS.get(number, ()) and a.datagram is not None
    ]


def _finding(number: int, request: Attempt, answer: Attempt, source: str, target: str, point: str) -> Finding:
    assert request.datagram is not None
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"Message {number} arrives at {point} from {source} (sent as {request.datagram.source}), and the server "
            f"answers to "
            f"{target}: the device that translated the address cannot lead that answer back. Likely: both were seen at "
            f"{point}; what the device does with the answer was not seen.",
            f"{number} 号报文到达 {point} 时源地址为 {source}（发出时为 {request.datagram.source}），服务器却应答到 "
            f"{target}："
            f"做地址转换的设备无法把该应答送回。很可能：两者均在 {point} 可见，但未见设备对应答的处理。",
        ),
        evidence=of_attempts((request, answer), (point,)) or of_attempts((request, answer)),
        message=number,
        counts={"datagrams": 1},
        against=(
            Text(
                "the request itself arrives: the way to the server is not the fault",
                "请求本身能够到达：去往服务器方向没有问题",
            ),
        ),
        next_steps=(
            Text(
                "EAD needs the terminal's own address: exempt traffic to the policy server from NAT, or set the "
                "client's NAT mode "
                "and the server's proxy accordingly.",
                "EAD 需要终端真实地址：对去往策略服务器的流量取消 NAT，或相应配置客户端的 NAT 模式与服务器代理。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("the server answers to an address that the NAT cannot lead back", "服务器应答到 NAT 无法送回的地址"),
    Text("request and answer at a point behind the NAT", "NAT 之后某抓包点上的请求与应答"),
    judge,
)
