"""Expressions of strangers cannot hold up the parser."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        r"\w+=*?a*\s^",  # what may be absent stops nothing
        "^a*a*;b*b*;x",  # one pair after the other
        "(?i)^a+A+a+x",
        "a?" * 30 + "a" * 30,
        "^" + "a{0,32}" * 4 + "x",
        "(?:a{0,8}){8}x",
        "(?:ab)?" * 20 + "(?:ab){12}x",
        "^" + "(?:a|a)" * 24 + "x",
        r"^(?:\w*-?){1,8}x",
        "(?:(?=a)a)*(?:(?=a)a)*(?:(?=a)a)*x",
        r"^.*;.*;.*\b",  # what is left can still fail behind the last one
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
        (r"^(?P<time>.*?) (?P<level>\w+) +(?P<text>.*)$", "11:14:20 info x"),
        (r"^.*user=(\w+).*mac=(\S+)", "x user=a mac=b"),
        (r"(?i)^[^\n]{0,200}?(20\d\d[-/年]?\d{1,2}[-/月]?\d{1,2}日?)", "at 2026年11月27日"),
        (r"((((((((a{8}){8}){8}){8}){8}){8}){8}){8}|b)", "b"),
    ],
)
def test_the_expressions_that_formats_need_are_accepted(pattern: str, line: str) -> None:
    assert compile_safely(pattern).search(line) is not None


@pytest.mark.parametrize("pattern", [r"^.*?a.*?b", r".*=", r"[a-z]+[0-9]+;", r"^\s*\w+\s+\w+\s*$"])
def test_what_is_accepted_ends_on_the_worst_lines(pattern: str) -> None:
    compiled = compile_safely(pattern)
    for line in ("a" * MAX_MATCHED_CHARACTERS, "a " * (MAX_MATCHED_CHARACTERS // 2), " " * MAX_MATCHED_CHARACTERS):
        compiled.search(line + "\x00")


_LETTERS = ["a", "b", "A", "=", "[ab]", "[^a]", r"\w", r"\s", ".", r"\d", "1", "[a-z=]", "年", "[年a]", "[^\\w]", "é"]
_COUNTS = ["*", "+", "?", "*?", "+?", "{0,3}", "{2}", "{1,5}", "{0,40}", "{3,}", "{1,8}", "", "", "", ""]
_TEXTS = ["a", "ab", "a=", "=", "a1", "1", " ", "年", "aA", "é", "=a=b"]


def _expression(chance: random.Random, depth: int = 2) -> str:
    return "".join(_piece(chance, depth) for _ in range(chance.randint(1, 6)))


def _piece(chance: random.Random, depth: int) -> str:
    kind = chance.random() if depth else 1
    if kind < 0.16:
        return f"(?:{_expression(chance, depth - 1)})" + chance.choice(_COUNTS)
    if kind < 0.26:
        return f"(?:{'|'.join(_expression(chance, depth - 1) for _ in range(3))})" + chance.choice(_COUNTS)
    if kind < 0.3:
        return chance.choice(["(?=", "(?!"]) + _expression(chance, depth - 1) + ")"
    return chance.choice(_LETTERS) + chance.choice(_COUNTS)


@given(st.integers(0, 2**32))
def test_whatever_is_accepted_ends(seed: int) -> None:
    """What grows exponentially would not end before the universe does, so this needs no clock."""
    chance = random.Random(seed)
    pattern = chance.choice(["", "^", "(?i)", "(?a)"]) + _expression(chance) + chance.choice(["", "x", "$", r"\b\B"])
    try:
        compiled = compile_safely(pattern)
    except PatternRefused:
        return
    for parts in (1, 2, 3):
        line = "".join((chance.choice(_TEXTS) * MAX_MATCHED_CHARACTERS)[: 999 // parts] for _ in range(parts))
        compiled.search(line + "\x02")
