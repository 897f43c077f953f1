"""Which clocks were set, and between which frames: a capture falls into eras within which its clock only drifts.

A pair of captures shows that one of both clocks was set, not which. The one that most pairs show was set, unless others
that would show it do not; of a pair alone, the one whose stamps go back, else the one that is not the reference; of two
of which nobody can say more, both may be. Its other pairs may be too loose to show it, and are still cut there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.core.network.bands import Flags, Floats, Region
from app.core.network.matched_times import MatchedTimes
from app.core.network.pair_clock import PairClock, Segment
from app.core.network.possible_settings import JUMP_S
from app.core.parsers.census import STEP_BACK_NS

Rows = NDArray[np.int64]
Fit = Callable[[int, int, Rows], PairClock | None]
MOST_SETTINGS = 6  # of one capture; a clock that is set more often is none


@dataclass(frozen=True, slots=True)
class Gap:
    """A clock was set after the frame `last` and not after the frame `first`, or, where it is not sure, another was."""

    last: int
    first: int
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Jump:
    """What one pair shows: one of the two clocks was set. None where the frames of before and after lie mingled, as
    in no file whose clock was set."""

    captures: tuple[int, int]
    gaps: tuple[Gap | None, Gap | None]
    size_s: float  # by how much the second is later than before, against the first

    def gap_of(self, capture: int) -> Gap | None:
        return self.gaps[self.captures.index(capture)] if capture in self.captures else None

    def size_of(self, capture: int) -> float:
        return self.size_s if capture == self.captures[1] else -self.size_s


def jumps_of(
    pair: PairClock, captures: tuple[int, int], rows: Rows, is_forward: Flags, matched: MatchedTimes
) -> Iterator[Jump]:
    """`captures`: the one whose raw time is the axis, and the other; `rows` what they share."""
    if len(pair.segments) < 2:
        return
    times, others = matched.times[rows, captures[0]], matched.times[rows, captures[1]]
    ahead, offsets = (times - pair.base_ns) / 1e9, (others - times - pair.base_offset_ns) / 1e9
    for early, late in pairwise(pair.segments):
        # A queue may look like either side of a setting: only what contradicts one side surely lies on the other.
        before = _within(ahead, early) & _contradicts(late.region, ahead, offsets, is_forward)
        after = _within(ahead, late) & _contradicts(early.region, ahead, offsets, is_forward)
        first, second = (_gap(matched.frames[rows[before], one], matched.frames[rows[after], one]) for one in captures)
        size_s = late.region.best(late.start_s) - early.region.best(late.start_s)
        yield Jump(captures, (first, second), size_s)


def _within(ahead: Floats, segment: Segment) -> Flags:
    return np.asarray((ahead >= segment.start_s) & (ahead <= segment.end_s))


def _contradicts(region: Region, ahead: Floats, offsets: Floats, is_forward: Flags) -> Flags:
    """A forward datagram shows too much at most, one backward too little, and neither by more than any queue."""
    values = np.array([offset + drift * (ahead - region.middle_s) for offset, drift in region.corners])
    likeliest, drift = region.line
    best = likeliest + drift * (ahead - region.middle_s)
    lowest = values.min(axis=0) if region.has_lower else best - JUMP_S / 2
    highest = values.max(axis=0) if region.has_upper else best + JUMP_S / 2
    too_low = np.where(is_forward, lowest, lowest - JUMP_S)
    too_high = np.where(is_forward, highest + JUMP_S, highest)
    return np.asarray((offsets < too_low) | (offsets > too_high))


def _gap(before: Rows, after: Rows) -> Gap | None:
    for low, high in ((before, after), (after, before)):
        if len(low) and len(high) and low.max() < high.min():
            return Gap(int(low.max()), int(high.min()))
    return None


def find_settings(
    jumps: Sequence[Jump], pairs: Iterable[tuple[int, int]], matched: MatchedTimes, reference: int, fit: Fit
) -> list[list[Gap]]:
    """Of each capture, in order of frames, where its clock was set. `pairs`: (the one whose raw time is the axis, the
    other); `fit` tells the band of a pair from some rows."""
    captures = range(matched.frames.shape[1])
    found: list[list[Gap]] = [[] for _ in captures]
    rest = list(jumps)
    while rest:
        candidates = [
            (
                (
                    _standing(capture, gap, told, pairs, matched, fit),
                    _has_gone_back(capture, gap, matched),
                    capture != reference,
                ),
                capture,
                gap,
                told,
            )
            for capture in captures
            for gap, told in _meeting(rest, capture)
        ]
        if not candidates:
            break
        best = max(standing for standing, *_ in candidates)
        told = next(told for standing, _, _, told in candidates if standing == best)
        # Where two are as likely to have been set, both may have been.
        chosen = [(capture, gap) for standing, capture, gap, own in candidates if standing == best and own == told]
        for capture, gap in chosen:
            if len(found[capture]) < MOST_SETTINGS:
                found[capture].append(replace(gap, is_sure=len(chosen) == 1))
        rest = [jump for jump in rest if jump not in told]
    return [sorted(gaps, key=lambda gap: gap.last) for gaps in found]


def _standing(
    capture: int, gap: Gap, told: Sequence[Jump], pairs: Iterable[tuple[int, int]], matched: MatchedTimes, fit: Fit
) -> int:
    """How many other captures tell that this one was set there, less those that would tell it and do not."""
    jump_s = min((jump.size_of(capture) for jump in told), key=abs)
    others = {other for jump in told for other in jump.captures} - {capture}
    steady = [
        ends
        for ends in pairs
        if capture in ends and not others & {*ends} and _is_steady(ends, capture, gap, jump_s, matched, fit)
    ]
    return len(others) - len(steady)


def _has_gone_back(capture: int, gap: Gap, matched: MatchedTimes) -> bool:
    """Whether its own stamps, in order of frames, go back there by more than frames are out of order."""
    frames, times = matched.frames[:, capture], matched.times[:, capture]
    last, first = (int(times[frames == frame][0]) for frame in (gap.last, gap.first))
    return first < last - STEP_BACK_NS


def _is_steady(ends: tuple[int, int], capture: int, gap: Gap, jump_s: float, matched: MatchedTimes, fit: Fit) -> bool:
    """Whether the pair, before and after, leaves no room for such a setting."""
    rows = matched.pair(*ends)
    frames = matched.frames[rows, capture]
    later = rows[frames >= gap.first]
    before, after = fit(*ends, rows[frames <= gap.last]), fit(*ends, later)
    if before is None or after is None:
        return False
    at_ns = int(matched.times[later, ends[0]].min())
    (low, high), (new_low, new_high) = _bounds(before, at_ns), _bounds(after, at_ns)
    expected = jump_s if capture == ends[1] else -jump_s
    return not new_low - high <= expected <= new_high - low


def _bounds(pair: PairClock, at_ns: int) -> tuple[float, float]:
    """Of the offset in seconds; where it is known on one side only, a datagram is not under way for long."""
    lower, upper = pair.main.region.at((at_ns - pair.base_ns) / 1e9)
    if lower is None and upper is not None:
        lower = upper - JUMP_S
    elif upper is None and lower is not None:
        upper = lower + JUMP_S
    shift = pair.base_offset_ns / 1e9
    return (lower or 0.0) + shift, (upper or 0.0) + shift


def _meeting(jumps: Sequence[Jump], capture: int) -> Iterator[tuple[Gap, list[Jump]]]:
    """Gaps in which jumps of several pairs meet, with those jumps."""
    own = [(gap, jump) for jump in jumps if (gap := jump.gap_of(capture)) is not None]
    for start in {gap.last for gap, _ in own}:
        told = [(gap, jump) for gap, jump in own if gap.last <= start < gap.first]
        if told and start == max(gap.last for gap, _ in told):
            yield Gap(start, min(gap.first for gap, _ in told)), [jump for _, jump in told]


def eras_of(matched: MatchedTimes, capture: int, settings: Sequence[Gap]) -> NDArray[np.int64]:
    """The number of the era of each row; -1 where the capture has nothing, or nobody knows on which side it lies."""
    frames = matched.frames[:, capture]
    eras = np.zeros(len(frames), dtype=np.int64)
    for gap in settings:
        eras[frames >= gap.first] += 1
    for gap in settings:
        eras[(frames > gap.last) & (frames < gap.first)] = -1
    eras[frames == 0] = -1
    return eras
