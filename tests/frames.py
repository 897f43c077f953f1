"""Lays out frames and capture files for tests: only what a test says, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from struct import pack

MAC_A, MAC_B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ETHERNET, RAW_IP, NULL, LOOP, SLL, SLL2, PPP, PPPOE, WLAN, RADIOTAP = 1, 101, 0, 108, 113, 276, 9, 51, 105, 127
START_S = 1_700_000_000


def checksum(octets: bytes) -> int:
    octets += b"\0" * (len(octets) % 2)
    total = sum(int.from_bytes(octets[at : at + 2]) for at in range(0, len(octets), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(
    payload: bytes,
    protocol: int = 17,
    source: str = "10.1.1.1",
    destination: str = "10.2.2.2",
    ident: int = 7,
    offset: int = 0,
    more: bool = False,
    ttl: int = 64,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    word = (0x2000 if more else 0) | offset // 8
    length = 20 + len(options) + len(payload) if total is None else total
    addresses = ip_address(source).packed + ip_address(destination).packed
    head = pack(">BBHHHBB", 0x45 + len(options) // 4, 0, length, ident, word, ttl, protocol)
    return head + pack(">H", checksum(head + b"\0\0" + addresses + options)) + addresses + options + payload


def ipv6(
    payload: bytes, next_header: int = 17, source: str = "fd00::1", destination: str = "fd00::2", hop_limit: int = 64
) -> bytes:
    addresses = ip_address(source).packed + ip_address(destination).packed
    return pack(">IHBB", 6 << 28, len(payload), next_header, hop_limit) + addresses + payload


def udp(
    payload: bytes, source: int = 40_000, destination: int = 9029, length: int | None = None, sum_: int = 0
) -> bytes:
    return pack(">HHHH", source, destination, 8 + len(payload) if length is None else length, sum_) + payload


def fragments_v4(datagram: bytes, size: int = 1480, protocol: int = 17, **header: object) -> list[bytes]:
    """The IP payload `datagram` in pieces of `size` bytes."""
    return [
        ipv4(datagram[at : at + size], protocol, offset=at, more=at + size < len(datagram), **header)  # type: ignore[arg-type]
        for at in range(0, len(datagram), size)
    ]


def fragments_v6(
    datagram: bytes, size: int = 1440, next_header: int = 17, ident: int = 99, before: bytes = b"", **header: object
) -> list[bytes]:
    """The same with fragment headers; `before` is a hop-by-hop header in front of them."""
    pieces = []
    for at in range(0, len(datagram), size):
        word = at | (at + size < len(datagram))
        piece = pack(">BBHI", next_header, 0, word, ident) + datagram[at : at + size]
        pieces.append(ipv6(before + piece, 0 if before else 44, **header))  # type: ignore[arg-type]
    return pieces


def kind_of(packet: bytes) -> int:
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def ethernet(packet: bytes, kind: int | None = None) -> bytes:
    return MAC_B + MAC_A + pack(">H", kind_of(packet) if kind is None else kind) + packet


def tagged(packet: bytes, *tags: tuple[int, int]) -> bytes:
    """`tags` as (type, VLAN), outermost first."""
    kinds = [kind for kind, _ in tags[1:]] + [kind_of(packet)]
    shim = b"".join(pack(">HH", vlan, kind) for (_, vlan), kind in zip(tags, kinds, strict=True))
    return ethernet(shim + packet, tags[0][0])


def gre(inner: bytes, kind: int | None = None, flags: int = 0, options: bytes = b"") -> bytes:
    return pack(">HH", flags, kind_of(inner) if kind is None else kind) + options + inner


def erspan2(frame: bytes) -> bytes:
    """GRE with a sequence number, ERSPAN type II, an Ethernet frame."""
    return gre(pack(">HHI", 0x1001, 1, 0) + frame, 0x88BE, 0x1000, pack(">I", 5))


def erspan3(frame: bytes) -> bytes:
    return gre(pack(">HHIHH", 0x2001, 1, 0, 0, 0) + frame, 0x22EB, 0x1000, pack(">I", 5))


def vxlan(frame: bytes, vni: int = 77, port: int = 4789) -> bytes:
    return udp(pack(">II", 0x0800_0000, vni << 8) + frame, 49_152, port)


def gtp(packet: bytes, sequence: bool = False) -> bytes:
    options = pack(">HBB", 3, 0, 0) if sequence else b""
    return udp(
        pack(">BBHI", 0x32 if sequence else 0x30, 0xFF, len(options) + len(packet), 9) + options + packet, 2152, 2152
    )


def geneve(frame: bytes) -> bytes:
    return udp(pack(">BBHI", 0, 0, 0x6558, 77 << 8) + frame, 49_152, 6081)


def pppoe(packet: bytes) -> bytes:
    kind = 0x0057 if packet[0] >> 4 == 6 else 0x0021
    return ethernet(pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, kind) + packet, 0x8864)


def mpls(packet: bytes, labels: int = 2) -> bytes:
    shim = b"".join(pack(">I", (100 + at) << 12 | (at == labels - 1) << 8 | 64) for at in range(labels))
    return ethernet(shim + packet, 0x8847)


def cooked(packet: bytes) -> bytes:
    return pack(">HHH", 0, 1, 6) + MAC_A + b"\0\0" + pack(">H", kind_of(packet)) + packet


def cooked2(packet: bytes) -> bytes:
    return pack(">HHIHBB", kind_of(packet), 0, 2, 1, 0, 6) + MAC_A + b"\0\0" + packet


def null(packet: bytes) -> bytes:
    return pack("<I", 2 if packet[0] >> 4 == 4 else 30) + packet


def loop(packet: bytes) -> bytes:
    return pack(">I", 2 if packet[0] >> 4 == 4 else 24) + packet


def ppp(packet: bytes) -> bytes:
    return b"\xff\x03" + pack(">H", 0x0057 if packet[0] >> 4 == 6 else 0x0021) + packet


def wlan(packet: bytes) -> bytes:
    """An 802.11 data frame from a station, unencrypted."""
    return (
        b"\x08\x01\x00\x00"
        + MAC_B
        + MAC_A
        + MAC_B
        + b"\x00\x00"
        + b"\xaa\xaa\x03\0\0\0"
        + pack(">H", kind_of(packet))
        + packet
    )


def radiotap(packet: bytes) -> bytes:
    return b"\0\0\x08\0\0\0\0\0" + wlan(packet)


def icmp_error(quoted: bytes, kind: int = 11, code: int = 1, mtu: int = 0, source: str = "10.2.2.2") -> bytes:
    body = pack(">BBHHH", kind, code, 0, 0, mtu) + quoted
    return ipv4(body, 1, source, "10.1.1.1", ident=900)


def icmpv6_error(quoted: bytes, kind: int = 2, code: int = 0, mtu: int = 1280) -> bytes:
    return ipv6(pack(">BBHI", kind, code, 0, mtu) + quoted, 58, "fd00::9", "fd00::1")


def pcap(
    frames: Iterable[bytes],
    link_type: int = ETHERNET,
    order: str = "<",
    nanoseconds: bool = False,
    snap: int | None = None,
    step_us: int = 1000,
    modified: bool = False,
) -> bytes:
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    octets = pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap or 262_144, link_type)
    for number, frame in enumerate(frames):
        time_us = START_S * 1_000_000 + number * step_us
        fraction = time_us % 1_000_000 * (1000 if nanoseconds else 1)
        kept = frame[:snap]
        octets += pack(f"{order}IIII", time_us // 1_000_000, fraction, len(kept), len(frame))
        octets += (pack(f"{order}IHBB", 0, 0, 0, 0) if modified else b"") + kept
    return octets


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    length = 12 + len(body)
    return pack(f"{order}II", kind, length) + body + pack(f"{order}I", length)


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(link_type: int = ETHERNET, options: bytes = b"", order: str = "<", snap: int = 0) -> bytes:
    return block(1, pack(f"{order}HHI", link_type, 0, snap) + options, order)


def enhanced(
    frame: bytes, ticks: int, number: int = 0, order: str = "<", original: int | None = None, options: bytes = b""
) -> bytes:
    body = pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), original or len(frame))
    return block(6, body + frame + bytes(-len(frame) % 4) + options, order)


def pcapng(frames: Sequence[bytes], link_type: int = ETHERNET, order: str = "<", step_us: int = 1000) -> bytes:
    octets = section(order) + interface(link_type, order=order)
    for number, frame in enumerate(frames):
        octets += enhanced(frame, START_S * 1_000_000 + number * step_us, order=order)
    return octets


def write(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    return path
