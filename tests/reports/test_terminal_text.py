"""What a person reads in a terminal, and what a pipe gets."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from app.core.analysis import CaseAnalysis, Confidence, Evidence, Finding, Severity
from app.core.records import Text
from app.reports.terminal_ladder import fit_columns, visible
from app.reports.terminal_text import print_analysis
from tests.core.build_sessions import failing_session, passing_session, points, terminal

HOSTILE = "\x1b]0;owned\x07\x1b[2Jevil\u202egnp\r\nnext"


def analysis(user: str = "9310042@QSD", text: str = "out-pkt [3]") -> CaseAnalysis:
    finding = Finding(
        "later-fragments-lost",
        Severity.ERROR,
        Confidence.CERTAIN,
        Text("Fragments with an offset are lost, " + "word " * 40, "带偏移的分片丢失，" + "说明" * 60),
        (Evidence("terminal-1/iNode.log", line=31, text=text), Evidence("fwin.pcap", frame=23, text="0–1480")),
        message=3,
        between=("fwout", "fwin"),
        next_steps=(Text("Count:\n display ip statistics", "查看计数：\n display ip statistics"),),
    )
    note = replace(finding, code="capture-too-short", severity=Severity.INFO, between=None, next_steps=())
    ill = replace(terminal(failing_session(), user=user), findings=(note, finding))
    well = terminal(passing_session(), key="t2", user="9310043@QSD")
    return CaseAnalysis((), points(), (well, ill), (), ())


def printed(case: CaseAnalysis, language: str = "en", width: int | None = None, **options: object) -> str:
    file = io.StringIO()
    is_terminal = width is not None
    console = Console(file=file, width=width, force_terminal=is_terminal, highlight=False, **options)  # type: ignore[arg-type]
    print_analysis(case, language, console)
    return file.getvalue()


def test_the_verdict_comes_first_and_the_gravest_finding_before_notes() -> None:
    text = printed(analysis())
    assert text.startswith("1 of 2 terminals failed. Fragments with an offset are lost")
    assert text.index("FAULT") < text.index("NOTE")
    assert text.index("9310042@QSD") < text.index("9310043@QSD")


def test_a_lost_fragment_ends_in_a_cross_where_it_was_expected() -> None:
    lost = next(line for line in printed(analysis()).splitlines() if "1480+" in line)
    assert lost.rstrip().endswith("✗")
    assert "●" in lost


def test_a_pipe_gets_no_colours_and_whole_sentences() -> None:
    text = printed(analysis())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) > 200


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_wider_than_the_terminal(width: int, language: str) -> None:
    for line in printed(analysis(), language, width, no_color=True, color_system=None).splitlines():
        assert cell_len(line) <= width, line


def test_colours_are_for_terminals_and_can_be_switched_off() -> None:
    assert "\x1b[1;31m" in printed(analysis(), width=100, color_system="standard")
    assert "31m" not in printed(analysis(), width=100, color_system="standard", no_color=True)


def test_foreign_text_does_nothing_to_the_terminal() -> None:
    text = printed(analysis(user=HOSTILE, text=HOSTILE), width=100, color_system=None)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "␛]0;owned" in text
    assert visible("a\x9bb") == "a<U+009B>b"


def test_many_points_get_letters_and_a_key() -> None:
    names = [f"firewall-number-{at}" for at in range(5)]
    assert fit_columns(names, None).keys == ()
    columns = fit_columns(names, 80)
    assert columns.keys == ("A", "B", "C", "D", "E")
    assert columns.width * 5 + 33 <= 80


def test_commands_of_a_step_stand_alone() -> None:
    lines = printed(analysis(), "zh", 80, color_system=None).splitlines()
    assert " " * 8 + "display ip statistics" in [line.rstrip() for line in lines]


def test_a_case_without_terminals_says_so() -> None:
    assert "No EAD exchange was found" in printed(CaseAnalysis((), (), (), (), ()))
