"""The clocks of two captures against each other, from the datagrams that both saw.

Robust on purpose: a queue only ever adds to a delay, so it cannot move a bound; a clock that was set shows as a
contradiction that lasts; a wrong match as one that does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.core.network.bands import MAX_DRIFT, WILD_DRIFT, Datagrams, Flags, Floats, Region, fit_datagrams, part
from app.core.network.pair_clock import PairClock, Segment
from app.core.network.possible_settings import JUMP_S

Times = NDArray[np.int64]

# Time stamps are not taken at the instant of passing: from the resolution of a pcap to a mirror port under load.
SLACKS_S = (2e-6, 2e-5, 2e-4, 1e-3)
NOISY_SLACKS_S = (1e-2, 1e-1, 1.0, 10.0)
MAX_STEPS = 6
MAX_DROPPED_SHARE = 0.1
# A mean queue that makes a setting of the clock worth looking for, and the share of it that one must leave at most.
LONG_QUEUE_S = 0.1
CLEARLY_LESS = 0.25
TRIED_SPLITS = 64
PASSING_SHARE = 0.05
# A contradiction that this many datagrams in a row share is a new setting of the clock.
LASTING = 3


def fit_pair(first_ns: Times, second_ns: Times, is_forward: Flags) -> PairClock | None:
    """Bands of `second - first`; None where nothing holds together.

    The arrays are raw times of the same pieces at both captures; `is_forward` where a piece reached the first capture
    before the second.
    """
    if not len(first_ns):
        return None
    order = np.argsort(first_ns, kind="stable")
    first_ns, second_ns, is_forward = first_ns[order], second_ns[order], is_forward[order]
    base_ns = int(first_ns[len(first_ns) // 2])
    shifts = second_ns - first_ns
    base_offset_ns = int(np.sort(shifts)[len(shifts) // 2])
    times = (first_ns - base_ns) / 1e9
    offsets = (shifts - base_offset_ns) / 1e9
    segments: list[Segment] = []
    for run in _runs(times, offsets):
        segments.extend(_fit_run(part((times, offsets, is_forward), run)))
    segments = _without_passing(segments)
    if not segments or len(segments) > MAX_STEPS:
        return None
    matched = sum(segment.matched for segment in segments)
    return PairClock(base_ns, base_offset_ns, tuple(segments), matched, len(first_ns) - matched)


def least_slack(first_ns: Times, second_ns: Times, is_forward: Flags) -> float:
    """How much must be forgiven for these directions to be possible: it tells which of two captures comes first."""
    order = np.argsort(first_ns, kind="stable")
    first_ns, second_ns, is_forward = first_ns[order], second_ns[order], is_forward[order]
    shifts = second_ns - first_ns
    times = (first_ns - int(first_ns[0])) / 1e9
    offsets = (shifts - int(np.sort(shifts)[len(shifts) // 2])) / 1e9
    runs = _runs(times, offsets)
    if not runs:
        return float("inf")
    run = max(runs, key=len)
    for slack in (0.0, *SLACKS_S, *NOISY_SLACKS_S):
        if _region(part((times, offsets, is_forward), run), slack) is not None:
            return slack
    return float("inf")


def _runs(times: Floats, offsets: Floats) -> list[NDArray[np.int64]]:
    """Indices of stretches without a jump; a short stretch between two that fit each other is a wrong match."""
    jumps = np.abs(np.diff(offsets)) > JUMP_S + MAX_DRIFT * np.diff(times)
    runs: list[NDArray[np.int64]] = []
    for run in np.split(np.arange(len(times)), np.flatnonzero(jumps) + 1):
        while (
            len(runs) >= 2
            and len(runs[-1]) < min(len(runs[-2]), len(run)) + 1
            and _fits(times, offsets, runs[-2][-1], run[0])
        ):
            runs.pop()
        if runs and _fits(times, offsets, runs[-1][-1], run[0]):
            runs[-1] = np.concatenate([runs[-1], run])
        else:
            runs.append(run)
    if len(runs) == 1:
        return runs
    return [run for run in runs if len(run) > 1]


def _fits(times: Floats, offsets: Floats, left: np.int64, right: np.int64) -> bool:
    return bool(abs(offsets[right] - offsets[left]) <= JUMP_S + MAX_DRIFT * (times[right] - times[left]))


def _region(datagrams: Datagrams, slack_s: float, max_drift: float = MAX_DRIFT) -> Region | None:
    times = datagrams[0]
    return fit_datagrams(datagrams, float(times[0] + times[-1]) / 2, slack_s, max_drift)


def _fit_run(cloud: Datagrams) -> list[Segment]:
    for slack in SLACKS_S:
        region = _region(cloud, slack)
        if region is not None:
            at = _likelier_split(cloud, region.queueing())
            if at is not None:
                return _fit_both(cloud, at)
            return [_segment(cloud, region)]
    found = _without_passing(list(_split_at_steps(cloud)))
    if len(found) > 1:
        found = _settle_borders(cloud, found)
        # One wild clock is likelier than two settings of it, and than one that leaves longer queues.
        region = _region(cloud, SLACKS_S[1], WILD_DRIFT)
        if region is not None and (len(found) > 2 or region.queueing() <= _queueing(found)):
            return [_segment(cloud, region)]
    elif found and found[0].matched < len(cloud[0]):
        # Those that contradict may be the last ones of a clock that was set long before them.
        at = _likelier_split(cloud, found[0].region.queueing())
        if at is not None:
            return _fit_both(cloud, at)
    kept = sum(segment.matched for segment in found)
    if found and len(found) <= MAX_STEPS and kept >= (1 - MAX_DROPPED_SHARE) * len(cloud[0]):
        return found
    for slack in NOISY_SLACKS_S:
        region = _region(cloud, slack)
        if region is not None:
            return [_segment(cloud, region)]
    return []


def _fit_both(cloud: Datagrams, at: int) -> list[Segment]:
    before, behind = _parted(cloud, at)
    return [*_fit_run(before), *_fit_run(behind)]


def _parted(cloud: Datagrams, at: int) -> tuple[Datagrams, Datagrams]:
    return part(cloud, slice(at)), part(cloud, slice(at, None))


def _segment(cloud: Datagrams, region: Region) -> Segment:
    return Segment(float(cloud[0][0]), float(cloud[0][-1]), region, cloud)


def _queueing(segments: list[Segment]) -> float:
    """Mean queueing in s of all together."""
    count = sum(segment.matched for segment in segments)
    return sum(segment.region.queueing() * segment.matched for segment in segments) / count


def _settle_borders(cloud: Datagrams, segments: list[Segment]) -> list[Segment]:
    """The first contradiction comes late where what travels one way looks like a queue for a while: between two
    segments, the clock was set where the least queueing is left."""
    settled = segments[:1]
    for late in segments[1:]:
        early = settled.pop()
        stretch = slice(
            int(np.searchsorted(cloud[0], early.start_s)), int(np.searchsorted(cloud[0], late.end_s, side="right"))
        )
        both = part(cloud, stretch)
        at = _likeliest_split(both)
        parts = () if at is None else _parted(both, at)
        regions = [_region(piece, SLACKS_S[-1]) for piece in parts]
        told = [_segment(piece, region) for piece, region in zip(parts, regions, strict=True) if region is not None]
        settled.extend(told if len(told) == 2 else [early, late])
    return settled


def _without_passing(segments: list[Segment]) -> list[Segment]:
    """While a clock is set, what was under way left by one time and comes by the other: that is no third."""
    least = PASSING_SHARE * max((segment.matched for segment in segments), default=0)
    ends = (segments[0], segments[-1]) if segments else ()
    return [segment for segment in segments if segment.matched >= least or segment in ends]


def _likelier_split(cloud: Datagrams, alone_s: float) -> int | None:
    """Where one line leaves long queues (`alone_s`) and two leave hardly any: then the clock was set there.

    Over hours a drift takes up a setting of seconds, and a jump looks like a queue to what travels one way. What is
    split in vain keeps bounds that are true.
    """
    if alone_s < LONG_QUEUE_S:
        return None
    at = _likeliest_split(cloud)
    return at if at is not None and _together(cloud, at) < CLEARLY_LESS * alone_s else None


def _likeliest_split(cloud: Datagrams) -> int | None:
    """Where two lines leave the least queueing; None where no two fit."""
    count = len(cloud[0])
    if count < 2 * LASTING:
        return None

    def together(at: int) -> float:
        return _together(cloud, at)

    step = max(1, count // TRIED_SPLITS)
    coarse = min(range(LASTING, count - LASTING + 1, step), key=together)
    fine = range(max(LASTING, coarse - step), min(count - LASTING, coarse + step) + 1, max(1, step // TRIED_SPLITS))
    best = min(fine, key=together)
    return best if together(best) < float("inf") else None


def _together(cloud: Datagrams, at: int) -> float:
    """Mean queueing in s that is left by one line for the first `at` and one for the others. Setting a clock does not
    change its drift, so both have the same if there is one that fits both."""
    left, right = (_region(piece, SLACKS_S[-1]) for piece in _parted(cloud, at))
    if left is None or right is None:
        return float("inf")
    share = at / len(cloud[0])
    (low, high), (other_low, other_high) = left.drift_range(), right.drift_range()
    lowest, highest = max(low, other_low), min(high, other_high)
    if lowest > highest:
        return share * left.queueing() + (1 - share) * right.queueing()
    corners = {drift for region in (left, right) for _, drift in region.corners if lowest <= drift <= highest}
    return min(
        share * left.queueing_at(drift) + (1 - share) * right.queueing_at(drift)
        for drift in corners | {lowest, highest}
    )


def _split_at_steps(cloud: Datagrams) -> Iterator[Segment]:
    is_forward = cloud[2]
    rest = np.arange(len(is_forward))
    while len(rest):
        end = _feasible_prefix(cloud, rest)
        drops = 0
        while end < len(rest) and drops <= len(rest) * MAX_DROPPED_SHARE:
            without = np.delete(rest, end)
            # A wrong match stands alone: what follows it in its own direction agrees with what came before.
            alike = np.flatnonzero(is_forward[without[end:]] == is_forward[rest[end]])[:LASTING]
            next_ones = without[: end + max(LASTING, int(alike[-1]) + 1 if len(alike) else 0)]
            if _feasible_prefix(cloud, next_ones) < len(next_ones):
                break
            rest, drops = without, drops + 1
            end = _feasible_prefix(cloud, rest)
        piece = part(cloud, rest[:end])
        region = _region(piece, SLACKS_S[-1])
        if region is not None and end >= LASTING:
            yield _segment(piece, region)
        rest = rest[end:]


def _feasible_prefix(cloud: Datagrams, rows: NDArray[np.int64]) -> int:
    """How many of the first rows fit one line (at least one)."""

    def fits(count: int) -> bool:
        return _region(part(cloud, rows[:count]), SLACKS_S[-1]) is not None

    if len(rows) <= 1 or fits(len(rows)):
        return len(rows)
    low, high = 1, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
