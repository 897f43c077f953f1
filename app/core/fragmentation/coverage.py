"""Byte ranges put together, whatever the order and however often they come."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Coverage:
    """Disjoint, sorted ranges. Adding costs a search, so a flood of pieces costs no more than its length."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Half-open, in bytes."""
        low = bisect_left(self._ends, start)
        high = bisect_right(self._starts, end)
        if low < high:
            start = min(start, self._starts[low])
            end = max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]

    def reaches(self, end: int) -> bool:
        """Whether [0, end) is covered without a hole."""
        return bool(self._starts) and self._starts[0] == 0 and self._ends[0] >= end
