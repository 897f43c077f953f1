"""Whole only when fragments of several points are put together: whole nowhere."""

from __future__ import annotations

from app.core.analysis import Severity
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Judgement
from app.core.diagnosis.noted import findings_from, is_anything_failing
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

CODE = "complete-only-merged"


def judge(case: CaseView) -> Judgement:
    return findings_from(
        case,
        NoteCode.MERGED_ONLY,
        Severity.WARNING if is_anything_failing(case) else Severity.INFO,
        Confidence.LIKELY,
        lambda note: Text(
            "No place saw it whole, so no host could have reassembled it there; merging the captures would hide the "
            "loss. "
            "Likely: it rests on matching pieces of different captures.",
            "没有任何一点看到完整报文，因此也没有主机能在那里重组；把抓包合并起来看会掩盖丢失。很可能："
            "依据是不同抓包间的分片匹配。",
        ),
        lambda note: (
            Text(
                "Do not merge captures before looking at fragments; look at each point by itself.",
                "分析分片前不要合并抓包，应逐点查看。",
            ),
        ),
    )


RULE = CaseRule(
    CODE,
    Text(
        "a datagram is whole only if several points' fragments are put together",
        "只有把多个抓包点的分片拼在一起报文才完整",
    ),
    Text("captures at two or more places", "两个及以上位置的抓包"),
    judge,
)
