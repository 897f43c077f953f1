"""Whatever happens to datagrams between two points, the same ones are found the same, and no other."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.analysis import Role, Seen
from app.core.network.tracing import CaptureInput, NetworkSettings, TracedDatagram, trace_network
from app.core.records import Packet
from tests.core.net_world import PORT, SERVER, Sent, Tap, World, chain, message, refragment, translate

NAMES = ("client", "one", "two", "three", "server")
OUTSIDE = "198.51.100.7"


@dataclass(frozen=True)
class Fortune:
    seed: int
    loss: float
    loss_at: int  # behind this tap
    is_translated: bool
    mtu: int | None
    mirrors: int
    snap: int | None
    offsets: tuple[float, ...]
    drifts: tuple[float, ...]


fortunes = st.builds(
    Fortune,
    seed=st.integers(0, 10_000),
    loss=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    loss_at=st.integers(0, 3),
    is_translated=st.booleans(),
    mtu=st.sampled_from((None, 1280, 576)),
    mirrors=st.sampled_from((1, 2)),
    snap=st.sampled_from((None, 96, 68)),
    offsets=st.tuples(*[st.floats(-90_000, 90_000)] * 4),
    drifts=st.tuples(*[st.floats(-90, 90)] * 4),
)


def build(fortune: Fortune) -> tuple[World, list[Sent]]:
    """Twelve terminals' worth of exchanges; the serial of each datagram is in its payload and its identification."""
    chance = random.Random(fortune.seed)
    taps = [Tap("client", 0, role=Role.CLIENT)]
    for number, name in enumerate(NAMES[1:]):
        taps.append(
            Tap(
                name, number + 1, 0.0004 * (number + 1), fortune.offsets[number], fortune.drifts[number],
                role=Role.SERVER if name == "server" else None,
                mirrors=fortune.mirrors if name == "two" else 1, snap=fortune.snap if name == "three" else None,
            )
        )  # fmt: skip
    world = World(*taps)

    def lose(packets: list[Packet], datagram: Sent) -> list[Packet]:
        return [packet for packet in packets if chance.random() >= fortune.loss] if datagram.is_to_server else packets

    world.behind("one", refragment(fortune.mtu or 1500))
    if fortune.is_translated:
        world.behind("two", translate("10.1.1.1", OUTSIDE, 61_001))
    name = NAMES[fortune.loss_at]
    world.behind(name, chain(*(device for device in (world.devices.get(name), lose) if device is not None)))
    sent: list[Sent] = []
    for serial in range(1, 25):
        at_s = serial * 1.7
        body = message(3 if serial % 3 else 1, serial // 4, 2600 if serial % 3 else 300)
        sent.append(Sent(at_s, "10.1.1.1", SERVER, 40_001, PORT, body, 5000 + serial))
        to = OUTSIDE if fortune.is_translated else "10.1.1.1"
        port = 61_001 if fortune.is_translated else 40_001
        sent.append(Sent(at_s + 0.3, SERVER, to, PORT, port, message(2, serial, 400), 9000 + serial))
    for datagram in sent:
        world.send(datagram)
    return world, sent


def truth(world: World, name: str) -> dict[int, set[tuple[int, int]]]:
    """Identification → byte ranges that the tap really saw."""
    found: dict[int, set[tuple[int, int]]] = {}
    for tap in world.taps:
        if tap.name == name:
            for packet in tap.packets:
                assert packet.identification is not None
                found.setdefault(packet.identification, set()).add((packet.offset_bytes, packet.end_bytes))
    return found


def covers(ranges: set[tuple[int, int]], start: int, end: int) -> bool:
    at = start
    for low, high in sorted(ranges):
        if low <= at < high:
            at = high
    return at >= end


def is_wider(leg: tuple[str, str], true_leg: tuple[int, int]) -> bool:
    first, second = NAMES.index(leg[0]), NAMES.index(leg[1])
    return first <= true_leg[0] and second >= true_leg[1]


@settings(max_examples=20)
@given(fortunes)
def test_every_datagram_is_found_once_with_what_each_point_saw(fortune: Fortune) -> None:
    world, sent = build(fortune)
    facts = trace_network(world.captures(), NetworkSettings())
    assert [point.name for point in facts.points] == list(NAMES)
    found = sorted(one.fate.identification or 0 for one in facts.traced)
    assert found == sorted(one.identification or 0 for one in sent)
    for name in NAMES:
        saw = truth(world, name)
        for one in facts.traced:
            ranges = saw.get(one.fate.identification or 0, set())
            for fragment in one.fate.fragments:
                sighting = fragment.sightings[name]
                is_seen = covers(ranges, fragment.offset, fragment.offset + fragment.length)
                assert (sighting.state == Seen.SEEN) == is_seen
    for one in facts.traced:
        if one.fate.lost_between is not None:
            assert is_wider(one.fate.lost_between, (fortune.loss_at, fortune.loss_at + 1))
    for name, clock in facts.clocks.items():
        tap = next(tap for tap in world.taps if tap.file == name)
        if clock.quality == "both ways":
            middle_s = (clock.middle_ns - tap.raw_ns(0.0)) / 1e9
            assert clock.lower_s is not None and clock.upper_s is not None
            assert clock.lower_s - 1e-6 <= tap.offset_at(middle_s) <= clock.upper_s + 1e-6


def outline(traced: tuple[TracedDatagram, ...]) -> list[tuple[object, ...]]:
    return sorted(
        (
            one.fate.identification,
            one.fate.lost_between or (),
            tuple(
                (fragment.offset, fragment.length, *(fragment.sightings[name].state.value for name in NAMES))
                for fragment in one.fate.fragments
            ),
        )
        for one in traced
    )


@settings(max_examples=8)
@given(fortunes, st.randoms(use_true_random=False))
def test_the_order_of_files_and_datagrams_changes_nothing(fortune: Fortune, chance: random.Random) -> None:
    captures = build(fortune)[0].captures()
    shuffled: list[CaptureInput] = []
    for capture in captures:
        datagrams = list(capture.datagrams)
        chance.shuffle(datagrams)
        shuffled.append(replace(capture, datagrams=tuple(datagrams)))
    chance.shuffle(shuffled)
    assert outline(trace_network(captures, NetworkSettings()).traced) == outline(
        trace_network(shuffled, NetworkSettings()).traced
    )


@settings(max_examples=8)
@given(fortunes, st.tuples(*[st.floats(-5000, 5000)] * 4))
def test_clock_offsets_change_no_fate(fortune: Fortune, offsets: tuple[float, ...]) -> None:
    first, _ = build(fortune)
    second, _ = build(replace(fortune, offsets=offsets))
    assert outline(trace_network(first.captures(), NetworkSettings()).traced) == outline(
        trace_network(second.captures(), NetworkSettings()).traced
    )
