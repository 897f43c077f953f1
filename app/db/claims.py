"""Findings and checks, of a terminal or of the whole case, with the evidence behind them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, any_, bindparam, select
from sqlalchemy.orm import Session as DatabaseSession

from app.core.analysis import Check, Evidence, Finding, Severity
from app.core.records import Confidence, Text
from app.db.json_rows import Rows, as_json, numbers_of, shape, shaped
from app.db.results import CheckRow, EvidenceRow, FindingRow, SourceRow
from app.db.texts import texts

Findings = dict[int | None, tuple[Finding, ...]]
Checks = dict[int | None, tuple[Check, ...]]

_findings, _checks, _evidence, _sources = (row.__table__.c for row in (FindingRow, CheckRow, EvidenceRow, SourceRow))
_ANALYSIS, _TERMINAL = (bindparam(name, type_=Integer) for name in ("analysis", "terminal"))


def load_claims(
    session: DatabaseSession, analysis_id: int, terminal_no: int | None
) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Of one terminal, or the case's own for None; the most important findings first. One statement."""
    statement = _OF_CASE if terminal_no is None else _OF_TERMINAL
    found = session.execute(statement, {"analysis": analysis_id, "terminal": terminal_no}).one()
    findings, evidence, checks = (shaped(rows, row) for rows, row in zip(found, _SHAPES, strict=True))
    return _built_findings(findings, evidence)[terminal_no], _built_checks(checks)[terminal_no]


def load_all_claims(session: DatabaseSession, analysis_id: int) -> tuple[Findings, Checks]:
    """Of every terminal, by its number; the case's own under None. Three statements."""
    findings, evidence, checks = (session.execute(rows, {"analysis": analysis_id}).all() for rows in _EVERYTHING)
    return _built_findings(findings, evidence), _built_checks(checks)


def _evidence_of(behind: ColumnElement[bool]) -> Select[Any]:
    of_source = (_sources.analysis_id == _ANALYSIS) & (_sources.no == _evidence.source_no)
    path, named = _sources.path, _evidence.source_path
    columns = (_evidence.no, _evidence.finding_no, path, named, _evidence.line, _evidence.frame, _evidence.text)
    joined = EvidenceRow.__table__.outerjoin(SourceRow.__table__, of_source)
    return select(*columns).select_from(joined).where(_evidence.analysis_id == _ANALYSIS, behind)


def _statement(is_case: bool) -> Select[Any]:
    def own(column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Not IS NOT DISTINCT FROM, for which PostgreSQL uses no index."""
        return column.is_(None) if is_case else column == _TERMINAL

    findings = (
        select(FindingRow.__table__)
        .where(_findings.analysis_id == _ANALYSIS, own(_findings.terminal_no))
        .cte("some_findings")
    )
    checks = (
        select(CheckRow.__table__).where(_checks.analysis_id == _ANALYSIS, own(_checks.terminal_no)).cte("some_checks")
    )
    behind = _evidence_of(_evidence.finding_no == any_(numbers_of(select(findings.c.no)))).cte("some_evidence")
    return select(*(as_json(rows, "no") for rows in (findings, behind, checks)))


_OF_CASE, _OF_TERMINAL = _statement(is_case=True), _statement(is_case=False)
_EVERYTHING = (
    select(FindingRow.__table__).where(_findings.analysis_id == _ANALYSIS).order_by(_findings.no),
    _evidence_of(_evidence.finding_no.is_not(None)).order_by(_evidence.no),
    select(CheckRow.__table__).where(_checks.analysis_id == _ANALYSIS).order_by(_checks.no),
)
_SHAPES = tuple(
    shape(name, [column.name for column in rows.selected_columns])
    for name, rows in zip(("FindingShape", "EvidenceShape", "CheckShape"), _EVERYTHING, strict=True)
)


def _built_findings(rows: Rows, evidence: Rows) -> Findings:
    behind: dict[int, list[Evidence]] = defaultdict(list)
    for row in evidence:
        behind[row.finding_no].append(Evidence(row.path or row.source_path or "", row.line, row.frame, row.text))
    findings: dict[int | None, list[Finding]] = defaultdict(list)
    for row in rows:
        findings[row.terminal_no].append(_finding(row, tuple(behind[row.no])))
    return defaultdict(tuple, {number: tuple(found) for number, found in findings.items()})


def _finding(row: Any, evidence: tuple[Evidence, ...]) -> Finding:
    between = None if row.between_from is None or row.between_to is None else (row.between_from, row.between_to)
    return Finding(
        code=row.code, severity=Severity(row.severity), confidence=Confidence(row.confidence),
        summary=Text(row.summary_en, row.summary_zh), evidence=evidence, message=row.message, between=between,
        counts=row.counts, against=texts(row.against), next_steps=texts(row.next_steps), details=row.details,
    )  # fmt: skip


def _built_checks(rows: Rows) -> Checks:
    checks: dict[int | None, list[Check]] = defaultdict(list)
    for row in rows:
        checks[row.terminal_no].append(Check(row.code, row.result, texts(row.missing)))
    return defaultdict(tuple, {number: tuple(found) for number, found in checks.items()})
