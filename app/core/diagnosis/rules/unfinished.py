"""The exchange stops in the middle, and the sources at hand do not say how it went on."""

from __future__ import annotations

from app.core.analysis import Finding, Message, Outcome, Session, Severity, SourceKind
from app.core.diagnosis.advice import scene, settle_with_both_ends
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts
from app.core.diagnosis.facts import MISS, Hit, Judgement, TerminalRule
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import joined
from app.core.records import Confidence, Text

CODE = "unfinished"
FINISHED = (Outcome.PASSED, Outcome.FAILED)


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    """Speaks only where no other rule explains the terminal: it says what is missing, not what is wrong."""
    if any(f.severity is not Severity.INFO for f in terminal.found):
        return MISS
    stopped = [s for s in terminal.sessions if s.outcome not in FINISHED and s.messages]
    if not stopped or any(s.outcome in FINISHED for s in terminal.sessions):
        return MISS
    session = stopped[-1]
    last = session.messages[-1]
    evidence = of_attempts(last.attempts)
    if not evidence:
        return MISS
    at = scene(case, terminal, last.attempts)
    return Hit(
        (
            Finding(
                code=CODE,
                severity=Severity.WARNING,
                confidence=Confidence.POSSIBLE,
                summary=joined(_stops(last), _open_question(case, session)),
                evidence=evidence,
                message=last.number,
                against=(
                    Text(
                        "the user may have ended the authentication, or the log or capture may stop here",
                        "也可能是用户中止了认证，或日志、抓包到此为止",
                    ),
                ),
                next_steps=(settle_with_both_ends(at),),
            ),
        )
    )


def _stops(last: Message) -> Text:
    return Text(
        f"Message {last.number} is the last one that the sources at hand show; how it went on cannot be told.",
        f"现有资料中最后一个报文是 {last.number} 号报文，之后的交互情况无法判断。",
    )


def _open_question(case: CaseView, session: Session) -> Text:
    if session.message(3) is None and not case.has_kind(SourceKind.INODE_LOG):
        return Text(
            "The iNode log of this terminal settles whether it sent message 3, and how often.",
            "补充该终端的 iNode 日志即可确认 3 号报文是否发出、发了几次。",
        )
    return Text(
        "A capture on the terminal, taken until 90 s after the failure, settles it.",
        "在终端上抓包至失败后 90 秒即可定论。",
    )


RULE = TerminalRule(
    CODE,
    Text("the exchange stops and nothing says why", "交互中断且原因不明"),
    Text("a session without an end", "没有结束的会话"),
    judge,
)
