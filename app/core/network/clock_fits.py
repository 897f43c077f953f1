"""The bands of all pairs of captures, with those captures cut in eras whose clocks were set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.network.bands import Flags
from app.core.network.clock_eras import Gap, Jump, Rows, eras_of, find_settings, jumps_of
from app.core.network.clock_links import Link
from app.core.network.clock_pairs import fit_pair
from app.core.network.matched_times import MatchedTimes
from app.core.network.pair_clock import PairClock

# Frames of one file are out of order by less; more, and its clock was set back.
GOES_BACK_NS = 100_000_000


@dataclass(frozen=True, slots=True)
class Era:
    """A time within which the clock of a capture only drifts. `number` counts those of one capture by frames."""

    capture: int
    number: int


@dataclass(frozen=True, slots=True)
class LinkedEras:
    """`links[far][near]` by index of era; `settings` of each capture lie between its eras."""

    eras: tuple[Era, ...]
    links: list[dict[int, Link]]
    settings: list[list[Gap]]


@dataclass(frozen=True, slots=True)
class PairFits:
    """`rank` is each capture's place on the path, client first; captures of one point are equal and never linked."""

    matched: MatchedTimes
    rank: Sequence[int]

    def pairs(self) -> Iterator[tuple[int, int]]:
        """(the capture whose raw time is the axis, the other)."""
        for first in range(len(self.rank)):
            for second in range(first + 1, len(self.rank)):
                if self.rank[first] != self.rank[second]:
                    yield self.turned(first, second, self.matched.pair(first, second))

    def turned(self, first: int, second: int, rows: Rows) -> tuple[int, int]:
        """A clock that was set back is no axis of time: then the other one is."""
        in_file_order = rows[np.argsort(self.matched.frames[rows, first], kind="stable")]
        goes_back = bool((np.diff(self.matched.times[in_file_order, first]) < -GOES_BACK_NS).any())
        return (second, first) if goes_back else (first, second)

    def directed(self, axis: int, other: int) -> Rows:
        """What both have and whose direction is known."""
        rows = self.matched.pair(axis, other)
        return np.asarray(rows[self.matched.directions[rows] != 0])

    def is_forward(self, axis: int, other: int, rows: Rows) -> Flags:
        """Whether each reached the capture of the axis first."""
        is_axis_near = self.rank[axis] < self.rank[other]
        return np.asarray((self.matched.directions[rows] > 0) == is_axis_near, dtype=bool)

    def fit(self, axis: int, other: int, rows: Rows) -> PairClock | None:
        rows = rows[self.matched.directions[rows] != 0]
        times = self.matched.times[rows, axis], self.matched.times[rows, other]
        return fit_pair(*times, self.is_forward(axis, other, rows))


def link_eras(fits: PairFits, reference: int) -> LinkedEras:
    pairs: dict[tuple[int, int], PairClock] = {}
    jumps: list[Jump] = []
    for ends in fits.pairs():
        rows = fits.directed(*ends)
        pair = fits.fit(*ends, rows)
        if pair is not None:
            pairs[ends] = pair
            jumps.extend(jumps_of(pair, ends, rows, fits.is_forward(*ends, rows), fits.matched))
    settings = find_settings(jumps, pairs, fits.matched, reference, fits.fit)
    eras = tuple(Era(capture, number) for capture, gaps in enumerate(settings) for number in range(len(gaps) + 1))
    places = {era: index for index, era in enumerate(eras)}
    links: list[dict[int, Link]] = [{} for _ in eras]
    for (axis, other), pair in pairs.items():
        is_whole = not settings[axis] and not settings[other]
        parts = [(Era(axis, 0), Era(other, 0), pair)] if is_whole else _parts(fits, axis, other, settings)
        for near, far, part in parts:
            links[places[far]][places[near]] = Link(part, is_turned=False)
            links[places[near]][places[far]] = Link(part, is_turned=True)
    return LinkedEras(eras, links, settings)


def _parts(
    fits: PairFits, first: int, second: int, settings: Sequence[Sequence[Gap]]
) -> Iterator[tuple[Era, Era, PairClock]]:
    """(era of the axis, era of the other, their band) for every two eras that share datagrams."""
    rows = fits.directed(first, second)
    numbers = np.stack([eras_of(fits.matched, capture, settings[capture])[rows] for capture in (first, second)], axis=1)
    for own in np.unique(numbers[(numbers >= 0).all(axis=1)], axis=0).tolist():
        some = rows[(numbers == own).all(axis=1)]
        eras = {capture: Era(capture, number) for capture, number in zip((first, second), own, strict=True)}
        axis, other = fits.turned(first, second, some)
        part = fits.fit(axis, other, some)
        if part is not None:
            yield eras[axis], eras[other], part
