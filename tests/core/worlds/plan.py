"""Random worlds: a path, the traffic of a few terminals, and disturbances that compose.

Each disturbance draws from a chance of its own, so that leaving one out changes none of the others: a world that shows
a fault can be made smaller until only what it takes is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from app.core.analysis import Role
from tests.core.net_world import Tap
from tests.core.worlds import disturbances as disturb
from tests.core.worlds.traffic import Traffic, run_traffic
from tests.core.worlds.true_world import TrueWorld

Disturb = Callable[[disturb.Making, Random], None]

# How often each is in a world. In this order: what changes packets, what loses them, what a capture fails to show.
DISTURBANCES: dict[str, tuple[float, Disturb]] = {
    "offsets": (0.8, disturb.set_offsets),
    "drifts": (0.5, disturb.let_drift),
    "step": (0.25, disturb.step_a_clock),
    "queues": (0.4, disturb.let_queue),
    "reordering": (0.1, disturb.reorder),
    "ipv6": (0.15, disturb.use_ipv6),
    "short identifications": (0.25, disturb.reuse_identifications),
    "no identifications": (0.15, disturb.leave_whole_unnamed),
    "foreign fragments": (0.3, disturb.add_foreign_fragments),
    "terminal": (0.5, disturb.capture_on_a_terminal),
    "translation": (0.25, disturb.translate),
    "rewriting": (0.2, disturb.rewrite),
    "refragmentation": (0.25, disturb.refragment),
    "reassembly on the way": (0.12, disturb.rejoin),
    "loss at a device": (0.5, disturb.lose_at_a_device),
    "random loss": (0.4, disturb.lose_at_random),
    "silent server": (0.2, disturb.silence_the_server),
    "equal paths": (0.2, disturb.hash_over_equal_paths),
    "twins": (0.2, disturb.mirror_twice),
    "one way": (0.08, disturb.mirror_one_way),
    "cut frames": (0.2, disturb.cut_frames),
    "filter": (0.15, disturb.filter_ports),
    "late": (0.15, disturb.start_late),
    "early": (0.15, disturb.end_early),
    "drops": (0.12, disturb.drop_frames),
    "damage": (0.1, disturb.damage_a_file),
    "fewer points": (0.3, disturb.leave_points_out),
}
# What makes a real loss look like something else, so that "unknown" is the honest answer somewhere.
HIDING = frozenset(
    {
        "step", "short identifications", "no identifications", "rewriting", "reassembly on the way", "random loss",
        "equal paths", "one way", "cut frames", "filter", "late", "early", "drops", "damage", "ipv6", "reordering",
        "fewer points",
    }
)  # fmt: skip
# A point on one of two equal paths can be told from a loss only by points behind it that see all.
BLINDING = frozenset({"one way", "filter", "late", "early", "drops", "damage", "fewer points"})
# All that parts what belongs together: rare in one world by chance.
STRAIN = frozenset({"translation", "rewriting", "refragmentation", "random loss"})


@dataclass(frozen=True)
class Plan:
    seed: int
    names: frozenset[str]

    def without(self, name: str) -> Plan:
        return Plan(self.seed, self.names - {name})

    def __str__(self) -> str:
        return f"seed {self.seed} with {', '.join(name for name in DISTURBANCES if name in self.names) or 'nothing'}"


def plan_of(seed: int, only: frozenset[str] | None = None, also: frozenset[str] = frozenset()) -> Plan:
    chance = Random(seed)
    drawn = {name for name, (share, _) in DISTURBANCES.items() if chance.random() < share}
    drawn |= also
    if "equal paths" in drawn:
        drawn -= BLINDING
    return Plan(seed, frozenset(drawn if only is None else drawn & only))


@dataclass
class Made:
    """A world after its traffic; `order` is what a user may have said of the path."""

    world: TrueWorld
    order: tuple[str, ...] = field(default=())


def make(plan: Plan) -> Made:
    chance = Random(f"{plan.seed} path")
    taps = _taps(chance)
    making = disturb.Making(plan.names, TrueWorld(*taps), Traffic(Random(f"{plan.seed} traffic")))
    is_told = chance.random() < 0.5
    for name, (_, apply) in DISTURBANCES.items():
        if name in plan.names:
            apply(making, Random(f"{plan.seed} {name}"))
    making.finish()
    run_traffic(making.world, making.traffic)
    return Made(making.world, tuple(tap.name for tap in making.world.taps) if is_told else ())


def _taps(chance: Random) -> list[Tap]:
    """Three to five points with routers between them; the last is the server's own."""
    count = chance.randint(3, 5)
    hops, delay_s = 0, 0.0
    taps = []
    for number in range(count):
        role = Role.SERVER if number == count - 1 else None
        taps.append(Tap(f"point-{number + 1}", hops, delay_s, role=role))
        hops += chance.randint(1, 2)
        delay_s += chance.choice((0.0002, 0.001, 0.02))
    return taps
