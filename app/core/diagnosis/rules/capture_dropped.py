"""The capture itself lost packets."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from
from app.core.records import Confidence, Text
from app.core.traces import NoteCode

CODE = "capture-dropped"

STEPS = (
    Text(
        "Capture again with a larger buffer and a filter: dumpcap -B 256, tcpdump -B 262144; on a mirror port check "
        "that both "
        "directions together fit the monitor port.",
        "加大缓冲并加过滤重新抓包：dumpcap -B 256、tcpdump -B 262144；镜像口须能承载双向流量之和。",
    ),
)


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.DROPPED,
        Severity.WARNING,
        Confidence.CERTAIN,
        lambda note: Text(
            "Absence there proves little. Certain: the capture says so itself.",
            "在该处看不到某报文不足以说明其未经过。结论确定：抓包自身即有此记录。",
        ),
        lambda note: STEPS,
    )


RULE = CaseRule(
    CODE,
    Text("the capture itself lost packets, so absence there proves little", "抓包自身丢包，未见到不等于未经过"),
    Text("drop counters in captures", "抓包中的丢包计数"),
    judge,
)
