"""The exchange finished well."""

from __future__ import annotations

from app.core.analysis import Evidence, Fate, Finding, Outcome, Role, Session, Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, of_marks, unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, TerminalRule
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import plural
from app.core.records import Confidence, Text

CODE = "no-fault"
PASSED = 4


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    well = [session for session in terminal.sessions if session.outcome is Outcome.PASSED]
    if not well or len(well) < len(terminal.sessions):
        return MISS
    last = well[-1]
    evidence = _evidence(last)
    if not evidence:
        return MISS
    clients = case.points_of(Role.CLIENT)
    answer = last.message(PASSED)
    # What only a log says is likely at best: certain is an answer that a capture on the terminal holds whole.
    came = answer is not None and any(
        a.datagram is not None and a.datagram.fate.get(point) is Fate.WHOLE
        for a in answer.attempts
        for point in clients
    )
    repeats = sum(len(m.attempts) - 1 for s in well for m in s.messages)
    reason = (
        Text("Certain: the answer (message 4) reached the client.", "结论确定：客户端已收到通过结果（4 号报文）。")
        if came
        else Text(
            "Likely, not certain: no capture on the terminal holds the answer (message 4).",
            "很可能，尚不确定：没有终端侧抓包可证明通过结果（4 号报文）到达客户端。",
        )
    )
    return Hit(
        (
            Finding(
                code=CODE,
                severity=Severity.INFO,
                confidence=Confidence.CERTAIN if came else Confidence.LIKELY,
                summary=Text(
                    f"The exchange finished well in {plural(len(well), 'session')}"
                    + (f", with {plural(repeats, 'retransmission')}" if repeats > 0 else "")
                    + f". {reason.en}",
                    f"{len(well)} 次会话交互正常完成"
                    + (f"，其间重传 {repeats} 次" if repeats > 0 else "")
                    + f"。{reason.zh}",
                ),
                evidence=evidence,
                counts={"sessions": len(well), "retransmissions": repeats},
            ),
        )
    )


def _evidence(session: Session) -> tuple[Evidence, ...]:
    answer = session.message(PASSED)
    marks = of_marks(m for m in session.marks if m.side == "client" and m.kind in ("result", "notice"))
    return unique((*(of_attempts(answer.attempts) if answer else ()), *marks))


RULE = TerminalRule(
    CODE,
    Text("the exchange finished well", "交互正常完成"),
    Text("message 4, or the client's own result", "4 号报文，或客户端自身结果"),
    judge,
)
