from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import ip_address
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from app.core.fragmentation.reassembly import build_datagram, contiguous_payload, find_holes, reassemble
from app.core.records import NS, Datagram, Packet
from tests import frames

PIECE = 1480


def udp_datagram(total: int, fill: int) -> bytes:
    """A UDP datagram with a right checksum."""
    pseudo = ip_address("10.1.1.1").packed + ip_address("10.2.2.2").packed + pack(">HH", 17, total)
    head, body = pack(">HHH", 40_000, 9029, total), bytes([fill]) * (total - 8)
    return head + pack(">H", frames.checksum(pseudo + head + b"\0\0" + body)) + body


def piece(
    offset: int = 0,
    length: int = PIECE,
    more: bool = True,
    frame: int = 1,
    at_ms: int = 0,
    ident: int = 7,
    fill: int = 1,
    total: int = 2608,
) -> Packet:
    ports = (40_000, 9029, total) if offset == 0 else (None, None, None)
    return Packet(
        source="a.pcap",
        frame=frame,
        time_ns=1_000 * NS + at_ms * 1_000_000,
        ip_version=4,
        source_ip="10.1.1.1",
        destination_ip="10.2.2.2",
        protocol=17,
        identification=ident,
        offset_bytes=offset,
        length_bytes=length,
        more=more,
        ttl=64,
        payload=udp_datagram(total, fill)[offset : offset + length].ljust(length, b"\0"),
        captured_bytes=length,
        source_port=ports[0],
        destination_port=ports[1],
        udp_length=ports[2],
    )


def pair(frame: int = 1, at_ms: int = 0, ident: int = 7, fill: int = 1) -> list[Packet]:
    return [
        piece(0, frame=frame, at_ms=at_ms, ident=ident, fill=fill),
        piece(PIECE, 1128, False, frame + 1, at_ms, ident, fill),
    ]


def one(packets: list[Packet]) -> Datagram:
    (datagram,) = reassemble(packets)
    return datagram


def test_two_pieces_make_a_whole_datagram() -> None:
    datagram = one(pair())
    assert datagram.is_complete
    assert datagram.total_bytes == 2608
    assert datagram.anomalies == ()


def test_a_first_piece_is_not_given_a_later_one_that_came_long_before() -> None:
    """Their identification came round within two seconds; its own later piece follows."""
    old, new = pair(fill=1), pair(frame=3, at_ms=1200, fill=2)
    before, whole = reassemble([old[1], *new])
    assert before.holes and whole.is_complete
    assert [packet.frame for packet in whole.packets] == [3, 4]


def test_a_later_piece_that_came_long_before_the_first_one_is_still_its_own() -> None:
    first, later = pair()
    assert one([replace(later, frame=1), replace(first, frame=2, time_ns=first.time_ns + 1200 * 1_000_000)]).is_complete


def test_later_pieces_of_other_moments_are_of_other_datagrams() -> None:
    """Without a first piece no length says that they belong together."""
    early, late = piece(2 * PIECE, 1000, False, 1), piece(PIECE, frame=2, at_ms=1200)
    assert len(reassemble([early, late])) == 2
    assert len(reassemble([early, replace(late, time_ns=early.time_ns + 90 * 1_000_000)])) == 1


def test_a_missing_piece_is_a_hole() -> None:
    assert one(pair()[:1]).holes == ((PIECE, None),)
    later = one(pair()[1:])
    assert later.holes == ((0, PIECE),)
    assert later.first is None
    assert later.anomalies == ("hole",)


def test_a_frame_mirrored_twice_is_a_duplicate_not_a_datagram() -> None:
    packets = pair() + pair(frame=3, at_ms=1)
    datagram = one(packets)
    assert [packet.frame for packet in datagram.packets] == [1, 2]
    assert [packet.frame for packet in datagram.duplicates] == [3, 4]
    assert datagram.anomalies == ("duplicate",)


def test_an_unfragmented_datagram_mirrored_twice_is_one() -> None:
    packet = piece(0, 120, False, total=120)
    datagram = one([packet, replace(packet, frame=2, time_ns=packet.time_ns + 50_000)])
    assert len(datagram.duplicates) == 1
    again = replace(packet, frame=3, time_ns=packet.time_ns + 5 * NS)
    assert len(reassemble([packet, again])) == 2


def test_a_first_piece_of_another_length_a_second_later_is_another_datagram() -> None:
    """An identification came round at once, and the first piece that it had before was lost."""
    late = [piece(0, frame=2, at_ms=1_500, total=2008), piece(PIECE, 528, False, frame=3, at_ms=1_500, total=2008)]
    before, after = reassemble([piece(PIECE, 1128, False), *late])
    assert before.first is None and after.is_complete


def test_a_piece_of_the_told_length_may_be_a_second_late() -> None:
    (whole,) = reassemble([piece(0), piece(PIECE, 1128, False, frame=2, at_ms=1_500)])
    assert whole.is_complete


def test_the_same_identification_half_a_minute_later_is_another_datagram() -> None:
    first, second = reassemble([*pair(), *pair(frame=3, at_ms=31_000)])
    assert (first.is_complete, second.is_complete) == (True, True)


def test_the_same_identification_with_other_bytes_is_another_datagram() -> None:
    packets = [pair()[0], *pair(frame=2, at_ms=3_000, fill=9)]
    first, second = reassemble(packets)
    assert (first.is_complete, second.is_complete) == (False, True)


def test_a_repetition_after_seconds_is_sent_again_not_mirrored() -> None:
    assert len(reassemble(pair() + pair(frame=3, at_ms=5_000))) == 2


def test_a_delayed_piece_completes_its_datagram() -> None:
    first, last = pair()
    datagram = one([first, replace(last, frame=9, time_ns=first.time_ns + 8 * NS)])
    assert datagram.is_complete


def test_pieces_of_two_datagrams_do_not_make_one() -> None:
    first, _ = pair()
    _, last = pair(frame=3, at_ms=8_000, fill=9)
    assert [datagram.is_complete for datagram in reassemble([first, last])] == [False, False]
    earlier, *whole = [pair()[1], *pair(frame=5, at_ms=9_000, fill=9)]
    assert [datagram.is_complete for datagram in reassemble([earlier, *whole])] == [False, True]


def test_another_total_length_is_another_datagram() -> None:
    packets = [*pair(), piece(PIECE, 1120, False, 3, 2_500)]
    assert len(reassemble(packets)) == 2


def test_overlapping_pieces_say_whether_they_agree() -> None:
    first, last = pair()
    same = piece(1000, 1608, False, 2)
    other = piece(1000, 1608, False, 2, fill=9)
    assert build_datagram([first, same]).anomalies == ("overlap",)
    assert "overlap-conflict" in build_datagram([first, other]).anomalies
    assert "overlap" not in build_datagram([first, last]).anomalies


def test_a_udp_length_that_does_not_fit_is_named() -> None:
    first, last = pair()
    assert "bad-udp-length" in one([replace(first, udp_length=3000), last]).anomalies


def test_a_cut_piece_counts_by_its_length() -> None:
    first, last = pair()
    datagram = one([replace(first, payload=first.payload[:30], captured_bytes=30), last])
    assert datagram.is_complete
    assert "cut" in datagram.anomalies
    assert contiguous_payload(datagram.packets) == first.payload[:30]


def test_an_atomic_fragment_is_whole_and_named() -> None:
    atomic = replace(piece(0, 120, False, total=120), ip_version=6, has_fragment_header=True, udp_length=120)
    datagram = one([atomic])
    assert datagram.is_complete
    assert "atomic-fragment" in datagram.anomalies


def test_holes_are_those_of_rfc_815() -> None:
    assert find_holes([(0, 8), (16, 24)], 32) == ((8, 16), (24, 32))
    assert find_holes([(8, 16)], None) == ((0, 8), (16, None))
    assert find_holes([(0, 16), (8, 32)], 32) == ()


@given(seed=st.integers(0, 10**6), lost=st.sets(st.integers(0, 29), max_size=12))
def test_the_order_of_packets_makes_no_difference(seed: int, lost: set[int]) -> None:
    dice = random.Random(seed)
    packets: list[Packet] = []
    for number in range(10):
        ident, at_ms = dice.randrange(4), number * 4_000
        for at in range(3):
            packets.append(
                piece(at * 800, 800, at < 2, 3 * number + at + 1, at_ms + dice.randrange(50), ident, number + 1, 2400)
            )
    kept = [packet for at, packet in enumerate(packets) if at not in lost]
    shuffled = kept[:]
    dice.shuffle(shuffled)
    datagrams = reassemble(shuffled)
    assert datagrams == reassemble(kept)
    numbers = sorted(p.frame for datagram in datagrams for p in (*datagram.packets, *datagram.duplicates))
    assert numbers == sorted(packet.frame for packet in kept)
    for datagram in datagrams:
        if datagram.is_complete:  # never put together from two different sends
            assert len({packet.payload[-1] for packet in datagram.packets}) == 1


def test_a_flood_of_pieces_is_sorted_out() -> None:
    one_piece = piece(8, 8)
    packets = [replace(one_piece, offset_bytes=8 * at % 60_000 + 8, frame=at + 1) for at in range(20_000)]
    assert sum(len(d.packets) + len(d.duplicates) for d in reassemble(packets)) == 20_000
