from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
import zstandard

from app.captures.capture import Capture, CaptureError, read_capture, sniff_capture_file
from app.captures.frames import dissect_frame, frame_bytes
from app.core.records import Packet
from tests import frames
from tests.plain_tshark import Seen, wanted_packets

PORTS = frozenset({9019, 9029})
HEAD = pack(">IH16xIH", 0x000AD877, 40, 21_001, 1)
BODY = b'<data><i n="userName">u1</i></data>'


def traffic(wide: bool = True) -> list[bytes]:
    """IP packets of every sort that must be found, and some that need not be."""
    dice = random.Random(5)
    big = frames.udp(dice.randbytes(2600))
    other = frames.udp(dice.randbytes(3000), 5060, 5060)
    packets = [
        *frames.fragments_v4(big, ident=1),
        *frames.fragments_v4(other, ident=2, source="10.9.9.1"),
        *frames.fragments_v4(b"\x08\0\0\0\0\1\0\1" + bytes(2000), protocol=1, ident=3),
        frames.ipv4(frames.udp(b"query", 1000, 9019), ident=4),
        frames.ipv4(frames.udp(b"answer", 9029, 1000), ident=5),
        frames.ipv4(frames.udp(HEAD + b"x", 1000, 7777), ident=6),
        frames.ipv4(frames.udp(bytes(14) + BODY, 1000, 7778), ident=7),
        frames.ipv4(frames.udp(bytes(58) + BODY, 1000, 7779), ident=8),
        frames.ipv4(frames.udp(bytes(80) + BODY, 1000, 7780), ident=9),
        frames.ipv4(frames.udp(b"dns", 1000, 5353), ident=10),
        frames.ipv4(pack(">HHIIBBHHH", 443, 5000, 1, 2, 0x50, 0x10, 1, 0, 0) + b"tls", 6, ident=11),
        frames.icmp_error(frames.ipv4(big[:1480], more=True, ident=1)[:48]),
        frames.icmp_error(frames.ipv4(big[:1480], ident=1)[:48], 3, 4, 1400),
        frames.ipv4(b"\x08\0\0\0\0\1\0\1ping", 1, ident=12),
    ]
    if wide:
        packets += [
            frames.ipv4(frames.udp(b"with options", 1000, 9019), ident=13, options=b"\x94\x04\0\0"),
            *frames.fragments_v6(big),
            *frames.fragments_v6(big, ident=100, before=b"\x2c\0\1\4\0\0\0\0"),
            frames.ipv6(frames.udp(b"query", 1000, 9019)),
            frames.ipv6(pack(">BBHI", 17, 0, 0, 55) + frames.udp(b"atomic", 1000, 4000), 44),
            frames.ipv6(frames.udp(HEAD, 1000, 4000)),
            frames.ipv6(b"\x11\0\1\4\0\0\0\0" + frames.udp(b"behind options", 1000, 9029), 60),
            frames.icmpv6_error(frames.fragments_v6(big)[0][:200]),
            frames.ipv6(b"\x80\0\0\0\0\1\0\1ping", 58),
        ]
    return packets


def key(packet: Packet) -> Seen:
    ports = None
    if packet.source_port is not None and packet.destination_port is not None:
        ports = packet.source_port, packet.destination_port
    return Seen(
        packet.frame,
        packet.ip_version,
        packet.source_ip,
        packet.destination_ip,
        packet.identification,
        packet.offset_bytes,
        packet.more,
        ports,
    )


def read(path: Path) -> Capture:
    return read_capture(path, path.name, PORTS)


def assert_agrees_with_plain_tshark(path: Path) -> Capture:
    capture = read(path)
    expected = wanted_packets(path, PORTS)
    assert expected
    assert {key(packet) for packet in capture.packets} == expected
    return capture


def in_ipv4(protocol: int, wrap: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda packet: frames.ethernet(frames.ipv4(wrap(packet), protocol, "192.0.2.1", "192.0.2.2", ident=500))


def framed(wrap: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda packet: wrap(frames.ethernet(packet))


LINKS = {
    "ethernet": (frames.ETHERNET, frames.ethernet),
    "raw": (frames.RAW_IP, bytes),
    "null": (frames.NULL, frames.null),
    "loop": (frames.LOOP, frames.loop),
    "cooked": (frames.SLL, frames.cooked),
    "cooked-2": (frames.SLL2, frames.cooked2),
    "ppp": (frames.PPP, frames.ppp),
    "802.11": (frames.WLAN, frames.wlan),
    "radiotap": (frames.RADIOTAP, frames.radiotap),
    "802.1q": (frames.ETHERNET, lambda packet: frames.tagged(packet, (0x8100, 5))),
    "qinq": (frames.ETHERNET, lambda packet: frames.tagged(packet, (0x88A8, 5), (0x8100, 6))),
    "qinq-old": (frames.ETHERNET, lambda packet: frames.tagged(packet, (0x9100, 5), (0x8100, 6))),
    "pppoe": (frames.ETHERNET, frames.pppoe),
    "mpls": (frames.ETHERNET, frames.mpls),
    "gre": (frames.ETHERNET, in_ipv4(47, frames.gre)),
    "gre-key": (frames.ETHERNET, in_ipv4(47, lambda p: frames.gre(p, flags=0x2000, options=b"\0\0\0\7"))),
    "gre-bridged": (frames.ETHERNET, in_ipv4(47, framed(lambda f: frames.gre(f, 0x6558)))),
    "erspan-1": (frames.ETHERNET, in_ipv4(47, framed(lambda f: frames.gre(f, 0x88BE)))),
    "erspan-2": (frames.ETHERNET, in_ipv4(47, framed(frames.erspan2))),
    "erspan-3": (frames.ETHERNET, in_ipv4(47, framed(frames.erspan3))),
    "vxlan": (frames.ETHERNET, in_ipv4(17, framed(frames.vxlan))),
    "geneve": (frames.ETHERNET, in_ipv4(17, framed(frames.geneve))),
    "gtp-u": (frames.ETHERNET, in_ipv4(17, frames.gtp)),
    "gtp-u-sequence": (frames.ETHERNET, in_ipv4(17, lambda p: frames.gtp(p, True))),
    "ip-in-ip": (frames.ETHERNET, lambda p: in_ipv4(41 if p[0] >> 4 == 6 else 4, bytes)(p)),
    "ip-in-ipv6": (frames.ETHERNET, lambda p: frames.ethernet(frames.ipv6(p, 41 if p[0] >> 4 == 6 else 4))),
    "gre-in-vlan": (
        frames.ETHERNET,
        lambda p: frames.tagged(frames.ipv4(frames.gre(p), 47, "192.0.2.1", "192.0.2.2"), (0x8100, 9)),
    ),
    "vxlan-in-gre": (
        frames.ETHERNET,
        lambda p: in_ipv4(47, frames.gre)(
            frames.ipv4(frames.vxlan(frames.ethernet(p)), 17, "198.51.100.1", "198.51.100.2")
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_the_fast_way_gives_what_plain_tshark_gives(tmp_path: Path, name: str) -> None:
    link_type, wrap = LINKS[name]
    packets = [wrap(packet) for packet in traffic()]
    assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.pcap", frames.pcap(packets, link_type)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_every_pcap_variant_gives_the_same_packets(tmp_path: Path, order: str, nanoseconds: bool) -> None:
    octets = frames.pcap(map(frames.ethernet, traffic()), order=order, nanoseconds=nanoseconds)
    capture = assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.pcap", octets))
    assert capture.facts.first_ns == frames.START_S * 10**9
    assert capture.facts.last_ns == frames.START_S * 10**9 + (len(traffic()) - 1) * 10**6


def test_a_modified_pcap_has_longer_record_headers(tmp_path: Path) -> None:
    octets = frames.pcap(map(frames.ethernet, traffic()), modified=True)
    assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.pcap", octets))


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_either_byte_order_gives_the_same_packets(tmp_path: Path, order: str) -> None:
    octets = frames.pcapng([frames.ethernet(packet) for packet in traffic()], order=order)
    assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.pcapng", octets))


def test_interfaces_of_one_pcapng_may_differ_in_link_type_and_resolution(tmp_path: Path) -> None:
    octets = frames.section() + frames.interface()
    octets += frames.interface(frames.SLL, frames.option(2, b"eth9") + frames.option(9, b"\x09"))
    octets += frames.interface(frames.RAW_IP, frames.option(9, b"\x94") + frames.option(14, pack("<q", 1000)))
    for number, packet in enumerate(traffic()):
        seconds = frames.START_S + number
        octets += (
            frames.enhanced(frames.ethernet(packet), seconds * 10**6, 0)
            + frames.enhanced(frames.cooked(packet), seconds * 10**9, 1)
            + frames.enhanced(packet, (seconds - 1000) << 20, 2)
        )
    capture = assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.pcapng", octets))
    assert [interface.link_type for interface in capture.facts.interfaces] == [1, 113, 101]
    assert capture.facts.interfaces[1].name == "eth9"
    assert {packet.time_ns for packet in capture.packets if packet.frame <= 3} == {frames.START_S * 10**9}


@pytest.mark.parametrize(
    ("name", "pack_whole"),
    [
        ("a.gz", gzip.compress),
        ("a.zst", zstandard.ZstdCompressor().compress),
        ("a.xz", lzma.compress),
        ("a.bz2", bz2.compress),
        ("two-members.gz", lambda octets: gzip.compress(octets[:999]) + gzip.compress(octets[999:])),
    ],
)
def test_compressed_captures_are_read_like_plain_ones(
    tmp_path: Path, name: str, pack_whole: Callable[[bytes], bytes]
) -> None:
    octets = frames.pcap(map(frames.ethernet, traffic()))
    plain = read(frames.write(tmp_path / "a.pcap", octets))
    packed = read_capture(frames.write(tmp_path / name, pack_whole(octets)), "a.pcap", PORTS)
    assert packed == plain
    assert sniff_capture_file(tmp_path / name) == "pcap"


@pytest.mark.parametrize("cut", [1, 7, 30, 700])
@pytest.mark.parametrize("as_pcapng", [False, True])
def test_a_truncated_capture_gives_everything_before_the_cut(tmp_path: Path, cut: int, as_pcapng: bool) -> None:
    packets = [frames.ethernet(packet) for packet in traffic()]
    octets = frames.pcapng(packets) if as_pcapng else frames.pcap(packets)
    capture = assert_agrees_with_plain_tshark(frames.write(tmp_path / "a.cap", octets[:-cut]))
    assert capture.facts.is_truncated
    assert any("middle of a frame" in note.en for note in capture.facts.notes)


@pytest.mark.parametrize("pack_whole", [gzip.compress, zstandard.ZstdCompressor().compress, lzma.compress])
def test_a_compressed_file_that_ends_early_gives_what_is_there(
    tmp_path: Path, pack_whole: Callable[[bytes], bytes]
) -> None:
    dice = random.Random(1)
    packets = [frames.ethernet(frames.ipv4(frames.udp(dice.randbytes(900)), ident=n)) for n in range(600)]
    packed = pack_whole(frames.pcap(packets))
    capture = read(frames.write(tmp_path / "a", packed[: len(packed) * 2 // 3]))
    assert capture.facts.is_truncated
    assert 200 < len(capture.packets) < 600
    assert capture.facts.notes


def test_a_tunnel_whose_outer_packet_is_fragmented_is_found(tmp_path: Path) -> None:
    inner = frames.fragments_v4(frames.udp(bytes(2600)), ident=77)
    outer = frames.vxlan(frames.ethernet(inner[0]))
    packets = frames.fragments_v4(outer, 1480, source="192.0.2.1", destination="192.0.2.2", ident=500)
    packets.append(frames.ipv4(frames.vxlan(frames.ethernet(inner[1])), 17, "192.0.2.1", "192.0.2.2", ident=501))
    packets += frames.fragments_v6(frames.gre(frames.ipv4(frames.udp(b"q" * 1400), ident=78)), 1200, 47)
    capture = read(frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, packets))))
    inside = [packet for packet in capture.packets if packet.destination_ip == "10.2.2.2"]
    assert [(p.frame, p.identification, p.offset_bytes, p.tunnels) for p in inside] == [
        (2, 77, 0, ("vxlan",)),
        (3, 77, 1480, ("vxlan",)),
        (5, 78, 0, ("gre",)),
    ]
    assert any("outer packets are fragmented" in note.en for note in capture.facts.notes)


def test_tunnels_and_tags_are_noted_outermost_first(tmp_path: Path) -> None:
    packet = frames.ipv4(frames.udp(b"query", 1000, 9019))
    inner = frames.ipv4(frames.vxlan(frames.tagged(packet, (0x8100, 30))), 17, "198.51.100.1", "198.51.100.2")
    frame = frames.tagged(frames.ipv4(frames.gre(inner), 47, "192.0.2.1", "192.0.2.2"), (0x88A8, 10), (0x8100, 20))
    (found,) = read(frames.write(tmp_path / "a.pcap", frames.pcap([frame]))).packets
    assert found.tunnels == ("gre", "vxlan")
    assert found.vlans == (10, 20, 30)
    assert found.source_mac == "02:00:00:00:00:01"


def test_a_frame_cut_by_the_snap_length_keeps_its_lengths(tmp_path: Path) -> None:
    packets = [frames.ethernet(packet) for packet in frames.fragments_v4(frames.udp(bytes(2600)))]
    capture = read(frames.write(tmp_path / "a.pcap", frames.pcap(packets, snap=64)))
    first, later = capture.packets
    assert (first.length_bytes, first.captured_bytes, first.udp_length) == (1480, 30, 2608)
    assert (later.offset_bytes, later.length_bytes, later.is_cut) == (1480, 1128, True)
    assert (capture.facts.cut_frames, capture.facts.shortest_cut_bytes) == (2, 64)


def test_what_an_icmp_error_quotes_is_kept(tmp_path: Path) -> None:
    piece = frames.fragments_v4(frames.udp(bytes(2600)), ident=321)
    packets = [
        frames.icmp_error(piece[0][:28]),
        frames.icmp_error(piece[1][:28], 3, 4, 1400),
        frames.icmpv6_error(frames.ipv6(frames.udp(bytes(1300), 1000, 9029))[:100], mtu=1280),
    ]
    found = read(frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, packets)))).packets
    quotes = [packet.quote for packet in found]
    assert all(quotes)
    timed_out, too_big, too_big_6 = (quote for quote in quotes if quote)
    assert (timed_out.icmp_type, timed_out.icmp_code, timed_out.identification) == (11, 1, 321)
    assert (timed_out.source_ip, timed_out.destination_port, timed_out.mtu) == ("10.1.1.1", 9029, None)
    assert (too_big.offset_bytes, too_big.mtu, too_big.source_port) == (1480, 1400, None)
    assert (too_big_6.icmp_type, too_big_6.mtu, too_big_6.destination_port) == (2, 1280, 9029)


def test_all_frames_are_counted_by_kind(tmp_path: Path) -> None:
    packets = [frames.ethernet(packet) for packet in traffic(wide=False)]
    packets.append(frames.ethernet(bytes(28), 0x0806))
    facts = read(frames.write(tmp_path / "a.pcap", frames.pcap(packets))).facts
    assert facts.frames == len(packets)
    assert (facts.non_ip_frames, facts.tcp_frames, facts.other_frames) == (1, 1, 3)
    assert (facts.first_fragments, facts.later_fragments) == (3, 4)
    assert facts.udp_frames == 7 + 2
    assert {9019, 9029, 5060, 1000} <= set(facts.udp_ports) | {1000}


@pytest.mark.parametrize("name", ["cooked", "ppp", "802.11"])
def test_the_counts_do_not_depend_on_the_link_type(tmp_path: Path, name: str) -> None:
    link_type, wrap = LINKS[name]
    plain = read(frames.write(tmp_path / "a.pcap", frames.pcap(map(frames.ethernet, traffic())))).facts
    other = read(frames.write(tmp_path / "b.pcap", frames.pcap(map(wrap, traffic()), link_type))).facts
    for count in (
        "frames",
        "tcp_frames",
        "udp_frames",
        "other_frames",
        "first_fragments",
        "later_fragments",
        "udp_ports",
    ):
        assert getattr(plain, count) == getattr(other, count), count


def test_drops_filters_and_comments_of_a_pcapng_are_facts(tmp_path: Path) -> None:
    options = frames.option(2, b"mirror0") + frames.option(11, b"\0udp port 9029") + frames.option(1, b"uplink")
    octets = frames.section() + frames.interface(options=options, snap=128)
    frame = frames.ethernet(frames.ipv4(frames.udp(b"query")))
    octets += frames.enhanced(frame, frames.START_S * 10**6, options=frames.option(4, pack("<Q", 3)))
    counters = frames.option(4, pack("<Q", 50)) + frames.option(5, pack("<Q", 7)) + frames.option(7, pack("<Q", 2))
    octets += frames.block(5, pack("<III", 0, 0, 0) + counters)
    facts = read(frames.write(tmp_path / "a.pcapng", octets)).facts
    (interface,) = facts.interfaces
    assert (interface.name, interface.recorded_filter, interface.snap_length) == ("mirror0", "udp port 9029", 128)
    assert (interface.received, interface.dropped) == (50, 9)
    assert facts.comments == ("uplink",)


def test_silence_is_told_as_quiet_spans(tmp_path: Path) -> None:
    frame = frames.ethernet(frames.ipv4(frames.udp(b"query")))
    octets = frames.section() + frames.interface()
    for second in (0, 1, 31, 32):
        octets += frames.enhanced(frame, (frames.START_S + second) * 10**6)
    facts = read(frames.write(tmp_path / "a.pcapng", octets)).facts
    longest = max(facts.quiet_spans, key=lambda span: span[1] - span[0])
    assert longest == ((frames.START_S + 1) * 10**9, (frames.START_S + 31) * 10**9)


@pytest.mark.parametrize("octets", [b"", b"hello", bytes(4000), b"\x1f\x8b\x08", b"PK\x03\x04" + bytes(90)])
def test_what_is_no_capture_is_refused_with_a_sentence(tmp_path: Path, octets: bytes) -> None:
    with pytest.raises(CaptureError) as caught:
        read(frames.write(tmp_path / "a.pcap", octets))
    assert "a.pcap" in caught.value.text.en
    assert "a.pcap" in caught.value.text.zh


def test_a_capture_without_frames_is_read(tmp_path: Path) -> None:
    capture = read(frames.write(tmp_path / "a.pcap", frames.pcap([])))
    assert (capture.facts.frames, capture.packets, capture.facts.first_ns) == (0, (), None)


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    good = frames.pcap([frames.ethernet(frames.ipv4(frames.udp(b"query")))])
    damaged = good + pack("<IIII", 1, 1, 0x7000_0000, 0x7000_0000) + bytes(500)
    capture = read(frames.write(tmp_path / "a.pcap", damaged))
    assert len(capture.packets) == 1
    assert any("damaged after frame 1" in note.en for note in capture.facts.notes)


def test_random_octets_behind_a_good_header_do_no_harm(tmp_path: Path) -> None:
    dice = random.Random(3)
    for number in range(12):
        octets = bytearray(frames.pcapng([frames.ethernet(packet) for packet in traffic()]))
        for _ in range(40):
            octets[dice.randrange(28, len(octets))] = dice.randrange(256)
        capture = read(frames.write(tmp_path / f"{number}.pcapng", bytes(octets)))
        assert capture.facts.frames >= 0


def test_one_frame_in_full_on_demand(tmp_path: Path) -> None:
    packets = [frames.ethernet(packet) for packet in traffic()]
    path = frames.write(tmp_path / "a.pcap", frames.pcap(packets))
    assert frame_bytes(path, 8) == packets[7]
    layers = dissect_frame(path, 8)
    assert [layer.name for layer in layers] == ["frame", "eth", "ip", "udp", "data"]
    ports = [field.value for field in layers[3].fields if field.name == "udp.dstport"]
    assert ports == ["9019"]


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = frames.write(tmp_path / "a.pcap", frames.pcap([frames.ethernet(traffic()[0])]))
    with pytest.raises(CaptureError):
        frame_bytes(path, 2)
    with pytest.raises(CaptureError):
        dissect_frame(path, 0)
