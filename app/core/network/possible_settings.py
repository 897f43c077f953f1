"""Which settings of a clock the datagrams of two captures bear without showing them, and what they leave of the band.

A setting lies between two datagrams; a drift, a size and the lines of both directions are possible with it if no
datagram is faster than its line and if all queues together are not clearly longer than those that no setting means. For
each place the queueing is convex and piecewise linear in the drift and the size: the drifts are found by Newton's steps
from outside, the sizes of each drift in closed form. Rows are places, columns drifts; times are
from the time asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.core.network.bands import Datagrams, Flags, Floats, Region

Bounds = tuple[float | None, float | None]

# No datagram is under way for longer; bigger jumps between neighbouring ones are a set clock, or a wrong match.
JUMP_S = 3.0
# That a clock was set between the first or last so many is not presumed for a time before or after all.
LEAST_OUTSIDE = 3
# How rarely a true setting may mean queues that are longer than is allowed for.
RARE = 1e-4
BOUND_BY_QUEUES = 3  # as many of the queues are none: one of each direction, and one for the drift
PLACES = 24  # of a setting; of more datagrams, some between two places are left out
BINS = 128  # of the time axis: of more datagrams, the fastest of each bin and direction stands for all
NONE_S = 1e4  # stands for the bound of no datagram
NEWTON_STEPS = 8
DRIFTS = 9
ZOOMS = 3
PENALTY = 4.0  # for a line that is crossed, by datagrams and seconds
SAME = 1 + 1e-3  # queueing that differs by less is the same
ROUNDING_S = 1e-9


@dataclass(frozen=True)
class Points:
    """Datagrams, or the fastest of some. `counts`, `times` and `offsets` sum up those that each stands for."""

    at: Floats
    offset: Floats
    is_forward: Flags
    counts: Floats
    times: Floats
    offsets: Floats

    @cached_property
    def total(self) -> float:
        return float(self.counts.sum())


def clearly_longer(count: float) -> float:
    """By what factor the queues of so many datagrams, exponential as they are taken to be, are longer but by chance."""
    return float(RARE ** (-1 / max(count - BOUND_BY_QUEUES, 1.0)))


def points_of(datagrams: Datagrams, whole: Region) -> Points:
    times, offsets, is_forward = datagrams
    if len(times) <= 2 * BINS:
        return Points(times, offsets, is_forward, np.ones(len(times)), times, offsets)
    span_s = max(float(times[-1] - times[0]), ROUNDING_S)
    bins = ((times - times[0]) * ((BINS - 1) / span_s)).astype(np.int64) * 2 + is_forward
    delays = np.where(is_forward, 1.0, -1.0) * (offsets - whole.line[1] * times)
    order = np.lexsort((delays, bins))
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    fastest = np.sort(order[starts])
    number = bins[fastest]
    counts, sum_t, sum_x = (
        np.bincount(bins, weights=weights, minlength=2 * BINS)[number] for weights in (None, times, offsets)
    )
    return Points(times[fastest], offsets[fastest], is_forward[fastest], counts.astype(float), sum_t, sum_x)


@dataclass(frozen=True, slots=True)
class Least:
    """The least queueing in s that each drift means, and the lines that no datagram is faster than: under all forward
    and over all backward ones, before the setting and after it, at the time asked for.

    Each is an array of values by place and drift, and, where asked for, one of their changes by drift behind it.
    """

    queueing: Floats
    above: tuple[Floats, Floats]
    below: tuple[Floats, Floats]


class PossibleSettings:
    """Of the places between the points, for one time."""

    def __init__(self, points: Points, whole: Region, at_s: float) -> None:
        self._around_s = float(points.offset[len(points.offset) // 2])
        self._at, self._offset = points.at - at_s, points.offset - self._around_s
        self._whole = whole
        self._slack_s = 2 * whole.slack_s
        self._is_forward = points.is_forward
        self._lay_out(points, at_s)
        self._prune(-whole.max_drift, whole.max_drift)
        self._most = clearly_longer(points.total) * whole.least_queues_s()
        self._most += points.total * (self._slack_s + ROUNDING_S)

    def _lay_out(self, points: Points, at_s: float) -> None:
        count = len(self._at)
        split = int(np.searchsorted(self._at, 0.0))
        aside = 1 if 0 < split < count else min(LEAST_OUTSIDE, count // 2)
        places = np.arange(aside, count - aside + 1)
        groups = np.array_split(places, min(PLACES, len(places)))
        firsts, lasts = (np.array([group[end] for group in groups]) for end in (0, -1))
        self._is_before = lasts >= split  # the setting may lie behind the time asked for
        self._is_after = firsts <= split
        number = np.arange(count)
        sides = number < firsts[:, None], number >= lasts[:, None]
        forward, back = points.is_forward, ~points.is_forward
        self._masks = [
            np.where(side & way, 0.0, none) for way, none in ((forward, NONE_S), (back, -NONE_S)) for side in sides
        ]
        self._forward = [((side & forward) @ points.counts)[:, None] for side in sides]
        self._back = [((side & back) @ points.counts)[:, None] for side in sides]
        signs = np.where(forward, 1.0, -1.0) * (sides[0] | sides[1])
        self._sum_t = (signs @ points.times - at_s * (signs @ points.counts))[:, None]
        self._sum_x = (signs @ points.offsets - self._around_s * (signs @ points.counts))[:, None]

    def _prune(self, least: float, greatest: float) -> None:
        """Leave out what is not the fastest of its direction before any place or after, at any drift between these.

        A datagram that is slower than an earlier one at the greatest drift is slower at each, and than a later one at
        the least.
        """
        is_kept = np.zeros(len(self._at), dtype=bool)
        for way, sign, drifts in (
            (self._is_forward, 1.0, (greatest, least)),
            (~self._is_forward, -1.0, (least, greatest)),
        ):
            rows = np.flatnonzero(way)
            early, late = (sign * (self._offset[rows] - drift * self._at[rows]) for drift in drifts)
            is_slow = early[1:] >= np.minimum.accumulate(early)[:-1]
            is_slow_too = late[:-1] >= np.minimum.accumulate(late[::-1])[::-1][1:]
            is_kept[rows] = ~(np.r_[False, is_slow] & np.r_[is_slow_too, False])
        self._at, self._offset = self._at[is_kept], self._offset[is_kept]
        self._is_forward = self._is_forward[is_kept]
        self._masks = [mask[:, is_kept] for mask in self._masks]

    def _lines(self, drifts: Floats, has_slope: bool) -> Iterator[Floats]:
        bare = self._offset - drifts[:, :, None] * self._at
        for number, mask in enumerate(self._masks):
            values = bare + mask[:, None, :]
            tightest = values.min(-1) if number < 2 else values.max(-1)
            if has_slope:
                slope = -self._at[values.argmin(-1) if number < 2 else values.argmax(-1)]
                yield np.stack([tightest, slope])
            else:
                yield tightest[None]

    def _least(self, drifts: Floats, has_slope: bool = False) -> Least:
        """The least is where the lines of one direction meet, that of before the setting and that of after it."""
        a1, a2, b1, b2 = self._lines(drifts, has_slope)
        forward, back = sum(self._forward), sum(self._back)
        shifted = self._back[1] - self._forward[1]
        fixed = np.stack([self._sum_x - drifts * self._sum_t, -self._sum_t + 0.0 * drifts])[: len(a1)]
        size = a2 - a1
        one = fixed + size * shifted - forward * a1 + back * np.where(b1[0] >= b2[0] - size[0], b1, b2 - size)
        size = b2 - b1
        two = fixed + size * shifted - forward * np.where(a1[0] <= a2[0] - size[0], a1, a2 - size) + back * b1
        return Least(np.where(one[0] <= two[0], one, two), (a1, a2), (b1, b2))

    @cached_property
    def _drifts(self) -> tuple[Floats, Flags]:
        """(least and greatest drift, whether there is any) of each place; never too narrow."""
        limit = self._whole.max_drift
        drifts = np.tile([-limit, limit], (len(self._sum_x), 1))
        outwards = np.array([-1.0, 1.0])
        is_none = np.zeros(len(drifts), dtype=bool)
        penalty = PENALTY * float((self._forward[0] + self._back[0] + self._forward[1] + self._back[1]).max())
        for _ in range(NEWTON_STEPS):
            least = self._least(drifts, has_slope=True)
            value, slope = least.queueing
            for above, below in zip(least.above, least.below, strict=True):
                crossed = below[0] - above[0] - self._slack_s
                value = value + penalty * np.maximum(crossed, 0.0)
                slope = slope + penalty * (below[1] - above[1]) * (crossed > 0)
            is_over = value > self._most * SAME
            is_outward = slope * outwards > 0
            is_none |= (is_over & ~is_outward).any(axis=1)
            step = (value - self._most) / np.where(is_outward, slope, 1.0)
            drifts = drifts - np.where(is_over & is_outward, step, 0.0)
            is_none |= drifts[:, 0] > drifts[:, 1]
            if not (is_over & is_outward)[~is_none].any():
                break
        if not is_none.all():
            self._prune(float(drifts[~is_none].min()), float(drifts[~is_none].max()))
        return np.where(is_none[:, None], 0.0, drifts), ~is_none

    def _sizes(self, least: Least) -> tuple[Floats, Floats]:
        """The least and the greatest setting that each drift bears."""
        ((a1,), (a2,)), ((b1,), (b2,)) = least.above, least.below
        by_forward, by_back = a2 - a1, b2 - b1
        low, high = np.minimum(by_forward, by_back), np.maximum(by_forward, by_back)
        # How queueing changes with the size, below, between and above the two.
        (f1, f2), (r1, r2) = self._forward, self._back
        between = np.where(by_forward <= by_back, f1 - r1, r2 - f2)
        room = np.maximum(self._most - least.queueing[0], 0.0)
        rise = np.abs(between) * (high - low)
        is_low, is_within = between >= 0, room < rise
        inner = _ratio(room, np.abs(between))
        behind = np.where(is_low, room - rise, room)
        before = np.where(is_low, room, room - rise)
        greatest = np.where(is_low & is_within, low + inner, high + _ratio(behind, f1 + r2))
        smallest = np.where(~is_low & is_within, high - inner, low - _ratio(before, r1 + f2))
        return np.maximum(smallest, b2 - a1 - self._slack_s), np.minimum(greatest, a2 - b1 + self._slack_s)

    def _reach(self, drifts: Floats) -> tuple[Floats, Floats]:
        """Lowest and highest offset then that each drift bears; the wrong way round where it bears none."""
        least = self._least(drifts)
        ((a1,), (a2,)), ((b1,), (b2,)) = least.above, least.below
        smallest, greatest = self._sizes(least)
        is_possible = self._drifts[1][:, None] & (least.queueing[0] <= self._most * SAME) & (smallest <= greatest)
        is_possible &= (a1 - b1 >= -self._slack_s - ROUNDING_S) & (a2 - b2 >= -self._slack_s - ROUNDING_S)
        is_before, is_after = (is_possible & some[:, None] for some in (self._is_before, self._is_after))
        high = np.maximum(
            np.where(is_before, np.minimum(np.minimum(a1, a2 - smallest), _latest(b1)), -np.inf),
            np.where(is_after, np.minimum(np.minimum(a1 + greatest, a2), _latest(b2)), -np.inf),
        )
        low = np.minimum(
            np.where(is_before, np.maximum(np.maximum(b1, b2 - greatest), -_latest(-a1)), np.inf),
            np.where(is_after, np.maximum(np.maximum(b1 + smallest, b2), -_latest(-a2)), np.inf),
        )
        return low, high

    def bounds(self) -> tuple[float, float]:
        """Lowest and highest offset at the time asked for with any possible setting; inf, -inf where there is none.

        Either bound is concave in the drift, so it is looked for ever nearer to the drift that reaches furthest.
        """
        ends, _ = self._drifts
        share = np.linspace(0.0, 1.0, DRIFTS)
        drifts = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * share
        lows, highs = self._reach(drifts)
        low, high = float(lows.min()), float(highs.max())
        width = (ends[:, 1:] - ends[:, :1]) / (DRIFTS - 1)
        rows = np.arange(len(drifts))
        centres = [drifts[rows, lows.argmin(-1)], drifts[rows, highs.argmax(-1)]]
        for _ in range(ZOOMS):
            near = np.concatenate([centre[:, None] + width * (2 * share - 1) for centre in centres], axis=1)
            near = np.clip(near, ends[:, :1], ends[:, 1:])
            lows, highs = self._reach(near)
            low, high = min(low, float(lows.min())), max(high, float(highs.max()))
            centres = [near[rows, lows.argmin(-1)], near[rows, highs.argmax(-1)]]
            width = width * (2 / (DRIFTS - 1))
        return self._around_s + low - self._whole.slack_s, self._around_s + high + self._whole.slack_s


def _latest(below: Floats) -> Floats:
    """No datagram is under way for longer."""
    return np.where(below > -NONE_S / 2, below + JUMP_S, np.inf)


def _ratio(value: Floats, by: NDArray[np.float64]) -> Floats:
    return np.where(by > 0, value / np.where(by > 0, by, 1.0), 1e9)
