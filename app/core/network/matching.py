"""The same datagram at several captures, before any clock is known.

Only what routers leave alone is compared: addresses where nothing translates them, the identification, sizes, and the
bytes that two captures both hold. What is unique on both sides is matched here and sets the clocks; the rest waits for
them (`timed_matching`). A wrong match is worse than none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from app.core.network.groups import Group, Level
from app.core.network.observations import (
    CONTRADICTION,
    UDP_HEADER_BYTES,
    Name,
    Observation,
    compare,
    is_both_sides,
)
from app.core.network.seen_flows import SeenFlows

# More datagrams of one identification than this per capture, and the identification says nothing.
CROWD = 64
# The payload that two sides of an address translation must share.
TRANSLATED_BYTES = 16


def group_unique(captures: Sequence[Sequence[Observation]]) -> tuple[list[Group], list[list[Observation]]]:
    """Groups whose key is unique at every capture, and crowds of observations that are alike and wait for clocks."""
    named: dict[Name, list[Observation]] = defaultdict(list)
    nameless: list[Observation] = []
    for observations in captures:
        for seen in observations:
            if seen.identification:
                named[seen.name].append(seen)
            else:
                nameless.append(seen)
    groups: list[Group] = []
    crowds: list[list[Observation]] = []
    for bucket in named.values():
        if len(bucket) == 1:
            groups.append(Group(bucket))
        elif len({seen.capture for seen in bucket}) == len(bucket):
            groups.extend(_consistent(bucket))
        elif len(bucket) > CROWD * len(captures):
            nameless.extend(bucket)
        else:
            _split_named(bucket, groups, crowds)
    for alike in classes_by_content(nameless, with_addresses=True):
        if is_unique(alike):
            groups.extend(_consistent(alike, Level.CONTENT))
        else:
            crowds.append(alike)
    return groups, crowds


def is_unique(bucket: Sequence[Observation]) -> bool:
    return len({seen.capture for seen in bucket}) == len(bucket)


def _consistent(bucket: Sequence[Observation], level: Level = Level.NAMED) -> list[Group]:
    """One group, or as many as contradict each other (an identification used again)."""
    parts: list[Group] = []
    together = _together(bucket, level)
    if together is not None:
        return [together]
    if any(seen.head is None for seen in bucket):
        bucket = sorted(bucket, key=lambda item: item.head is None)
    for seen in bucket:
        for part in parts:
            agreed = best_agreement(part, seen)
            if agreed != CONTRADICTION:
                part.agreed = agreed if len(part.members) == 1 else min(part.agreed, agreed)
                part.members[seen.capture] = seen
                break
        else:
            parts.append(Group((seen,), level))
    return parts


def _together(bucket: Sequence[Observation], level: Level) -> Group | None:
    """The usual case, told fast: the first shares its pieces, and enough bytes, with each of the others."""
    first, *others = bucket
    is_alike, ranges = first.is_single, first.ranges
    shown = (first.ports, first.total, first.udp_length, first.identification)
    whole = compare(first, first)
    shared: list[int] = []
    for seen in others:
        if seen.ranges is not ranges and seen.ranges != ranges:
            return None
        is_as_shown = (seen.ports, seen.total, seen.udp_length, seen.identification) == shown and seen.is_single
        agreed = whole if is_as_shown and _is_copy(first, seen) else compare(first, seen)
        if agreed < TRANSLATED_BYTES:
            return None
        is_alike = is_alike and is_as_shown
        shared.append(agreed)
    group = Group(bucket, level, min(shared, default=0))
    group.is_alike = is_alike
    return group


def _is_copy(one: Observation, other: Observation) -> bool:
    """Whether the bytes are equal, of observations with the same pieces."""
    mine, theirs = one.packets, other.packets
    if len(mine) == 1:
        return mine[0].payload == theirs[0].payload
    return [packet.payload for packet in mine] == [packet.payload for packet in theirs]


def best_agreement(group: Group, seen: Observation, is_translated: bool = False) -> int:
    """Most bytes that `seen` shares with any member, CONTRADICTION if it contradicts one."""
    best = 0
    for member in group.members.values():
        agreed = compare(member, seen, is_translated)
        if agreed == CONTRADICTION:
            return CONTRADICTION
        best = max(best, agreed)
        if agreed >= TRANSLATED_BYTES and seen.ranges == member.ranges:
            break
    return best


def _split_named(bucket: list[Observation], groups: list[Group], crowds: list[list[Observation]]) -> None:
    """An identification that came round again: other contents are other datagrams, equal ones wait for the clocks."""
    headless = [seen for seen in bucket if seen.head is None]
    if headless:
        crowds.append(bucket)
        return
    for alike in classes_by_content(bucket, with_addresses=True):
        if is_unique(alike):
            groups.extend(_consistent(alike))
        else:
            crowds.append(alike)


def classes_by_content(observations: Iterable[Observation], with_addresses: bool) -> list[list[Observation]]:
    """Observations of equal size and equal first bytes, as many bytes as all of that size have.

    A capture with cut frames compares by its cut: the shortest of each size counts.
    """
    sizes: dict[object, list[Observation]] = defaultdict(list)
    for seen in observations:
        where = (seen.source_ip, seen.destination_ip, seen.ports) if with_addresses else None
        sizes[where, seen.size].append(seen)
    classes: list[list[Observation]] = []
    for bucket in sizes.values():
        if len(bucket) == 1:
            classes.append(bucket)
            continue
        heads = [seen.head.payload for seen in bucket if seen.head is not None]
        length = min(map(len, heads), default=0)
        alike: dict[bytes | None, list[Observation]] = defaultdict(list)
        for seen in bucket:
            alike[None if seen.head is None else seen.head.payload[UDP_HEADER_BYTES:length]].append(seen)
        classes.extend(alike.values())
    return classes


def join_translated(groups: list[Group]) -> list[Group]:
    """Join groups of other addresses or ports with the same identification, size and payload (address translation)."""
    buckets: dict[tuple[int, int | None], list[Group]] = defaultdict(list)
    for group in groups:
        name = group.any_member.identification
        if name:
            buckets[name, _size(group)].append(group)
    # A middle fragment alone does not know the size: it may belong to any of its identification.
    open_names = {name for name, size in buckets if size is None}
    for (name, _), bucket in [item for item in buckets.items() if item[0][0] in open_names]:
        buckets[name, -1].extend(bucket)
    gone: set[int] = set()
    shared = [bucket for bucket in buckets.values() if len(bucket) > 1]
    flows = SeenFlows(groups, shared)
    for bucket in shared:
        bucket = [group for group in bucket if id(group) not in gone]
        if 1 < len(bucket) <= CROWD:
            for family in _families(bucket, flows):
                first, *others = family
                for other in others:
                    agreed = pair_agreement(first, other)
                    first.take(other, Level.TRANSLATED, agreed)
                    gone.add(id(other))
    return [group for group in groups if id(group) not in gone] if gone else groups


def _size(group: Group) -> int | None:
    for seen in group.members.values():
        if (size := seen.size) is not None:
            return size
    return None


def pair_agreement(one: Group, other: Group) -> int:
    """Bytes that two groups share, whatever their addresses."""
    best = 0
    for seen in other.members.values():
        agreed = best_agreement(one, seen, is_translated=True)
        if agreed == CONTRADICTION:
            return CONTRADICTION
        best = max(best, agreed)
    return best


def _families(bucket: Sequence[Group], flows: SeenFlows) -> list[list[Group]]:
    """Sets of groups that are one datagram, leaving out every set in which two claim the same place."""
    partners: dict[int, list[int]] = defaultdict(list)
    for left in range(len(bucket)):
        for right in range(left + 1, len(bucket)):
            one, other = bucket[left], bucket[right]
            if _is_translation(one, other) and not flows.are_apart(one, other):
                partners[left].append(right)
                partners[right].append(left)
    families: list[list[Group]] = []
    done: set[int] = set()
    for start in sorted(partners):
        if start in done:
            continue
        family = {start, *partners[start]}
        done |= family
        if all(set(partners[one]) | {one} == family for one in family):
            families.append([bucket[index] for index in sorted(family)])
        else:
            note_rivals([bucket[index] for index in sorted(family)])
    return families


def note_rivals(groups: Sequence[Group]) -> None:
    """Each may be the same datagram as one of the others; which one, nobody can say."""
    for group in groups:
        for other in groups:
            if other is not group:
                group.rivals.extend(seen for seen in other.members.values() if seen.capture not in group.members)


def complete_rivals(groups: Sequence[Group]) -> None:
    """A rival brings along all with which it was joined since; one that was joined to the group itself is none."""
    doubted = [group for group in groups if group.rivals]
    if not doubted:
        return
    owners = {id(seen): group for group in groups for seen in group.members.values()}
    for group in doubted:
        others = {id(owner): owner for seen in group.rivals if (owner := owners.get(id(seen))) not in (None, group)}
        group.rivals = [
            seen for other in others.values() for seen in other.members.values() if seen.capture not in group.members
        ]


def _is_translation(one: Group, other: Group) -> bool:
    shared = one.members.keys() & other.members.keys()
    if len(shared) > 1 or not all(is_both_sides(one.members[capture], other.members[capture]) for capture in shared):
        return False
    left, right = one.lead, other.lead
    if left.ip_version != right.ip_version:
        return False
    is_same_hosts = (left.source_ip, left.destination_ip) == (right.source_ip, right.destination_ip)
    if is_same_hosts and (left.ports == right.ports or left.ports is None or right.ports is None):
        return False
    agreed = pair_agreement(one, other)
    whole = min(left.size or 0, right.size or 0) - UDP_HEADER_BYTES
    return agreed >= min(TRANSLATED_BYTES, max(whole, 1))
