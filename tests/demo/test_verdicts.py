"""The matrix: every scenario gives its own code first, at the right place, and no other error."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.analysis import CaseAnalysis
from app.demo import SCENARIOS, Truth
from app.intake import analyze_paths
from tests.demo.judging import all_codes, assert_case_has_no_error_but, assert_first, terminal_of, told

Bundles = dict[str, tuple[Path, Truth]]
Judged = tuple[CaseAnalysis, Truth]


@pytest.fixture(scope="module", params=[scenario.name for scenario in SCENARIOS])
def judged(request: pytest.FixtureRequest, bundles: Bundles) -> Judged:
    folder, truth = bundles[request.param]
    return analyze_paths([folder]), truth


def test_every_terminal_is_found_with_its_outcome_sizes_and_sends(judged: Judged) -> None:
    analysis, truth = judged
    for expected in truth.terminals:
        terminal = terminal_of(analysis, expected.mac)
        assert terminal.user == expected.user
        assert terminal.outcome == expected.outcome
        (session,) = terminal.sessions
        assert session.event_id == expected.event_id
        sends = {number: len(m.attempts) for number in expected.sends if (m := session.message(number)) is not None}
        assert sends == expected.sends
        result = session.message(3)
        if expected.plain_bytes is not None and expected.has_log:
            assert result is not None
            assert {attempt.plain_bytes for attempt in result.attempts} == {expected.plain_bytes}


def test_wire_sizes_and_datagrams_agree_with_what_was_sent(judged: Judged) -> None:
    analysis, truth = judged
    for expected in truth.terminals:
        result = terminal_of(analysis, expected.mac).sessions[0].message(3)
        sizes = {attempt.wire_bytes for attempt in result.attempts} if result else set()
        assert sizes <= {expected.wire_bytes, None}


def test_the_expected_finding_comes_first_and_no_other_error(judged: Judged) -> None:
    analysis, truth = judged
    for expected in truth.terminals:
        if expected.code is not None:
            terminal = terminal_of(analysis, expected.mac)
            assert_first(terminal, expected.code, expected.between, expected.message)
    allowed = {"size-band"} | {expected.code for expected in truth.terminals if expected.code}
    assert_case_has_no_error_but(analysis, allowed)


def test_what_else_is_odd_is_told(judged: Judged) -> None:
    analysis, truth = judged
    assert truth.also <= all_codes(analysis), told(analysis.findings)


def test_capture_points_stand_in_path_order(judged: Judged) -> None:
    analysis, truth = judged
    assert tuple(point.name for point in analysis.capture_points) == truth.points
