"""Captures that stop before a receiver would have said that it gave up."""

from __future__ import annotations

from app.core.analysis import Evidence, Finding, Outcome, Severity
from app.core.diagnosis.advice import RUN_SECONDS
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement, NotRun, found
from app.core.diagnosis.noted import NO_CAPTURE
from app.core.diagnosis.wording import listed
from app.core.records import NS, Confidence, Direction, Text

CODE = "capture-too-short"
GIVE_UP_S = 60


def judge(case: CaseView) -> Judgement:
    if not case.points:
        return NotRun((NO_CAPTURE,))
    last = _last_failing_fragments_ns(case)
    if last is None:
        return found()
    short: dict[str, float] = {}
    devices = {facts.source for facts in case.facts.devices}
    for name, point in case.points.items():
        if devices.intersection(point.sources):
            continue  # its lines end with the last fragment: a log is no capture that somebody stopped
        ends = [end for _, end in point.observed_ns]
        if ends and last <= max(ends) < last + GIVE_UP_S * NS:
            short[name] = (max(ends) - last) / NS
    return found(*([_finding(case, short)] if short else []))


def _last_failing_fragments_ns(case: CaseView) -> int | None:
    """When the last fragmented datagram of a failing session was sent."""
    times = [
        a.time_ns
        for terminal in case.facts.terminals
        for session in terminal.sessions
        if session.outcome is Outcome.FAILED
        for message in session.messages
        if message.direction is Direction.TO_SERVER
        for a in message.attempts
        if a.time_ns is not None and a.datagram is not None and len(a.datagram.fragments) > 1
    ]
    return max(times, default=None)


def _finding(case: CaseView, short: dict[str, float]) -> Finding:
    names = listed(short)
    least = min(short.values())
    return Finding(
        code=CODE,
        severity=Severity.INFO,
        confidence=Confidence.CERTAIN,
        summary=Text(
            f"The last frames at {names.en} come soon after the last fragmented message, the earliest after "
            f"{least:.0f} s. A receiver gives up reassembly only after 30 to 60 s, so the absence of an ICMP 11/1 "
            "there means nothing. Certain: read from their last frames.",
            f"{names.zh} 的抓包在最后一个分片报文之后很快停止"
            f"（最早的为 {least:.0f} 秒）：接收方 30–60 秒后才会放弃重组，"
            f"因此其中没有 ICMP 11/1 "
            "不说明任何问题。结论确定：由抓包末帧时间得知。",
        ),
        evidence=tuple(Evidence(s, frame=1, text=name) for name in short for s in case.points[name].sources[:1]),
        next_steps=(
            Text(
                f"Next time let captures run {RUN_SECONDS} s after the failure.",
                f"下次请在失败后继续抓包 {RUN_SECONDS} 秒。",
            ),
        ),
        details={"seconds_after": {name: round(value, 1) for name, value in short.items()}},
    )


RULE = CaseRule(
    CODE,
    Text("captures stop before a receiver would say that it gave up", "抓包在接收方放弃重组之前就已停止"),
    Text("captures of failing sessions", "失败会话的抓包"),
    judge,
)
