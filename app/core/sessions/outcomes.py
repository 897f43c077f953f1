"""How a session ended, from what the logs say and, without them, from what was seen on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.core.analysis import Attempt, Fate, Mark, Message, Outcome
from app.core.records import Direction

VERDICT_PASSED = 4
VERDICT_FAILED = 6
REPORT = 3
# Four sends, 5 s apart, in the article; two unanswered ones already show that the client did not get its answer.
UNANSWERED_SENDS = 2

_PASSED = re.compile(r"安全检查通过|安全认证成功|security (?:check|authentication) (?:passed|succe)", re.IGNORECASE)
_FAILED = re.compile(
    r"安全认证失败|安全检查(?:失败|不合格|未通过)|未收到策略服务器|强行下线"
    r"|security (?:check|authentication) fail|no response from (?:the )?policy server",
    re.IGNORECASE,
)


def judge_outcome(messages: Sequence[Message], marks: Sequence[Mark]) -> Outcome:
    """The client's own word first, then the verdict message, then what stayed unanswered."""
    told = _told(marks)
    if told is not None:
        return told
    answers = {m.number for m in messages if m.direction is Direction.TO_CLIENT and any(map(_came_back, m.attempts))}
    if VERDICT_FAILED in answers:
        return Outcome.FAILED
    if VERDICT_PASSED in answers:
        return Outcome.PASSED
    sent = next((m for m in reversed(messages) if m.direction is Direction.TO_SERVER and m.number in (1, REPORT)), None)
    if sent is None:
        return Outcome.UNKNOWN
    if len(sent.attempts) >= UNANSWERED_SENDS and _answer_of(sent.number) not in answers:
        return Outcome.FAILED
    return Outcome.INCOMPLETE


def _told(marks: Sequence[Mark]) -> Outcome | None:
    """The last result code or sentence decides: a client that tried again ends with its last word."""
    for mark in reversed(marks):
        if mark.side != "client":
            continue
        if mark.kind == "result" and mark.code is not None:
            return Outcome.PASSED if mark.code == 0 else Outcome.FAILED
        if mark.kind == "notice":
            if _FAILED.search(mark.text):
                return Outcome.FAILED
            if _PASSED.search(mark.text):
                return Outcome.PASSED
    return None


def _answer_of(number: int) -> int:
    return number + 1


def _came_back(attempt: Attempt) -> bool:
    """Whether the client had the answer: its log says so, or no point says that a piece was lost."""
    if attempt.log_time_ns is not None:
        return True
    if attempt.datagram is None:
        return attempt.server_log_time_ns is not None
    fates = list(attempt.datagram.fate.values())
    return attempt.datagram.lost_between is None and Fate.WHOLE in fates
