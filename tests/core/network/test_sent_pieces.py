from __future__ import annotations

from dataclasses import replace

from app.core.fragmentation.reassembly import build_datagram
from app.core.network.groups import Group
from app.core.network.observations import Observation
from app.core.network.sent_pieces import sent_pieces
from app.core.records import Packet
from tests.core.net_world import PORT, SERVER, Sent, cut, fragments_of, message

PORTS = frozenset({PORT})


def seen(capture: int, packets: list[Packet]) -> Observation:
    named = [replace(packet, source=f"{capture}.pcap", frame=n) for n, packet in enumerate(packets, 1)]
    return Observation(capture, build_datagram(named), PORTS)


def whole(mtu: int = 1500) -> list[Packet]:
    return fragments_of(Sent(0, "10.1.1.1", SERVER, 40_001, PORT, message(3, 1, 2655), 7, mtu=mtu))


def test_the_pieces_are_those_of_the_first_point() -> None:
    first, second = seen(0, whole()), seen(1, cut(whole(), 576))
    assert sent_pieces([first], Group([first, second])) == ((0, 1480), (1480, 2663))


def test_pieces_that_only_others_saw_are_added() -> None:
    first, second = seen(0, whole()[:1]), seen(1, whole())
    assert sent_pieces([first], Group([first, second])) == ((0, 1480), (1480, 2663))


def test_the_udp_length_tells_of_pieces_that_nobody_saw() -> None:
    first = seen(0, whole()[:1])
    assert sent_pieces([first], Group([first])) == ((0, 1480), (1480, 2663))


def test_an_offloaded_datagram_is_cut_as_others_saw_it() -> None:
    first, second = seen(0, whole(mtu=9000)), seen(1, whole()[:1])
    assert sent_pieces([first], Group([first, second])) == ((0, 1480), (1480, 2663))


def test_a_whole_datagram_that_a_router_cuts_was_sent_whole() -> None:
    small = fragments_of(Sent(0, "10.1.1.1", SERVER, 40_001, PORT, message(3, 1, 1300), 7))
    first, second = seen(0, small), seen(1, cut(small, 576))
    assert sent_pieces([first], Group([first, second])) == ((0, 1308),)
