"""How often the true offset of two clocks lies in the band, and how far off the best guess is.

    python bench/clocks.py [--cases 20000]

Simulates captures of seconds to a day with offsets up to days, drifts of crystals, queues, unequal delays and few or
many datagrams. At least 99.9 % of all bands must hold the true offset.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.core.network.clock_pairs import fit_pair
from tests.core.clock_world import any_two_clocks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    cases = parser.parse_args().cases
    held, none, errors, widths = 0, 0, [], []
    for seed in range(cases):
        world = any_two_clocks(seed)
        pair = fit_pair(world.first_ns, world.second_ns, world.is_forward)
        if pair is None:
            none += 1
            continue
        true = world.true_offset(pair.middle_ns) - pair.base_offset_ns / 1e9
        lower, upper = pair.band(pair.middle_ns)
        if lower is not None and upper is not None and lower <= true <= upper:
            held += 1
            widths.append(upper - lower)
        errors.append(abs(pair.best(pair.middle_ns) - true))
    errors.sort()
    widths.sort()
    print(f"{cases} cases: {held} hold the true offset ({100 * held / (cases - none):.3f} %), {none} without a clock")
    print(f"error of the guess: median {errors[len(errors) // 2] * 1000:.3f} ms,", end=" ")
    print(f"95 % under {errors[int(len(errors) * 0.95)] * 1000:.3f} ms,", end=" ")
    print(f"median width of the band {widths[len(widths) // 2] * 1000:.3f} ms")


if __name__ == "__main__":
    main()
