"""The geometry of clock bands: every straight line that runs between two clouds of points.

A datagram that goes from A to B takes time, so `clock B - clock A` is at most what it shows; one from B to A shows at
least that. With a steady drift the offset is a line `offset + drift * t` under all points of the first kind and over
all of the second: a convex region in (offset, drift), found by clipping a polygon with the hulls of both clouds (Paxson
1998; Moon, Skelly and Towsley 1999; Zhang, Liu and Xia 2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Datagrams = tuple[Floats, Floats, Flags]  # times and offsets in s, whether forward; in order of time
Point = tuple[float, float]

MAX_DRIFT = 200e-6  # of two clocks: most crystals are good to 100 ppm, and only NTP that corrects goes to 500 ppm
WILD_DRIFT = 2000e-6  # a bad virtual machine; only where nothing smaller explains the points
DRIFT_PENALTY_S = 2.0  # a drift of 100 ppm must explain away 0.2 ms of mean queueing
FEW_POINTS = 8
BINS = 256  # of the time axis: a hull keeps few points anyway, and losing one only widens the band
SAME_DRIFT = 1e-15  # corners that lie at one drift but for rounding
OPEN_S = 1e7  # stands for "no bound": far more than any true bound


@dataclass(frozen=True, slots=True)
class Cloud:
    """The points of one direction, in short."""

    count: int = 0
    mean_t: float = 0.0
    mean_x: float = 0.0


@dataclass(frozen=True)
class Region:
    """All (offset_s at `middle_s`, drift) that the points allow. Times in s on the axis the points came with."""

    corners: tuple[Point, ...]
    middle_s: float
    above: Cloud
    below: Cloud
    slack_s: float = 0.0
    max_drift: float = MAX_DRIFT

    @property
    def has_upper(self) -> bool:
        return self.above.count > 0

    @property
    def has_lower(self) -> bool:
        return self.below.count > 0

    @property
    def has_both(self) -> bool:
        return self.has_lower and self.has_upper

    def at(self, time_s: float) -> tuple[float | None, float | None]:
        """Lower and upper bound of the offset at that time."""
        ahead = time_s - self.middle_s
        values = [offset + drift * ahead for offset, drift in self.corners]
        return (min(values) if self.has_lower else None), (max(values) if self.has_upper else None)

    def drift_range(self) -> tuple[float, float]:
        drifts = [drift for _, drift in self.corners]
        return min(drifts), max(drifts)

    def edges_at(self, time_s: float) -> list[Point]:
        """Lowest and highest offset then, at the least drift and at the greatest."""
        ahead = time_s - self.middle_s
        edges = [(drift, self._cut(drift)) for drift in self.drift_range()]
        return [(lowest + drift * ahead, highest + drift * ahead) for drift, (lowest, highest) in edges]

    def round_trip_s(self) -> float:
        """The longest that the fastest datagrams of both directions may be under way together."""
        return max(self._round_trips_s())

    def least_round_trip_s(self) -> float:
        """The same at the drift that leaves least."""
        return min(self._round_trips_s())

    def _round_trips_s(self) -> list[float]:
        cuts = [self._cut(drift) for _, drift in self.corners]
        return [highest - lowest for lowest, highest in cuts]

    def queues_s(self) -> tuple[float, float]:
        """Queueing of all above and of all below, summed, that the likeliest line means."""
        return self.queues_at(self.line[1])

    @cached_property
    def line(self) -> tuple[float, float]:
        """(offset at the middle, drift) of the likeliest line: the drift that leaves the least queueing in all.

        Delays are a fixed part and a queue, so the likeliest drift brings all points of a cloud nearest to its edge. A
        drift must be worth its while, as a few queues look like a little of it.
        """
        candidates = {drift for _, drift in self.corners}
        low, high = min(candidates), max(candidates)
        if low <= 0 <= high:
            candidates = candidates | {0.0} if self.above.count + self.below.count >= FEW_POINTS else {0.0}
        drift = min(candidates, key=lambda one: (self.queueing_at(one), abs(one)))
        lowest, highest = self._cut(drift)
        if not self.has_lower:
            return highest, drift
        return (lowest if not self.has_upper else (lowest + highest) / 2), drift

    def queueing(self) -> float:
        """Mean queueing that the likeliest line means, in s."""
        return self.queueing_at(self.line[1])

    def queueing_at(self, drift: float) -> float:
        """Mean queueing that this drift would mean, in s, and what drift itself costs."""
        return sum(self.queues_at(drift)) / (self.above.count + self.below.count) + abs(drift) * DRIFT_PENALTY_S

    def least_queues_s(self) -> float:
        """The least that all queues together can have been, in s."""
        return max(min(sum(self.queues_at(drift)) for _, drift in self.corners), 0.0)

    def queues_at(self, drift: float) -> tuple[float, float]:
        """Queueing in s of all above and of all below, summed, that this drift means."""
        lowest, highest = self._cut(drift)
        above, below = self.above, self.below
        return (
            above.count * (above.mean_x - drift * (above.mean_t - self.middle_s) - highest) if above.count else 0.0,
            below.count * (lowest - below.mean_x + drift * (below.mean_t - self.middle_s)) if below.count else 0.0,
        )

    def best(self, time_s: float) -> float:
        offset, drift = self.line
        return offset + drift * (time_s - self.middle_s)

    def _cut(self, drift: float) -> tuple[float, float]:
        """Lowest and highest offset at that drift."""
        found: list[float] = []
        for index, (offset, here) in enumerate(self.corners):
            before_offset, before = self.corners[index - 1]
            if min(before, here) - SAME_DRIFT <= drift <= max(before, here) + SAME_DRIFT:
                if abs(before - here) <= SAME_DRIFT:
                    found += (offset, before_offset)
                else:
                    share = min(max((drift - here) / (before - here), 0.0), 1.0)
                    found.append(offset + share * (before_offset - offset))
        found = found or [offset for offset, _ in self.corners]
        return min(found), max(found)


def fit_region(
    upper_t: Floats,
    upper_x: Floats,
    lower_t: Floats,
    lower_x: Floats,
    middle_s: float,
    slack_s: float = 0.0,
    max_drift: float = MAX_DRIFT,
) -> Region | None:
    """Lines under all (upper_t, upper_x) and over all (lower_t, lower_x); None where there is none.

    Seconds. Either cloud may be empty; then the band is open on that side. `slack_s` forgives that much.
    """
    highest = float(upper_x.min()) if len(upper_x) else float(lower_x.max()) + OPEN_S
    lowest = float(lower_x.max()) if len(lower_x) else float(upper_x.min()) - OPEN_S
    reach = _span(upper_t, lower_t, middle_s)
    room = 1.0 + abs(highest - lowest) + max_drift * 2 * reach
    low, high = min(highest, lowest) - room, max(highest, lowest) + room
    polygon: list[Point] = [(low, -max_drift), (high, -max_drift), (high, max_drift), (low, max_drift)]
    for time_s, bound in lower_hull(*_thin(upper_t, upper_x, np.minimum)):
        polygon = _clip(polygon, time_s - middle_s, bound + slack_s, 1.0)
        if not polygon:
            return None
    for time_s, bound in upper_hull(*_thin(lower_t, lower_x, np.maximum)):
        polygon = _clip(polygon, time_s - middle_s, bound - slack_s, -1.0)
        if not polygon:
            return None
    above, below = _cloud(upper_t, upper_x), _cloud(lower_t, lower_x)
    return Region(tuple(polygon), middle_s, above, below, slack_s, max_drift)


def fit_datagrams(datagrams: Datagrams, middle_s: float, slack_s: float, max_drift: float = MAX_DRIFT) -> Region | None:
    """What travels forward shows too much at most, and what travels back too little."""
    times, offsets, is_forward = datagrams
    back = ~is_forward
    return fit_region(times[is_forward], offsets[is_forward], times[back], offsets[back], middle_s, slack_s, max_drift)


def part(datagrams: Datagrams, piece: slice | NDArray[np.int64]) -> Datagrams:
    times, offsets, is_forward = datagrams
    return times[piece], offsets[piece], is_forward[piece]


def _cloud(times: Floats, values: Floats) -> Cloud:
    return Cloud(len(times), float(times.mean()), float(values.mean())) if len(times) else Cloud()


def _span(upper_t: Floats, lower_t: Floats, middle_s: float) -> float:
    return max((float(np.abs(times - middle_s).max()) for times in (upper_t, lower_t) if len(times)), default=0.0)


def _thin(times: Floats, values: Floats, pick: np.ufunc) -> tuple[Floats, Floats]:
    """The tightest point of each of BINS spans of time."""
    if len(times) <= BINS:
        order = np.argsort(times, kind="stable")
        return times[order], values[order]
    first, last = float(times.min()), float(times.max())
    numbers = ((times - first) * ((BINS - 1) / max(last - first, 1e-9))).astype(np.int64)
    order = np.lexsort((values if pick is np.minimum else -values, numbers))
    numbers = numbers[order]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    return times[order][starts], values[order][starts]


def lower_hull(times: Floats, values: Floats) -> list[Point]:
    return [(time, -value) for time, value in upper_hull(times, -values)]


def upper_hull(times: Floats, values: Floats) -> list[Point]:
    """Monotone chain over points in time order."""
    hull: list[Point] = []
    for point in zip(times.tolist(), values.tolist(), strict=True):
        if hull and hull[-1][0] == point[0]:
            if hull[-1][1] >= point[1]:
                continue
            hull.pop()
        while len(hull) >= 2 and _turn(hull[-2], hull[-1], point) >= 0:
            hull.pop()
        hull.append(point)
    return hull


def _turn(one: Point, two: Point, three: Point) -> float:
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def _clip(polygon: Sequence[Point], ahead_s: float, bound: float, sign: float) -> list[Point]:
    """The part of the polygon where sign * (offset + drift * ahead_s - bound) <= 0."""
    excess = [sign * (offset + drift * ahead_s - bound) for offset, drift in polygon]
    if max(excess) <= 0:
        return list(polygon)
    result: list[Point] = []
    for index, here in enumerate(polygon):
        before, mine, last = polygon[index - 1], excess[index], excess[index - 1]
        if (mine <= 0) != (last <= 0):
            share = last / (last - mine)
            result.append((before[0] + share * (here[0] - before[0]), before[1] + share * (here[1] - before[1])))
        if mine <= 0:
            result.append(here)
    return result
