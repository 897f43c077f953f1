"""What joins two captures by a payload alone: one such datagram proves nothing, two that agree do.

Without an identification the first attempt that one capture has may be the second of which another has only that: then
the clocks would be told wrong by the time between attempts, and all that rests on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from operator import attrgetter

from app.core.network.bands import MAX_DRIFT
from app.core.network.groups import Group, Level
from app.core.network.matching import note_rivals
from app.core.network.observations import Observation
from app.core.network.timed_matching import ALIKE_SPREADS_S


def split_lone(groups: list[Group], captures: int) -> list[Group]:
    """Take apart what is nameless and joins captures that nothing else joins; each part may be the other."""
    nameless = [group for group in groups if group.level == Level.CONTENT and len(group.members) > 1]
    if not nameless:
        return groups
    linked = _Linked(captures)
    for members in {tuple(group.members) for group in groups if group.level != Level.CONTENT}:
        linked.join(members)
    shared: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for group in nameless:
        for one, other in combinations(sorted(group.members.values(), key=attrgetter("capture")), 2):
            if linked.root(one.capture) != linked.root(other.capture):
                shared[one.capture, other.capture].append((one.time_ns, other.time_ns))
    if not shared:
        return groups
    for pair, times in shared.items():
        if _do_two_agree(times):
            linked.join(pair)
    lone = {id(group) for group in nameless if len({linked.root(capture) for capture in group.members}) > 1}
    result: list[Group] = []
    for group in groups:
        result.extend(_parts(group, linked) if id(group) in lone else (group,))
    return result


class _Linked:
    """Sets of captures that are joined."""

    def __init__(self, captures: int) -> None:
        self._above = list(range(captures))

    def root(self, capture: int) -> int:
        while self._above[capture] != capture:
            capture = self._above[capture]
        return capture

    def join(self, captures: Iterable[int]) -> None:
        first, *others = map(self.root, captures)
        for other in others:
            self._above[self.root(other)] = self.root(first)


def _do_two_agree(times: Sequence[tuple[int, int]]) -> bool:
    """Whether two datagrams, by the clocks of two captures, show one shift of these."""
    here = [time for time, _ in times]
    room_ns = ALIKE_SPREADS_S[0] * 1e9 + MAX_DRIFT * (max(here) - min(here))
    shifts = sorted(there - time for time, there in times)
    return any(after - before <= room_ns for before, after in pairwise(shifts))


def _parts(group: Group, linked: _Linked) -> list[Group]:
    by_root: dict[int, list[Observation]] = defaultdict(list)
    for capture, seen in group.members.items():
        by_root[linked.root(capture)].append(seen)
    parts = [Group(members, group.level, group.agreed) for members in by_root.values()]
    note_rivals(parts)
    return parts
