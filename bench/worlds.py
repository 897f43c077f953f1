"""Many random worlds, each fault made as small as it can be.

    python bench/worlds.py [--from 0] [--worlds 1000] [--only NAME …] [--with NAME …]

A fault is a loss told that was none or on another leg, two datagrams taken for one for certain, a clock outside its
band. What is tolerated (`TOLERATED` in tests/core/worlds/judge.py) is counted and not shown. `--with` puts disturbances
into every world: those of STRAIN (tests/core/worlds/plan.py) where no name follows.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.core.worlds.judge import TOLERATED, Fault, try_world
from tests.core.worlds.plan import DISTURBANCES, STRAIN, Plan, plan_of


def smallest(plan: Plan, kind: str) -> Plan:
    """The plan with as few disturbances as still show a fault of that kind."""
    for name in DISTURBANCES:
        if name in plan.names and any(fault.kind == kind for fault in try_world(plan.without(name)).faults):
            plan = plan.without(name)
    return plan


def soak(first: int, count: int, only: frozenset[str] | None, also: frozenset[str]) -> Iterator[tuple[Plan, Fault]]:
    told = losses = 0
    kinds: Counter[str] = Counter()
    for seed in range(first, first + count):
        plan = plan_of(seed, only, also)
        trial = try_world(plan)
        told, losses = told + trial.told, losses + trial.losses
        for kind in sorted({fault.kind for fault in trial.faults}):
            kinds[kind] += 1
            if kind in TOLERATED:
                continue
            small = smallest(plan, kind)
            yield small, next(fault for fault in try_world(small).faults if fault.kind == kind)
    print(f"{count} worlds, {told} of {losses} losses told on their leg; worlds with {dict(kinds) or 'no fault'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=sorted(DISTURBANCES))
    parser.add_argument("--with", nargs="*", choices=sorted(DISTURBANCES), dest="also")
    asked = parser.parse_args()
    only = None if asked.only is None else frozenset(asked.only)
    also = frozenset() if asked.also is None else frozenset(asked.also) or STRAIN
    for plan, fault in soak(asked.first, asked.worlds, only, also):
        print(f"{fault.kind}: {plan}\n    {fault.text}", flush=True)


if __name__ == "__main__":
    main()
