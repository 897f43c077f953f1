"""A capture filter hides this terminal's fragments with an offset; the case finding is `capture-filtered`."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import capture_step, scene
from app.core.diagnosis.blind_spots import FILTERED, BlindSpot, blind_spots, spot_evidence
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_TWO_CAPTURES, plural
from app.core.records import Confidence, Text

CODE = "fragments-hidden"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not case.points:
        return NotRun((NO_TWO_CAPTURES,))
    if not terminal.is_failing:
        return MISS
    spots = blind_spots(case, terminal, FILTERED)
    return Hit(tuple(_finding(case, terminal, spot) for spot in spots)) if spots else MISS


def _finding(case: CaseView, terminal: TerminalView, spot: BlindSpot) -> Finding:
    at = scene(case, terminal, spot.attempts)
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"At {spot.point} the later fragments of {plural(len(spot.attempts), 'datagram')} of this terminal are "
            f"hidden by the "
            "capture filter: it looks like the failure and proves nothing. Likely: the capture holds no fragment "
            "with an "
            "offset of anybody.",
            f"在 {spot.point}，该终端 {len(spot.attempts)} 个报文的非首片分片被抓包过滤条件隐藏：看似丢失，"
            f"其实不能说明问题。"
            "很可能：该抓包中没有任何人的非首片分片。",
        ),
        evidence=spot_evidence(case, spot),
        counts={"datagrams": len(spot.attempts)},
        against=(
            Text(
                "a network that drops these fragments would look exactly the same in this capture",
                "若网络真的丢弃这些分片，该抓包看起来也完全一样",
            ),
        ),
        next_steps=(capture_step(at, Text(f"at {spot.point} again", f" {spot.point} 重新")),),
    )


RULE = TerminalRule(
    CODE,
    Text("a capture filter hides this terminal's fragments", "抓包过滤条件隐藏了该终端的分片"),
    Text("captures", "抓包"),
    judge,
)
