"""A point was not capturing when something was sent."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import RUN_SECONDS
from app.core.diagnosis.blind_spots import NOT_CAPTURING, BlindSpot, blind_spots, spot_evidence
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_TWO_CAPTURES, listed, plural
from app.core.records import Confidence, Text

CODE = "capture-gap"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not case.points:
        return NotRun((NO_TWO_CAPTURES,))
    spots = blind_spots(case, terminal, NOT_CAPTURING)
    return Hit(tuple(_finding(case, terminal, spot) for spot in spots)) if spots else MISS


def _finding(case: CaseView, terminal: TerminalView, spot: BlindSpot) -> Finding:
    n = len(spot.attempts)
    which = listed(str(number) for number in sorted(spot.numbers))
    return Finding(
        code=CODE,
        severity=Severity.WARNING if terminal.is_failing else Severity.INFO,
        confidence=Confidence.CERTAIN,
        summary=Text(
            f"{spot.point} was not capturing during {plural(n, 'send')} (message {which.en}): whether they came by "
            f"there is open, "
            "and nothing of them counts as lost there. Certain: the capture's own first and last frame say when it "
            "ran.",
            f"{spot.point} 在其中 {n} 次发送（{which.zh} 号报文）时没有在抓包：它们是否经过该点无从得知，也不计为丢失。"
            "结论确定：该抓包首帧与末帧的时间表明了其运行时段。",
        ),
        evidence=spot_evidence(case, spot),
        message=next(iter(spot.numbers)) if len(spot.numbers) == 1 else None,
        counts={"datagrams": n},
        against=(Text("nothing is claimed about the network here", "此处不对网络作任何判断"),),
        next_steps=(
            Text(
                f"Capture once more at {spot.point}: start before the authentication and stop {RUN_SECONDS} s after "
                f"the failure; "
                "start all points before the first test.",
                f"在 {spot.point} 重新抓包：认证开始前启动，失败后 {RUN_SECONDS} 秒再停止；各点均应在测试前启动。",
            ),
        ),
    )


RULE = TerminalRule(
    CODE,
    Text("a point was not capturing during a send", "某抓包点在发送时没有在抓包"),
    Text("captures with their time span", "抓包及其时间范围"),
    judge,
)
