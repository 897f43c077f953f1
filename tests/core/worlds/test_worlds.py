"""In no random world is a loss told that was none, nor two datagrams taken for one for certain; and where nothing hides
it, every loss is told on its leg.

`EADSCOPE_WORLDS` says how many worlds; `python bench/worlds.py` makes those with a fault smaller.
"""

from __future__ import annotations

import os

import pytest

from app.core.network.tracing import NetworkSettings, trace_network
from tests.core.worlds.judge import TOLERATED, judge, missed_losses, true_leg
from tests.core.worlds.plan import DISTURBANCES, HIDING, STRAIN, Plan, make, plan_of

WORLDS = int(os.environ.get("EADSCOPE_WORLDS", "240"))
BATCHES = 8
# Worlds that showed a fault which no smaller test holds.
FOUND = (
    # Two terminals of one port: a wrong match made the one look like the other behind a translation.
    Plan(70441, frozenset({"late", "terminal", "random loss", "foreign fragments"})),
    # A datagram without an identification, after its only capture's clock was set back into the hours of another one.
    Plan(60408, frozenset({"early", "step", "ipv6", "foreign fragments"})),
    # A clock that was set ahead, and only datagrams of one way to tell it: they look like a queue of seconds.
    Plan(70339, frozenset({"step", "terminal", "rewriting", "random loss", "early"})),
    Plan(70471, frozenset({"step", "short identifications", "foreign fragments", "loss at a device", "one way"})),
    # One identification that a device gave by chance to another attempt linked the captures before and behind it.
    Plan(
        20465,
        frozenset({"short identifications", "foreign fragments", "terminal", "rewriting", "loss at a device"}),
    ),
    Plan(50789, frozenset({"short identifications", "rewriting", "random loss"})),
    Plan(200858, frozenset({"short identifications", "terminal", "rewriting", "random loss"})),
    # A few names that were equal by chance were taken as proof that no device gives others.
    Plan(70656, frozenset({"short identifications", "foreign fragments", "rewriting", "loss at a device"})),
    # Equal heartbeats of two terminals, the one lost where the other passed, looked like one that was translated.
    Plan(20110, frozenset({"ipv6", "terminal", "random loss"})),
    # Identifications that came round within two seconds: a first fragment was given the later ones of another.
    Plan(10424, frozenset({"foreign fragments", "rewriting", "random loss", "equal paths"})),
    # Two terminals of one port were taken for one datagram, each captured on itself, behind a device that changes all.
    Plan(500083, frozenset({"terminal", "translation", "rewriting", "refragmentation", "random loss"})),
    # Heavy loss and a short capture leave few names in common, though every leg keeps them.
    Plan(500148, frozenset({"terminal", "translation", "random loss", "early"})),
    # As many names were equal by chance as had no equal, behind a device that translates as well.
    Plan(
        78,
        frozenset(
            ["short identifications", "no identifications", "translation", "rewriting", "random loss", "fewer points"]
        ),
    ),
    # What is translated before one capture is no second flow at the next.
    Plan(208, frozenset({"offsets", "translation", "rewriting", "equal paths"})),
    # What a device cut behind a point, and the point showed whole, was taken for later fragments seen there.
    Plan(41, frozenset({"refragmentation", "loss at a device", "equal paths"})),
    # A device put fragments together, and a point behind it on one of two paths shows later fragments, not these ports.
    Plan(
        21,
        frozenset(
            [
                "terminal",
                "translation",
                "refragmentation",
                "reassembly on the way",
                "random loss",
                "equal paths",
            ]
        ),
    ),
    # Payloads agreed on one shift of the clocks before a clock was set, and on another after.
    Plan(189, frozenset({"step", "translation", "rewriting", "loss at a device"})),
    # The smallest stamp of a clock that was set back was taken for the beginning of the capture.
    Plan(900_250, frozenset({"step", "loss at a device", "late"})),
    # A clock that was set back after the last frame that others have as well.
    Plan(902_838, frozenset({"step", "terminal", "loss at a device", "late"})),
    # When a damaged file's frames were lost, by a clock that was set back nobody knows when.
    Plan(903_348, frozenset({"step", "foreign fragments", "random loss", "one way", "damage"})),
    # Identifications that came round within two seconds: later fragments of two datagrams without their first ones.
    Plan(910_093, frozenset({"foreign fragments", "rewriting", "random loss"})),
    Plan(901_291, frozenset({"foreign fragments", "terminal", "rewriting", "random loss"})),
    Plan(700_082, frozenset({"foreign fragments", "terminal", "rewriting", "loss at a device", "random loss"})),
    # A payload without a name, and the only one that two captures shared, was another attempt's.
    Plan(910_092, frozenset({"ipv6", "terminal", "refragmentation", "random loss", "late", "fewer points"})),
    Plan(911_161, frozenset({"ipv6", "random loss", "early"})),
    Plan(
        911_302,
        frozenset(
            ["no identifications", "translation", "rewriting", "refragmentation", "random loss", "damage"],
        ),
    ),
    # Equal heartbeats of two terminals at one moment, one behind a translation that nothing else showed.
    Plan(
        911_441,
        frozenset(["foreign fragments", "terminal", "translation", "rewriting", "random loss", "fewer points"]),
    ),
    Plan(
        911_441,
        frozenset(["no identifications", "foreign fragments", "terminal", "random loss", "silent server"]),
    ),
    # Equal heartbeats of two terminals got one identification by chance: the one looked like the other translated.
    Plan(901_245, frozenset({"short identifications", "foreign fragments", "terminal", "random loss", "fewer points"})),
)


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize(("also", "first"), [(frozenset(), 0), (STRAIN, 500_000)], ids=["usual", "strained"])
def test_no_loss_is_told_that_was_none_and_no_match_is_wrong_for_certain(
    batch: int, also: frozenset[str], first: int
) -> None:
    faults = []
    for seed in range(first + batch, first + (WORLDS // 2 if also else WORLDS), BATCHES):
        plan = plan_of(seed, also=also)
        made = make(plan)
        trial = judge(made, trace_network(made.world.captures(), NetworkSettings(order=made.order)))
        faults += [(str(plan), fault) for fault in trial.faults if fault.kind not in TOLERATED]
    assert faults == []


@pytest.mark.parametrize("plan", FOUND, ids=str)
def test_what_was_wrong_once_stays_right(plan: Plan) -> None:
    made = make(plan)
    trial = judge(made, trace_network(made.world.captures(), NetworkSettings(order=made.order)))
    assert [fault for fault in trial.faults if fault.kind not in TOLERATED] == []


@pytest.mark.parametrize("batch", range(BATCHES))
def test_where_nothing_hides_it_every_loss_is_told_on_its_leg(batch: int) -> None:
    open_ones = frozenset(DISTURBANCES) - HIDING
    losses, missed = 0, []
    for seed in range(batch, WORLDS // 2, BATCHES):
        plan = Plan(seed, plan_of(seed, open_ones).names | {"loss at a device"})
        made = make(plan)
        facts = trace_network(made.world.captures(), NetworkSettings(order=made.order))
        names = [point.name for point in facts.points]
        losses += sum(true_leg(made.world, serial, names) is not None for serial in range(len(made.world.sent)))
        missed += [(str(plan), fault) for fault in missed_losses(made, facts)]
    assert losses and missed == []
