"""Regular expressions that a stranger wrote: compiled only if no line of 1,000 characters can hold them up.

Python's engine backtracks, so an expression can take time exponential in the line. Refused, each with a sentence: a
repetition inside a repetition, alternatives inside a repetition, back references, and so many repetitions that can
share characters (`.*a.*b.*`) that the ways to share a line among them grow faster than the square of its length.

Two repetitions share a line in many ways if one text can be read by the first, by the way from the first to the second,
and by the second (Weber and Seidl, On the degree of ambiguity of finite automata, 1991). What is left takes some
hundredths of a second at worst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from re import _parser  # type: ignore[attr-defined]  # there is no public way to read an expression
from typing import NamedTuple

from app.core.parsers.pattern_letters import Node
from app.core.parsers.pattern_steps import (
    UNROLLED,
    Step,
    StepReader,
    children,
    is_repeat,
    name_of,
)
from app.core.records import Text

MAX_PATTERN_CHARACTERS = 1_000
MAX_MATCHED_CHARACTERS = 1_000
_LONG = 32  # a repetition that may be longer counts as unbounded
_MAX_STEPS = 1_000  # of the expression
_MAX_WAYS = 4 * MAX_MATCHED_CHARACTERS  # to share a line; each takes up to MAX_MATCHED_CHARACTERS steps of the engine


class PatternRefused(Exception):
    """The expression is not used; `text` says why and what to write instead."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


_SHARED = Text(
    "Several repetitions can match the same characters (such as .*…*.*), which takes too long on a long line. "
    "Begin with ^, or write [^;]* (everything but the separator) instead of .*.",
    "多个重复部分可匹配相同字符（如 .*….*），遇到长行会耗时过久。请以 ^ 开头，或用 [^;]*（除分隔符外的字符）代替 .*。",
)
_NESTED = Text(
    "A repetition inside a repetition, such as (a+)*, can take for ever on a long line. Write it flat.",
    "重复中嵌套重复（如 (a+)*）遇到长行可能永远匹配不完，请改写为不嵌套的形式。",
)
_ALTERNATIVES = Text(
    "Alternatives inside a repetition, such as (a|b)*, can take for ever on a long line. Write [ab]* or a flat form.",
    "重复中包含多选分支（如 (a|b)*）遇到长行可能永远匹配不完，请写成 [ab]* 或不嵌套的形式。",
)
_TOO_MANY = Text(
    "It has too many parts: write repetitions such as {8} with fewer turns.",
    "表达式展开后部分过多：请减少 {8} 这类重复的次数。",
)


class _Chain(NamedTuple):
    """Repetitions that can share text, as far as the one that stands at `place`: the ways by the longest of them."""

    step: Step
    place: int
    ways: dict[int, int]

    @property
    def most_ways(self) -> int:
        return max(self.ways.values())


def compile_safely(pattern: str) -> re.Pattern[str]:
    """The compiled expression. Raises PatternRefused where it is wrong or could run away."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternRefused(Text("It is longer than 1,000 characters.", "表达式超过 1000 个字符。"))
    try:
        tree = _parser.parse(pattern)
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternRefused(
            Text(f"It is not a regular expression: {error}.", f"不是有效的正则表达式：{error}。")
        ) from error
    _refuse_nested(tree, 1)
    reader = StepReader(tree)
    steps = list(islice(reader.steps_of(tree), _MAX_STEPS + 1))
    if len(steps) > _MAX_STEPS:
        raise PatternRefused(_TOO_MANY)
    if _ends_open(list(tree)):
        steps[-1] = steps[-1]._replace(most=steps[-1].least)  # it takes what is left: nothing after it can fail
    if not _is_anchored(tree):
        steps.insert(0, Step(reader.alphabet.everything, 0, MAX_MATCHED_CHARACTERS))  # the search for where it begins
    if _ways(steps) * _alternatives(tree, reader) > _MAX_WAYS:
        raise PatternRefused(_SHARED)
    return compiled


def _refuse_nested(sequence: Iterable[Node], repeats: int) -> None:
    for node in sequence:
        name = name_of(node)
        if name.startswith("GROUPREF"):
            raise PatternRefused(Text("Back references (\\1) are not allowed.", "不允许使用反向引用（\\1）。"))
        inner = repeats
        if is_repeat(node):
            low, high = node[1][0], node[1][1]
            if repeats > UNROLLED and low != high:
                raise PatternRefused(_NESTED)
            inner = repeats * min(int(high), _LONG + 1)
        if name == "BRANCH" and repeats > UNROLLED:
            raise PatternRefused(_ALTERNATIVES)
        for child in children(node):
            _refuse_nested(child, inner)


def _ways(steps: list[Step]) -> int:
    """How many ways there are, at most, to share a line among repetitions: on the worst path, the lengths that all but
    the longest repetition of each chain of neighbours can have, multiplied."""
    chains: list[_Chain] = []
    for place, step in enumerate(steps):
        lengths = min(step.lengths, MAX_MATCHED_CHARACTERS)
        if lengths < 2:
            continue
        before = [chain for chain in chains if step.can_follow(chain.step)]
        ways = {lengths: max((chain.most_ways for chain in before), default=1)}
        for chain in before:
            if _share_text(chain.step, step, steps[chain.place + 1 : place]):
                for longest, count in chain.ways.items():
                    most = max(longest, lengths)
                    ways[most] = max(ways.get(most, 0), count * min(longest, lengths))
        chains.append(_Chain(step, place, ways))
        if chains[-1].most_ways > _MAX_WAYS:
            break
    return max((chain.most_ways for chain in chains), default=1)


def _share_text(first: Step, second: Step, between: list[Step]) -> bool:
    shared = first.characters & second.characters
    return (
        shared != 0
        and all(needed & shared for needed in (*first.needs, *second.needs))
        and all(step.characters & shared or not step.is_met_between(first, second) for step in between)
    )


def _alternatives(sequence: Iterable[Node], reader: StepReader) -> int:
    """How often the engine can come by the same place because alternatives begin alike."""
    found = 1
    for node in sequence:
        inner = max((_alternatives(child, reader) for child in children(node)), default=1)
        if name_of(node) == "BRANCH":
            inner *= reader.overlapping_alternatives(node)
        found *= inner ** min(int(node[1][1]), UNROLLED) if is_repeat(node) else inner
    return found


def _is_anchored(tree: Iterable[Node]) -> bool:
    first = next(iter(tree), None)
    if first is None:
        return True
    if name_of(first) == "AT":
        return str(first[1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
    return name_of(first) == "SUBPATTERN" and _is_anchored(first[1][3])


def _ends_open(sequence: list[Node]) -> bool:
    """Whether the last thing is a repetition of one set of characters. (`$` behind it can fail, unless it is `.*`.)"""
    if not sequence:
        return False
    last = sequence[-1]
    if name_of(last) == "SUBPATTERN":
        return _ends_open(list(last[1][3]))
    if name_of(last) == "AT" and str(last[1]) in ("AT_END", "AT_END_STRING") and len(sequence) > 1:
        before = sequence[-2]
        return is_repeat(before) and [name_of(node) for node in before[1][2]] == ["ANY"]
    return is_repeat(last) and len(list(last[1][2])) == 1 and not children(next(iter(last[1][2])))
