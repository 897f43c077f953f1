"""A terminal that fails for another reason than the rest."""

from __future__ import annotations

from collections import Counter

from app.core.analysis import Finding, Outcome, Severity, Terminal
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import MISS, CaseRule, Judgement, NotRun, found
from app.core.records import Confidence, Text

CODE = "band-outlier"
# Findings that name a cause; what describes or cannot tell is no reason to stand out.
_CAUSES = frozenset(
    {
        "later-fragments-lost",
        "first-fragment-lost",
        "fragmented-datagrams-lost",
        "large-datagrams-lost",
        "port-blocked",
        "random-loss",
        "path-down",
        "reply-lost",
        "server-silent",
        "reassembly-failed",
        "never-sent",
        "check-failed",
        "too-big",
    }
)
ENOUGH = 3  # terminals that share a cause before another one stands out
MOST = 10

SEVERAL = Text("several failing terminals with a known cause", "多台原因已知的失败终端")


def judge(case: CaseView) -> Judgement:
    causes = {id(t): c for t in case.terminals if t.outcome is not Outcome.PASSED and (c := _cause(t)) is not None}
    if len(causes) <= ENOUGH:
        return NotRun((SEVERAL,))
    (usual, n), *_ = Counter(f.code for f in causes.values()).most_common(1)
    if n < ENOUGH or n * 2 <= len(causes):
        return MISS
    odd = [(t, causes[id(t)]) for t in case.terminals if id(t) in causes and causes[id(t)].code != usual]
    return found(*(_finding(t, f, usual, n) for t, f in odd[:MOST]))


def _cause(terminal: Terminal) -> Finding | None:
    return next((f for f in terminal.findings if f.code in _CAUSES and f.confidence is not Confidence.POSSIBLE), None)


def _finding(terminal: Terminal, own: Finding, usual: str, n: int) -> Finding:
    name = terminal.user or terminal.mac or ", ".join(terminal.ip)
    return Finding(
        code=CODE,
        severity=Severity.INFO,
        confidence=own.confidence if own.confidence is not Confidence.CERTAIN else Confidence.LIKELY,
        summary=Text(
            f"{name} fails for another reason ({own.code}) than the {n} others ({usual}): repairing the common fault "
            f"will not "
            "help it. As sure as the two findings that it compares.",
            f"{name} 的失败原因（{own.code}）与其余 {n} 台（{usual}）不同：修复共同故障对它无效。"
            f"可信程度取决于所比较的两项结论。",
        ),
        evidence=own.evidence,
        message=own.message,
        counts={"others": n},
        details={"terminal": terminal.key, "code": own.code, "usual": usual},
    )


RULE = CaseRule(
    CODE,
    Text("a terminal fails for another reason than the rest", "某终端的失败原因与其他终端不同"),
    SEVERAL,
    judge,
)
