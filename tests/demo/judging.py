"""Holds an analysis against what really happened."""

from __future__ import annotations

from app.core.analysis import CaseAnalysis, Finding, Severity, Terminal


def terminal_of(analysis: CaseAnalysis, mac: str) -> Terminal:
    """The terminal of that MAC address; fails with those that there are."""
    found = [terminal for terminal in analysis.terminals if (terminal.mac or "").upper() == mac.upper()]
    assert len(found) == 1, [(terminal.user, terminal.mac) for terminal in analysis.terminals]
    return found[0]


def told(findings: tuple[Finding, ...]) -> list[str]:
    """Short lines for an assertion message."""
    return [f"{f.code} {f.severity} {f.confidence} {f.between} {f.summary.en}" for f in findings]


def assert_first(
    terminal: Terminal, code: str, between: tuple[str, str] | None = None, message: int | None = None
) -> Finding:
    """The first finding has this code and place, and no finding of error severity has another code."""
    assert terminal.findings, terminal.checks
    first = terminal.findings[0]
    assert (first.code, first.between) == (code, between), told(terminal.findings)
    if message is not None:
        assert first.message == message, told(terminal.findings)
    others = {finding.code for finding in terminal.findings if finding.severity is Severity.ERROR} - {code}
    assert not others, told(terminal.findings)
    return first


def all_codes(analysis: CaseAnalysis) -> set[str]:
    return {f.code for f in analysis.findings} | {f.code for t in analysis.terminals for f in t.findings}


def assert_case_has_no_error_but(analysis: CaseAnalysis, allowed: set[str]) -> None:
    errors = [finding for finding in analysis.findings if finding.severity is Severity.ERROR]
    assert {finding.code for finding in errors} <= allowed, told(tuple(errors))
