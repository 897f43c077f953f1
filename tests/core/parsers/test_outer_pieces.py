from __future__ import annotations

from app.core.parsers.outer_pieces import OuterPieces
from app.core.records import NS, Packet
from tests import frames

INNER = frames.ipv4(frames.udp(bytes(1400)))


def piece(frame: int, offset: int, payload: bytes, more: bool, protocol: int = 47, port: int | None = None) -> Packet:
    return Packet(
        source="a.pcap", frame=frame, time_ns=frame * NS, ip_version=4, source_ip="192.0.2.1",
        destination_ip="192.0.2.2", protocol=protocol, identification=5, offset_bytes=offset,
        length_bytes=len(payload), more=more, ttl=64, payload=payload, captured_bytes=len(payload),
        source_port=port, destination_port=port,
    )  # fmt: skip


def test_the_last_piece_gives_the_packet_inside_as_a_frame() -> None:
    whole = frames.gre(INNER)
    outer = OuterPieces()
    assert outer.add(piece(1, 800, whole[800:], False)) is None
    made = outer.add(piece(2, 0, whole[:800], True))
    assert made is not None
    assert (made.number, made.time_ns) == (2, 2 * NS)
    assert made.octets.endswith(whole)
    assert made.octets[:2] == b"\x45\x00"
    assert int.from_bytes(made.octets[2:4]) == 20 + len(whole)


def test_fragments_that_carry_no_tunnel_are_forgotten() -> None:
    outer = OuterPieces()
    whole = frames.udp(bytes(1400), 5060, 5060)
    assert outer.add(piece(1, 0, whole[:800], True, 17, 5060)) is None
    assert outer.add(piece(2, 800, whole[800:], False, 17)) is None
    assert outer.add(piece(3, 0, bytes(800), True, 6)) is None
    assert outer.completed == 0


def test_a_hole_or_a_late_piece_makes_no_packet() -> None:
    whole = frames.gre(INNER)
    outer = OuterPieces()
    assert outer.add(piece(1, 0, whole[:800], True)) is None
    assert outer.add(piece(2, 1200, whole[1200:], False)) is None
    assert outer.add(piece(60, 800, whole[800:], False)) is None
