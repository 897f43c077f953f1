"""The band of a clock that may have been set, once, where the datagrams do not show it.

A small setting hides in the delays of both sides: one line still fits all, and is right of neither side. So the bounds
of a time are what one line through all datagrams says, or what any setting leaves that means no clearly longer queues
than none does: what is as small as the queues hides there, what is bigger would show.

Where one line for the datagrams before that time and one for those after it leave clearly shorter queues, the clock did
not keep its drift, as one that is slewed does not. Then the bounds are what either side alone says, whichever admits
more: wherever the clock was set, one of both sides is clean.
"""

from __future__ import annotations

import numpy as np

from app.core.network.bands import Datagrams, Region, fit_datagrams, part
from app.core.network.possible_settings import (
    JUMP_S,
    LEAST_OUTSIDE,
    RARE,
    Bounds,
    Points,
    PossibleSettings,
    clearly_longer,
)


def widening_at(points: Points, whole: Region, at_s: float) -> tuple[float, float]:
    """By how much the lower and the upper bound lie further out then; `whole` is the region of all points."""
    times = points.at
    lower, upper = whole.at(at_s)
    if len(times) < 2:
        return 0.0, 0.0
    aside = 1 if times[0] < at_s < times[-1] else min(LEAST_OUTSIDE, len(times) // 2)
    split = min(max(int(np.searchsorted(times, at_s)), aside), len(times) - aside)
    both = times, points.offset, points.is_forward
    before, after = part(both, slice(split)), part(both, slice(split, None))
    if _keeps_its_drift(both, (before, after), whole):
        ways: list[Bounds] = [PossibleSettings(points, whole, at_s).bounds()]
    else:
        ways = [_side(before, after, whole, at_s), _side(after, before, whole, at_s)]
    lows, highs = zip(*ways, strict=True)
    return (
        max(lower - low if lower is not None and low is not None else 0.0 for low in (*lows, lower)),
        max(high - upper if upper is not None and high is not None else 0.0 for high in (*highs, upper)),
    )


def _keeps_its_drift(both: Datagrams, sides: tuple[Datagrams, Datagrams], whole: Region) -> bool:
    count = len(both[0])
    together, *apart = (_least_queues_s(some, whole) for some in (both, *sides))
    return together <= clearly_longer(count) * sum(apart) + count * whole.slack_s


def _least_queues_s(datagrams: Datagrams, whole: Region) -> float:
    region = _fit_like(whole, datagrams)
    return region.least_queues_s() if region is not None else 0.0


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
