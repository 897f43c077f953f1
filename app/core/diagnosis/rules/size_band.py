"""Terminals whose plaintext message 3 lies in a band fail, the others pass: the band is found, not assumed."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.analysis import Evidence, Finding, Outcome, Severity
from app.core.diagnosis.bands import Band, find_band, terminals
from app.core.diagnosis.case_view import COMPRESSION_BYTES, CaseView, Report
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.facts import MISS, CaseRule, Judgement, NotRun, found
from app.core.diagnosis.wording import NO_SIZES, joined, plural
from app.core.records import Confidence, Text

CODE = "size-band"
ENOUGH = 2  # terminals on either side; below that the band is only possible
CONVINCING = 0.05
OTHER_CAUSES = frozenset(
    {
        "path-down",
        "port-blocked",
        "never-sent",
        "server-silent",
        "reply-lost",
        "answered-elsewhere",
        "answer-not-taken",
        "random-loss",
        "reassembly-failed",
        "translated-unanswerable",
    }
)
OUTLIERS = 0.2  # share of sessions that may speak against the band


def judge(case: CaseView) -> Judgement:
    if not case.reports:
        return NotRun((NO_SIZES,))
    otherwise = _failing_otherwise(case)
    reports = [r for r in case.reports if r.has_passed or r.terminal.key not in otherwise]
    band = find_band(reports)
    if band is None or band.exceptions > OUTLIERS * len(reports):
        return MISS
    return found(_finding(case, band))


def _failing_otherwise(case: CaseView) -> frozenset[str]:
    """Terminals (keys) whose failure has a known cause that has nothing to do with the size of message 3."""
    return frozenset(
        t.key for t in case.terminals if any(f.code in OTHER_CAUSES for f in t.findings if f.severity == "error")
    )


def _finding(case: CaseView, band: Band) -> Finding:
    failing, passing = terminals(band.failing_in), terminals(band.passing_out)
    confidence, reason = _confidence(case, band, failing, passing)
    range_en = str(band.low) if band.low == band.high else f"{band.low} to {band.high}"
    range_zh = str(band.low) if band.low == band.high else f"{band.low}–{band.high}"
    return Finding(
        code=CODE,
        severity=Severity.WARNING if confidence is not Confidence.POSSIBLE else Severity.INFO,
        confidence=confidence,
        summary=joined(
            Text(
                f"Terminals whose message 3 has {range_en} bytes of plaintext fail "
                f"({plural(failing, 'terminal')}), those outside pass ({passing}); "
                f"sessions that do not fit: {band.exceptions}.",
                f"3 号报文明文为 {range_zh} 字节的终端失败（{failing} 台），区间之外的通过（{passing} 台）；"
                f"不符合的会话 {band.exceptions} 个。",
            ),
            _edges(case, band),
            reason,
        ),
        evidence=_evidence(band),
        message=3,
        counts={
            "failing_in": len(band.failing_in),
            "passing_out": len(band.passing_out),
            "passing_in": len(band.passing_in),
            "failing_out": len(band.failing_out),
            "terminals_failing": failing,
            "terminals_passing": passing,
        },
        against=(
            Text(
                "only failures without an answer are counted: refusals by the policy are left out",
                "只统计没有得到应答的失败，策略检查不通过的不计入",
            ),
            Text(
                "a terminal outside the band that fails, or one inside that passes, speaks against it: see exceptions",
                "区间外失败或区间内通过的终端与之不符，见例外列表",
            ),
        ),
        next_steps=(
            Text(
                f"Test the edge: a terminal with {case.lower_edge} bytes or less should pass, one just over should "
                f"fail. Below "
                f"{COMPRESSION_BYTES} bytes encryption changes nothing; the device that drops fragments must be "
                f"repaired.",
                f"验证边界：明文不超过 {case.lower_edge} 字节的终端应通过，略超过的应失败。{COMPRESSION_BYTES} "
                f"字节以下开启加密不起作用，须修复丢弃分片的设备。",
            ),
        ),
        details=_details(case, band),
    )


def _edges(case: CaseView, band: Band) -> Text:
    below, above = band.below, band.above
    low_en = f"between {below} and {band.low}" if below is not None else f"at or under {band.low}"
    low_zh = f"{below} 与 {band.low} 之间" if below is not None else f"{band.low} 或以下"
    high_en = f"between {band.high} and {above}" if above is not None else "open (no larger one passed)"
    high_zh = f"{band.high} 与 {above} 之间" if above is not None else "未知（没有更大的通过样本）"
    measured = Text("measured", "实测") if case.is_header_measured else Text("assumed", "假定")
    return Text(
        f"The lower edge lies {low_en}, the upper {high_en}; computed are {case.lower_edge} (MTU {case.mtu}, "
        f"{measured.en} header "
        f"{case.header_bytes}) and {COMPRESSION_BYTES}.",
        f"下边界在 {low_zh}，上边界{'在 ' if above is not None else ''}{high_zh}；按计算应为 {case.lower_edge}（MTU "
        f"{case.mtu}，"
        f"{measured.zh}头部 {case.header_bytes} 字节）与 {COMPRESSION_BYTES}。",
    )


def _fits_theory(case: CaseView, band: Band) -> bool:
    low_fits = (band.below or 0) <= case.lower_edge < band.low
    high_fits = band.high <= COMPRESSION_BYTES or band.above is None
    return low_fits and high_fits


def _confidence(case: CaseView, band: Band, failing: int, passing: int) -> tuple[Confidence, Text]:
    if failing < ENOUGH or passing < ENOUGH:
        return Confidence.POSSIBLE, Text(
            f"Possible only: {failing} failing and {plural(passing, 'passing terminal')} are too few.",
            f"仅为可能：失败 {failing} 台、通过 {passing} 台，样本太少。",
        )
    if band.chance < CONVINCING / 50 and not band.exceptions and _fits_theory(case, band) and case.pooled:
        return Confidence.CERTAIN, Text(
            f"Certain: no exception, chance {band.chance:.1e}, both edges where they were computed, and captures "
            f"show fragments lost.",
            f"结论确定：没有例外，偶然概率 {band.chance:.1e}，两侧边界与计算一致，且抓包证实分片丢失。",
        )
    if band.chance < CONVINCING or _fits_theory(case, band):
        return Confidence.LIKELY, Text(
            f"Likely: chance alone would give this with probability {band.chance:.2g}.",
            f"很可能：偶然出现的概率为 {band.chance:.2g}。",
        )
    return Confidence.POSSIBLE, Text(
        f"Possible only: chance alone would give this with probability {band.chance:.2g}.",
        f"仅为可能：偶然出现的概率为 {band.chance:.2g}。",
    )


def _evidence(band: Band) -> tuple[Evidence, ...]:
    """The sessions at the edges first: they are the ones that fix the band."""
    edge = sorted(band.failing_in, key=lambda r: r.plain_bytes)
    near = sorted(band.passing_out, key=lambda r: min(abs(r.plain_bytes - band.low), abs(r.plain_bytes - band.high)))
    shown = [*edge[:3], *edge[-3:], *near[:6]]
    return unique(e for r in shown for e in _first_evidence(r))


def _first_evidence(report: Report) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            e.source,
            e.line,
            e.frame,
            f"{report.terminal.user or report.terminal.mac or ''} · {report.plain_bytes} B · "
            f"{'✓' if report.session.outcome is Outcome.PASSED else '✗'}",
        )
        for e in of_attempts(report.message.attempts[:1])[:1]
    )


def _details(case: CaseView, band: Band) -> dict[str, object]:
    return {
        "low": band.low,
        "high": band.high,
        "passing_below": band.below,
        "passing_above": band.above,
        "computed_low": case.lower_edge,
        "computed_high": COMPRESSION_BYTES,
        "mtu": case.mtu,
        "header_bytes": case.header_bytes,
        "chance": band.chance,
        "exceptions": _named(band.passing_in) + _named(band.failing_out),
    }


def _named(reports: Sequence[Report]) -> list[dict[str, object]]:
    return [
        {
            "terminal": r.terminal.key,
            "user": r.terminal.user,
            "session": r.session.key,
            "plain_bytes": r.plain_bytes,
            "outcome": r.session.outcome.value,
        }
        for r in reports[:50]
    ]


RULE = CaseRule(
    CODE,
    Text(
        "terminals whose plaintext message 3 lies in a band fail, those outside it pass",
        "3 号报文明文长度落在某区间内的终端失败，区间外的通过",
    ),
    Text("plaintext sizes and outcomes of several terminals", "多台终端的明文长度与结果"),
    judge,
)
