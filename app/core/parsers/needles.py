"""The words without which an expression cannot match: looking for a word is many times faster than the expression.

`(?i)(?:packet|pkt)\\s?type=(\\d+)` matches only where `packet` or `pkt` stands, in whatever case. Most lines of a log
have no such word, so most lines are done with before any expression is tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # there is no public way to read an expression
from typing import Any, NamedTuple

Node = tuple[Any, Any]
Sequence = Any  # a parsed expression or a part of it
_LONGEST_RUN = 16
MAX_CHARACTERS = 1 << 30
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


class Wanted(NamedTuple):
    """What a match must hold, and how many characters of it may stand before the first of these words."""

    needles: Needles
    lead: int


Find = Callable[..., re.Match[str] | None]


def finder(pattern: re.Pattern[str], is_ascii: bool = False) -> Find | None:
    """`find(text, folded(text), end)` → `pattern.search(text, 0, end)`, tried only from the place on where the
    expression can begin to match. `is_ascii`: every text will be; None where the expression finds nothing in those."""
    search = pattern.search
    wanted = needles_of(pattern)
    if wanted is None:
        return lambda text, low, end=MAX_CHARACTERS: search(text, 0, end)
    needles, lead = wanted
    words = [needle for needle in needles if not is_ascii or needle.word.isascii()]
    exact = tuple(sorted(needle.word for needle in words if not needle.is_folded))
    folded_words = tuple(sorted(needle.word for needle in words if needle.is_folded))
    if not words:
        return None
    if len(words) == 1:
        word = (exact or folded_words)[0]
        is_folded = bool(folded_words)

        def find_one(text: str, low: str, end: int = MAX_CHARACTERS) -> re.Match[str] | None:
            at = (low if is_folded else text).find(word)
            return search(text, at - lead if at > lead else 0, end) if 0 <= at < end else None

        return find_one

    def find(text: str, low: str, end: int = MAX_CHARACTERS) -> re.Match[str] | None:
        first = end
        for word in folded_words:
            if word in low:
                at = low.find(word)
                if at < first:
                    first = at
        for word in exact:
            if word in text:
                at = text.find(word)
                if at < first:
                    first = at
        return search(text, first - lead if first > lead else 0, end) if first < end else None

    return find


class Sought:
    """Expressions of which one is to be found in a text."""

    __slots__ = ("_exact", "_folded", "_is_open")

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        needles: Needles = frozenset()
        self._is_open = False
        for pattern in patterns:
            found = needles_of(pattern, needles)
            self._is_open |= found is None
            needles |= found.needles if found else frozenset()
        needles = _shortest(needles)
        self._exact = tuple(sorted(needle.word for needle in needles if not needle.is_folded))
        self._folded = tuple(sorted(needle.word for needle in needles if needle.is_folded))

    @property
    def ascii_words(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]] | None:
        """What to look for in a line of ASCII as it stands, and in lower case; None where the line cannot be judged
        by words, or where one of them could stand on two lines."""
        words = (*self._exact, *self._folded)
        if self._is_open or any(character.isspace() for word in words for character in word):
            return None
        return _ascii(self._exact), _ascii(self._folded)

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


def _ascii(words: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in words if word.isascii())


@lru_cache(maxsize=8_192)  # a format's expressions are asked for with each file
def needles_of(pattern: re.Pattern[str], sought: Needles = frozenset()) -> Wanted | None:
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


def _best(sequence: Sequence, ignores_case: bool, sought: Needles = frozenset()) -> Wanted | None:
    """Of the sets that a sequence must match, the one whose shortest word is longest, then the smallest, then the one
    that comes first."""
    return max(
        _candidates(sequence, ignores_case),
        key=lambda wanted: (
            wanted.needles <= sought,
            min(len(needle.word) for needle in wanted.needles),
            -len(wanted.needles),
            -wanted.lead,
        ),
        default=None,
    )


def _candidates(sequence: Sequence, ignores_case: bool) -> Iterator[Wanted]:
    run = ""
    run_lead = 0  # characters that may stand before the run
    for at, node in enumerate(sequence):
        letter, least, most = _repeated_letter(node, ignores_case)
        if not run:
            run_lead = _width(sequence[:at])
        if letter and least:
            run += letter * least
            if most == least:
                continue
            # Any more of it stand between this run and the next one.
            yield _word(run, ignores_case, run_lead)
            run, run_lead = letter * least, _width(sequence[: at + 1]) - least
            continue
        if run:
            yield _word(run, ignores_case, run_lead)
        run = ""
        before = _width(sequence[:at])
        for wanted in _inner_candidates(node, ignores_case):
            yield wanted._replace(lead=before + wanted.lead)
    if run:
        yield _word(run, ignores_case, run_lead)


def _word(run: str, ignores_case: bool, lead: int) -> Wanted:
    return Wanted(frozenset({Needle(run, ignores_case)}), lead)


def _width(sequence: Sequence) -> int:
    return int(sequence.getwidth()[1])


def _repeated_letter(node: Node, ignores_case: bool) -> tuple[str, int, int]:
    """A literal, and how often at least and at most it comes here; "" where the node is something else."""
    name, value = str(node[0]), node[1]
    if name == "LITERAL":
        return _letter(chr(value), ignores_case), 1, 1
    if name.endswith("REPEAT") and len(value[2]) == 1 and str(value[2][0][0]) == "LITERAL" and value[0] <= _LONGEST_RUN:
        return _letter(chr(value[2][0][1]), ignores_case), int(value[0]), int(value[1])
    return "", 0, 0


def _inner_candidates(node: Node, ignores_case: bool) -> Iterator[Wanted]:
    name, value = str(node[0]), node[1]
    if name == "BRANCH":
        branches = [_best(branch, ignores_case) for branch in value[1]]
        known = [branch for branch in branches if branch]
        if len(known) == len(branches):
            needles = frozenset().union(*(branch.needles for branch in known))
            yield Wanted(needles, max(branch.lead for branch in known))
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
