"""A band between two clocks as a link of a chain: from the far clock to the near one and back."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.network.bands import Region
from app.core.network.pair_clock import PairClock
from app.core.network.possible_settings import Bounds

# What a chain pays for a link that is known on one side only: more than any band of both sides.
ONE_WAY_COST_S = 60.0


@dataclass(frozen=True, slots=True)
class Link:
    """A pair clock as seen from `near`: offset of `far` minus `near`. No clock was set within it, so its main segment
    stands for all; others hold wrong matches."""

    pair: PairClock
    is_turned: bool  # the pair was fitted as (far, near)

    @property
    def _region(self) -> Region:
        return self.pair.main.region

    def _ahead(self, far_raw_ns: int) -> float:
        """Seconds on the axis of the pair at that raw time of the far clock."""
        if self.is_turned:
            return (far_raw_ns - self.pair.base_ns) / 1e9
        guess = (far_raw_ns - self.pair.base_offset_ns - self.pair.base_ns) / 1e9
        return guess - self._region.best(guess - self._region.best(guess))

    def shift_ns(self, far_raw_ns: int) -> tuple[int, Bounds]:
        """(ns to add to the far clock to get the near one, around which the bounds in seconds of far - near lie)."""
        lower, upper = self.pair.bounds_at(self.pair.main, self._ahead(far_raw_ns))
        if self.is_turned:
            return self.pair.base_offset_ns, (_negate(upper), _negate(lower))
        return -self.pair.base_offset_ns, (lower, upper)

    def best(self, far_raw_ns: int) -> float:
        """The likeliest far - near in seconds, around the same shift."""
        value = self._region.best(self._ahead(far_raw_ns))
        return -value if self.is_turned else value

    @property
    def drift(self) -> float:
        return -self.pair.drift() if self.is_turned else self.pair.drift()

    @property
    def cost(self) -> float:
        # A hop costs a little by itself, so that equal bands take the shorter chain.
        return 1e-7 + (self.pair.width_s if self.pair.has_both else ONE_WAY_COST_S)

    def middle_of_far(self) -> int:
        middle = self.pair.middle_ns
        if self.is_turned:
            return middle
        ahead = (middle - self.pair.base_ns) / 1e9
        return middle + self.pair.base_offset_ns + round(self._region.best(ahead) * 1e9)


def _negate(value: float | None) -> float | None:
    return None if value is None else -value


def total(one: float | None, other: float | None) -> float | None:
    """The sum of two bounds; none where either is open."""
    return None if one is None or other is None else one + other


def clamped(value: float, bounds: Bounds) -> float:
    lower, upper = bounds
    if lower is not None and value < lower:
        return lower
    return upper if upper is not None and value > upper else value
