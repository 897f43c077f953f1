"""The clock of every capture against one reference, as a band, from the datagrams that captures share.

Every pair of captures that saw the same datagrams gives a band (`clock_pairs`); where a clock was set, its capture is
taken for one before and one after (`clock_eras`). Captures that share nothing with the reference are reached through
others, along the narrowest chain; where several chains lead to one capture they must agree, and together they are
tighter than each alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.analysis import Clock
from app.core.network.clock_eras import Gap
from app.core.network.clock_fits import LinkedEras, PairFits, link_eras
from app.core.network.clock_links import clamped, total
from app.core.network.clock_settings import Setting, whole_clock
from app.core.network.matched_times import MatchedTimes
from app.core.network.observations import Observation
from app.core.network.possible_settings import Bounds
from app.core.network.wide_bands import with_reasons
from app.core.records import Text

# Bands of different chains that miss each other by less than this are time stamp noise.
CLOSING_SLACK_S = 1e-3

REFERENCE = Text("the reference: all other clocks are told against it", "基准时钟：其他时钟都以它为准")
BOTH_WAYS = Text("matched datagrams in both directions", "双向匹配的报文")
ONE_WAY = Text(
    "matched datagrams in one direction only: an offset cannot be told from a delay, so it is known up to the delay",
    "只有单向匹配的报文：无法区分时钟偏差与传输时延，只能确定到时延以内",
)
CHAINED = Text("matched datagrams in both directions, through other captures", "经其他抓包的双向匹配报文推算")
NO_LINK = Text("no datagram is shared with any other capture", "与其他抓包没有共同的报文")
OWN_GROUP = Text(
    "not linked to the reference: shares datagrams only with captures that are not linked either",
    "与基准时钟没有联系：只与同样没有联系的抓包有共同报文",
)
BY_HAND = Text("given by hand", "人工指定")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Bands of two chains to the same capture that do not meet: an order of points, or a match, must be wrong."""

    capture: int
    through: int
    gap_s: float


@dataclass(frozen=True, slots=True)
class ClockNet:
    """`clocks` by capture index. `parts[i]` is the number of the linked part; only within a part do times compare."""

    clocks: tuple[Clock, ...]
    parts: tuple[int, ...]
    contradictions: tuple[Contradiction, ...]
    tree: tuple[int | None, ...]  # the capture through which each clock is known

    def time_of(self, seen: Observation) -> int:
        """When it was seen, on the clock of its part's root."""
        return self.clocks[seen.capture].to_reference(seen.time_ns, seen.frame)


def fit_clocks(
    matched: MatchedTimes,
    rank: Sequence[int],
    reference: int,
    manual_s: Sequence[float],
    sources: Sequence[str],
) -> ClockNet:
    """`rank` is each capture's place on the path, client first; captures of one point are equal and never linked."""
    return _Builder(link_eras(PairFits(matched, rank), reference), manual_s, sources, matched).build(reference)


class _Builder:
    """Grows a tree of the narrowest chains from each part's root. Indices count eras, but where captures are named."""

    def __init__(
        self,
        linked: LinkedEras,
        manual_s: Sequence[float],
        sources: Sequence[str],
        matched: MatchedTimes,
    ) -> None:
        self._eras = linked.eras
        self._links = linked.links  # links[far][near]
        self._settings = linked.settings
        self._manual = manual_s
        self._sources = sources
        self._matched = matched
        self._parents: list[int | None] = [None] * len(linked.eras)
        self._parts = [-1] * len(linked.eras)
        self._roots: list[int] = []
        self._contradictions: list[Contradiction] = []

    def build(self, reference: int) -> ClockNet:
        first = next(index for index, era in enumerate(self._eras) if era.capture == reference)
        for root in (first, *sorted(range(len(self._links)), key=lambda index: -len(self._links[index]))):
            if self._parts[root] == -1:
                self._grow(root, len(self._roots))
                self._roots.append(root)
        clocks = [self._clock(index) for index in range(len(self._eras))]
        mains = [self._main(capture, clocks) for capture in range(len(self._settings))]
        parents = [self._parents[main] for main in mains]
        return ClockNet(
            tuple(self._whole(main, clocks) for main in mains),
            tuple(self._parts[main] for main in mains),
            tuple(self._contradictions),
            tuple(None if parent is None else self._eras[parent].capture for parent in parents),
        )

    def _grow(self, root: int, part: int) -> None:
        queue: list[tuple[float, int, int | None]] = [(0.0, root, None)]
        while queue:
            cost, era, parent = heapq.heappop(queue)
            if self._parts[era] != -1:
                continue
            self._parts[era], self._parents[era] = part, parent
            for far in range(len(self._links)):
                link = self._links[far].get(era)
                if link is not None and self._parts[far] == -1:
                    heapq.heappush(queue, (cost + link.cost, far, era))

    def _chain(self, era: int, raw_ns: int) -> tuple[int, Bounds, float]:
        """(offset of the era against its root in ns, bounds and likeliest value in seconds around it) then."""
        shift, best = 0, 0.0
        bounds: Bounds = (0.0, 0.0)
        parent = self._parents[era]
        while parent is not None:
            link = self._links[era][parent]
            step, around = link.shift_ns(raw_ns)
            likeliest = link.best(raw_ns)
            bounds = (total(bounds[0], around[0]), total(bounds[1], around[1]))
            best += likeliest
            raw_ns += step - round(likeliest * 1e9)
            shift -= step
            era, parent = parent, self._parents[parent]
        return shift, bounds, best

    def _clock(self, era: int) -> Clock:
        """Of one era, as if there were no others."""
        capture, parent = self._eras[era].capture, self._parents[era]
        manual, is_linked = self._manual[capture], self._parts[era] == 0
        if parent is None:
            return self._root_clock(era, is_linked, manual)
        link = self._links[era][parent]
        middle = link.middle_of_far()
        shift_ns, bounds, best = self._chain(era, middle)
        bounds = self._tighten(era, middle, shift_ns, bounds)
        lower, upper = (total(bound, shift_ns / 1e9 + manual) for bound in bounds)
        has_both = lower is not None and upper is not None
        method = (CHAINED if self._parents[parent] is not None else BOTH_WAYS) if has_both else ONE_WAY
        if has_both and link.pair.has_both:
            method = with_reasons(method, link.pair)
        return Clock(
            offset_s=clamped(best, bounds) + shift_ns / 1e9 + manual,
            lower_s=lower,
            upper_s=upper,
            drift_ppm=self._drift(era) * 1e6,
            uncertainty_s=(upper - lower) / 2 if lower is not None and upper is not None else None,
            quality=("both ways" if has_both else "one way") if is_linked else "unknown",
            reference=self._sources[self._eras[self._roots[self._parts[era]]].capture],
            method=method if is_linked else OWN_GROUP,
            middle_ns=middle,
            matched=link.pair.matched,
            manual_s=manual,
        )

    def _drift(self, era: int) -> float:
        """Against the root."""
        drift, parent = 0.0, self._parents[era]
        while parent is not None:
            drift += self._links[era][parent].drift
            era, parent = parent, self._parents[parent]
        return drift

    def _root_clock(self, era: int, is_reference: bool, manual: float) -> Clock:
        if is_reference:
            own = self._sources[self._eras[era].capture]
            return Clock(manual, manual, manual, 0.0, 0.0, "reference", own, REFERENCE, manual_s=manual)
        if manual:
            return Clock(manual, quality="given", method=BY_HAND, manual_s=manual)
        return Clock(method=OWN_GROUP if self._links[era] else NO_LINK)

    def _tighten(self, era: int, raw_ns: int, shift_ns: int, bounds: Bounds) -> Bounds:
        """Meet the bands of all other chains that end in a link to this era."""
        lower, upper = bounds
        for near, link in self._links[era].items():
            if near == self._parents[era] or self._parts[near] != self._parts[era] or self._is_under(near, era):
                continue
            step, around = link.shift_ns(raw_ns)
            near_raw = raw_ns + step - round(link.best(raw_ns) * 1e9)
            chain_shift, chain_bounds, _ = self._chain(near, near_raw)
            apart = (chain_shift - step - shift_ns) / 1e9
            low = total(total(around[0], chain_bounds[0]), apart)
            high = total(total(around[1], chain_bounds[1]), apart)
            new_lower = max((bound for bound in (lower, low) if bound is not None), default=None)
            new_upper = min((bound for bound in (upper, high) if bound is not None), default=None)
            if new_lower is not None and new_upper is not None and new_lower > new_upper:
                self._contradict(era, near, new_lower - new_upper)
                continue
            lower, upper = new_lower, new_upper
        return lower, upper

    def _contradict(self, era: int, near: int, gap_s: float) -> None:
        ends = {self._eras[era].capture, self._eras[near].capture}
        if gap_s > CLOSING_SLACK_S and not any({old.capture, old.through} == ends for old in self._contradictions):
            self._contradictions.append(Contradiction(self._eras[era].capture, self._eras[near].capture, gap_s))

    def _is_under(self, era: int, ancestor: int) -> bool:
        at: int | None = era
        while at is not None:
            if at == ancestor:
                return True
            at = self._parents[at]
        return False

    # ------------------------------------------------------------ eras of one capture together

    def _own(self, capture: int) -> list[int]:
        return [index for index, era in enumerate(self._eras) if era.capture == capture]

    def _main(self, capture: int, clocks: Sequence[Clock]) -> int:
        """The era that is told as the clock of the capture: a root if any, else the one that knows most."""
        return max(
            self._own(capture),
            key=lambda index: (
                -self._parts[index],
                self._parents[index] is None,
                clocks[index].uncertainty_s is not None,
                clocks[index].matched,
            ),
        )

    def _whole(self, main: int, clocks: Sequence[Clock]) -> Clock:
        capture = self._eras[main].capture
        return whole_clock(
            clocks[main],
            [clocks[index] if self._parts[index] == self._parts[main] else None for index in self._own(capture)],
            [self._first_after(capture, gap) for gap in self._settings[capture]],
        )

    def _first_after(self, capture: int, gap: Gap) -> Setting:
        row = np.flatnonzero(self._matched.frames[:, capture] == gap.first)[0]
        return Setting(int(self._matched.times[row, capture]), gap.first, gap.is_sure)
