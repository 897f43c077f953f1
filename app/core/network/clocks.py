"""The clock of every capture against one reference, as a band, from the datagrams that captures share.

Every pair of captures that saw the same datagrams gives a band (`clock_pairs`). Captures that share none with the
reference are reached through others, along the narrowest chain; where several chains lead to one capture they must
agree, and together they are tighter than each alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.analysis import Clock
from app.core.network.clock_pairs import PairClock, fit_pair
from app.core.network.matched_times import MatchedTimes
from app.core.network.observations import Observation
from app.core.records import Text

# Frames of one file are out of order by less; more, and its clock was set back.
GOES_BACK_NS = 100_000_000
# What a chain pays for a link that is known on one side only: more than any band of both sides.
ONE_WAY_COST_S = 60.0
# Bands of different chains that miss each other by less than this are time stamp noise.
CLOSING_SLACK_S = 1e-3

# Two links see one setting of the clock between them at most this far apart.
SAME_STEP_NS = 60_000_000_000
SAME_STEP_S = 0.05

REFERENCE = Text("the reference: all other clocks are told against it", "基准时钟：其他时钟都以它为准")
BOTH_WAYS = Text("matched datagrams in both directions", "双向匹配的报文")
ONE_WAY = Text(
    "matched datagrams in one direction only: an offset cannot be told from a delay, so it is known up to the delay",
    "只有单向匹配的报文：无法区分时钟偏差与传输时延，只能确定到时延以内",
)
CHAINED = Text("matched datagrams in both directions, through other captures", "经其他抓包的双向匹配报文推算")
NO_LINK = Text("no datagram is shared with any other capture", "与其他抓包没有共同的报文")
OWN_GROUP = Text(
    "not linked to the reference: shares datagrams only with captures that are not linked either",
    "与基准时钟没有联系：只与同样没有联系的抓包有共同报文",
)
BY_HAND = Text("given by hand", "人工指定")

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Bands of two chains to the same capture that do not meet: an order of points, or a match, must be wrong."""

    capture: int
    through: int
    gap_s: float


@dataclass(frozen=True, slots=True)
class ClockNet:
    """`clocks` by capture index. `parts[i]` is the number of the linked part; only within a part do times compare."""

    clocks: tuple[Clock, ...]
    parts: tuple[int, ...]
    contradictions: tuple[Contradiction, ...]
    tree: tuple[int | None, ...]  # the capture through which each clock is known

    def time_of(self, seen: Observation) -> int:
        """When it was seen, on the clock of its part's root."""
        return self.clocks[seen.capture].to_reference(seen.time_ns, seen.frame)


@dataclass(frozen=True, slots=True)
class _Link:
    """A pair clock as seen from `near`: offset of `far` minus `near`."""

    pair: PairClock
    is_turned: bool  # the pair was fitted as (far, near)

    def shift_ns(self, far_raw_ns: int) -> tuple[int, Bounds]:
        """(ns to add to the far clock to get the near one, around which the bounds in seconds of far - near lie)."""
        if self.is_turned:
            lower, upper = self.pair.band(far_raw_ns)
            return self.pair.base_offset_ns, (_negate(upper), _negate(lower))
        near_raw = far_raw_ns - self.pair.base_offset_ns
        near_raw -= round(self.pair.best(near_raw) * 1e9)
        return -self.pair.base_offset_ns, self.pair.band(near_raw)

    def best(self, far_raw_ns: int) -> float:
        """The likeliest far - near in seconds, around the same shift."""
        if self.is_turned:
            return -self.pair.best(far_raw_ns)
        near_raw = far_raw_ns - self.pair.base_offset_ns
        return self.pair.best(near_raw - round(self.pair.best(near_raw) * 1e9))

    @property
    def drift(self) -> float:
        return -self.pair.drift() if self.is_turned else self.pair.drift()

    @property
    def cost(self) -> float:
        # A hop costs a little by itself, so that equal bands take the shorter chain.
        return 1e-7 + (self.pair.width_s if self.pair.has_both else ONE_WAY_COST_S)

    def covers(self, far_raw_ns: int) -> bool:
        """Whether there are datagrams before and after."""
        if self.is_turned:
            return self.pair.covers(far_raw_ns)
        near_raw = far_raw_ns - self.pair.base_offset_ns
        return self.pair.covers(near_raw - round(self.pair.best(near_raw) * 1e9))

    def to_far(self, near_raw_ns: int) -> int:
        """Raw time of the far clock at that raw time of the near one."""
        if not self.is_turned:
            return near_raw_ns + self.pair.base_offset_ns + round(self.pair.best(near_raw_ns) * 1e9)
        far_raw = near_raw_ns - self.pair.base_offset_ns
        return far_raw - round(self.pair.best(far_raw) * 1e9)

    def middle_of_far(self) -> int:
        middle = self.pair.middle_ns
        if self.is_turned:
            return middle
        return middle + self.pair.base_offset_ns + round(self.pair.best(middle) * 1e9)

    def steps_of_far(self) -> list[tuple[int, float]]:
        """Steps as (raw time of far, jump of far - near)."""
        found = []
        for at_ns, jump in self.pair.steps():
            if self.is_turned:
                found.append((at_ns, -jump))
            else:
                found.append((at_ns + self.pair.base_offset_ns + round(self.pair.best(at_ns) * 1e9), jump))
        return found


def _negate(value: float | None) -> float | None:
    return None if value is None else -value


def fit_clocks(
    matched: MatchedTimes,
    rank: Sequence[int],
    reference: int,
    manual_s: Sequence[float],
    sources: Sequence[str],
) -> ClockNet:
    """`rank` is each capture's place on the path, client first; captures of one point are equal and never linked."""
    count = len(rank)
    links: list[dict[int, _Link]] = [{} for _ in range(count)]
    for first in range(count):
        for second in range(first + 1, count):
            if rank[first] == rank[second]:
                continue
            # A clock that was set back is no axis of time: then the other one is.
            axis, other = (second, first) if _goes_back(matched, first, second) else (first, second)
            pair = _fit(matched, axis, other, is_first_near=rank[axis] < rank[other])
            if pair is not None:
                links[other][axis] = _Link(pair, is_turned=False)
                links[axis][other] = _Link(pair, is_turned=True)
    return _Builder(links, manual_s, sources, matched).build(reference)


def _goes_back(matched: MatchedTimes, capture: int, other: int) -> bool:
    rows = matched.pair(capture, other)
    in_file_order = matched.times[rows[np.argsort(matched.frames[rows, capture], kind="stable")], capture]
    return bool((np.diff(in_file_order) < -GOES_BACK_NS).any())


def _fit(matched: MatchedTimes, first: int, second: int, is_first_near: bool) -> PairClock | None:
    rows = matched.pair(first, second)
    rows = rows[matched.directions[rows] != 0]
    is_forward = (matched.directions[rows] > 0) == is_first_near
    return fit_pair(matched.times[rows, first], matched.times[rows, second], np.asarray(is_forward, dtype=bool))


class _Builder:
    """Grows a tree of the narrowest chains from each part's root."""

    def __init__(
        self,
        links: list[dict[int, _Link]],
        manual_s: Sequence[float],
        sources: Sequence[str],
        matched: MatchedTimes,
    ) -> None:
        self._links = links  # links[far][near]
        self._matched = matched
        self._manual = manual_s
        self._sources = sources
        self._parents: list[int | None] = [None] * len(links)
        self._parts = [-1] * len(links)
        self._contradictions: list[Contradiction] = []

    def build(self, reference: int) -> ClockNet:
        clocks: list[Clock | None] = [None] * len(self._links)
        roots = [reference, *sorted(range(len(self._links)), key=lambda index: -len(self._links[index]))]
        for part, root in enumerate(roots):
            if self._parts[root] == -1:
                self._grow(root, part)
                for capture, number in enumerate(self._parts):
                    if number == part:
                        clocks[capture] = self._clock(capture, root, is_linked=part == 0)
        return ClockNet(
            tuple(clock or Clock() for clock in clocks),
            tuple(self._parts),
            tuple(self._contradictions),
            tuple(self._parents),
        )

    def _grow(self, root: int, part: int) -> None:
        queue: list[tuple[float, int, int | None]] = [(0.0, root, None)]
        while queue:
            cost, capture, parent = heapq.heappop(queue)
            if self._parts[capture] != -1:
                continue
            self._parts[capture], self._parents[capture] = part, parent
            for far in range(len(self._links)):
                link = self._links[far].get(capture)
                if link is not None and self._parts[far] == -1:
                    heapq.heappush(queue, (cost + link.cost + self._blindness(far, capture), far, capture))

    def _blindness(self, far: int, near: int) -> float:
        """What a link costs that has no datagrams around a setting of either clock which other links show."""
        link = self._links[far][near]
        times = [at_ns for other in self._links[far].values() for at_ns, _ in other.steps_of_far()]
        times += [link.to_far(at_ns) for other in self._links[near].values() for at_ns, _ in other.steps_of_far()]
        return ONE_WAY_COST_S if any(not link.covers(at_ns) for at_ns in times) else 0.0

    def _chain(self, capture: int, raw_ns: int) -> tuple[int, Bounds, float]:
        """(offset of the capture against its root in ns, bounds and likeliest value in seconds around it) then."""
        shift, best = 0, 0.0
        bounds: Bounds = (0.0, 0.0)
        parent = self._parents[capture]
        while parent is not None:
            link = self._links[capture][parent]
            step, around = link.shift_ns(raw_ns)
            likeliest = link.best(raw_ns)
            bounds = (_sum(bounds[0], around[0]), _sum(bounds[1], around[1]))
            best += likeliest
            raw_ns += step - round(likeliest * 1e9)
            shift -= step
            capture, parent = parent, self._parents[parent]
        return shift, bounds, best

    def _clock(self, capture: int, root: int, is_linked: bool) -> Clock:
        manual = self._manual[capture]
        parent = self._parents[capture]
        if parent is None:
            return self._root_clock(capture, is_linked, manual)
        link = self._links[capture][parent]
        middle = link.middle_of_far()
        shift_ns, bounds, best = self._chain(capture, middle)
        bounds = self._tighten(capture, middle, shift_ns, bounds)
        lower, upper = (None if bound is None else bound + shift_ns / 1e9 + manual for bound in bounds)
        best = _clamped(best, bounds)
        is_chained = self._parents[parent] is not None
        drift, steps, stepped = self._along(capture, middle)
        has_both = lower is not None and upper is not None
        method = (CHAINED if is_chained else BOTH_WAYS) if has_both else ONE_WAY
        # The offset is told for the time before the first step, and steps come on top of it.
        return Clock(
            offset_s=best + shift_ns / 1e9 + manual - stepped,
            lower_s=_shifted(lower, -stepped),
            upper_s=_shifted(upper, -stepped),
            drift_ppm=drift * 1e6,
            uncertainty_s=(upper - lower) / 2 if lower is not None and upper is not None else None,
            quality=("both ways" if has_both else "one way") if is_linked else "unknown",
            reference=self._sources[root],
            method=method if is_linked else OWN_GROUP,
            middle_ns=middle,
            steps=tuple(steps),
            step_frames=tuple(self._first_frame_after(capture, at_ns, jump) for at_ns, jump in steps),
            matched=link.pair.matched,
            manual_s=manual,
        )

    def _along(self, capture: int, raw_ns: int) -> tuple[float, list[tuple[int, float]], float]:
        """Drift against the root, the settings of clocks on the way in this capture's raw time, and what those before
        `raw_ns` (in the first link's main segment) add up to.

        A setting farther on counts only where all links up to it have datagrams before and after: otherwise this
        capture was never held against the clock that was set.
        """
        drift, away_ns, middle, stepped = 0.0, 0, raw_ns, 0.0
        steps: list[tuple[int, float]] = []
        below: list[tuple[_Link, int]] = []
        at, near = capture, self._parents[capture]
        while near is not None:
            link = self._links[at][near]
            drift += link.drift
            for number, (at_ns, jump) in enumerate(link.steps_of_far()):
                here_ns = at_ns + away_ns
                if all(lower.covers(here_ns - lower_away_ns) for lower, lower_away_ns in below):
                    steps.append((here_ns, jump))
                    # A clock that was set back passes the same raw times twice: in its own link, segments are surer.
                    is_before = here_ns <= middle if below else number < link.pair.steps_before_main
                    stepped += jump * is_before
            below.append((link, away_ns))
            shift = round(link.best(raw_ns) * 1e9) - link.shift_ns(raw_ns)[0]
            away_ns += shift
            raw_ns -= shift
            at, near = near, self._parents[near]
        return drift, _without_undone(sorted(steps)), stepped

    def _first_frame_after(self, capture: int, at_ns: int, jump_s: float) -> int:
        """The frame at which a clock was set back, as its raw times show it; 0 where it does not matter."""
        if jump_s >= 0:
            return 0
        rows = np.flatnonzero(self._matched.frames[:, capture])
        rows = rows[np.argsort(self._matched.frames[rows, capture], kind="stable")]
        times, frames = self._matched.times[rows, capture], self._matched.frames[rows, capture]
        back = np.flatnonzero(np.diff(times) < -GOES_BACK_NS)
        if not len(back):
            return 0
        nearest = back[np.argmin(np.abs(times[back + 1] - at_ns))]
        return int(frames[nearest + 1])

    def _root_clock(self, capture: int, is_reference: bool, manual: float) -> Clock:
        if is_reference:
            own = self._sources[capture]
            return Clock(manual, manual, manual, 0.0, 0.0, "reference", own, REFERENCE, manual_s=manual)
        if manual:
            return Clock(manual, quality="given", method=BY_HAND, manual_s=manual)
        return Clock(method=OWN_GROUP if self._links[capture] else NO_LINK)

    def _tighten(self, capture: int, raw_ns: int, shift_ns: int, bounds: Bounds) -> Bounds:
        """Meet the bands of all other chains that end in a link to this capture."""
        lower, upper = bounds
        for near, link in self._links[capture].items():
            if near == self._parents[capture] or self._parts[near] != self._parts[capture]:
                continue
            if link.pair.steps() or self._is_under(near, capture):
                continue
            step, around = link.shift_ns(raw_ns)
            near_raw = raw_ns + step - round(link.best(raw_ns) * 1e9)
            chain_shift, chain_bounds, _ = self._chain(near, near_raw)
            apart = (chain_shift - step - shift_ns) / 1e9
            low = _shifted(_sum(around[0], chain_bounds[0]), apart)
            high = _shifted(_sum(around[1], chain_bounds[1]), apart)
            new_lower = max((bound for bound in (lower, low) if bound is not None), default=None)
            new_upper = min((bound for bound in (upper, high) if bound is not None), default=None)
            if new_lower is not None and new_upper is not None and new_lower > new_upper:
                is_told = any({found.capture, found.through} == {capture, near} for found in self._contradictions)
                if new_lower - new_upper > CLOSING_SLACK_S and not is_told:
                    self._contradictions.append(Contradiction(capture, near, new_lower - new_upper))
                continue
            lower, upper = new_lower, new_upper
        return lower, upper

    def _is_under(self, capture: int, ancestor: int) -> bool:
        at: int | None = capture
        while at is not None:
            if at == ancestor:
                return True
            at = self._parents[at]
        return False


def _without_undone(steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """A clock in the middle of a chain that was set shows in both its links, with opposite signs: nothing is left."""
    kept: list[tuple[int, float]] = []
    for at_ns, jump in steps:
        if kept and at_ns - kept[-1][0] < SAME_STEP_NS and abs(kept[-1][1] + jump) < SAME_STEP_S:
            kept.pop()
        else:
            kept.append((at_ns, jump))
    return kept


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _shifted(bound: float | None, by_s: float) -> float | None:
    return None if bound is None else bound + by_s


def _clamped(value: float, bounds: Bounds) -> float:
    lower, upper = bounds
    if lower is not None and value < lower:
        return lower
    return upper if upper is not None and value > upper else value
