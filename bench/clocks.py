"""How often the true offset of two clocks lies in the band, and how far off the best guess is.

    python bench/clocks.py [--cases 20000]

Simulates captures of seconds to a day with offsets up to days, drifts of crystals, queues, unequal delays and few or
many datagrams; with traffic both ways, one way only (the band has one side), and with a clock that is set in the middle
of the capture (20 datagrams at least). At least 99.9 % of all bands must hold the true offset.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.core.network.clock_pairs import PairClock, Segment, fit_pair
from tests.core.clock_world import TwoClocks, any_two_clocks

KINDS = {
    "both ways": {},
    "one way": {"is_one_way": True},
    "set meanwhile": {"is_set": True},
    "set meanwhile, one way": {"is_set": True, "is_one_way": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    cases = parser.parse_args().cases
    for kind, made in KINDS.items():
        simulate(kind, (any_two_clocks(seed, **made) for seed in range(cases)))


def simulate(kind: str, worlds: Iterable[TwoClocks]) -> None:
    """Where a clock is set, each part has a band of its own, and all must hold."""
    cases = held = none = 0
    errors: list[float] = []
    widths: list[float] = []
    for world in worlds:
        cases += 1
        pair = fit_pair(world.first_ns, world.second_ns, world.is_forward)
        if pair is None:
            none += 1
            continue
        held += all(holds(world, pair, segment) for segment in pair.segments)
        errors.append(abs(pair.best(pair.middle_ns) - true_at(world, pair, pair.middle_ns)))
        widths.append(pair.width_s)
    errors.sort()
    widths.sort()
    share = 100 * held / (cases - none)
    print(f"{kind}: {cases} cases, {held} hold the true offset ({share:.3f} %), {none} without a clock")
    print(f"    error of the guess: median {errors[len(errors) // 2] * 1000:.3f} ms,", end=" ")
    print(f"95 % under {errors[int(len(errors) * 0.95)] * 1000:.3f} ms,", end=" ")
    print(f"median width of the band {widths[len(widths) // 2] * 1000:.3f} ms")


def holds(world: TwoClocks, pair: PairClock, segment: Segment) -> bool:
    middle_s = (segment.start_s + segment.end_s) / 2
    true = true_at(world, pair, pair.base_ns + round(middle_s * 1e9))
    lower, upper = segment.region.at(middle_s)
    return (lower is None or lower <= true) and (upper is None or true <= upper)


def true_at(world: TwoClocks, pair: PairClock, raw_ns: int) -> float:
    return world.true_offset(raw_ns) - pair.base_offset_ns / 1e9


if __name__ == "__main__":
    main()
