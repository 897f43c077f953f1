"""The second half of matching: what only times can tell apart, once clocks are known.

Identifications that came round again, datagrams without identification that were sent again, and identifications that a
device rewrote. Where times leave two candidates, both are written down and none is matched.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise, product

import numpy as np
from numpy.typing import NDArray

from app.core.analysis import Clock
from app.core.network.bands import MAX_DRIFT
from app.core.network.clocks import ClockNet
from app.core.network.groups import Group, Level
from app.core.network.matched_times import NO_TIME, MatchedTimes
from app.core.network.matching import (
    TRANSLATED_BYTES,
    best_agreement,
    classes_by_content,
    is_unique,
    note_rivals,
    pair_agreement,
)
from app.core.network.observations import CONTRADICTION, UDP_HEADER_BYTES, Observation
from app.core.records import Direction

# No datagram is under way for longer between two capture points (RFC 791 would allow 255 s; queues of seconds happen).
LONGEST_TRANSIT_S = 4.0
# Attempts are seconds apart: alike datagrams are told apart by less than the smallest timer.
ALIKE_SPREADS_S = (1.0, 0.1, 0.02)
MAX_RIVALS = 16
MOST_OWNERS = 1000  # looked at for one stray fragment

# (capture, capture, is fragmented, direction) between which identifications were seen to stay as they are. A device
# may rewrite them in one direction only.
Pairs = set[tuple[int, int, bool, Direction | None]]
Way = Callable[[Group], Direction | None]


def reference_times(clock: Clock, raw_ns: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Clock.to_reference` for an array; NO_TIME stays."""
    shift = clock.offset_s * 1e9 + (raw_ns - clock.middle_ns) * (clock.drift_ppm * 1e-6 * (clock.middle_ns != 0))
    for (at_ns, jump), first in zip(clock.steps, clock.step_frames, strict=True):
        shift = shift + ((frames >= first) if first else (raw_ns >= at_ns)) * (jump * 1e9)
    return np.where(raw_ns == NO_TIME, NO_TIME, raw_ns - np.rint(shift).astype(np.int64))


def split_untimely(groups: list[Group], matched: MatchedTimes, net: ClockNet) -> list[Group]:
    """Take groups apart whose members lie hours from each other by the clocks that all others agree on.

    Only between others that do agree: at either end, a clock that was set explains it as well.
    """
    late: set[int] = set()
    for part in set(net.parts):
        columns = [index for index, number in enumerate(net.parts) if number == part]
        if len(columns) < 2 or not len(matched.rows):
            continue
        by_capture = (
            reference_times(net.clocks[index], matched.times[:, index], matched.frames[:, index]) for index in columns
        )
        times = np.stack(list(by_capture), axis=1)
        gone = times == NO_TIME
        latest = np.where(gone, np.iinfo(np.int64).min, times).max(axis=1)
        earliest = np.where(gone, np.iinfo(np.int64).max, times).min(axis=1)
        is_late = latest.astype(float) - earliest > LONGEST_TRANSIT_S * 1e9
        if is_late.any() and not is_late.all():
            first, last = earliest[~is_late].min(), latest[~is_late].max()
            late.update(matched.rows[is_late & (earliest > first) & (latest < last)].tolist())
    if not late:
        return groups
    result: list[Group] = []
    for index, group in enumerate(groups):
        if index in late:
            result.extend(_split_by_time(group, net))
        else:
            result.append(group)
    return result


def _split_by_time(group: Group, net: ClockNet) -> list[Group]:
    """Either the identification came round with the same content, or a clock is told wrong: so both stay possible."""
    parts = [
        Group(cluster, group.level, group.agreed)
        for members in _by_part(group.members.values(), net).values()
        for cluster in _clusters(members, net, LONGEST_TRANSIT_S)
    ]
    note_rivals(parts)
    return parts


def _by_part(observations: Iterable[Observation], net: ClockNet) -> dict[int, list[Observation]]:
    parts: dict[int, list[Observation]] = defaultdict(list)
    for seen in observations:
        parts[net.parts[seen.capture]].append(seen)
    return parts


def _clusters(observations: Sequence[Observation], net: ClockNet, spread_s: float) -> list[list[Observation]]:
    timed = sorted(((net.time_of(seen), seen) for seen in observations), key=_by_time)
    clusters = [[timed[0][1]]]
    for (before, _), (after, seen) in pairwise(timed):
        if after - before > spread_s * 1e9:
            clusters.append([])
        clusters[-1].append(seen)
    return clusters


def _by_time(timed: tuple[int, object]) -> int:
    return timed[0]


def settle_crowd(crowd: Sequence[Observation], net: ClockNet) -> list[Group]:
    """Groups out of observations that are alike: by time, then by order where all captures saw equally many."""
    result: list[Group] = []
    parts = _by_part(crowd, net)
    for members in parts.values():
        if len({seen.capture for seen in members}) == 1:
            result.extend(Group((seen,)) for seen in members)
        elif members[0].is_named:
            for cluster in _clusters(members, net, LONGEST_TRANSIT_S):
                result.extend(_settle_cluster(cluster, net, Level.NAMED, ALIKE_SPREADS_S))
        else:
            for cluster in _clusters(members, net, ALIKE_SPREADS_S[0]):
                result.extend(_settle_cluster(cluster, net, Level.TIMED, ALIKE_SPREADS_S[1:]))
    if len(parts) > 1:
        note_rivals(result[:MAX_RIVALS])
    return result


def _settle_cluster(
    cluster: Sequence[Observation], net: ClockNet, level: Level, spreads: tuple[float, ...]
) -> list[Group]:
    if len({seen.capture for seen in cluster}) == 1:
        return [Group((seen,)) for seen in cluster]
    if is_unique(cluster):
        return _grow(cluster, level)
    columns: dict[int, list[Observation]] = defaultdict(list)
    for seen in sorted(cluster, key=lambda item: item.frame):
        columns[seen.capture].append(seen)
    spread_s = (net.time_of(cluster[-1]) - net.time_of(cluster[0])) / 1e9
    if len({len(column) for column in columns.values()}) == 1 and spread_s <= LONGEST_TRANSIT_S:
        rows = zip(*columns.values(), strict=True)
        return [group for row in rows for group in _grow(row, Level.TIMED)]
    if spreads:
        groups = [
            group
            for part in _clusters(cluster, net, spreads[0])
            for group in _settle_cluster(part, net, max(level, Level.TIMED), spreads[1:])
        ]
    else:
        groups = [Group((seen,)) for seen in cluster]
    if len(spreads) < len(ALIKE_SPREADS_S):
        # So near to each other, one that is left alone may be another capture's that is left alone as well.
        alone = [group for group in groups if len(group.members) == 1]
        if len({capture for group in alone for capture in group.members}) > 1:
            note_rivals(alone[:MAX_RIVALS])
    return groups


def _grow(observations: Sequence[Observation], level: Level) -> list[Group]:
    groups: list[Group] = []
    for seen in observations:
        for group in groups:
            agreed = best_agreement(group, seen)
            if agreed != CONTRADICTION:
                group.agreed = agreed if len(group.members) == 1 else min(group.agreed, agreed)
                group.members[seen.capture] = seen
                break
        else:
            groups.append(Group((seen,), level))
    return groups


def preserved_pairs(groups: Iterable[Group], way: Way) -> Pairs:
    known: set[tuple[bool, Direction | None, tuple[int, ...]]] = set()
    pairs: Pairs = set()
    rewritten = Level.REWRITTEN
    for group in groups:
        if len(group.members) < 2 or group.level == rewritten:
            continue
        members = list(group.members.values())
        if not members[0].identification:
            continue
        is_fragmented, direction = True in [seen.is_fragmented for seen in members], way(group)
        key = (is_fragmented, direction, tuple(group.members))
        if key not in known:
            known.add(key)
            pairs.update((one, other, is_fragmented, direction) for one in group.members for other in group.members)
    return pairs


def _may_be_rewritten(one: Group, other: Group, kept: Pairs, way: Way) -> bool:
    if one.members.keys() & other.members.keys():
        return False
    directions = {way(one), way(other)}
    if len(directions - {None}) > 1:
        return False
    is_fragmented = one.lead.is_fragmented or other.lead.is_fragmented
    if one.lead.is_named and other.lead.is_named:
        pairs = product(one.members, other.members, directions)
        if any((left, right, is_fragmented, direction) in kept for left, right, direction in pairs):
            return False
    agreed = pair_agreement(one, other)
    whole = min(one.lead.size or 0, other.lead.size or 0) - UDP_HEADER_BYTES
    return agreed >= min(TRANSLATED_BYTES, max(whole, 1))


def _alike(groups: Sequence[Group], captures: int, kept: Pairs, way: Way) -> list[list[Group]]:
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
        timed = [(_reference_time(group, net), group) for group in bucket]
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


def join_rewritten(groups: list[Group], net: ClockNet, captures: int, way: Way) -> list[Group]:
    """Join groups of equal payload at the same corrected time where identifications do not survive the way."""
    kept = preserved_pairs(groups, way)
    gone: set[int] = set()
    for alike in _alike(groups, captures, kept, way):
        by_part: dict[int, list[tuple[int, Group]]] = defaultdict(list)
        for group in alike:
            by_part[net.parts[group.lead.capture]].append((_reference_time(group, net), group))
        for timed in by_part.values():
            for cluster in _time_clusters(timed, ALIKE_SPREADS_S[0]):
                gone.update(_join_cluster(cluster, kept, way))
    return [group for group in groups if id(group) not in gone] if gone else groups


def _reference_time(group: Group, net: ClockNet) -> int:
    return net.time_of(group.lead)


def _time_clusters(timed: list[tuple[int, Group]], spread_s: float) -> list[list[Group]]:
    timed.sort(key=_by_time)
    clusters = [[timed[0][1]]]
    for (before, _), (after, group) in pairwise(timed):
        if after - before > spread_s * 1e9:
            clusters.append([])
        clusters[-1].append(group)
    return clusters


def _join_cluster(cluster: list[Group], kept: Pairs, way: Way) -> set[int]:
    if len(cluster) < 2:
        return set()
    fits = [_may_be_rewritten(one, other, kept, way) for one, other in _all_pairs(cluster)]
    if all(fits):
        first, *others = cluster
        for other in others:
            first.take(other, Level.REWRITTEN, pair_agreement(first, other))
        return {id(other) for other in others}
    if any(fits):
        note_rivals(cluster[:MAX_RIVALS])
    return set()


def _all_pairs(cluster: Sequence[Group]) -> Iterable[tuple[Group, Group]]:
    limited = cluster[:MAX_RIVALS]
    return ((one, other) for index, one in enumerate(limited) for other in limited[index + 1 :])


def link_parts(groups: list[Group], net: ClockNet, captures: int, way: Way) -> list[Group]:
    """Join captures that share no datagram by name, where at least two payloads agree on one shift of the clocks.

    One alone would let a first attempt here pass for a second attempt there.
    """
    kept = preserved_pairs(groups, way)
    anchors: dict[tuple[int, int], list[tuple[int, int, Group, Group]]] = defaultdict(list)
    for alike in _alike(groups, captures, kept, way):
        by_part: dict[int, list[Group]] = defaultdict(list)
        for group in alike:
            by_part[net.parts[group.lead.capture]].append(group)
        for (left, mine), (right, theirs) in pairwise(sorted(by_part.items())):
            if len(mine) == len(theirs) == 1 and _may_be_rewritten(mine[0], theirs[0], kept, way):
                here, there = (_reference_time(group, net) for group in (mine[0], theirs[0]))
                anchors[left, right].append((here, there - here, mine[0], theirs[0]))
    gone: set[int] = set()
    for pairs in anchors.values():
        agreeing = _agreeing(pairs)
        for _, _, one, other in agreeing:
            if id(one) not in gone and id(other) not in gone:
                one.take(other, Level.REWRITTEN, pair_agreement(one, other))
                gone.add(id(other))
        if not agreeing:
            for _, _, one, other in pairs:
                note_rivals([one, other])
    return [group for group in groups if id(group) not in gone] if gone else groups


def note_lookalikes(groups: Sequence[Group], net: ClockNet, captures: int, way: Way) -> None:
    """Groups that may be one datagram and were not joined are each other's rivals: then neither is missing where the
    other was seen."""
    kept = preserved_pairs(groups, way)
    for alike in _alike(groups, captures, kept, way):
        for one, other in _all_pairs(alike):
            if any(seen in one.rivals for seen in other.members.values()):
                continue
            if _may_be_rewritten(one, other, kept, way) and _may_be_at_one_time(one, other, net):
                note_rivals([one, other])
    _note_strays(groups, net, captures, kept, way)


def _note_strays(groups: Sequence[Group], net: ClockNet, captures: int, kept: Pairs, way: Way) -> None:
    """Fragments whose first fragment was nowhere seen, behind a device that translates or rewrites: too few bytes to
    say whose they are, but they may belong to any that lacks them there."""
    strays = [group for group in groups if not group.has_head]
    if not strays:
        return
    owners = sorted(
        ((_reference_time(group, net), group) for group in groups if group.has_head and len(group.members) < captures),
        key=_by_time,
    )
    times = [time for time, _ in owners]
    is_one_clock = len(set(net.parts)) == 1
    for stray in strays:
        time, (low, high) = _reference_time(stray, net), (0, len(owners))
        if is_one_clock:
            low = bisect_left(times, time - round(LONGEST_TRANSIT_S * 1e9))
            high = bisect_right(times, time + round(LONGEST_TRANSIT_S * 1e9))
        fitting = (group for _, group in owners[low:high][:MOST_OWNERS] if _has_room(group, stray))
        for owner in islice((group for group in fitting if _may_own(group, stray, net, kept, way)), MAX_RIVALS):
            note_rivals([owner, stray])


def _has_room(owner: Group, stray: Group) -> bool:
    """Whether the stray's bytes lie within the owner's, and end with them where the stray has the last of its own."""
    size, end = owner.lead.size, stray.lead.total
    return size is None or (end == size if end is not None else stray.lead.packets[-1].end_bytes < size)


def _may_own(owner: Group, stray: Group, net: ClockNet, kept: Pairs, way: Way) -> bool:
    if owner.members.keys() & stray.members.keys() or not _may_be_at_one_time(owner, stray, net):
        return False
    directions = {way(owner), way(stray)}
    if len(directions - {None}) > 1:
        return False
    if owner.lead.identification != stray.lead.identification:
        pairs = product(owner.members, stray.members, directions)
        if any((left, right, True, direction) in kept for left, right, direction in pairs):
            return False
    return pair_agreement(owner, stray) != CONTRADICTION


def _may_be_at_one_time(one: Group, other: Group, net: ClockNet) -> bool:
    if net.parts[one.lead.capture] != net.parts[other.lead.capture]:
        return True
    return abs(_reference_time(one, net) - _reference_time(other, net)) <= LONGEST_TRANSIT_S * 1e9


def _agreeing(pairs: list[tuple[int, int, Group, Group]]) -> list[tuple[int, int, Group, Group]]:
    """The largest set that one shift explains, if it is two at least and most of all."""
    times = [time for time, *_ in pairs]
    room = (ALIKE_SPREADS_S[0] + MAX_DRIFT * (max(times) - min(times)) / 1e9) * 1e9
    pairs = sorted(pairs, key=lambda pair: pair[1])
    best: list[tuple[int, int, Group, Group]] = []
    start = 0
    for end in range(len(pairs)):
        while pairs[end][1] - pairs[start][1] > room:
            start += 1
        if end + 1 - start > len(best):
            best = pairs[start : end + 1]
    return best if len(best) >= 2 and 2 * len(best) > len(pairs) else []
