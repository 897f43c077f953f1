from __future__ import annotations

from app.core.parsers.ip_headers import RawFrame
from app.core.parsers.packets import FIELDS, is_ead, is_wanted, read_packets, read_row
from app.core.records import Packet
from tests import frames


def line(**columns: str) -> str:
    return "\t".join(columns.get(name.replace(".", "_"), "") for name in FIELDS)


def read(octets: bytes, row: str, original: int | None = None) -> list[Packet]:
    frame = RawFrame(5, 10**18, 0, octets, original or len(octets))
    return list(read_packets(read_row(row), frame, "a.pcap"))


def test_numbers_come_from_the_octets_not_from_what_tshark_prints() -> None:
    octets = frames.ethernet(frames.ipv4(bytes(400), ident=9, offset=1480, more=True))
    row = line(
        frame_protocols="eth:ethertype:ip:data", ip_src="10.1.1.1", ip_dst="10.2.2.2", eth_src="02:00:00:00:00:0a"
    )
    (packet,) = read(octets, row)
    assert (packet.offset_bytes, packet.length_bytes, packet.more, packet.identification) == (1480, 400, True, 9)
    assert (packet.source_mac, packet.source_port) == ("02:00:00:00:00:0A", None)


def test_ethernet_padding_is_no_payload() -> None:
    octets = frames.ethernet(frames.ipv4(frames.udp(b"q"))) + bytes(17)
    row = line(frame_protocols="eth:ethertype:ip:udp:data", ip_src="10.1.1.1", ip_dst="10.2.2.2")
    (packet,) = read(octets, row)
    assert (packet.length_bytes, packet.payload[8:], packet.udp_length) == (9, b"q", 9)


def test_an_address_that_also_stands_elsewhere_does_not_mislead() -> None:
    inner = frames.ipv4(frames.udp(b"q"), source="1.1.1.1", destination="1.1.1.1")
    octets = frames.ethernet(frames.ipv4(frames.gre(inner), 47, "1.1.1.1", "1.1.1.1"))
    row = line(frame_protocols="eth:ethertype:ip:gre:ip:udp:data", ip_src="1.1.1.1,1.1.1.1", ip_dst="1.1.1.1,1.1.1.1")
    (packet,) = read(octets, row)
    assert (packet.tunnels, packet.destination_port) == (("gre",), 9029)


def test_addresses_of_zeros_are_found_where_the_identification_agrees() -> None:
    header = frames.ipv4(bytes(100), 0, "0.0.0.0", "0.0.0.0", ident=7, offset=800)
    octets = frames.ethernet(header)[:-60] + frames.ipv4(bytes(40), 0, "0.0.0.0", "0.0.0.0", ident=9, offset=1600)
    row = line(frame_protocols="eth:ethertype:ip:data", ip_src="0.0.0.0", ip_dst="0.0.0.0", ip_id="0x0009")
    (packet,) = read(octets, row)
    assert (packet.identification, packet.offset_bytes) == (9, 1600)


def test_what_an_outer_fragment_begins_to_carry_is_not_read() -> None:
    inner = frames.ipv4(frames.udp(bytes(1400)), source="10.9.9.9")
    octets = frames.ethernet(frames.ipv4(frames.gre(inner)[:800], 47, more=True))
    row = line(frame_protocols="eth:ethertype:ip:gre:ip:udp", ip_src="10.1.1.1,10.9.9.9", ip_dst="10.2.2.2,10.2.2.2")
    (packet,) = read(octets, row)
    assert (packet.protocol, packet.source_ip, packet.tunnels) == (47, "10.1.1.1", ())


def test_a_length_of_zero_means_the_frame_tells() -> None:
    octets = frames.ethernet(frames.ipv4(frames.udp(bytes(4000)), total=0))
    row = line(frame_protocols="eth:ethertype:ip:udp:data", ip_src="10.1.1.1", ip_dst="10.2.2.2")
    (packet,) = read(octets, row)
    assert packet.length_bytes == 4008


def test_an_aggregate_of_802_11_gives_every_packet() -> None:
    packets = [frames.ipv4(frames.udp(b"a"), ident=1), frames.ipv4(frames.udp(b"b"), ident=2)]
    row = line(
        frame_protocols="radiotap:wlan_radio:wlan:wlan_aggregate:llc:ip:udp:data:llc:ip:udp:data",
        ip_src="10.1.1.1,10.1.1.1",
        ip_dst="10.2.2.2,10.2.2.2",
    )
    found = read(bytes(40) + packets[0] + bytes(12) + packets[1], row)
    assert [packet.identification for packet in found] == [1, 2]


def test_a_row_without_ip_gives_nothing() -> None:
    assert read(bytes(60), line(frame_protocols="eth:ethertype:arp")) == []
    assert read(bytes(60), line()) == []


def test_a_row_that_the_octets_do_not_bear_out_gives_nothing() -> None:
    row = line(frame_protocols="eth:ethertype:ip:udp", ip_src="10.1.1.1", ip_dst="10.2.2.2")
    assert read(bytes(60), row) == []


def test_ead_is_told_by_port_head_or_body() -> None:
    row = line(frame_protocols="eth:ethertype:ip:udp:data", ip_src="10.1.1.1", ip_dst="10.2.2.2")
    ports = frozenset({9019})
    by_port, by_head, neither = (
        read(frames.ethernet(frames.ipv4(datagram)), row)[0]
        for datagram in (
            frames.udp(b"x", 1, 9019),
            frames.udp(b"\x00\x0a\xd8\x78", 1, 2),
            frames.udp(b"x", 1, 2),
        )
    )
    assert is_ead(by_port, ports)
    assert is_ead(by_head, ports)
    assert not is_wanted(neither, ports)
