"""Between which captures identifications stay as they are.

A device may write them anew, for fragments only or in one direction only. Behind it an equal identification is an
accident, and one of a small counter comes often: then names join nothing, and payload and time have to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import product

from app.core.network.groups import Group, Level
from app.core.network.matching import TRANSLATED_BYTES, classes_by_content, pair_agreement
from app.core.network.observations import Observation
from app.core.records import Direction

Way = Callable[[Group], Direction | None]
# (capture, capture, is fragmented, direction)
Pair = tuple[int, int, bool, Direction | None]
Pairs = set[Pair]


def preserved_pairs(groups: Iterable[Group], way: Way) -> Pairs:
    """Between which identifications were seen to stay as they are."""
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


def renamed_pairs(groups: Sequence[Group], captures: int, way: Way) -> Pairs:
    """Between which identifications are written anew, by what has a payload like no other: most of it decides."""
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
