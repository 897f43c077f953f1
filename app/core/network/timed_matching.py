"""The second half of matching: what only times can tell apart, once clocks are known.

Identifications that came round again, and datagrams without identification that were sent again. Where times leave two
candidates, both are written down and none is matched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from app.core.network.clocks import ClockNet
from app.core.network.groups import Group, Level
from app.core.network.matched_times import NO_TIME, MatchedTimes
from app.core.network.matching import (
    best_agreement,
    is_unique,
    note_rivals,
)
from app.core.network.observations import CONTRADICTION, Observation
from app.core.network.reference_times import reference_times

# No datagram is under way for longer between two capture points (RFC 791 would allow 255 s; queues of seconds happen).
LONGEST_TRANSIT_S = 4.0
# Attempts are seconds apart: alike datagrams are told apart by less than the smallest timer.
ALIKE_SPREADS_S = (1.0, 0.1, 0.02)
MAX_RIVALS = 16


def split_untimely(groups: list[Group], matched: MatchedTimes, net: ClockNet) -> list[Group]:
    """Take groups apart whose members lie hours from each other by the clocks that all others agree on.

    At either end a clock that was set explains it as well, so there only what another attempt explains too: no
    identification says that it is the same.
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
            is_between = (earliest > first) & (latest < last)
            nameless = np.array([groups[row].level == Level.CONTENT for row in matched.rows], dtype=bool)
            late.update(matched.rows[is_late & (is_between | nameless)].tolist())
    if not late:
        return groups
    result: list[Group] = []
    for index, group in enumerate(groups):
        if index in late:
            result.extend(_split_by_time(group, net))
        else:
            result.append(group)
    return result


def note_untimed(groups: Iterable[Group], net: ClockNet) -> None:
    """What is sent again has the same payload: without an identification only clocks tell that it is no other attempt,
    and no clock that rests on this match alone."""
    silent = {
        index
        for index, clock in enumerate(net.clocks)
        if clock.quality == "unknown" or (clock.quality != "reference" and clock.matched < 2)
    }
    for group in groups if silent else ():
        if group.level == Level.CONTENT and not silent.isdisjoint(group.members):
            group.is_timed = False


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
    timed = sorted(((net.time_of(seen), seen) for seen in observations), key=by_time)
    clusters = [[timed[0][1]]]
    for (before, _), (after, seen) in pairwise(timed):
        if after - before > spread_s * 1e9:
            clusters.append([])
        clusters[-1].append(seen)
    return clusters


def by_time(timed: tuple[int, object]) -> int:
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
