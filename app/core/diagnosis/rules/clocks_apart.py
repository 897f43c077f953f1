"""Clocks that differ by more than a second."""

from __future__ import annotations

from app.core.analysis import Evidence, Finding, Severity, Source, SourceKind
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import CaseRule, Hit, Judgement, NotRun, found
from app.core.diagnosis.noted import findings_from
from app.core.network.traces import NoteCode
from app.core.records import Confidence, Text

CODE = "clocks-apart"
APART_S = 1.0
# A log has whole seconds: its clock is known to half a second at best.
LOG_APART_S = 2.0

STEP = Text(
    "Set all hosts by NTP before the next capture. Nothing has to be repeated for this: EADScope corrects the times.",
    "下次抓包前用 NTP 对时。本次无须重抓：EADScope 已校正时间。",
)


def judge(case: CaseView) -> Judgement:
    captures = findings_from(
        case,
        NoteCode.CLOCKS_APART,
        Severity.INFO,
        Confidence.CERTAIN,
        lambda note: Text(
            "Times are shown on the reference clock; losses are never judged by time alone. Certain: the same "
            "datagrams "
            "carry both clocks.",
            "页面时间已统一到参考时钟；丢失与否从不单凭时间判断。结论确定：同一批报文同时带有两个时钟。",
        ),
        lambda note: (STEP,),
    )
    logs = [
        _log_finding(s)
        for s in case.sources
        if s.kind in (SourceKind.INODE_LOG, SourceKind.SERVER_LOG) and abs(s.clock_offset_s or 0.0) > LOG_APART_S
    ]
    if isinstance(captures, NotRun):
        return found(*logs) if logs else captures
    return found(*(captures.findings if isinstance(captures, Hit) else ()), *logs)


def _log_finding(source: Source) -> Finding:
    offset = source.clock_offset_s or 0.0
    word, zh = ("ahead of", "快") if offset > 0 else ("behind", "慢")
    return Finding(
        code=CODE,
        severity=Severity.INFO,
        confidence=Confidence.LIKELY,
        summary=Text(
            f"The clock of {source.path} is {abs(offset):.0f} s {word} the reference clock. Likely: measured from "
            f"log lines that belong to captured datagrams, or set by hand; a log has whole seconds.",
            f"{source.path} 的时钟比参考时钟{zh} {abs(offset):.0f} 秒。很可能：由日志行与抓包报文对应得出，"
            f"或由人工设定；日志时间仅精确到秒。",
        ),
        evidence=(Evidence(source.path, line=1),),
        next_steps=(STEP,),
        details={"offset_s": offset, "source": source.path},
    )


RULE = CaseRule(
    CODE,
    Text("clocks differ by more than a second", "时钟相差超过一秒"),
    Text(
        "datagrams seen at two places, or log lines that belong to datagrams", "两处均可见的报文，或与报文对应的日志行"
    ),
    judge,
)
