"""The band of a clock that may have been set, once, where the datagrams do not show it.

A small setting hides in the delays of both sides: one line still fits all, and is right of neither side. So the bounds
of a time are what the datagrams before it say, or those after it, whichever admits more: wherever the clock was set,
one of both sides is clean. Where all is steady that costs little, as either side alone is bounded by its own datagrams.
"""

from __future__ import annotations

import numpy as np

from app.core.network.bands import Datagrams, Region, fit_datagrams, part

Bounds = tuple[float | None, float | None]

# No datagram is under way for longer; bigger jumps between neighbouring ones are a set clock, or a wrong match.
JUMP_S = 3.0
# That a clock was set between the first or last so many is not presumed for a time before or after all.
LEAST_OUTSIDE = 3
# How rarely the least queue of some datagrams may be longer than is allowed for.
RARE = 1e-4


def bounds_at(datagrams: Datagrams, whole: Region, at_s: float) -> Bounds:
    """Lower and upper bound of the offset then; `whole` is the region of all of them."""
    times = datagrams[0]
    if len(times) < 2:
        return whole.at(at_s)
    aside = 1 if times[0] < at_s < times[-1] else min(LEAST_OUTSIDE, len(times) // 2)
    split = min(max(int(np.searchsorted(times, at_s)), aside), len(times) - aside)
    before, after = part(datagrams, slice(split)), part(datagrams, slice(split, None))
    sides = [_side(before, after, whole, at_s), _side(after, before, whole, at_s)]
    lowers, uppers = zip(*sides, whole.at(at_s), strict=True)
    return (None if None in lowers else min(lowers)), (None if None in uppers else max(uppers))


def _side(own: Datagrams, other: Datagrams, whole: Region, at_s: float) -> Bounds:
    """What one side says. Where only one direction bounds it: a delay has a fixed part, which setting a clock does not
    change and the other side bounds, and the least of some queues is not much longer than all of them are."""
    side = _fit_like(whole, own)
    if side is None:
        return whole.at(at_s)
    lower, upper = side.at(at_s)
    if not whole.has_both or side.has_both:
        return lower, upper
    fixed_s = _round_trip_s(other, whole)
    lowest, highest = zip(*side.edges_at(at_s), strict=True)
    above, below = whole.queues_s()
    if side.has_upper:
        return min(highest) - min(JUMP_S, fixed_s + _least_queue_s(side.above.count, whole.above.count, above)), upper
    return lower, max(lowest) + min(JUMP_S, fixed_s + _least_queue_s(side.below.count, whole.below.count, below))


def _fit_like(whole: Region, datagrams: Datagrams) -> Region | None:
    if not len(datagrams[0]):
        return None
    return fit_datagrams(datagrams, whole.middle_s, whole.slack_s, whole.max_drift)


def _round_trip_s(datagrams: Datagrams, whole: Region) -> float:
    """The longest that the fastest of both directions may be under way together: of two halves, one is clean."""
    half = len(datagrams[0]) // 2
    parts = [_fit_like(whole, part(datagrams, piece)) for piece in (slice(half), slice(half, None))]
    return max(one.round_trip_s() if one is not None and one.has_both else JUMP_S for one in parts)


def _least_queue_s(count: int, total: int, queues_s: float) -> float:
    """Of the fastest of `count` datagrams of one direction, where all `total` of them were in queues for `queues_s`.

    Queues are taken for exponential: then (1 + c * count) ** (1 - total) is the chance that the least of them is longer
    than c times the sum.
    """
    return queues_s * (float(RARE ** (-1 / (total - 1))) - 1) / count if total > 1 else JUMP_S
