"""What may be one datagram and was not joined: written down on both sides, so that neither is told as lost where
the other was seen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from app.core.network.clocks import ClockNet
from app.core.network.groups import Group
from app.core.network.matching import note_rivals
from app.core.network.renaming import Names, Way
from app.core.network.rewritten_matching import alike_groups, may_be_rewritten, reference_time
from app.core.network.seen_flows import SeenFlows
from app.core.network.timed_matching import LONGEST_TRANSIT_S, MAX_RIVALS, by_time

MOST_LOOKED_AT = 1000  # of those near to one datagram in time


def note_lookalikes(groups: Sequence[Group], net: ClockNet, captures: int, way: Way, names: Names) -> None:
    """Groups that may be one datagram and were not joined are each other's rivals: then neither is missing where the
    other was seen."""
    kept = names.preserved(groups)
    # A clock that was set may have parted what has one name.
    named = set() if _was_any_set(net) else kept
    classes = alike_groups(groups, captures, named, way)
    if not classes:
        return
    verified = _Verified(groups, net)
    flows = SeenFlows(groups, classes)
    for alike in classes:
        near = Neighbours(alike, net)
        beyond = [group for group in alike if not verified.covers(group)]
        doubted = {id(group) for group in beyond}
        for one in alike:
            others = chain(near.of(one), (alike if id(one) in doubted else beyond)[:MOST_LOOKED_AT])
            fitting = (
                other
                for other in others
                if one is not other
                and ({id(one), id(other)} & doubted or may_be_at_one_time(one, other, net))
                and may_be_rewritten(one, other, kept, way)
                and not flows.are_apart(one, other)
            )
            for other in islice(fitting, MAX_RIVALS):
                if not any(seen in one.rivals for seen in other.members.values()):
                    note_rivals([one, other])


class _Verified:
    """Between which frames of each capture its clock was held against another. Beyond, it may have been set since."""

    def __init__(self, groups: Sequence[Group], net: ClockNet) -> None:
        self._ends: dict[int, tuple[int, int]] = {}
        for group in groups:
            if len(group.members) > 1 and _is_timely(group, net):
                for capture, seen in group.members.items():
                    first, last = self._ends.get(capture, (seen.frame, seen.frame))
                    self._ends[capture] = min(first, seen.frame), max(last, seen.frame)

    def covers(self, group: Group) -> bool:
        ends = [(self._ends.get(capture), seen.frame) for capture, seen in group.members.items()]
        return all(known is not None and known[0] <= frame <= known[1] for known, frame in ends)


def _is_timely(group: Group, net: ClockNet) -> bool:
    times = [net.time_of(seen) for seen in group.members.values()]
    return max(times) - min(times) <= LONGEST_TRANSIT_S * 1e9


def _was_any_set(net: ClockNet) -> bool:
    return any(clock.steps for clock in net.clocks)


class Neighbours:
    """Groups in order of time, to look at those only that are near."""

    def __init__(self, groups: Sequence[Group], net: ClockNet) -> None:
        self._timed = sorted(((reference_time(group, net), group) for group in groups), key=by_time)
        self._times = [time for time, _ in self._timed]
        self._net = net
        self._is_one_clock = len(set(net.parts)) == 1 and not _was_any_set(net)

    def of(self, group: Group) -> Iterator[Group]:
        low, high = 0, len(self._times)
        if self._is_one_clock:
            time, reach = reference_time(group, self._net), round(LONGEST_TRANSIT_S * 1e9)
            low, high = bisect_left(self._times, time - reach), bisect_right(self._times, time + reach)
        return (near for _, near in islice(self._timed, low, min(high, low + MOST_LOOKED_AT)))


def may_be_at_one_time(one: Group, other: Group, net: ClockNet) -> bool:
    """On which side of a setting of a clock a datagram lies is not known where none was matched around it."""
    left, right = one.lead.capture, other.lead.capture
    if net.parts[left] != net.parts[right]:
        return True
    apart = (reference_time(one, net) - reference_time(other, net)) / 1e9
    jumps = [jump for capture in (left, right) for _, jump in net.clocks[capture].steps]
    return any(abs(apart + sign * jump) <= LONGEST_TRANSIT_S for jump in (0.0, *jumps) for sign in (1, -1))
