"""Where a device writes identifications anew, an equal one is an accident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.network.groups import Group, Level
from app.core.network.renaming import Names
from app.core.network.tracing import NetworkSettings, trace_network
from app.core.records import Confidence, Direction, Packet
from tests.core.net_world import PORT, SERVER, Device, Sent, Tap, World, message
from tests.core.network.test_matching import capture, datagram


def renaming(modulus: int, is_reply_too: bool = True) -> Device:
    """Gives numbers of its own, of a small counter that the senders use as well."""
    given: dict[bytes, int] = {}

    def device(packets: list[Packet], datagram: Sent) -> list[Packet]:
        if not datagram.is_to_server and not is_reply_too:
            return packets
        number = given.setdefault(datagram.body + datagram.at_s.hex().encode(), 5 + 3 * len(given) % modulus)
        return [replace(packet, identification=number) for packet in packets]

    return device


def world_with(device: Device, heartbeats: int = 30) -> World:
    world = World(Tap("client", 0), Tap("middle", 1, 0.001), Tap("server", 2, 0.002)).behind("middle", device)
    for number in range(heartbeats):
        at_s = number * 1.7
        world.send(Sent(at_s, "10.1.1.1", SERVER, 40_001, PORT, message(17, 1, 60), 1 + number % 16))
        world.send(Sent(at_s + 0.05, SERVER, "10.1.1.1", PORT, 40_001, message(4, number, 90), 1 + (7 * number) % 16))
        world.send(Sent(at_s + 0.3, "10.1.1.1", SERVER, 40_001, PORT, message(3, number, 2000), 1 + (number * 5) % 16))
    return world


@pytest.mark.parametrize("is_reply_too", [True, False])
def test_equal_names_by_accident_join_nothing_and_nothing_is_lost(is_reply_too: bool) -> None:
    world = world_with(renaming(16, is_reply_too))
    facts = trace_network(world.captures(), NetworkSettings())
    for one in facts.traced:
        assert one.fate.lost_between is None
        if one.fate.match_confidence == Confidence.CERTAIN:
            times = [at for f in one.fate.fragments for s in f.sightings.values() if (at := s.time_ns) is not None]
            assert max(times) - min(times) < 50_000_000


def test_what_was_joined_under_other_names_still_says_that_they_are_not_kept() -> None:
    """Two names that are equal by chance, and three that were found by their payload under another."""

    def way(group: Group) -> Direction:
        return Direction.TO_SERVER

    pairs = [capture(0, *(datagram(n, 7 + n, serial=n) for n in range(5)))]
    pairs.append(capture(1, *(datagram(n, 7 + n if n < 2 else 70 + n, serial=n) for n in range(5))))
    groups = [
        Group(pair, Level.NAMED if pair[0].identification == pair[1].identification else Level.REWRITTEN)
        for pair in zip(*pairs, strict=True)
    ]
    between = {(0, 1, True, Direction.TO_SERVER), (1, 0, True, Direction.TO_SERVER)}
    assert between.isdisjoint(Names(way).preserved(groups))
    assert between <= Names(way).preserved(groups[:2])


def test_what_names_do_not_join_payload_and_time_do() -> None:
    facts = trace_network(world_with(renaming(60_000)).captures(), NetworkSettings())
    thirds = [one for one in facts.traced if one.message is not None and one.message.number == 3]
    assert len(thirds) == 30
    assert {len(one.datagrams) for one in thirds} == {3}
    assert {one.fate.match_confidence for one in thirds} == {Confidence.LIKELY}
