"""The order of capture points on the way from client to server.

First what the user says; then the TTL (hop limit), which every router lowers; where it is equal (mirrors around a
switch), the times, which do not need the clocks to be known: only one order of two points lets all delays be positive
in both directions; then what the points are called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from app.core.analysis import Role
from app.core.network.clock_pairs import least_slack
from app.core.network.matched_times import NO_TTL, MatchedTimes

INITIAL_TTLS = (32, 64, 128, 255)
# Time stamps of two hosts' captures of one wire differ by this much anyway.
CLOCK_NOISE_S = 2e-5
CLEAR_MAJORITY = 0.6
FEW = 2000  # rows are plenty to tell an order


class OrderBy(IntEnum):
    GIVEN = 0
    TTL = 1
    CLOCK = 2
    NAMED = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A capture point before its clock is known. Hops from the client and from the server by the TTL of what each sent,
    None where nothing of it was seen."""

    name: str
    captures: tuple[int, ...]
    role_hint: Role | None
    hops: float | None = None
    hops_back: float | None = None

    @property
    def is_empty(self) -> bool:
        return self.hops is None and self.hops_back is None

    @property
    def is_at_server(self) -> bool:
        """On the server's own wire, and routers lie between it and the client."""
        return self.hops_back == 0 and self.hops is not None and self.hops >= 1


@dataclass(frozen=True, slots=True)
class PathOrder:
    places: tuple[Place, ...]  # client first
    order_by: dict[str, OrderBy]


def order_places(places: Sequence[Place], matched: MatchedTimes, given: Sequence[str]) -> PathOrder:
    closure = _Closure(len(places))
    ranks = {name: rank for rank, name in enumerate(given)}
    edges: list[tuple[OrderBy, int, int, int]] = []
    for left in range(len(places)):
        for right in range(left + 1, len(places)):
            edges.append(_judge(left, right, places, matched, ranks))
    # Surest first; an edge that contradicts surer ones is not taken.
    for grade, _, first, second in sorted(edges):
        closure.add(first, second, grade)
    order = closure.sorted()
    by = {places[index].name: OrderBy.NAMED for index in order} if len(order) > 1 else {}
    for position, index in enumerate(order):
        neighbours = [order[other] for other in (position - 1, position + 1) if 0 <= other < len(order)]
        if neighbours:
            by[places[index].name] = max(closure.grade(index, other) for other in neighbours)
        else:
            by[places[index].name] = OrderBy.NAMED
    return PathOrder(tuple(places[index] for index in order), by)


def _judge(
    left: int, right: int, places: Sequence[Place], matched: MatchedTimes, ranks: dict[str, int]
) -> tuple[OrderBy, int, int, int]:
    """(grade, weakness, nearer the client, nearer the server)."""
    one, other = places[left], places[right]
    if one.name in ranks and other.name in ranks:
        return (OrderBy.GIVEN, 0, *_put(ranks[one.name] < ranks[other.name], left, right))
    votes = _ttl_votes(one, other, matched)
    if abs(votes) >= CLEAR_MAJORITY:
        return (OrderBy.TTL, 0, *_put(votes > 0, left, right))
    lead = _clock_vote(one, other, matched)
    if lead:
        return (OrderBy.CLOCK, 0, *_put(lead > 0, left, right))
    by_role = _role_rank(one) - _role_rank(other)
    if by_role:
        return (OrderBy.NAMED, 0, *_put(by_role > 0, left, right))
    if one.hops is not None and other.hops is not None and abs(one.hops - other.hops) >= 0.5:
        return (OrderBy.TTL, 1, *_put(one.hops < other.hops, left, right))
    if (one.is_empty and other.is_at_server) or (other.is_empty and one.is_at_server):
        # Whatever came so far came by all that lies behind: the empty one was not capturing, or never on the way.
        return (OrderBy.NAMED, 1, *_put(one.is_empty, left, right))
    if (one.hops is None) != (other.hops is None):
        # Most exchanges begin at the client: what got as far as one point and not to the other stopped between them.
        return (OrderBy.NAMED, 1, *_put(other.hops is None, left, right))
    return (OrderBy.NAMED, 1, *_put(_natural(one.name) <= _natural(other.name), left, right))


def _put(is_left_first: bool, left: int, right: int) -> tuple[int, int]:
    return (left, right) if is_left_first else (right, left)


def _ttl_votes(one: Place, other: Place, matched: MatchedTimes) -> float:
    """Share of matched pieces that put `one` nearer the client less the share that put it farther; -1 … 1."""
    ahead = behind = 0
    for first in one.captures:
        for second in other.captures:
            both = (matched.ttls[:, first] != NO_TTL) & (matched.ttls[:, second] != NO_TTL)
            drop = np.sign(matched.ttls[both, first].astype(int) - matched.ttls[both, second])
            drop *= matched.directions[both]
            ahead += int((drop > 0).sum())
            behind += int((drop < 0).sum())
    return (ahead - behind) / (ahead + behind) if ahead + behind else 0.0


def _clock_vote(one: Place, other: Place, matched: MatchedTimes) -> int:
    """+1 where only "`one` nearer the client" lets all delays be positive, -1 for the opposite, 0 where both may be."""
    total = 0
    for first in one.captures:
        for second in other.captures:
            rows = matched.pair(first, second)
            forth, back = (rows[matched.directions[rows] == way] for way in (1, -1))
            if min(len(forth), len(back)) < 2:
                continue
            rows = np.concatenate([forth[:: 1 + len(forth) // FEW], back[:: 1 + len(back) // FEW]])
            ways = matched.directions[rows]
            early, late = matched.times[rows, first], matched.times[rows, second]
            as_is, reverse = least_slack(early, late, ways > 0), least_slack(early, late, ways < 0)
            if max(as_is, reverse) > CLOCK_NOISE_S and min(as_is, reverse) < max(as_is, reverse):
                total += 1 if as_is < reverse else -1
    return (total > 0) - (total < 0)


def _role_rank(place: Place) -> int:
    """Higher is nearer the client."""
    return {Role.CLIENT: 1, Role.SERVER: -1}.get(place.role_hint or Role.MIDDLE, 0)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.findall(r"\d{1,18}|\D+", name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def hops_from_initial(ttl: int) -> int:
    """Routers passed, from the nearest initial TTL at or above."""
    return next((initial for initial in INITIAL_TTLS if initial >= ttl), 255) - ttl


class _Closure:
    """A partial order that takes edges as long as they contradict none before, and knows which edge decided a pair."""

    def __init__(self, size: int) -> None:
        self._after = [0] * size  # bit sets
        self._grades: dict[tuple[int, int], OrderBy] = {}

    def add(self, first: int, second: int, grade: OrderBy) -> None:
        if self._after[second] >> first & 1 or self._after[first] >> second & 1:
            return
        behind = self._after[second] | 1 << second
        for index in range(len(self._after)):
            if index == first or self._after[index] >> first & 1:
                fresh = behind & ~self._after[index]
                self._after[index] |= behind
                for other in range(len(self._after)):
                    if fresh >> other & 1:
                        self._grades[index, other] = grade

    def grade(self, one: int, other: int) -> OrderBy:
        return self._grades.get((one, other), self._grades.get((other, one), OrderBy.NAMED))

    def sorted(self) -> list[int]:
        return sorted(range(len(self._after)), key=lambda index: -self._after[index].bit_count())
