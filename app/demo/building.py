"""The usual network of the scenarios, and the small functions that they are built with.

terminals – access switch – [uplink] – router – [fw-outside] – firewall – [fw-inside] – core switch – server
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.demo.hosts import ServerPlan, TerminalPlan
from app.demo.inode import InodeStyle
from app.demo.network import RIGHT_CLOCK, Device, HostClock, Path
from app.demo.rules import Rule
from app.demo.taps import Tap

LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

# Patches of a check result that goes whole, in fragments, deflated and whole, and deflated and yet in fragments.
SMALL, BAND, PACKED, VERY_LONG = 24, 196, 262, 340


def line(
    access: Iterable[Rule] = (),
    router: Iterable[Rule] = (),
    firewall: Iterable[Rule] = (),
    core: Iterable[Rule] = (),
    router_mtu: int = 1500,
    firewall_is_balancing: bool = False,
    router_is_balancing: bool = False,
) -> Path:
    """The usual path, with rules at its devices."""
    return (
        "client",
        Device("access", tuple(access), is_routing=False, delay_s=0.000_05, jitter_s=0.000_04),
        "uplink",
        Device("router", tuple(router), mtu=router_mtu, address="10.16.1.254", is_balancing=router_is_balancing),
        "fw-outside",
        Device("firewall", tuple(firewall), delay_s=0.000_6, jitter_s=0.000_5, is_balancing=firewall_is_balancing),
        "fw-inside",
        Device("core", tuple(core), delay_s=0.000_1),
        "server",
    )


def terminals(
    patches: Sequence[int], clocks: Sequence[HostClock] = (), apart_s: float = 0.8, **changes: object
) -> tuple[TerminalPlan, ...]:
    """One terminal for each number of patches, on 10.16.1.0/24, with log styles that differ; `changes` apply to all."""
    return tuple(_terminal(number, count, clocks, apart_s, changes) for number, count in enumerate(patches, 1))


STYLES = (
    InodeStyle(body="lines"),
    InodeStyle(body="indented"),
    InodeStyle(encoding="gb18030", body="lines", has_stray_marks=True),
    InodeStyle(newline="\n", body="one-line"),
)


def _terminal(
    number: int, count: int, clocks: Sequence[HostClock], apart_s: float, changes: dict[str, object]
) -> TerminalPlan:
    rng = random.Random(f"terminal {number}")
    plan = TerminalPlan(
        user=f"2031{number:03d}@HQ",
        mac=f"3C:52:82:{rng.randrange(256):02X}:{rng.randrange(256):02X}:{number:02X}",
        ip=f"10.16.1.{10 + number}",
        patches=count,
        begin_s=2.0 + (number - 1) * apart_s + rng.random() * 0.4,
        event_id="".join(rng.choice(LETTERS) for _ in range(8)),
        port=rng.randrange(49_152, 65_000),
        check_s=5.0 + rng.random() * 3,
        repeated=1 if count > 100 else 0,
        clock=clocks[number - 1] if number <= len(clocks) else RIGHT_CLOCK,
        style=STYLES[(number - 1) % len(STYLES)],
    )
    return replace(plan, **changes)  # type: ignore[arg-type]  # the keys are TerminalPlan's own, checked by replace


def client_taps(plans: Sequence[TerminalPlan], **changes: object) -> tuple[Tap, ...]:
    """A capture on each of these terminals, whose folder follows from its user."""
    return tuple(
        replace(
            Tap("client", f"terminal-{int(plan.user[4:7]):02d}/client.pcap", plan.ip, plan.clock),
            **changes,  # type: ignore[arg-type]
        )
        for plan in plans
    )


def server_tap(server: ServerPlan, **changes: object) -> Tap:
    """A capture on the server itself, on the clock of its log."""
    return replace(Tap("server", "server/server.pcap", server.ip, server.clock), **changes)  # type: ignore[arg-type]


def mirror(place: str, **changes: object) -> Tap:
    """A mirror port at a place, named after it."""
    suffix = ".pcapng" if changes.get("form") == "pcapng" else ".pcap"
    return replace(Tap(place, f"mirror/{place}{suffix}"), **changes)  # type: ignore[arg-type]
