"""What is known of two clocks against each other: bands between the times at which either was set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from app.core.network.bands import Datagrams, Region
from app.core.network.possible_settings import Bounds, Points, points_of
from app.core.network.unnoticed_settings import widening_at

FEWEST = 4
STEPS = 64  # of a segment: the times that its widening is worked out for


@dataclass(frozen=True)
class Segment:
    """A time between two settings of either clock. Seconds since `PairClock.base_ns` on the first capture's clock."""

    start_s: float
    end_s: float
    region: Region
    datagrams: Datagrams

    @property
    def matched(self) -> int:
        return len(self.datagrams[0])

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2

    def bounds_at(self, at_s: float) -> Bounds:
        """Lower and upper bound of the offset, also where the clock was set once more and nobody noticed."""
        lower, upper = self.region.at(at_s)
        below, above = self._widening(at_s)
        return (None if lower is None else lower - below), (None if upper is None else upper + above)

    def _widening(self, at_s: float) -> tuple[float, float]:
        """That of the nearest of some times: it changes slowly, and chains ask for many times about the middle."""
        step_s = (self.end_s - self.start_s) / STEPS
        number = round((at_s - self.middle_s) / step_s) if step_s > 0 else 0
        if number not in self._widenings:
            self._widenings[number] = widening_at(self._points, self.region, self.middle_s + number * step_s)
        return self._widenings[number]

    @cached_property
    def _widenings(self) -> dict[int, tuple[float, float]]:
        return {}

    @cached_property
    def _points(self) -> Points:
        return points_of(self.datagrams, self.region)


@dataclass(frozen=True)
class PairClock:
    """`second clock - first clock` as bands over the first clock's raw time, around `base_offset_ns`."""

    base_ns: int
    base_offset_ns: int
    segments: tuple[Segment, ...]
    matched: int
    dropped: int

    @property
    def main(self) -> Segment:
        """The segment that knows most: bounded on both sides if any is, then the longest."""
        return max(self.segments, key=lambda one: (one.region.has_both, one.end_s - one.start_s))

    @property
    def has_both(self) -> bool:
        return self.main.region.has_both

    def segment_at(self, first_raw_ns: int) -> Segment:
        ahead = (first_raw_ns - self.base_ns) / 1e9
        chosen = self.segments[0]
        for segment in self.segments[1:]:
            if ahead >= segment.start_s:
                chosen = segment
        return chosen

    def bounds_at(self, segment: Segment, ahead_s: float) -> Bounds:
        """Of one segment. A few datagrams are one exchange: that a clock was set just then is not presumed."""
        return segment.region.at(ahead_s) if self.matched < FEWEST else segment.bounds_at(ahead_s)

    def band(self, first_raw_ns: int) -> Bounds:
        """Lower and upper bound of the offset in seconds, without `base_offset_ns`."""
        ahead = (first_raw_ns - self.base_ns) / 1e9
        return self.bounds_at(self.segment_at(first_raw_ns), ahead)

    def best(self, first_raw_ns: int) -> float:
        ahead = (first_raw_ns - self.base_ns) / 1e9
        return self.segment_at(first_raw_ns).region.best(ahead)

    def drift(self) -> float:
        return self.main.region.line[1]

    def steps(self) -> list[tuple[int, float]]:
        """(raw time of the first clock, jump in s) of every setting."""
        found = []
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            jump = after.region.best(after.start_s) - before.region.best(after.start_s)
            found.append((self.base_ns + round(after.start_s * 1e9), jump))
        return found

    @property
    def borne_s(self) -> float:
        """How much wider the band is for a setting of a clock that the datagrams of the main segment would not show."""
        lower, upper = self.main.region.at(self.main.middle_s)
        return self.width_s - (upper - lower) if lower is not None and upper is not None else 0.0

    @property
    def open_drift_s(self) -> float:
        """How much wider the band is for the drift that the datagrams leave open, before a setting is borne."""
        lower, upper = self.main.region.at(self.main.middle_s)
        return upper - lower - self.main.region.least_round_trip_s() if lower is not None and upper is not None else 0.0

    @property
    def middle_ns(self) -> int:
        """Raw time of the first clock in the middle of the main segment."""
        return self.base_ns + round(self.main.middle_s * 1e9)

    @cached_property
    def width_s(self) -> float:
        """Width of the main segment's band in its middle; infinite where a bound is missing."""
        lower, upper = self.bounds_at(self.main, self.main.middle_s)
        return float("inf") if lower is None or upper is None else upper - lower
