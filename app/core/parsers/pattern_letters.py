"""The characters that a regular expression can tell apart, as sets: an integer with a bit for each.

Latin-1, what the expression names beyond it, and two that stand for all others (a space and not a space).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

Node = tuple[Any, Any]
Letters = int

_CATEGORIES = {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}


class Alphabet:
    """The characters of one parsed expression. Flags count for all of it, even where they are set for a part."""

    def __init__(self, named: Iterable[int], flags: int) -> None:
        self._letters = [chr(code) for code in (*range(256), *sorted({code for code in named if code > 255}))]
        self._bits = {letter: 1 << place for place, letter in enumerate(self._letters)}
        self._other, self._other_space = 1 << len(self._letters), 2 << len(self._letters)
        self.everything: Letters = (4 << len(self._letters)) - 1
        self._ignores_case = bool(flags & re.IGNORECASE)
        self._is_ascii = bool(flags & re.ASCII)

    def matched_by(self, node: Node) -> Letters:
        """What one character of the line may be there. (`node` matches a single one.)"""
        name, value = str(node[0]), node[1]
        if name == "LITERAL":
            return self._letter(value)
        if name == "NOT_LITERAL":
            return self.everything & ~self._bits[chr(value)]
        if name != "IN":
            return self.everything
        members = [item for item in value if str(item[0]) != "NEGATE"]
        if len(members) == len(value):
            return union(self._member(item) for item in members)
        refused = union(self._member(item, surely=True) for item in members)
        return self.everything & ~refused | self._other | self._other_space

    def _member(self, item: Node, surely: bool = False) -> Letters:
        name, value = str(item[0]), item[1]
        if name == "LITERAL":
            return self._bits[chr(value)] if surely else self._letter(value)
        if name == "RANGE":
            low, high = int(value[0]), int(value[1])
            found = self._where(lambda letter: low <= ord(letter) <= high)
            beyond = self._other | self._other_space if high > 255 else 0
            return found if surely else self._with_cases(found) | beyond
        return self._category(str(value), surely)

    def _category(self, name: str, surely: bool) -> Letters:
        category = _CATEGORIES.get(name)
        if category is None:
            return 0 if surely else self.everything
        flags = re.ASCII if surely and self._is_ascii else 0
        other = self._other_space if name == "CATEGORY_SPACE" else self._other
        return self._where(lambda letter: re.match(category, letter, flags) is not None) | other

    def _letter(self, code: int) -> Letters:
        return self._with_cases(self._bits[chr(code)])

    def _with_cases(self, letters: Letters) -> Letters:
        if not self._ignores_case:
            return letters
        found = letters
        for letter, bit in self._bits.items():
            if letters & bit:
                for case in (letter.lower(), letter.upper(), letter.upper().lower(), letter.lower().upper()):
                    found |= self._bits.get(case, self._other)
        return found

    def _where(self, holds: Callable[[str], bool]) -> Letters:
        return union(bit for letter, bit in self._bits.items() if holds(letter))


def union(sets: Iterable[Letters]) -> Letters:
    return reduce(or_, sets, 0)
