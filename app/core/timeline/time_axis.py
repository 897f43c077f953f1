"""Time → height on the page, for a ladder that shows microseconds and minutes at once.

A linear axis cannot: a datagram crosses in 200 µs and is sent again 5 s later. Here only *instants that something
happened at* have a height. Order is always kept, and a longer gap never takes less room than a shorter one would:
short gaps grow with the logarithm of their length, long quiet ones are folded to a fixed height and say how long they
were. Heights are in units of one pixel at normal size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.core.records import NS

# Below this a gap is as good as nothing: clocks are not compared any better.
FINEST_NS = 10_000


@dataclass(frozen=True, slots=True)
class AxisScale:
    """How much room things take. `decade` is the growth for a gap ten times as long."""

    decade: float
    fold: float
    fold_after_ns: int = NS // 4


@dataclass(frozen=True, slots=True)
class Fold:
    """A quiet stretch drawn shorter than its length. `y0`/`y1` in axis units."""

    y0: float
    y1: float
    from_ns: int
    to_ns: int

    @property
    def seconds(self) -> float:
        return (self.to_ns - self.from_ns) / NS


@dataclass(frozen=True, slots=True)
class SolvedAxis:
    """`heights[handle]` for every handle that `AxisBuilder.instant` gave out."""

    heights: tuple[float, ...]
    folds: tuple[Fold, ...]
    bottom: float


class AxisBuilder:
    """Collects instants and the room they need, then gives each its height.

    Instants are ordered by time, and at the same time by the order in which they were added.
    """

    def __init__(self, scale: AxisScale) -> None:
        self._scale = scale
        self._times: list[int] = []
        self._lead: dict[int, float] = {}
        self._apart: dict[int, list[tuple[int, float]]] = {}

    def instant(self, time_ns: int, lead: float = 0.0) -> int:
        """Registers an instant; `lead` is the least room above it, for what is written there."""
        handle = len(self._times)
        self._times.append(time_ns)
        if lead:
            self._lead[handle] = lead
        return handle

    def apart(self, one: int, other: int, room: float) -> None:
        """Asks for at least `room` between two instants, whichever comes first."""
        first, last = sorted((one, other), key=self._order)
        if first != last:
            self._apart.setdefault(last, []).append((first, room))

    def earlier_first(self, handles: list[int]) -> list[int]:
        return sorted(handles, key=self._order)

    def solve(self) -> SolvedAxis:
        """Walks the instants downward once; O(n log n) in their number."""
        heights = [0.0] * len(self._times)
        folds: list[Fold] = []
        y, before = 0.0, None
        for handle in sorted(range(len(self._times)), key=self._order):
            now, top, lead = self._times[handle], y, self._lead.get(handle, 0.0)
            gap_ns = 0 if before is None else now - before
            is_folded = gap_ns >= self._scale.fold_after_ns
            y = max(
                top + self._gap(gap_ns) + (lead if is_folded else 0.0),
                top + lead,
                *(heights[first] + room for first, room in self._apart.get(handle, ())),
            )
            if before is not None and is_folded:
                folds.append(Fold(round(top, 2), round(y - lead, 2), before, now))
            heights[handle] = round(y, 2)
            before = now
        return SolvedAxis(tuple(heights), tuple(folds), y)

    def _order(self, handle: int) -> tuple[int, int]:
        return self._times[handle], handle

    def _gap(self, gap_ns: int) -> float:
        if gap_ns >= self._scale.fold_after_ns:
            return self._scale.fold
        return self._scale.decade * math.log10(1 + gap_ns / FINEST_NS)
