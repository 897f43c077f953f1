from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.fragmentation.reassembly import build_datagram
from app.core.network.observations import CONTRADICTION, Observation, compare, observe
from app.core.records import Datagram, Packet
from tests.core.net_world import PORT, SERVER, Sent, cut, fragments_of, message

PORTS = frozenset({9019, 9029})


def packets(size: int = 2655, identification: int | None = 7, serial: int = 1) -> list[Packet]:
    sent = Sent(0, "10.1.1.1", SERVER, 40_001, PORT, message(3, serial, size), identification)
    return [replace(packet, source="a.pcap", frame=number) for number, packet in enumerate(fragments_of(sent), 1)]


def datagram(pieces: list[Packet]) -> Datagram:
    return build_datagram(pieces)


def seen(pieces: list[Packet]) -> Observation:
    return Observation(0, datagram(pieces), PORTS)


def test_equal_datagrams_agree_in_all_bytes_behind_the_header() -> None:
    assert compare(seen(packets()), seen(packets())) == 2655


def test_further_fragmentation_contradicts_nothing() -> None:
    assert compare(seen(packets()), seen(cut(packets(), 576))) == 2655


def test_one_other_byte_contradicts() -> None:
    changed = packets()
    payload = bytearray(changed[1].payload)
    payload[50] ^= 1
    changed[1] = replace(changed[1], payload=bytes(payload))
    assert compare(seen(packets()), seen(changed)) == CONTRADICTION


def test_the_checksum_contradicts_nothing() -> None:
    changed = packets()
    changed[0] = replace(changed[0], payload=changed[0].payload[:6] + b"\xff\xff" + changed[0].payload[8:])
    assert compare(seen(packets()), seen(changed)) == 2655


def test_cut_frames_are_compared_as_far_as_they_go() -> None:
    short = [replace(piece, payload=piece.payload[:30], captured_bytes=30) for piece in packets()]
    assert compare(seen(packets()), seen(short)) == 30 - 8 + 30


@pytest.mark.parametrize("other", [packets(2654), packets(serial=2)])
def test_other_sizes_and_other_contents_contradict(other: list[Packet]) -> None:
    assert compare(seen(packets()), seen(other)) == CONTRADICTION


def test_ports_contradict_unless_translated() -> None:
    other = packets()
    other[0] = replace(other[0], source_port=61_000)
    assert compare(seen(packets()), seen(other)) == CONTRADICTION
    assert compare(seen(packets()), seen(other), is_translated=True) == 2655


def test_fragments_with_nothing_in_common_agree_in_no_byte() -> None:
    first, later = packets()
    assert compare(seen([first]), seen([later])) == 0


def test_a_piece_past_the_end_contradicts() -> None:
    small = packets(600)
    assert compare(seen(small), seen([packets()[1]])) == CONTRADICTION


def test_both_sides_of_a_router_in_one_capture_are_one_datagram() -> None:
    twin = [replace(piece, ttl=63, time_ns=3_000_000, frame=piece.frame + 10) for piece in packets()]
    found = observe(0, [datagram(packets()), datagram(twin)], PORTS)
    assert len(found) == 1 and len(found[0].datagrams) == 2


def test_an_identification_used_again_after_a_second_is_another_datagram() -> None:
    again = [replace(piece, time_ns=5 * 10**9, frame=piece.frame + 10) for piece in packets()]
    assert len(observe(0, [datagram(packets()), datagram(again)], PORTS)) == 2


def test_a_nameless_datagram_sent_again_is_another_datagram() -> None:
    one = packets(600, None)
    again = [replace(piece, time_ns=10**9, frame=9) for piece in one]
    assert len(observe(0, [datagram(one), datagram(again)], PORTS)) == 2


def test_other_protocols_are_left_out() -> None:
    assert observe(0, [datagram([replace(piece, protocol=1) for piece in packets()])], PORTS) == []
