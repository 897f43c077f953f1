"""The words without which an expression cannot match: looking for a word is many times faster than the expression.

`(?i)(?:packet|pkt)\\s?type=(\\d+)` matches only where `packet` or `pkt` stands, in whatever case. Most lines of a log
have no such word, so most lines are done with before any expression is tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # there is no public way to read an expression
from typing import Any, NamedTuple

Node = tuple[Any, Any]
_ODD_CASE = re.compile("[ıſİ]")  # characters that an expression without case takes for an ASCII letter


class Needle(NamedTuple):
    word: str
    is_folded: bool  # to be looked for in the folded text


Needles = frozenset[Needle]  # one of them stands in whatever matches


def folded(text: str) -> str:
    """The text in lower case, as an expression without case sees it."""
    low = text.lower()
    if not low.isascii() and _ODD_CASE.search(text):
        low = text.replace("İ", "i").lower().replace("ı", "i").replace("ſ", "s")
    return low


class Sought:
    """Expressions of which one is to be found in a text."""

    __slots__ = ("_exact", "_folded", "_is_open")

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        needles: Needles = frozenset()
        self._is_open = False
        for pattern in patterns:
            found = needles_of(pattern, needles)
            self._is_open |= found is None
            needles |= found or frozenset()
        needles = _shortest(needles)
        self._exact = tuple(sorted(needle.word for needle in needles if not needle.is_folded))
        self._folded = tuple(sorted(needle.word for needle in needles if needle.is_folded))

    def may_match(self, text: str, low: str) -> bool:
        """`low` is `folded(text)`. False only where no expression matches."""
        if self._is_open:
            return True
        # Loops, since any() takes twice as long, and this is asked of every line.
        for word in self._folded:
            if word in low:
                return True
        for word in self._exact:  # noqa: SIM110
            if word in text:
                return True
        return False


@lru_cache(maxsize=8_192)  # a format's expressions are asked for with each file
def needles_of(pattern: re.Pattern[str], sought: Needles = frozenset()) -> Needles | None:
    """None where an expression can match without any certain word. What is `sought` anyway is taken before others."""
    return _best(_parser.parse(pattern.pattern), bool(pattern.flags & re.IGNORECASE), sought)


def _shortest(needles: Needles) -> Needles:
    """Without those that hold another one."""
    return frozenset(
        needle
        for needle in needles
        if not any(
            other.word != needle.word and other.word in needle.word and other.is_folded == needle.is_folded
            for other in needles
        )
    )


def _best(sequence: Iterable[Node], ignores_case: bool, sought: Needles = frozenset()) -> Needles | None:
    """Of the sets that a sequence must match, the one whose shortest word is longest, then the smallest."""
    return max(
        _candidates(sequence, ignores_case),
        key=lambda needles: (needles <= sought, min(len(needle.word) for needle in needles), -len(needles)),
        default=None,
    )


def _candidates(sequence: Iterable[Node], ignores_case: bool) -> Iterator[Needles]:
    run = ""
    for node in sequence:
        if str(node[0]) == "LITERAL" and (letter := _letter(chr(node[1]), ignores_case)):
            run += letter
            continue
        if run:
            yield frozenset({Needle(run, ignores_case)})
        run = ""
        yield from _inner_candidates(node, ignores_case)
    if run:
        yield frozenset({Needle(run, ignores_case)})


def _inner_candidates(node: Node, ignores_case: bool) -> Iterator[Needles]:
    name, value = str(node[0]), node[1]
    if name == "BRANCH":
        branches = [_best(branch, ignores_case) for branch in value[1]]
        if all(branches):
            yield frozenset().union(*(branch for branch in branches if branch))
    elif name == "SUBPATTERN":
        _, added, removed, body = value
        ignores_case = (ignores_case or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
        yield from _candidates(body, ignores_case)
    elif name == "ATOMIC_GROUP":
        yield from _candidates(value, ignores_case)
    elif name.endswith("REPEAT") and value[0]:
        yield from _candidates(value[2], ignores_case)


def _letter(letter: str, ignores_case: bool) -> str:
    """A character as it is looked for; "" where `folded` does not do for it what an expression does."""
    if not ignores_case:
        return letter
    return letter.lower() if letter.isascii() or letter.lower() == letter.upper() else ""
