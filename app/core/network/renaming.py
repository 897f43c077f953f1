"""Between which captures identifications stay as they are.

A device may write them anew, for fragments only or in one direction only. Behind it an equal identification is an
accident, and one of a small counter comes often: then names join nothing, and payload and time have to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from app.core.network.groups import Group, Level
from app.core.network.matching import TRANSLATED_BYTES, classes_by_content, pair_agreement
from app.core.network.observations import Flow, Observation
from app.core.records import Direction

Way = Callable[[Group], Direction | None]
# (capture, capture, is fragmented, direction)
Pair = tuple[int, int, bool, Direction | None]
Pairs = set[Pair]


class Names:
    """Which names the captures share. Counted again only where the groups are others than before: what joins groups,
    or takes them apart, makes a new list."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._groups: Sequence[Group] | None = None
        self._counts: tuple[Counter[Pair], Counter[Pair]] = Counter(), Counter()

    def counts(self, groups: Sequence[Group]) -> tuple[Counter[Pair], Counter[Pair]]:
        """How many are shared, and how many have no equal."""
        if groups is not self._groups:
            self._groups, self._counts = groups, _shared_names(groups, self._way)
        return self._counts

    def preserved(self, groups: Sequence[Group]) -> Pairs:
        """Between which identifications were seen to stay as they are: not by a few names where more have no equal."""
        shared, alone = self.counts(groups)
        return shared.keys() - _outnumbered(shared, alone, by=1)


def _outnumbered(shared: Counter[Pair], alone: Counter[Pair], by: int) -> Pairs:
    """Where more names (`by` so many) have no equal, on either side, than have one; but for ways on which each part
    keeps names."""
    sure = {pair for pair, count in shared.items() if count + by > min(alone[pair], alone[_turned(pair)])}
    ways: dict[tuple[bool, Direction | None], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one, other, is_fragmented, direction in sure:
        ways[is_fragmented, direction][one].add(other)
    return {pair for pair in shared.keys() - sure if pair[1] not in _reached(pair[0], ways[pair[2], pair[3]])}


def _reached(start: int, links: Mapping[int, set[int]]) -> set[int]:
    found, rest = {start}, [start]
    while rest:
        new = links.get(rest.pop(), set()) - found
        found |= new
        rest.extend(new)
    return found


def _shared_names(groups: Iterable[Group], way: Way) -> tuple[Counter[Pair], Counter[Pair]]:
    """Of each two captures, how many named datagrams both have, and how many the first has and the second has not,
    though it has others of that flow, or of what the flow is translated to."""
    kinds: Counter[tuple[bool, Direction | None, tuple[int, ...], Flow]] = Counter()
    same: dict[Flow, Flow] = {}
    rewritten, translated = Level.REWRITTEN, Level.TRANSLATED
    for group in groups:
        lead = group.any_member
        heads = [lead]
        if not group.is_alike:
            heads = [seen for seen in group.members.values() if seen.ports is not None] or heads
        flow = heads[0].flow
        if group.level == translated or group.level == rewritten:
            for seen in heads[1:]:
                same[_first_of(same, seen.flow)] = _first_of(same, flow)
                same[_first_of(same, _of_hosts(seen.flow))] = _first_of(same, _of_hosts(flow))
        if group.level == rewritten:
            for name, members_of in _by_name(group).items():
                if name:
                    kinds[group.is_fragmented, way(group), members_of, flow] += 1
        elif lead.identification:
            kinds[group.is_fragmented, way(group), tuple(group.members), flow] += 1
    places: dict[Flow, set[int]] = defaultdict(set)
    for _, _, members_of, flow in kinds:
        for known in (flow, _of_hosts(flow)):
            places[_first_of(same, known)].update(members_of)
    # There are many flows, and few sets of captures.
    spread: Counter[tuple[bool, Direction | None, tuple[int, ...], frozenset[int]]] = Counter()
    for (is_fragmented, direction, members_of, flow), count in kinds.items():
        spread[is_fragmented, direction, members_of, frozenset(places[_first_of(same, flow)])] += count
    shared: Counter[Pair] = Counter()
    alone: Counter[Pair] = Counter()
    for (is_fragmented, direction, members_of, here), count in spread.items():
        for one, other in product(members_of, here):
            (shared if other in members_of else alone)[one, other, is_fragmented, direction] += count
    return shared, alone


def _by_name(group: Group) -> dict[int | None, tuple[int, ...]]:
    """The captures that have each of its identifications."""
    found: dict[int | None, tuple[int, ...]] = {}
    for capture, seen in group.members.items():
        found[seen.identification] = (*found.get(seen.identification, ()), capture)
    return found


def _of_hosts(flow: Flow) -> Flow:
    """As of later fragments, which have no ports."""
    return (*flow[:2], None)


def _first_of(same: dict[Flow, Flow], flow: Flow) -> Flow:
    while (other := same.get(flow, flow)) != flow:
        flow = other
    return flow


def _turned(pair: Pair) -> Pair:
    one, other, is_fragmented, direction = pair
    return other, one, is_fragmented, direction


def is_named_apart(one: Group, other: Group, directions: Iterable[Direction | None], kept: Pairs) -> bool:
    """Whether they have different identifications at two captures between which those stay as they are."""
    is_fragmented = one.lead.is_fragmented or other.lead.is_fragmented
    return any(
        mine.is_named
        and theirs.is_named
        and mine.identification != theirs.identification
        and (mine.capture, theirs.capture, is_fragmented, direction) in kept
        for mine, theirs, direction in product(one.members.values(), other.members.values(), directions)
    )


def renamed_pairs(groups: Sequence[Group], captures: int, way: Way, names: Names) -> Pairs:
    """Between which identifications are written anew."""
    return _told_apart_by_payload(groups, captures, way) | _accidental_pairs(groups, way, names)


def _accidental_pairs(groups: Sequence[Group], way: Way, names: Names) -> Pairs:
    """Between which a few names are equal, more on either side have no equal, and no payload says that those are more
    than an accident: a repeated one may be another attempt's."""
    shared, alone = names.counts(groups)
    few = _outnumbered(shared, alone, by=0)
    if not few:
        return set()
    for group, count in _told_by_payload(groups):
        if count == 1:
            is_fragmented, direction = group.lead.is_fragmented, way(group)
            few -= {(one, other, is_fragmented, direction) for one, other in product(group.members, repeat=2)}
    return few


def _told_apart_by_payload(groups: Sequence[Group], captures: int, way: Way) -> Pairs:
    """By what has a payload like no other: most of it decides."""
    partial = [group for group in groups if len(group.members) < captures and group.has_head and group.lead.is_named]
    owners = {id(group.lead): group for group in partial}
    votes: Counter[Pair] = Counter()
    for alike in classes_by_content([group.lead for group in partial], with_addresses=False):
        if len(alike) == 2:
            one, other = (owners[id(seen)] for seen in alike)
            for pair in _differing(one, other, way):
                votes[pair] += 1
    if not votes:
        return set()
    for group, count in _told_by_payload(groups):
        if count == 1:
            is_fragmented, direction = group.lead.is_fragmented, way(group)
            for mine, theirs in product(group.members, repeat=2):
                votes[mine, theirs, is_fragmented, direction] -= 1
    renamed = {pair for pair, count in votes.items() if count > 0}
    # Where nothing tells of whole datagrams, or of fragments, they are taken for what is known of the other.
    likely = {(one, other, not is_fragmented, direction) for one, other, is_fragmented, direction in renamed}
    return renamed | {pair for pair in likely if votes[pair] >= 0}


def _differing(one: Group, other: Group, way: Way) -> Iterable[Pair]:
    if one.members.keys() & other.members.keys() or pair_agreement(one, other) < TRANSLATED_BYTES:
        return
    for direction in {way(one), way(other)}:
        for mine, theirs in product(one.members.values(), other.members.values()):
            if mine.identification != theirs.identification:
                for pair in ((mine.capture, theirs.capture), (theirs.capture, mine.capture)):
                    yield (*pair, one.lead.is_fragmented or other.lead.is_fragmented, direction)


def _told_by_payload(groups: Sequence[Group]) -> Iterable[tuple[Group, int]]:
    """Groups of several captures, with how many groups there are of the same payload."""
    owners = {id(group.lead): group for group in groups if group.has_head and group.lead.is_named}
    for alike in classes_by_content([group.lead for group in owners.values()], with_addresses=False):
        for seen in alike:
            if len(owners[id(seen)].members) > 1:
                yield owners[id(seen)], len(alike)


def split_renamed(groups: Sequence[Group], renamed: Pairs, way: Way) -> list[Group]:
    """Take groups apart that only an identification joined which does not survive the way."""
    result: list[Group] = []
    for group in groups:
        parts = _parts(group.members.values(), group.lead.is_fragmented, way(group), renamed)
        if len(parts) == 1 or not group.lead.is_named:
            result.append(group)
        else:
            result.extend(Group(part, group.level, group.agreed) for part in parts)
    return result


def split_renamed_crowd(crowd: list[Observation], renamed: Pairs, way: Way) -> list[list[Observation]]:
    if not crowd[0].is_named:
        return [crowd]
    return _parts(crowd, any(seen.is_fragmented for seen in crowd), way(Group(crowd)), renamed)


def _parts(
    observations: Iterable[Observation], is_fragmented: bool, direction: Direction | None, renamed: Pairs
) -> list[list[Observation]]:
    parts: list[list[Observation]] = []
    for seen in sorted(observations, key=lambda one: one.capture):
        for part in parts:
            if not any((seen.capture, other.capture, is_fragmented, direction) in renamed for other in part):
                part.append(seen)
                break
        else:
            parts.append([seen])
    return parts
