"""Clocks that cannot be: bounds from both directions that exclude each other."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

CODE = "clock-contradiction"


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.CLOCK_CONTRADICTION,
        Severity.WARNING,
        Confidence.LIKELY,
        lambda note: Text(
            "No steady clock explains these times: the clock was set during the capture, or frames were matched "
            "wrongly. "
            "Losses are not judged by time, so they stand.",
            "没有任何稳定的时钟能解释这些时间：抓包期间时钟被调整过，或匹配有误。丢失判断不依赖时间，因此不受影响。",
        ),
    )


RULE = CaseRule(
    CODE,
    Text("the times of two captures exclude each other", "两份抓包的时间互相排斥"),
    Text("datagrams in both directions at two places", "两处均可见的双向报文"),
    judge,
)
