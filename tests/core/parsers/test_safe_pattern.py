"""Expressions of strangers cannot hold up the parser."""

from __future__ import annotations

import pytest

from app.core.parsers.safe_pattern import MAX_MATCHED_CHARACTERS, PatternRefused, compile_safely


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a|aa)+$",
        "(.*)*x",
        "([a-z]+)*=",
        "(?:a*)*b",
        "(x+x+)+y",
        "(a?){40}a{40}",
        ".*.*.*=",
        r"\w+\d+\w+;",
        ".*a.*b.*c",
        r"(?P<x>a)(?P=x)",
        r"(a)\1",
        "((a{1,40}){1,40}){1,40}b",
        "^(?:.*;){9}$",
        r"[a-c]+\s?a*x",
        "a+(;|b)a+(?=;)a+x",
        "a" * 2_000,
        "(",
        "[z-a]",
        "*",
    ],
)
def test_an_expression_that_could_run_away_is_refused_with_a_sentence(pattern: str) -> None:
    with pytest.raises(PatternRefused) as refused:
        compile_safely(pattern)
    assert refused.value.text.en.endswith(".") and refused.value.text.zh.endswith("。")


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"^%% (?P<time>[^;]*) ; \[(?P<level>\w+)\] ; (?P<text>.*)", "%% 1 ; [a] ; b"),
        (r"type=(\d+)", "x type=3"),
        (r"^.*?(\d{4})", "ab2024"),
        (r"(?:from|to) \[([\d.]+) : (\d+)\]", "to [1.2.3.4 : 5]"),
        (r"user[=:]\s?([^\s,;]{1,64})", "user: a"),
        (r"^(\S+) (\S+) (.*)", "a b c"),
    ],
)
def test_the_expressions_that_formats_need_are_accepted(pattern: str, line: str) -> None:
    assert compile_safely(pattern).search(line) is not None


@pytest.mark.parametrize("pattern", [r"^.*?a.*?b", r".*=", r"[a-z]+[0-9]+;", r"^\s*\w+\s+\w+\s*$"])
def test_what_is_accepted_ends_on_the_worst_lines(pattern: str) -> None:
    compiled = compile_safely(pattern)
    for line in ("a" * MAX_MATCHED_CHARACTERS, "a " * (MAX_MATCHED_CHARACTERS // 2), " " * MAX_MATCHED_CHARACTERS):
        compiled.search(line + "\x00")
