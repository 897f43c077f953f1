"""What a case holds, and whether it covers the failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.analysis import CaseAnalysis, SourceKind
from app.core.coverage import COVER_NAMES, KINDS, Cover, Holding, judge_coverage
from app.core.records import NS
from app.demo import scenario_named, write_bundle
from app.intake import AnalysisSettings, analyze_paths


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> CaseAnalysis:
    folder = tmp_path_factory.mktemp("coverage")
    write_bundle(scenario_named("hops"), folder)
    return analyze_paths([folder], AnalysisSettings(processes=1))


def judged(analysis: CaseAnalysis) -> dict[str, Holding]:
    found = judge_coverage(analysis.sources, analysis.capture_points, analysis.terminals, analysis.checks)
    assert [holding.kind for holding in found] == list(KINDS)
    return {holding.kind: holding for holding in found}


def changed(analysis: CaseAnalysis, path: str, **values: object) -> CaseAnalysis:
    sources = tuple(replace(s, **values) if s.path == path else s for s in analysis.sources)  # type: ignore[arg-type]
    return replace(analysis, sources=sources)


def without(analysis: CaseAnalysis, *kinds: SourceKind) -> CaseAnalysis:
    return replace(analysis, sources=tuple(s for s in analysis.sources if s.kind not in kinds))


def server_observed(analysis: CaseAnalysis, shift_s: int, cut_s: int = 0) -> CaseAnalysis:
    """The server's capture taken at another time, or begun later."""
    points = tuple(
        point
        if point.role.value != "server"
        else replace(point, observed_ns=tuple((a + (shift_s + cut_s) * NS, b + shift_s * NS)
                                              for a, b in point.observed_ns))
        for point in analysis.capture_points
    )  # fmt: skip
    return replace(analysis, capture_points=points)


def test_evidence_that_was_written_all_the_time_covers_the_failure(analysis: CaseAnalysis) -> None:
    found = judged(analysis)
    for kind in ("client_log", "client_capture", "server_capture"):
        assert (found[kind].cover, found[kind].blocks) == (Cover.COVERS, ())
    assert found["client_log"].sources == ("terminal-01/iNode.log", "terminal-02/iNode.log")


def test_a_server_log_that_falls_silent_before_the_end_covers_a_part_and_says_so(analysis: CaseAnalysis) -> None:
    server_log = judged(analysis)["server_log"]
    assert server_log.cover is Cover.PARTLY and "before the end of the exchange" in server_log.reason.en


def test_what_is_missing_names_the_rules_that_it_blocks(analysis: CaseAnalysis) -> None:
    bare = without(analysis, SourceKind.SERVER_LOG)
    lacking = replace(bare, checks=tuple(
        replace(c, result="not-run", missing=(KINDS["server_log"][1][0],)) if c.code == "not-delivered" else c
        for c in bare.checks
    ))  # fmt: skip
    server_log = judged(lacking)["server_log"]
    assert (server_log.cover, server_log.blocks) == (Cover.ABSENT, ("not-delivered",))


def test_a_log_of_another_time_or_with_an_unknown_clock_is_told_apart(analysis: CaseAnalysis) -> None:
    path = "server/policyserver.log"
    log = next(s for s in analysis.sources if s.path == path)
    silent = replace(analysis, terminals=tuple(replace(t, sessions=tuple(
        replace(s, messages=tuple(replace(m, attempts=tuple(replace(a, server_log_time_ns=None) for a in m.attempts))
                                  for m in s.messages)) for s in t.sessions)) for t in analysis.terminals))  # fmt: skip
    assert log.first_ns is not None and log.last_ns is not None
    day_ns = 86_400 * NS
    earlier = changed(silent, path, first_ns=log.first_ns - day_ns, last_ns=log.last_ns - day_ns)
    assert judged(earlier)["server_log"].cover is Cover.NOT
    assert "before the failure" in judged(earlier)["server_log"].reason.en
    unknown = judged(changed(silent, path, zone_offset_s=None))["server_log"]
    assert unknown.cover is Cover.UNKNOWN and "time zone" in unknown.reason.en


def test_a_capture_that_began_late_or_at_another_time_is_told_by_its_frames(analysis: CaseAnalysis) -> None:
    late = judged(server_observed(analysis, 0, cut_s=10))["server_capture"]
    assert late.cover is Cover.PARTLY and "after the first message" in late.reason.en
    assert judged(server_observed(analysis, 7_200))["server_capture"].cover is Cover.NOT


def test_a_log_that_names_other_terminals_only_does_not_cover(analysis: CaseAnalysis) -> None:
    terminals = tuple(
        replace(t, sessions=tuple(replace(s, marks=(), messages=tuple(
            replace(m, attempts=tuple(replace(a, log_time_ns=None) for a in m.attempts)) for m in s.messages
        )) for s in t.sessions))
        for t in analysis.terminals
    )  # fmt: skip
    client_log = judged(replace(analysis, terminals=terminals))["client_log"]
    assert client_log.cover is Cover.NOT and client_log.reason.en == "it is of other terminals"


def test_many_failures_are_summed_up(analysis: CaseAnalysis) -> None:
    failed = next(t for t in analysis.terminals if t.outcome.value == "failed")
    session = failed.sessions[0]
    bare = replace(session, marks=(), messages=tuple(
        replace(m, attempts=tuple(replace(a, log_time_ns=None) for a in m.attempts)) for m in session.messages
    ))  # fmt: skip
    both = replace(analysis, terminals=(replace(failed, sessions=(session, bare)),))
    client_log = judged(both)["client_log"]
    assert client_log.cover is Cover.PARTLY and client_log.reason.en.startswith("1 of 2 failed sessions")


def test_a_case_without_an_exchange_cannot_tell(analysis: CaseAnalysis) -> None:
    assert {h.cover for h in judged(replace(analysis, terminals=())).values()} == {Cover.UNKNOWN}
    assert set(COVER_NAMES) == set(Cover)
