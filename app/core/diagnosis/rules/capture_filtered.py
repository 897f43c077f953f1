"""A capture was taken through a filter that hides fragments with an offset: they have no ports."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.advice import Scene, capture_filter
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from, is_anything_failing, place_of
from app.core.network.traces import NetworkNote, NoteCode
from app.core.records import Confidence, Text

CODE = "capture-filtered"


def judge(case: CaseView) -> Judgement:
    def steps(note: NetworkNote) -> tuple[Text, ...]:
        server = next((ip for t in case.facts.terminals for s in t.sessions for ip in s.server_ip), "")
        bpf = capture_filter(Scene(client="", server=server, ports=tuple(sorted(case.facts.ports))))
        place = place_of(note)
        return (Text(f"Capture again at {place} with: {bpf}", f"在 {place} 用以下过滤条件重新抓包：{bpf}"),)

    return findings_from(
        case,
        NoteCode.FILTERED,
        Severity.WARNING if is_anything_failing(case) else Severity.INFO,
        Confidence.LIKELY,
        lambda note: Text(
            "Fragments with an offset cannot appear in it, so their absence there proves nothing. Likely: it shows "
            "in what "
            "the capture holds and lacks.",
            "非首片分片不可能出现在其中，因此看不到它们不说明任何问题。很可能：依据是该抓包中有什么、缺什么。",
        ),
        steps,
        (
            Text(
                "any fragment with an offset, or other traffic such as ARP, in this capture would disprove it",
                "该抓包中若有任何非首片分片或 ARP 等其他流量，则本结论不成立",
            ),
        ),
    )


RULE = CaseRule(
    CODE,
    Text("a capture was taken through a filter that hides fragments with an offset", "抓包过滤条件隐藏了非首片分片"),
    Text("captures", "抓包"),
    judge,
)
