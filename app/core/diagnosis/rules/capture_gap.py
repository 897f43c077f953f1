"""A point was not capturing when something was sent."""

from __future__ import annotations

from app.core.analysis import Finding, Severity
from app.core.diagnosis.advice import RUN_SECONDS
from app.core.diagnosis.blind_spots import NOT_CAPTURING, BlindSpot, blind_spots, spot_evidence
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import unique
from app.core.diagnosis.facts import MISS, Hit, Judgement, NotRun, TerminalRule
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_TWO_CAPTURES, listed, plural
from app.core.records import Confidence, Text

CODE = "capture-gap"


def judge(case: CaseView, terminal: TerminalView) -> Judgement:
    if not case.points:
        return NotRun((NO_TWO_CAPTURES,))
    together: dict[tuple[int, ...], list[BlindSpot]] = {}
    for spot in blind_spots(case, terminal, NOT_CAPTURING):
        together.setdefault(tuple(map(id, spot.attempts)), []).append(spot)
    return Hit(tuple(_finding(case, terminal, spots) for spots in together.values())) if together else MISS


def _finding(case: CaseView, terminal: TerminalView, spots: list[BlindSpot]) -> Finding:
    """`spots`: points that are blind to the same sends."""
    numbers, attempts = spots[0].numbers, spots[0].attempts
    places, which = listed(spot.point for spot in spots), listed(str(number) for number in sorted(numbers))
    n, whose = len(attempts), "their" if len(spots) > 1 else "its"
    captures, show = ("captures", "show") if len(spots) > 1 else ("capture", "shows")
    return Finding(
        code=CODE,
        severity=_severity(terminal, numbers),
        confidence=Confidence.CERTAIN,
        summary=Text(
            f"{plural(n, 'send')} of message {which.en} fell outside the time that the {captures} at {places.en} "
            f"{show}: {whose} first and last frames do not span it. Whether they came by there is open, and nothing "
            "of them counts as lost there. Certain: read from the times of the frames.",
            f"{which.zh} 号报文有 {n} 次发送不在 {places.zh} 的抓包时段内（首帧与末帧之间不含这些时刻）："
            "它们是否经过该点无从得知，也不计为丢失。结论确定：由各帧时间得知。",
        ),
        evidence=unique(item for spot in spots for item in spot_evidence(case, spot)),
        message=next(iter(numbers)) if len(numbers) == 1 else None,
        counts={"datagrams": n},
        against=(Text("nothing is claimed about the network here", "此处不对网络作任何判断"),),
        next_steps=(
            Text(
                f"Capture once more at {places.en}: start before the authentication and stop {RUN_SECONDS} s after "
                "the failure; start all points before the first test.",
                f"在 {places.zh} 重新抓包：认证开始前启动，失败后 {RUN_SECONDS} 秒再停止；各点均应在测试前启动。",
            ),
        ),
        details={"points": [spot.point for spot in spots]},
    )


def _severity(terminal: TerminalView, numbers: set[int]) -> Severity:
    """A gap is worth a warning only where it keeps something unexplained."""
    is_explained = numbers <= terminal.explained_messages()
    return Severity.WARNING if terminal.is_failing and not is_explained else Severity.INFO


RULE = TerminalRule(
    CODE,
    Text("a point was not capturing during a send", "某抓包点在发送时没有在抓包"),
    Text("captures with their time span", "抓包及其时间范围"),
    judge,
)
