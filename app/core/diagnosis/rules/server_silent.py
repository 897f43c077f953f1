"""The message is at the server, whole, and nothing comes back."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import scene, server_steps
from app.core.diagnosis.arrivals import Arrival, unanswered_arrivals, watched_after
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.needs import without_server_evidence
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import joined, plural
from app.core.records import Confidence, Direction, Text

CODE = "server-silent"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    arrivals = [a for a in unanswered_arrivals(case, terminal) if not a.is_broken and not a.has_stray_reply]
    if not arrivals:
        return without_server_evidence(case, terminal)
    return Hit(tuple(_finding(case, terminal, a) for a in arrivals))


def _finding(case: CaseView, terminal: TerminalView, arrival: Arrival) -> Finding:
    n = len(arrival.whole) or len(arrival.logged)
    confidence, reason = _confidence(case, terminal, arrival)
    number = arrival.message.number
    claim = (
        Text(
            f"Message {number} reached the policy server whole ({n} of {len(arrival.message.attempts)} sends), and "
            f"the server "
            "sent no answer.",
            f"{number} 号报文已完整到达策略服务器（共发送 {len(arrival.message.attempts)} 次，到达 {n} 次），"
            f"但服务器没有应答。",
        )
        if arrival.whole
        else Text(
            f"The policy server's log has message {number} as received ({plural(n, 'time')}), and no answer to it.",
            f"策略服务器日志记录已收到 {number} 号报文（{n} 次），但没有对应的应答。",
        )
    )
    shown = arrival.whole or arrival.logged
    return Finding(
        code=CODE,
        severity=Severity.ERROR,
        confidence=confidence,
        summary=joined(claim, reason),
        evidence=of_attempts(shown, tuple(arrival.points)),
        message=number,
        counts={"datagrams": len(arrival.message.attempts), "arrived": n, "logged": len(arrival.logged)},
        against=(
            Text(
                "every byte range of these datagrams was seen at the server, so the network delivered them",
                "这些报文的每个字节区间都在服务器侧抓包中出现，网络已送达",
            )
            if arrival.whole
            else Text("only a log says that it arrived", "仅有日志表明已到达"),
            Text(
                "an answer in a capture on the server, or in its log, would disprove it",
                "若服务器侧抓包或其日志中找到应答，则本结论不成立",
            ),
        ),
        next_steps=server_steps(scene(case, terminal, arrival.message.attempts)),
    )


def _confidence(case: CaseView, terminal: TerminalView, arrival: Arrival) -> tuple[Confidence, Text]:
    if not arrival.whole:
        if _logs_answers(terminal):
            return Confidence.LIKELY, Text(
                "Likely, not certain: this is the server's own log, no capture on the server shows that nothing was "
                "sent.",
                "很可能，尚不能确定：依据仅为服务器自身日志，没有服务器侧抓包证明确未发出应答。",
            )
        return Confidence.POSSIBLE, Text(
            "Possible only: this log shows no sends of the server at all, it may not write them.",
            "仅为可能：该日志中看不到服务器的任何发送记录，可能本就不记录发送。",
        )
    if not watched_after(case, arrival):
        return Confidence.POSSIBLE, Text(
            "Possible only: the server's capture loses frames or ends too soon after the message to show whether an "
            "answer followed.",
            "仅为可能：服务器侧抓包在报文到达后很快结束或自身丢帧，无法判断其后是否有应答。",
        )
    if len(arrival.whole) < 2:
        return Confidence.LIKELY, Text(
            "Likely, not certain: a single arrival; the service may just have been busy.",
            "很可能，尚不能确定：只有一次到达，服务可能恰好繁忙。",
        )
    return Confidence.CERTAIN, Text(
        "Certain: the server's capture was running, has the whole message more than once, and no answer.",
        "结论确定：服务器侧当时一直在抓包，多次看到完整报文，始终没有应答。",
    )


def _logs_answers(terminal: TerminalView) -> bool:
    """Whether this server log writes down what the server sends at all."""
    return any(attempt.server_log_time_ns is not None for _, _, attempt in terminal.sends(Direction.TO_CLIENT))


RULE = TerminalRule(
    CODE,
    Text(
        "the message reached the server whole, and the server did not answer", "报文已完整到达服务器，而服务器没有应答"
    ),
    Text("a capture on the server, or its debug log", "服务器侧抓包，或服务器 debug 日志"),
    judge,
)
