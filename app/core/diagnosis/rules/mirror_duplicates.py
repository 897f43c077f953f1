"""A mirror shows every frame twice."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

CODE = "mirror-duplicates"


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.MIRRORED,
        Severity.INFO,
        Confidence.CERTAIN,
        lambda note: Text(
            "The copies are not retransmissions and were counted once. Certain: they carry the same identification "
            "within "
            "moments; a retransmission has a new one.",
            "这些副本不是重传，只计一次。结论确定：副本在极短时间内出现且标识（identification）相同，"
            "而重传的标识是新的。",
        ),
        lambda note: (
            Text(
                "Mirror one direction of two ports, or both directions of one port, not both of both: "
                "mirroring-group … inbound.",
                "镜像时取两个端口的单方向，或一个端口的双方向，不要两者都取双方向：mirroring-group … inbound。",
            ),
        ),
    )


RULE = CaseRule(
    CODE,
    Text("a mirror shows every frame twice", "镜像中每帧出现两次"),
    Text("captures", "抓包"),
    judge,
)
