"""Regular expressions that a stranger wrote: compiled only if no line of 1,000 characters can hold them up.

Python's engine backtracks, so an expression can take time exponential in the line. Refused, each with a sentence: a
repetition inside a repetition, alternatives inside a repetition, back references, and so many overlapping
repetitions (`.*a.*b.*`) that
the steps grow faster than the square of the line's length. What is left takes milliseconds at worst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from re import _parser  # type: ignore[attr-defined]  # there is no public way to read an expression
from typing import Any

from app.core.records import Text

MAX_PATTERN_CHARACTERS = 1_000
MAX_MATCHED_CHARACTERS = 1_000
_LONG = 32  # a repetition that may be longer counts as unbounded
_UNROLLED = 8
_MAX_DEGREE = 2
_OTHER, _OTHER_SPACE = 256, 257  # stand for all characters beyond Latin-1
_EVERYTHING = frozenset(range(258))

Node = tuple[Any, Any]


class PatternRefused(Exception):
    """The expression is not used; `text` says why and what to write instead."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


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
    chain = list(_long_repeats(tree))
    if chain[-2:] == [None, _EVERYTHING]:
        del chain[-2:]  # a last .* takes whatever is left: nothing after it can fail
    if _degree(chain) + (0 if _is_anchored(tree) else 1) > _MAX_DEGREE:
        raise PatternRefused(
            Text(
                "Several repetitions can match the same characters (such as .*…*.*), which takes too long on a long "
                "line. "
                "Begin with ^, or write [^;]* (everything but the separator) instead of .*.",
                "多个重复部分可匹配相同字符（如 .*….*），遇到长行会耗时过久。请以 ^ 开头，或用 "
                "[^;]*（除分隔符外的字符）代替 .*。",
            )
        )
    return compiled


def _name(node: Node) -> str:
    return str(node[0])


def _children(node: Node) -> Iterator[Iterable[Node]]:
    """The sequences inside a node."""
    name, value = _name(node), node[1]
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        yield value[2]
    elif name == "SUBPATTERN":
        yield value[3]
    elif name == "ATOMIC_GROUP":
        yield value
    elif name == "BRANCH":
        yield from value[1]
    elif name in ("ASSERT", "ASSERT_NOT"):
        yield value[1]
    elif name == "GROUPREF_EXISTS":
        yield from (branch for branch in value[1:] if branch is not None)


def _refuse_nested(sequence: Iterable[Node], repeats: int) -> None:
    for node in sequence:
        name = _name(node)
        if name.startswith("GROUPREF"):
            raise PatternRefused(Text("Back references (\\1) are not allowed.", "不允许使用反向引用（\\1）。"))
        inner = repeats
        if name.endswith("REPEAT"):
            low, high = node[1][0], node[1][1]
            if repeats > _UNROLLED and low != high:
                raise PatternRefused(
                    Text(
                        "A repetition inside a repetition, such as (a+)*, can take for ever on a long line. Write "
                        "it flat.",
                        "重复中嵌套重复（如 (a+)*）遇到长行可能永远匹配不完，请改写为不嵌套的形式。",
                    )
                )
            inner = repeats * min(int(high), _LONG + 1)
        if name == "BRANCH" and repeats > _UNROLLED:
            raise PatternRefused(
                Text(
                    "Alternatives inside a repetition, such as (a|b)*, can take for ever on a long line. Write "
                    "[ab]* or a flat form.",
                    "重复中包含多选分支（如 (a|b)*）遇到长行可能永远匹配不完，请写成 [ab]* 或不嵌套的形式。",
                )
            )
        for child in _children(node):
            _refuse_nested(child, inner)


def _long_repeats(sequence: Iterable[Node]) -> Iterator[frozenset[int] | None]:
    """The characters of each long repetition (marked by a None before it) and of each single character that must come
    between, in order. What may be absent stands between nothing."""
    for node in sequence:
        name = _name(node)
        if name.endswith("REPEAT"):
            low, high, body = node[1]
            inner = list(_long_repeats(body))
            if int(high) > _LONG:
                yield None
                yield frozenset().union(*(item for item in inner if item is not None)) or _EVERYTHING
            else:
                for _ in range(min(int(high), _UNROLLED)):
                    yield from inner if low else _repeats_only(inner)
        elif name in ("BRANCH", "ASSERT", "ASSERT_NOT"):
            # Alternatives one after the other: more repetitions than any path has, so the answer is never too low.
            for child in _children(node):
                yield from _repeats_only(_long_repeats(child))
        elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
            for child in _children(node):
                yield from _long_repeats(child)
        elif name != "AT":
            yield _characters(node)


def _repeats_only(items: Iterable[frozenset[int] | None]) -> Iterator[frozenset[int] | None]:
    found = iter(items)
    for item in found:
        if item is None:
            yield None
            yield next(found)


def _degree(chain: list[frozenset[int] | None]) -> int:
    """The power of the line's length that the steps may grow with: long repetitions between which nothing stops the
    first."""
    longest = current = 0
    reach: frozenset[int] = frozenset()
    items = iter(chain)
    for item in items:
        if item is not None:
            if current and not item & reach:
                current = 0
            continue
        repeated = next(items) or _EVERYTHING
        current = current + 1 if current and repeated & reach else 1
        reach = repeated if current == 1 else reach | repeated
        longest = max(longest, current)
    return longest


def _is_anchored(tree: Iterable[Node]) -> bool:
    first = next(iter(tree), None)
    if first is None:
        return True
    if _name(first) == "AT":
        return str(first[1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
    return _name(first) == "SUBPATTERN" and _is_anchored(first[1][3])


def _characters(node: Node) -> frozenset[int]:
    name, value = _name(node), node[1]
    if name == "LITERAL":
        return frozenset({_code(value)})
    if name == "NOT_LITERAL":
        return _EVERYTHING - {_code(value)} | {_OTHER, _OTHER_SPACE}
    if name == "IN":
        members = [item for item in value if _name(item) != "NEGATE"]
        found: frozenset[int] = frozenset().union(*(_members(item) for item in members))
        return _EVERYTHING - (found - {_OTHER, _OTHER_SPACE}) if len(members) < len(value) else found
    return _EVERYTHING


def _members(item: Node) -> frozenset[int]:
    name, value = _name(item), item[1]
    if name == "LITERAL":
        return frozenset({_code(value)})
    if name == "RANGE":
        low, high = int(value[0]), int(value[1])
        beyond = {_OTHER, _OTHER_SPACE} if high > 255 else set()
        return frozenset(range(min(low, 256), min(high, 255) + 1)) | beyond
    category = {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}.get(str(value))
    if category is None:
        return _EVERYTHING
    other = _OTHER_SPACE if str(value) == "CATEGORY_SPACE" else _OTHER
    return frozenset(code for code in range(256) if re.match(category, chr(code))) | {other}


def _code(value: Any) -> int:
    code = int(value)
    return code if code < 256 else _OTHER_SPACE if chr(code).isspace() else _OTHER
