"""Matching what a device on the way changed: identifications written anew, bytes of the payload altered.

Size and payload must be equal, or the name, and the times or the order agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise, product
from operator import attrgetter
from typing import NamedTuple

from app.core.network.bands import MAX_DRIFT
from app.core.network.clocks import ClockNet
from app.core.network.groups import Group, Level
from app.core.network.matching import TRANSLATED_BYTES, classes_by_content, note_rivals, pair_agreement
from app.core.network.observations import UDP_HEADER_BYTES
from app.core.network.renaming import Names, Pairs, Way, is_named_apart
from app.core.network.timed_matching import ALIKE_SPREADS_S, LONGEST_TRANSIT_S, MAX_RIVALS, by_time
from app.core.network.translated_ends import TranslatedEnds


def may_be_rewritten(one: Group, other: Group, kept: Pairs, way: Way) -> bool:
    if one.members.keys() & other.members.keys():
        return False
    directions = {way(one), way(other)}
    if len(directions - {None}) > 1:
        return False
    if is_named_apart(one, other, directions, kept):
        return False
    agreed = pair_agreement(one, other)
    whole = min(one.lead.size or 0, other.lead.size or 0) - UDP_HEADER_BYTES
    return agreed >= min(TRANSLATED_BYTES, max(whole, 1))


def alike_groups(groups: Sequence[Group], captures: int, kept: Pairs, way: Way) -> list[list[Group]]:
    """Classes of groups with equal size and payload among those that some capture may hold under another name."""
    owner: dict[int, Group] = {}
    for group in groups:
        if len(group.members) == captures or not group.has_head:
            continue
        lead = group.lead
        flag, direction = lead.is_fragmented, way(group)
        others = (capture for capture in range(captures) if capture not in group.members)
        if lead.is_named and all(
            any((own, other, flag, direction) in kept for own in group.members) for other in others
        ):
            continue
        owner[id(lead)] = group
    leads = [group.lead for group in owner.values()]
    classes = classes_by_content(leads, with_addresses=False)
    return [[owner[id(seen)] for seen in alike] for alike in classes if len(alike) > 1]


def join_altered(groups: list[Group], net: ClockNet, rank: Sequence[int]) -> list[Group]:
    """Join groups of one name and size at one time whose bytes differ: a device on the way changed them.

    Only where one group ends before the other begins, as one leg changed the payload.
    """
    buckets: dict[tuple[str, str, int], list[Group]] = defaultdict(list)
    for group in groups:
        lead = next(iter(group.members.values()))
        if lead.identification:
            buckets[lead.source_ip, lead.destination_ip, lead.identification].append(group)
    gone: set[int] = set()
    for bucket in buckets.values():
        if len(bucket) < 2:
            continue
        timed = [(reference_time(group, net), group) for group in bucket]
        for cluster in _time_clusters(timed, LONGEST_TRANSIT_S):
            if len(cluster) == 2 and _is_altered(cluster[0], cluster[1], net, rank):
                cluster[0].take(cluster[1], Level.ALTERED, 0)
                gone.add(id(cluster[1]))
    return [group for group in groups if id(group) not in gone] if gone else groups


def _is_altered(one: Group, other: Group, net: ClockNet, rank: Sequence[int]) -> bool:
    left, right = one.lead, other.lead
    if left.size != right.size or left.size is None or left.ports != right.ports or left.ports is None:
        return False
    if net.parts[left.capture] != net.parts[right.capture] or left.udp_length != right.udp_length:
        return False
    mine, theirs = sorted(rank[capture] for capture in one.members), sorted(rank[capture] for capture in other.members)
    return mine[-1] < theirs[0] or theirs[-1] < mine[0]


def join_rewritten(groups: list[Group], net: ClockNet, rank: Sequence[int], way: Way, names: Names) -> list[Group]:
    """Join groups of equal payload at the same corrected time where identifications do not survive the way.

    What is sent again and again may be another terminal's as well: of a payload that others have, too, other addresses
    are those of one datagram only where they are known to be translated.
    """
    kept = names.preserved(groups)
    classes = alike_groups(groups, len(rank), kept, way)
    flows = _Flows(groups if classes else (), rank)
    ends = TranslatedEnds(groups if classes else ())
    gone: set[int] = set()
    for alike in classes:
        by_part: dict[int, list[tuple[int, Group]]] = defaultdict(list)
        for group in alike:
            by_part[net.parts[group.lead.capture]].append((reference_time(group, net), group))
        for timed in by_part.values():
            for cluster in _time_clusters(timed, ALIKE_SPREADS_S[0]):
                pairs = list(combinations(cluster[:MAX_RIVALS], 2))
                if any(flows.are_two(one, other) for one, other in pairs):
                    continue
                if len(cluster) == len(alike) or all(ends.join(one, other) for one, other in pairs):
                    gone.update(_join_cluster(cluster, kept, way))
    return [group for group in groups if id(group) not in gone] if gone else groups


class _Flows:
    """Which addresses and ports each capture shows. `rank` is its place on the path."""

    def __init__(self, groups: Iterable[Group], rank: Sequence[int]) -> None:
        self._shown = {
            (seen.capture, seen.flow) for group in groups for seen in group.members.values() if seen.head is not None
        }
        self._rank = rank

    def are_two(self, one: Group, other: Group) -> bool:
        """Other addresses are no translation of what is seen untranslated at the same captures, or at one place."""
        mine, theirs = one.flows, other.flows
        return mine.isdisjoint(theirs) and (
            not self._shown.isdisjoint(product(one.members, theirs))
            or not self._shown.isdisjoint(product(other.members, mine))
            or not {self._rank[capture] for capture in one.members}.isdisjoint(self._rank[c] for c in other.members)
        )


def reference_time(group: Group, net: ClockNet) -> int:
    return net.time_of(group.lead)


def _time_clusters(timed: list[tuple[int, Group]], spread_s: float) -> list[list[Group]]:
    timed.sort(key=by_time)
    clusters = [[timed[0][1]]]
    for (before, _), (after, group) in pairwise(timed):
        if after - before > spread_s * 1e9:
            clusters.append([])
        clusters[-1].append(group)
    return clusters


def _join_cluster(cluster: list[Group], kept: Pairs, way: Way) -> set[int]:
    if not 1 < len(cluster) <= MAX_RIVALS:
        return set()
    if not all(may_be_rewritten(one, other, kept, way) for one, other in combinations(cluster, 2)):
        return set()
    first, *others = cluster
    for other in others:
        first.take(other, Level.REWRITTEN, pair_agreement(first, other))
    return {id(other) for other in others}


def link_parts(groups: list[Group], net: ClockNet, rank: Sequence[int], way: Way, names: Names) -> list[Group]:
    """Join captures that share no datagram by name, where at least two payloads agree on one shift of the clocks.

    One alone would let a first attempt here pass for a second attempt there.
    """
    kept = names.preserved(groups)
    classes = alike_groups(groups, len(rank), kept, way)
    flows = _Flows(groups if classes else (), rank)
    anchors: dict[tuple[int, int], list[Anchor]] = defaultdict(list)
    for alike in classes:
        by_part: dict[int, list[Group]] = defaultdict(list)
        for group in alike:
            by_part[net.parts[group.lead.capture]].append(group)
        for (left, mine), (right, theirs) in pairwise(sorted(by_part.items())):
            if len(mine) > 1 or len(theirs) > 1 or flows.are_two(mine[0], theirs[0]):
                continue
            if may_be_rewritten(mine[0], theirs[0], kept, way):
                here, there = (reference_time(group, net) for group in (mine[0], theirs[0]))
                anchors[left, right].append(Anchor(here, there, mine[0], theirs[0]))
    gone: set[int] = set()
    for pairs in anchors.values():
        agreeing = _agreeing(pairs)
        if agreeing:
            agreeing = [*agreeing, *_around(agreeing, pairs, way)]
        for _, _, one, other in agreeing:
            if id(one) not in gone and id(other) not in gone:
                one.take(other, Level.REWRITTEN, pair_agreement(one, other))
                gone.add(id(other))
        if not agreeing:
            for _, _, one, other in pairs:
                note_rivals([one, other])
    return [group for group in groups if id(group) not in gone] if gone else groups


class Anchor(NamedTuple):
    """Two groups of one payload that no other group of their parts has, and when each part saw it."""

    here_ns: int
    there_ns: int
    one: Group
    other: Group

    @property
    def shift_ns(self) -> int:
        return self.there_ns - self.here_ns


def _agreeing(pairs: Sequence[Anchor]) -> list[Anchor]:
    """The largest set that one shift explains, if it is two at least and most of all."""
    times = [pair.here_ns for pair in pairs]
    room = (ALIKE_SPREADS_S[0] + MAX_DRIFT * (max(times) - min(times)) / 1e9) * 1e9
    pairs = sorted(pairs, key=attrgetter("shift_ns"))
    best: list[Anchor] = []
    start = 0
    for end in range(len(pairs)):
        while pairs[end].shift_ns - pairs[start].shift_ns > room:
            start += 1
        if end + 1 - start > len(best):
            best = pairs[start : end + 1]
    return best if len(best) >= 2 and 2 * len(best) > len(pairs) else []


def _around(agreeing: Sequence[Anchor], pairs: Sequence[Anchor], way: Way) -> Iterator[Anchor]:
    """What agrees on another shift before those that agree on one, or after them: a clock was set between.

    Both directions must agree: where a capture ends, an attempt here may pass for the next one there, but no answer.
    """
    for time in (attrgetter("here_ns"), attrgetter("there_ns")):
        first, last = min(map(time, agreeing)), max(map(time, agreeing))
        sides = [pair for pair in pairs if time(pair) < first], [pair for pair in pairs if time(pair) > last]
        if len(agreeing) + sum(map(len, sides)) < len(pairs):
            continue  # by a clock that was set, before and after lie mingled
        for side in sides:
            more = _agreeing(side) if side else []
            if len({way(pair.one) for pair in more} - {None}) == 2:
                yield from more
                yield from _around(more, side, way)
        return
