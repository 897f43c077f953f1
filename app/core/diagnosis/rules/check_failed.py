"""The exchange came to its end, and the policy said no: for the network a success."""

from __future__ import annotations

import re

from app.core.analysis import Evidence, Finding, Outcome, Role, Session, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, of_marks, unique
from app.core.diagnosis.facts import Hit, Judgement, TerminalRule
from app.core.diagnosis.needs import without_client_log
from app.core.diagnosis.terminal_view import NO_ANSWER_CODE, TerminalView, got_by_client
from app.core.records import Confidence, Direction, Text

CODE = "check-failed"
REFUSAL = 6
_SAID_NO = re.compile(r"检查(?:不合格|未通过|失败)|隔离|check (?:did not pass|failed)|quarantin|isolat", re.IGNORECASE)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    findings = [f for session in terminal.sessions if (f := _finding(case, session))]
    return Hit(tuple(findings[:1])) if findings else without_client_log(terminal)


def _finding(case: CaseView, session: Session) -> Finding | None:
    if session.outcome is Outcome.PASSED:
        return None
    clients = case.points_of(Role.CLIENT)
    refusal = next((m for m in session.messages if m.number == REFUSAL and m.direction is Direction.TO_CLIENT), None)
    words = [m for m in session.marks if m.side == "client" and m.kind == "notice" and _SAID_NO.search(m.text)]
    codes = [
        m
        for m in session.marks
        if m.side == "client" and m.kind == "result" and m.code not in (None, 0, NO_ANSWER_CODE)
    ]
    came = refusal is not None and got_by_client(refusal, clients)
    answered = any(m.number == 4 and got_by_client(m, clients) for m in session.messages)
    if not came and not (words and answered) and not (codes and answered):
        return None
    evidence: tuple[Evidence, ...] = of_marks(words + codes)
    if refusal is not None:
        evidence = unique((*of_attempts(refusal.attempts), *evidence))
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.CERTAIN if came else Confidence.LIKELY,
        summary=Text(
            "The exchange finished, and the policy check itself said no: repair what the policy asks for; the "
            "network did its "
            "part. "
            + (
                "Certain: the refusal (message 6) reached the client."
                if came
                else "Likely: the client's log says so, the refusal itself was not seen."
            ),
            "交互已完成，是策略检查本身未通过：请按策略要求修复终端，网络没有问题。"
            + (
                "结论确定：客户端已收到拒绝结果（6 号报文）。"
                if came
                else "很可能：客户端日志如此记录，未见拒绝报文本身。"
            ),
        ),
        evidence=evidence,
        message=REFUSAL if came else None,
        against=(
            Text(
                "every message was answered, so neither loss nor a silent server is the cause",
                "每个报文都得到应答，因此不是丢包也不是服务器无响应",
            ),
        ),
        next_steps=(
            Text(
                "Open message 3 and the policy (message 2) side by side: which item of the check list is missing or "
                "too old "
                "(patches by level, antivirus version and definitions).",
                "对照 3 号报文与策略（2 号报文）：检查项中哪些缺失或过旧（按级别的补丁、防病毒引擎与病毒库版本）。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("the exchange finished, and the policy check itself said no", "交互已完成，策略检查本身未通过"),
    Text("message 6, or the client's own words", "6 号报文，或客户端自身记录"),
    judge,
)
