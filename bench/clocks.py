"""How often the true offset of two clocks lies in the band, how wide it is and how far off the best guess is.

    python bench/clocks.py [--cases 20000] [--only KIND …]

Simulates captures of seconds to a day with offsets up to days, drifts of crystals, queues, unequal delays and few or
many datagrams; with traffic both ways, one way only (the band has one side), and with a clock that is set in the middle
of the capture, by much (20 datagrams at least) or by any time from a thousandth of a second to ten seconds (5 datagrams
at least), at once or slewed. At least 99.9 % of all bands must hold the true offset; "at least" is the share that the
number of misses proves with 95 %. Where all the delay is on one way, the true offset lies at the edge of the band.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from functools import partial
from math import exp, lgamma, log, log1p
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.core.network.clock_pairs import fit_pair
from app.core.network.pair_clock import PairClock, Segment
from app.core.network.possible_settings import Bounds
from tests.core.clock_world import TwoClocks, any_two_clocks

JUMPS_S = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)
SURE = 0.95
SLEW_RATE = 500e-6  # of NTP
USUAL = {"datagrams": 20, "delay_s": 0.0004, "asymmetry": 1.0, "queue_s": 0.0002, "forward_share": 0.5}
KINDS: dict[str, dict[str, object]] = {
    "both ways": {},
    "one way": {"is_one_way": True},
    "twenty, usual queues, 20 s": {**USUAL, "span_s": 20.0},
    "twenty, usual queues, 600 s": {**USUAL, "span_s": 600.0},
    **{
        f"twenty, {delays}, set by {jump_s} s": {**USUAL, "asymmetry": asymmetry, "span_s": 60.0, "jump_s": jump_s}
        for delays, asymmetry in (("usual queues", 1.0), ("delay one way", 0.02))
        for jump_s in (0.0003, 0.001, 0.003)
    },
    "set meanwhile": {"is_set": True},
    "set meanwhile, one way": {"is_set": True, "is_one_way": True},
    **{f"set by {jump_s} s": {"jump_s": jump_s} for jump_s in JUMPS_S},
    **{f"set by {jump_s} s, one way": {"jump_s": jump_s, "is_one_way": True} for jump_s in JUMPS_S},
    **{f"slewed by {jump_s} s": {"jump_s": jump_s, "slew_rate": SLEW_RATE} for jump_s in (0.001, 0.01, 0.1)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--only", nargs="*", choices=sorted(KINDS), default=KINDS)
    asked = parser.parse_args()
    print(f"{'':40} cases missed  held %  at least no clock  width ms: median, 95 %   error ms: median, 95 %")
    for kind in asked.only:
        seeds = range(asked.first, asked.first + asked.cases)
        simulate(kind, (any_two_clocks(seed, **KINDS[kind]) for seed in seeds))  # type: ignore[arg-type]


def simulate(kind: str, worlds: Iterable[TwoClocks]) -> None:
    """Where a clock is set, each part has a band of its own, and all must hold."""
    cases = missed = none = 0
    errors: list[float] = []
    widths: list[float] = []
    for world in worlds:
        cases += 1
        pair = fit_pair(world.first_ns, world.second_ns, world.is_forward)
        if pair is None:
            none += 1
            continue
        bands = [pair.bounds_at(segment, segment.middle_s) for segment in pair.segments]
        missed += not all(map(partial(holds, world, pair), pair.segments, bands))
        errors.append(abs(pair.best(pair.middle_ns) - true_at(world, pair, pair.middle_ns)))
        lower, upper = bands[pair.segments.index(pair.main)]
        widths.append(float("inf") if lower is None or upper is None else upper - lower)
    share = 100 * (1 - missed / (cases - none))
    print(
        f"{kind:40} {cases:5} {missed:6} {share:7.3f} {100 * (1 - most_missed(missed, cases - none)):9.3f} {none:8}",
        end="  ",
    )
    print(f"{_ms(widths, 0.5)} {_ms(widths, 0.95)}      {_ms(errors, 0.5)} {_ms(errors, 0.95)}", flush=True)


def most_missed(missed: int, cases: int) -> float:
    """The greatest share of misses of which so few are seen more rarely than one is sure (Clopper and Pearson)."""
    low, high = missed / cases, 1.0
    while high - low > 1e-7:
        share = (low + high) / 2
        few = sum(exp(_log_chance(count, cases, share)) for count in range(missed + 1))
        low, high = (share, high) if few > 1 - SURE else (low, share)
    return high


def _log_chance(count: int, cases: int, share: float) -> float:
    ways = lgamma(cases + 1) - lgamma(count + 1) - lgamma(cases - count + 1)
    return ways + count * log(share) + (cases - count) * log1p(-share)


def _ms(values: list[float], share: float) -> str:
    return f"{sorted(values)[int(len(values) * share)] * 1000:10.3f}"


def holds(world: TwoClocks, pair: PairClock, segment: Segment, band: Bounds) -> bool:
    lower, upper = band
    true = true_at(world, pair, pair.base_ns + round(segment.middle_s * 1e9))
    return (lower is None or lower <= true) and (upper is None or true <= upper)


def true_at(world: TwoClocks, pair: PairClock, raw_ns: int) -> float:
    return world.true_offset(raw_ns) - pair.base_offset_ns / 1e9


if __name__ == "__main__":
    main()
