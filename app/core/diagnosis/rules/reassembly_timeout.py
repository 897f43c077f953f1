"""An ICMP time exceeded, code 1: a host waited for the rest of the fragments in vain."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import firewall_step, ping_step, scene
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.icmp_errors import errors_of, icmp_evidence, is_reassembly_timeout
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_CLIENT_CAPTURE, joined, plural
from app.core.records import Confidence, Text

CODE = "reassembly-timeout"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not terminal.has_captures:
        return NotRun((NO_CLIENT_CAPTURE,))
    tied = [(a, n, t) for a, n, t in errors_of(case, terminal) if is_reassembly_timeout(t.packet)]
    if not tied:
        return MISS
    attempt, number, first = tied[0]
    host = first.packet.source_ip
    is_explained = number in terminal.explained_messages()
    is_open = terminal.is_failing and not is_explained
    sure = all(tie.confidence is Confidence.CERTAIN for _, _, tie in tied)
    claim = Text(
        f"{host} gave up reassembling message {number} ({plural(len(tied), 'ICMP 11/1')}): it received the first "
        f"fragment and "
        "never all of the others.",
        f"{host} 放弃重组 {number} 号报文（收到 {len(tied)} 个 ICMP 11/1）：首片已到，其余分片始终未到齐。",
    )
    reason = (
        Text(
            "Certain: only a host that has the first fragment sends this, and it quotes this datagram.",
            "结论确定：只有收到首片的主机才会发出该报文，且其中引用的正是本报文。",
        )
        if sure
        else Text(
            "Likely: the error quotes a datagram that fits, but not only this one.",
            "很可能：所引用的报文与之相符，但不唯一。",
        )
    )
    return Hit(
        (
            Finding(
                code=CODE,
                severity=Severity.ERROR if is_open else Severity.WARNING if terminal.is_failing else Severity.INFO,
                confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
                summary=joined(claim, reason),
                evidence=unique((*(icmp_evidence(t) for _, _, t in tied), *of_attempts(a for a, _, _ in tied))),
                message=number,
                counts={"datagrams": len({id(a) for a, _, _ in tied}), "icmp": len(tied)},
                against=(
                    Text(
                        "a missing first fragment or a path that is down would give no such error",
                        "若首片丢失或链路中断，则不会有该 ICMP 报文",
                    ),
                ),
                next_steps=(ping_step(scene(case, terminal, [attempt])), firewall_step()),
            ),
        )
    )


RULE = TerminalRule(
    CODE,
    Text("an ICMP 11/1 says that a host gave up reassembling", "ICMP 11/1 表明某主机放弃了重组"),
    Text("a capture that ran 60 s longer than the failure", "失败后继续运行 60 秒以上的抓包"),
    judge,
)
