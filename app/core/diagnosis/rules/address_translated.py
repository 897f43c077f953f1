"""A device rewrites addresses or ports between two points."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

CODE = "address-translated"


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.TRANSLATED,
        Severity.INFO,
        Confidence.LIKELY,
        lambda note: Text(
            "Filter for both addresses when you look at these captures. Likely: the payload and the order are the "
            "same on both "
            "sides, the addresses are not.",
            "查看这些抓包时请同时按两个地址过滤。很可能：两侧报文内容与顺序相同，仅地址不同。",
        ),
    )


RULE = CaseRule(
    CODE,
    Text("a device rewrites addresses between two points", "两点之间有设备改写地址"),
    Text("captures on both sides of the device", "设备两侧的抓包"),
    judge,
)
