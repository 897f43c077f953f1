"""Whose clock was set, and between which frames."""

from __future__ import annotations

import random

import pytest

from app.core.network.tracing import NetworkFacts, NetworkSettings, trace_network
from tests.core.net_world import PORT, SERVER, Sent, Tap, World, message


def world_with(step: tuple[float, float], at: int, delays_s: tuple[float, ...], count: int = 60) -> World:
    """Traffic both ways, one second apart, with short queues."""
    chance = random.Random(7)
    taps = [Tap(f"point-{n}", n, delay_s, step=step if n == at else None) for n, delay_s in enumerate(delays_s)]
    world = World(*taps)
    for number in range(count):
        up = Sent(number, "10.1.1.1", SERVER, 40_001, PORT, message(1, number, 200), 100 + number)
        down = Sent(number + 0.4, SERVER, "10.1.1.1", PORT, 40_001, message(2, number, 200), 500 + number)
        for datagram in (up, down):
            world.send(datagram, jitter_s=lambda: chance.expovariate(1 / 0.0002))
    return world


def trace(world: World) -> NetworkFacts:
    return trace_network(world.captures(), NetworkSettings())


@pytest.mark.parametrize("jump_s", [-0.05, 0.05, -40.0, 3600.0])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_the_capture_whose_clock_was_set_is_told_and_no_other(jump_s: float, at: int) -> None:
    """Pairs of points far from each other do not show it, and their bands must not suffer from it."""
    world = world_with((30.2, jump_s), at, (0.0, 0.03, 0.031, 0.0315, 0.06))
    facts = trace(world)
    told = [source for source, clock in facts.clocks.items() if clock.steps]
    assert told == [f"point-{at}.pcap"]
    ((_, jump),) = facts.clocks[told[0]].steps
    assert jump == pytest.approx(jump_s, abs=0.04)
    for source, clock in facts.clocks.items():
        if source not in told:
            assert clock.lower_s is not None and clock.upper_s is not None
            assert clock.lower_s <= 0.0 <= clock.upper_s


def test_where_nobody_can_say_whose_clock_was_set_the_bands_of_both_bear_it() -> None:
    """Two points near each other, and all others too far from them to show a twentieth of a second."""
    facts = trace(world_with((30.2, 0.05), 3, (0.0, 0.03, 0.031, 0.06, 0.0605)))
    assert not any(clock.steps for clock in facts.clocks.values())
    clock = facts.clocks["point-4.pcap"]
    assert clock.lower_s is not None and clock.upper_s is not None and clock.lower_s <= 0.0 <= clock.upper_s


def test_the_reference_itself_may_have_been_set() -> None:
    facts = trace(world_with((30.2, -20.0), 0, (0.0, 0.001, 0.002)))
    assert facts.clocks["point-0.pcap"].quality == "reference"
    assert [bool(clock.steps) for clock in facts.clocks.values()] == [True, False, False]
    for one in facts.traced:
        times = [at for f in one.fate.fragments for s in f.sightings.values() if (at := s.time_ns) is not None]
        assert max(times) - min(times) < 100_000_000


def test_of_a_pair_alone_the_one_that_is_not_the_reference_was_set() -> None:
    facts = trace(world_with((30.2, 12.0), 0, (0.0, 0.001)))
    assert [bool(clock.steps) for clock in facts.clocks.values()] == [False, True]


def test_of_a_pair_alone_the_one_whose_own_stamps_go_back_was_set() -> None:
    """Also the reference: no other clock makes its stamps go back."""
    facts = trace(world_with((30.2, -12.0), 0, (0.0, 0.001)))
    assert [bool(clock.steps) for clock in facts.clocks.values()] == [True, False]


def test_a_jump_that_no_pair_shows_is_told_of_nobody() -> None:
    facts = trace(world_with((30.2, 0.01), 1, (0.0, 0.03, 0.06)))
    assert not any(clock.steps for clock in facts.clocks.values())


@pytest.mark.parametrize("jump_s", [-40.0, 40.0])
def test_a_setting_is_found_by_what_travels_one_way(jump_s: float) -> None:
    """No queue lasts that long, so that a clock was set ahead is as sure as that it was set back."""
    taps = [Tap(f"point-{n}", n, n * 0.001, step=(30.2, jump_s) if n == 1 else None) for n in range(3)]
    world = World(*taps)
    for number in range(60):
        world.send(Sent(number, "10.1.1.1", SERVER, 40_001, PORT, message(1, number, 200), 100 + number))
    ((_, jump),) = trace(world).clocks["point-1.pcap"].steps
    assert jump == pytest.approx(jump_s, abs=0.01)


@pytest.mark.parametrize(("every_s", "is_told"), [(1.0, False), (600.0, True)])
def test_a_band_says_that_a_setting_of_the_clock_would_not_show(every_s: float, is_told: bool) -> None:
    """A single answer in an hour leaves room for a drift, or for a setting of the clock."""
    chance = random.Random(3)
    count = 6 if is_told else 60
    world = World(Tap("one", 0), Tap("two", 1, 0.001))
    for number in range(count):
        at_s = number * every_s
        if number % 5 == 1:
            sent = Sent(at_s + 0.4, SERVER, "10.1.1.1", PORT, 40_001, message(2, number, 200), 500 + number)
        else:
            sent = Sent(at_s, "10.1.1.1", SERVER, 40_001, PORT, message(1, number, 200), 100 + number)
        world.send(sent, jitter_s=lambda: chance.expovariate(1 / 0.001))
    clock = trace(world).clocks["two.pcap"]
    assert ("a setting of the clock" in clock.method.en) is is_told
    assert clock.lower_s is not None and clock.upper_s is not None
    assert clock.lower_s <= 0.0 <= clock.upper_s
