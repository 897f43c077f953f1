"""A server capture without the first message: taken on another host or card, or behind a proxy."""

from __future__ import annotations

from app.core.analysis import Evidence, Fate, Finding, Role, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import unique
from app.core.diagnosis.facts import CaseRule, Judgement, NotRun, found
from app.core.diagnosis.terminal_view import answers_of
from app.core.diagnosis.wording import NO_SERVER_CAPTURE
from app.core.records import Confidence, Text

CODE = "wrong-place"


def judge(case: CaseView) -> Judgement:
    servers = sorted(case.points_of(Role.SERVER))
    if not servers:
        return NotRun((NO_SERVER_CAPTURE,))
    return found(*(f for point in servers if (f := _judge(case, point))))


def _judge(case: CaseView, point: str) -> Finding | None:
    absent: list[Evidence] = []
    for terminal in case.facts.terminals:
        for session in terminal.sessions:
            first = session.message(1)
            if first is None:
                continue
            fates = [a.datagram.fate.get(point) for a in first.attempts if a.datagram is not None]
            if Fate.WHOLE in fates or Fate.PARTIAL in fates:
                return None
            if (
                fates
                and all(f is Fate.ABSENT for f in fates)
                and len(fates) == len(first.attempts)
                and answers_of(session, 1)
            ):
                absent.extend(e for a in first.attempts for e in a.evidence[:2])
    if not absent:
        return None
    n = len(absent)
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"{point} is called the server's capture, yet it has no message 1 of sessions that were answered: it was "
            f"taken on "
            "another host, another card, or behind a policy proxy. What is missing there proves no loss. Likely, not "
            "certain: "
            "a filter could hide message 1 as well.",
            f"{point} 被当作服务器侧抓包，但其中没有任何已得到应答的会话的 1 号报文：抓包位置是另一台主机、"
            f"另一块网卡，或在策略代理之后。"
            "在该处缺失不能证明丢失。很可能，尚不能确定：过滤条件也可能隐藏 1 号报文。",
        ),
        evidence=unique(absent),
        counts={"datagrams": n},
        against=(Text("an answered message 1 must have reached the server", "得到应答的 1 号报文必定到达过服务器"),),
        next_steps=(
            Text(
                "Look up in message 2 (damProxyIp) and in the client's log which address answers, and capture on "
                "that host, on all "
                "interfaces.",
                "在 2 号报文（damProxyIp）和客户端日志中查明实际应答的地址，并在该主机的全部网卡上抓包。",
            ),
        ),
        details={"point": point},
    )


RULE = CaseRule(
    CODE,
    Text("a capture called the server's has no message 1", "所谓服务器侧抓包中没有 1 号报文"),
    Text("a capture on the server and answered sessions", "服务器侧抓包与得到应答的会话"),
    judge,
)
