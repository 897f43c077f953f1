"""Which lines of a megabyte hold one of some words: asked for all lines at once, most of which have none."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from app.core.parsers.needles import Sought


class WordedLines:
    """`of(data, lines)` says it for each of the first lines of `data`. A line with letters beyond ASCII always has one,
    since its words can be written in several ways."""

    def __init__(self, sought: Sought | None) -> None:
        """None: every line may have one."""
        words = sought.ascii_words if sought is not None else None
        self._words = [re.compile(re.escape(word)) for word in words[0]] if words is not None else None
        self._folded = [re.compile(re.escape(word)) for word in words[1]] if words is not None else []

    def of(self, data: bytes, lines: int) -> list[bool]:
        if self._words is None:
            return [True] * lines
        octets = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(octets == 10)
        marks = np.zeros(lines + 1, bool)
        if not data.isascii():
            _mark(marks, ends, np.flatnonzero(octets >= 0x80))
        low = data.lower()
        for patterns, text in ((self._folded, low), (self._words, data)):
            for pattern in patterns:
                found = [match.start() for match in pattern.finditer(text)]
                _mark(marks, ends, np.array(found, np.int64))
        wanted: list[bool] = marks[:lines].tolist()
        return wanted


def _mark(marks: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> None:
    marks[np.searchsorted(ends, places)] = True
