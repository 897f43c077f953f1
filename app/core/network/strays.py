"""Fragments whose first fragment was nowhere seen with them, behind a device that translates or rewrites.

Most have bytes enough to say whose they are: then they are joined to what lacks them. The others may belong to any that
lacks them there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice

from app.core.network.clocks import ClockNet
from app.core.network.groups import SURE_BYTES, Group, Level
from app.core.network.lookalikes import Neighbours, may_be_at_one_time
from app.core.network.matching import note_rivals, pair_agreement
from app.core.network.observations import CONTRADICTION
from app.core.network.renaming import Names, Pairs, Way, is_named_apart
from app.core.network.rewritten_matching import reference_time
from app.core.network.timed_matching import ALIKE_SPREADS_S, MAX_RIVALS


def join_strays(groups: list[Group], net: ClockNet, captures: int, way: Way, names: Names) -> list[Group]:
    """Join fragments without a first one to the only datagram that they can be of: between the same hosts, at the same
    corrected time, with bytes enough in common. Where another may be it, nothing is joined."""
    fitting = _Fitting(groups, net, captures, way, names)
    gone: set[int] = set()
    for stray in fitting.strays:
        if id(stray) in gone:
            continue
        family = [stray, *islice(fitting.of(stray), MAX_RIVALS)]
        if _is_one(family, net) and all(_ids(fitting.around(one)) == _ids(family) for one in family[1:]):
            first, *others = sorted(family, key=lambda one: not one.has_head)
            for other in others:
                first.take(other, Level.REWRITTEN, pair_agreement(first, other))
                gone.add(id(other))
    return [group for group in groups if id(group) not in gone] if gone else groups


def _is_one(family: Sequence[Group], net: ClockNet) -> bool:
    if not 1 < len(family) <= MAX_RIVALS or sum(group.has_head for group in family) > 1:
        return False
    if len({net.parts[group.lead.capture] for group in family}) > 1:
        return False
    times = [reference_time(group, net) for group in family]
    if max(times) - min(times) > ALIKE_SPREADS_S[0] * 1e9:
        return False
    return all(
        one.members.keys().isdisjoint(other.members)
        and not _hosts(one).isdisjoint(_hosts(other))
        and pair_agreement(one, other) >= SURE_BYTES
        for one, other in combinations(family, 2)
    )


def _hosts(group: Group) -> set[tuple[str, str]]:
    return {(seen.source_ip, seen.destination_ip) for seen in group.members.values()}


def _ids(groups: Iterable[Group]) -> set[int]:
    return {id(group) for group in groups}


def note_strays(groups: Sequence[Group], net: ClockNet, captures: int, way: Way, names: Names) -> None:
    """A stray and what it may be of are each other's rivals."""
    fitting = _Fitting(groups, net, captures, way, names)
    for stray in fitting.strays:
        for owner in islice(fitting.of(stray), MAX_RIVALS):
            note_rivals([owner, stray])


class _Fitting:
    """What a stray may be of: another stray too, as under another name it may be the same, seen farther on."""

    def __init__(self, groups: Sequence[Group], net: ClockNet, captures: int, way: Way, names: Names) -> None:
        self.strays = [group for group in groups if not group.has_head]
        self._net, self._way = net, way
        self._kept: Pairs = names.preserved(groups) if self.strays else set()
        partial = [group for group in groups if len(group.members) < captures] if self.strays else []
        self._near = Neighbours(partial, net)

    def of(self, stray: Group) -> Iterator[Group]:
        fitting = (group for group in self._near.of(stray) if _has_room(group, stray))
        return (group for group in fitting if self._may_own(group, stray))

    def around(self, group: Group) -> list[Group]:
        """A group with all that may be one datagram with it, as far as strays go."""
        if not group.has_head:
            return [group, *self.of(group)]
        near = (stray for stray in self._near.of(group) if not stray.has_head and _has_room(group, stray))
        return [group, *(stray for stray in near if self._may_own(group, stray))]

    def _may_own(self, owner: Group, stray: Group) -> bool:
        if owner.members.keys() & stray.members.keys() or not may_be_at_one_time(owner, stray, self._net):
            return False
        directions = {self._way(owner), self._way(stray)}
        if len(directions - {None}) > 1:
            return False
        if is_named_apart(owner, stray, directions, self._kept):
            return False
        return pair_agreement(owner, stray) != CONTRADICTION


def _has_room(owner: Group, stray: Group) -> bool:
    """Whether the stray's bytes lie within the owner's, and end with them where the stray has the last of its own."""
    size, end = owner.lead.size, stray.lead.total
    return size is None or (end == size if end is not None else stray.lead.packets[-1].end_bytes < size)
