"""An ICMP fragmentation needed, or packet too big: a link on the way is narrower and the packet may not be cut."""

from __future__ import annotations

from app.core.analysis import Attempt, Finding, Outcome, Severity
from app.core.diagnosis.advice import scene
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.icmp_errors import errors_of, icmp_evidence
from app.core.diagnosis.losses import is_too_big_error
from app.core.diagnosis.terminal_view import TerminalView, answers_of
from app.core.diagnosis.wording import NO_CLIENT_CAPTURE
from app.core.records import Confidence, Text

CODE = "too-big"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not terminal.has_captures:
        return NotRun((NO_CLIENT_CAPTURE,))
    tied = [(a, n, t) for a, n, t in errors_of(case, terminal) if is_too_big_error(t.packet)]
    if not tied:
        return MISS
    number, first = tied[0][1], tied[0][2]
    mtu = first.packet.quote.mtu if first.packet.quote else None
    at = scene(case, terminal, [a for a, _, _ in tied])
    sure = all(tie.confidence is Confidence.CERTAIN for _, _, tie in tied)
    reason = (
        Text("Certain: the error quotes this very datagram.", "结论确定：差错报文引用的正是本报文。")
        if sure
        else Text("Likely: the quote fits, but not only this datagram.", "很可能：引用内容相符，但不唯一。")
    )
    limit, limit_zh = (f" (MTU {mtu})", f"（MTU {mtu}）") if mtu else ("", "")
    payload = (mtu or 1500) - (48 if at.is_v6 else 28)
    return Hit(
        (
            Finding(
                code=CODE,
                severity=Severity.ERROR if _is_fatal(terminal, number) else Severity.INFO,
                confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
                summary=Text(
                    f"{first.packet.source_ip} says that message {number} is too big for the next link{limit} and "
                    f"may not be "
                    f"fragmented there: it was dropped. {reason.en}",
                    f"{first.packet.source_ip} 报告 {number} 号报文超过下一段链路的长度{limit_zh}且不允许分片，"
                    f"已被丢弃。"
                    f"{reason.zh}",
                ),
                evidence=unique((*(icmp_evidence(t) for _, _, t in tied), *of_attempts(a for a, _, _ in tied))),
                message=number,
                between=_place(terminal, tied[0][0]),
                counts={"datagrams": len({id(a) for a, _, _ in tied}), "icmp": len(tied)},
                against=(
                    Text(
                        "a device that dropped fragments by rule would not send this error",
                        "按规则丢弃分片的设备不会发出该差错报文",
                    ),
                ),
                next_steps=(
                    Text(
                        f"Find the narrow link (tunnel, PPPoE, VPN) behind {first.packet.source_ip}: raise its MTU, "
                        f"or lower the "
                        f"terminals' MTU to {mtu or 'its MTU'}. Probe: ping -f -l {payload} {at.server or 'SERVER'} "
                        f"passes, one byte more does not.",
                        f"查 {first.packet.source_ip} 之后较窄的链路（隧道、PPPoE、VPN）：增大其 MTU，或将终端 MTU "
                        f"降为 {mtu or '该值'}。"
                        f"验证：ping -f -l {payload} {at.server or 'SERVER'} 能通，再大 1 字节则不通。",
                    ),
                ),
                details={"mtu": mtu},
            ),
        )
    )


def _place(terminal: TerminalView, attempt: Attempt) -> tuple[str, str] | None:
    """The leg on which captures lose the quoted datagram."""
    for direction, row in terminal.passages.items():
        for passage in row:
            if passage.attempt is attempt and passage.has_loss:
                return terminal.names.between(direction, min(passage.legs))
    return None


def _is_fatal(terminal: TerminalView, number: int) -> bool:
    """The message that was too big is one that stayed unanswered."""
    return any(
        session.outcome is not Outcome.PASSED
        and session.message(number) is not None
        and not answers_of(session, number)
        for session in terminal.sessions
    )


RULE = TerminalRule(
    CODE,
    Text("an ICMP 3/4 or ICMPv6 2 says that a packet was too big", "ICMP 3/4 或 ICMPv6 2 表明报文过大"),
    Text("a capture that holds ICMP errors", "含 ICMP 差错报文的抓包"),
    judge,
)
