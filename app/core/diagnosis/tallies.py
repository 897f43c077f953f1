"""Counting what crosses a leg and what does not, and naming the pattern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import comb

from app.core.diagnosis.passages import Leg, Passage

# Below this probability chance alone is no longer an explanation for the pattern.
UNLIKELY = 0.05


class Pattern(StrEnum):
    """Names are finding codes."""

    LATER = "later-fragments-lost"
    FIRST = "first-fragment-lost"
    FRAGMENTED = "fragmented-datagrams-lost"
    LARGE = "large-datagrams-lost"
    PORT = "port-blocked"
    RANDOM = "random-loss"
    DOWN = "path-down"


class Way(StrEnum):
    """How one datagram came over one leg."""

    SMALL_PASSED = "small-passed"
    SMALL_LOST = "small-lost"
    WHOLE = "whole"
    LATER = "later"  # the first fragment crossed, every later one was lost
    SOME_LATER = "some-later"
    FIRST = "first"  # the first fragment was lost, every later one crossed
    ALL = "all"
    MIXED = "mixed"


def way_over(passage: Passage, leg: Leg) -> Way | None:
    """None where the sightings do not tell, or the datagram never came to this leg."""
    if passage.is_delivered:
        return None if passage.is_contradicted else (Way.WHOLE if passage.is_fragmented else Way.SMALL_PASSED)
    crossed = [piece.crosses(leg) for piece in passage.pieces]
    lost = [piece.is_lost_on(leg) for piece in passage.pieces]
    if not all(c or x for c, x in zip(crossed, lost, strict=True)):
        return None
    if not passage.is_fragmented:
        return Way.SMALL_PASSED if crossed[0] else Way.SMALL_LOST
    if all(crossed):
        return Way.WHOLE
    if all(lost):
        return Way.ALL
    if passage.pieces[0].offset > 0:
        return Way.MIXED
    if crossed[0]:
        return Way.SOME_LATER if any(crossed[1:]) else Way.LATER
    return Way.FIRST if all(crossed[1:]) else Way.MIXED


@dataclass(slots=True)
class Tally:
    """What came over one leg in one direction. Filled once, then only read."""

    ways: dict[Way, int] = field(default_factory=dict)
    lost: list[Passage] = field(default_factory=list)  # with a loss on this leg
    fragments_sent: int = 0
    fragments_lost: int = 0
    firsts_sent: int = 0
    firsts_lost: int = 0
    sure: int = 0  # losses pinned to exactly this leg, by sure matches
    largest_passed: int = 0
    smallest_lost: int | None = None
    ports_passed: set[str] = field(default_factory=set)  # of unfragmented datagrams that crossed
    ports_open: set[str] = field(default_factory=set)  # of whatever crossed, first fragments too
    ports_lost: set[str] = field(default_factory=set)
    pieces_passed: int = 0
    last_passed_ns: int | None = None  # the last time any datagram crossed whole
    first_lost_ns: int | None = None

    def add(self, passage: Passage, leg: Leg) -> None:
        way = way_over(passage, leg)
        if way is None:
            return
        self.ways[way] = self.ways.get(way, 0) + 1
        if way in (Way.SMALL_PASSED, Way.WHOLE):
            self._add_passed(passage, way)
        else:
            self._add_lost(passage, leg)

    def _add_passed(self, passage: Passage, way: Way) -> None:
        self.largest_passed = max(self.largest_passed, passage.wire_bytes or 0)
        if way is Way.SMALL_PASSED:
            self.ports_passed.add(passage.port)
        self.ports_open.add(passage.port)
        self.pieces_passed += len(passage.pieces)
        if passage.time_ns is not None:
            self.last_passed_ns = max(self.last_passed_ns or 0, passage.time_ns)

    def _add_lost(self, passage: Passage, leg: Leg) -> None:
        self.lost.append(passage)
        lost_here = [piece.is_lost_on(leg) for piece in passage.pieces]
        self.fragments_sent += len(passage.pieces)
        self.fragments_lost += sum(lost_here)
        self.pieces_passed += sum(piece.crosses(leg) for piece in passage.pieces)
        if passage.pieces[0].crosses(leg):
            self.ports_open.add(passage.port)
        self.firsts_sent += 1
        self.firsts_lost += lost_here[0]
        self.sure += passage.is_sure and leg in passage.legs and leg[0] >= 0
        self.ports_lost.add(passage.port)
        if passage.wire_bytes is not None:
            self.smallest_lost = min(self.smallest_lost or passage.wire_bytes, passage.wire_bytes)
        if passage.time_ns is not None:
            known = self.first_lost_ns
            self.first_lost_ns = passage.time_ns if known is None else min(known, passage.time_ns)

    def count(self, *ways: Way) -> int:
        return sum(self.ways.get(way, 0) for way in ways)

    @property
    def passed(self) -> int:
        return self.count(Way.SMALL_PASSED, Way.WHOLE)

    @property
    def loss_rate(self) -> float:
        """Share of the pieces that came to this leg and did not cross it."""
        return self.fragments_lost / max(1, self.fragments_lost + self.pieces_passed)

    @property
    def lost_fragmented(self) -> int:
        return self.count(Way.LATER, Way.SOME_LATER, Way.FIRST, Way.ALL, Way.MIXED)

    @property
    def is_all_lost(self) -> bool:
        """Nothing crosses, not even one fragment."""
        return not self.passed and bool(self.lost) and self.count(Way.ALL, Way.SMALL_LOST) == len(self.lost)

    @property
    def is_later_separated(self) -> bool:
        """All passes came before all losses."""
        return (
            self.last_passed_ns is not None
            and self.first_lost_ns is not None
            and self.last_passed_ns < self.first_lost_ns
        )


def tally(passages: Iterable[Passage], leg: Leg) -> Tally:
    result = Tally()
    for passage in passages:
        result.add(passage, leg)
    return result


def name_pattern(t: Tally, others: Tally | None = None) -> Pattern | None:
    """The pattern that the counts show; None without a loss. `others`: what else is known to cross the leg."""
    if not t.lost:
        return None
    if t.is_all_lost:
        return Pattern.DOWN
    if t.count(Way.SMALL_LOST):
        return _pattern_with_small_losses(t, others or t)
    return _pattern_of_fragments(t)


def _pattern_of_fragments(t: Tally) -> Pattern:
    n, later = t.lost_fragmented, t.count(Way.LATER, Way.SOME_LATER)
    whole = t.count(Way.WHOLE)
    if later == n and (not whole or chance_of_later_only(t) < UNLIKELY):
        return Pattern.LATER
    if whole:
        return Pattern.RANDOM
    if t.count(Way.FIRST) == n:
        return Pattern.FIRST
    if t.count(Way.ALL) == n:
        return Pattern.FRAGMENTED
    return Pattern.RANDOM


def _pattern_with_small_losses(t: Tally, others: Tally) -> Pattern:
    if t.count(Way.SMALL_LOST, Way.ALL) < len(t.lost):
        return Pattern.RANDOM
    ports, is_open = t.ports_passed | others.ports_passed, t.ports_open | others.ports_open
    largest = max(t.largest_passed, others.largest_passed)
    if "" not in t.ports_lost and not t.ports_lost & is_open:
        return Pattern.PORT
    if t.smallest_lost is not None and t.smallest_lost > largest > 0 and t.ports_lost & ports:
        return Pattern.LARGE
    is_alive = (others.last_passed_ns or 0) > (t.first_lost_ns or 0)
    return Pattern.DOWN if t.is_later_separated and not is_alive else Pattern.RANDOM


def chance_of_later_only(t: Tally) -> float:
    """How likely the losses would hit only fragments with an offset if they hit any fragment alike (hypergeometric)."""
    whole = t.count(Way.WHOLE)
    # A datagram that came whole has as many pieces as the others of its kind: retransmissions are of one size.
    per_datagram = t.fragments_sent / max(1, len(t.lost))
    total = t.fragments_sent + round(whole * per_datagram)
    later = total - len(t.lost) - whole
    lost = t.fragments_lost
    return comb(later, lost) / comb(total, lost) if 0 < lost <= later else 1.0
