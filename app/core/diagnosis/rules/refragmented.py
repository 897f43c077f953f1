"""A device cuts fragments further: a link with a smaller MTU."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from
from app.core.network.traces import NetworkNote, NoteCode
from app.core.records import Confidence, Text

CODE = "refragmented"


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.REFRAGMENTED,
        Severity.INFO,
        Confidence.CERTAIN,
        _meaning,
        lambda note: (
            Text(
                "Not a fault by itself, but every further cut is one more piece to lose; raise the MTU of that link "
                "where you can.",
                "本身不是故障，但每多切一次就多一个可能丢失的分片；条件允许时请增大该链路 MTU。",
            ),
        ),
    )


def _meaning(note: NetworkNote) -> Text:
    mtu = note.details.get("mtu")
    shown = (
        Text(f"The pieces show an MTU of about {mtu}.", f"由分片长度可知该链路 MTU 约为 {mtu}。")
        if mtu
        else Text("", "")
    )
    return Text(
        f"{shown.en} Certain: the same byte ranges were seen in larger pieces before and in smaller ones "
        f"behind.".strip(),
        f"{shown.zh}结论确定：同一字节区间在前一点为较大分片，在后一点为较小分片。",
    )


RULE = CaseRule(
    CODE,
    Text("a device splits fragments further", "有设备将分片进一步切分"),
    Text("captures on both sides of the device", "设备两侧的抓包"),
    judge,
)
