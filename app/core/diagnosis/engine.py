"""Runs the rules over a case: terminals first, then the case, which reads what they found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.core.analysis import CaseAnalysis, Check, Finding, Severity, Terminal
from app.core.diagnosis.case_view import CaseView, view_case, view_terminals
from app.core.diagnosis.facts import CaseFacts, Hit, Judgement, NotRun
from app.core.diagnosis.registry import CASE_RULES, RULES, TERMINAL_RULES
from app.core.diagnosis.rules import no_fault
from app.core.diagnosis.terminal_view import TerminalView
from app.core.records import Confidence, Text

_SEVERITY = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_CONFIDENCE = {Confidence.CERTAIN: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2}
_RANK = {rule.code: position for position, rule in enumerate(RULES)}


def diagnose(facts: CaseFacts) -> CaseAnalysis:
    """The case with findings and checks filled in, on its terminals and on itself. Cost grows with the attempts."""
    case = view_case(facts)
    known_checks: dict[tuple[str, Judgement], Check] = {}
    for view in view_terminals(case):
        case.terminals.append(_judge_terminal(case, view, known_checks))
    checks = _summed_checks(case.terminals)
    for rule in CASE_RULES:
        judgement = rule.judge(case)
        if isinstance(judgement, Hit):
            case.found.extend(judgement.findings)
        checks.append(_check(rule.code, judgement))
    return CaseAnalysis(
        sources=facts.sources,
        capture_points=facts.capture_points,
        terminals=tuple(case.terminals),
        findings=in_order(case.found),
        checks=tuple(sorted(checks, key=lambda check: _RANK[check.code])),
    )


def _judge_terminal(case: CaseView, view: TerminalView, known_checks: dict[tuple[str, Judgement], Check]) -> Terminal:
    checks: list[Check] = []
    for rule in TERMINAL_RULES:
        judgement = rule.judge(case, view)
        if isinstance(judgement, Hit):
            view.found.extend(judgement.findings)
            checks.append(_check(rule.code, judgement))
            continue
        # Misses are the same for thousands of terminals: one object serves them all.
        key = (rule.code, judgement)
        if key not in known_checks:
            known_checks[key] = _check(rule.code, judgement)
        checks.append(known_checks[key])
    return replace(view.terminal, findings=in_order(view.found), checks=tuple(checks))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Most important first: severity, then confidence, then the order of the rules. Among remarks the one that says
    that all went well leads."""
    return tuple(
        sorted(
            findings,
            key=lambda f: (
                _SEVERITY[f.severity],
                f.code != no_fault.CODE,
                _CONFIDENCE[f.confidence],
                _RANK.get(f.code, len(_RANK)),
            ),
        )
    )


def _check(code: str, judgement: Judgement) -> Check:
    if isinstance(judgement, Hit):
        return Check(code, "hit")
    return Check(code, "not-run", judgement.missing) if isinstance(judgement, NotRun) else Check(code, "miss")


def _summed_checks(terminals: Sequence[Terminal]) -> list[Check]:
    """One line a rule for the whole case: hit where any terminal hit, not run where it ran for none."""
    results: dict[str, set[str]] = {rule.code: set() for rule in TERMINAL_RULES}
    missing: dict[str, dict[Text, None]] = {rule.code: {} for rule in TERMINAL_RULES}
    for terminal in terminals:
        for check in terminal.checks:
            results[check.code].add(check.result)
            if check.missing:
                missing[check.code].update(dict.fromkeys(check.missing))
    summed: list[Check] = []
    for code, seen in results.items():
        result = next((r for r in ("hit", "miss", "not-run") if r in seen), "not-run")
        summed.append(Check(code, result, tuple(missing[code]) if result == "not-run" else ()))
    return summed
