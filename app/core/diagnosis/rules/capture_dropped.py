"""The capture itself lost packets."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from, is_anything_failing
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

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
        Severity.WARNING if is_anything_failing(case) else Severity.INFO,
        Confidence.LIKELY,
        lambda note: Text(
            "Absence there proves little. Likely: by the capture's own counters, or by gaps that only it has.",
            "在该处看不到某报文不足以说明其未经过。很可能：依据是抓包自身的计数，或仅它才有的缺口。",
        ),
        lambda note: STEPS,
    )


RULE = CaseRule(
    CODE,
    Text("the capture itself lost packets, so absence there proves little", "抓包自身丢包，未见到不等于未经过"),
    Text("drop counters in captures", "抓包中的丢包计数"),
    judge,
)
