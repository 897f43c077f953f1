"""IP headers, and the ones that ICMP errors quote, read from a frame's bytes."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from struct import unpack_from
from typing import NamedTuple

from app.core.records import Packet, Quote

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
FRAGMENT_HEADER, AUTHENTICATION = 44, 51
SKIPPED_HEADERS = frozenset({0, 43, 60, 135, 139, 140, AUTHENTICATION})
ICMP_ERRORS = frozenset({3, 4, 11, 12})


class RawFrame(NamedTuple):
    """A frame as the file has it; `original` is its length on the wire."""

    number: int
    time_ns: int
    interface: int
    octets: bytes
    original: int
    is_judged: bool = True  # False: the census waits for its row
    within: Packet | None = None  # the outer fragment that completed the packet which this frame is


class Layer(NamedTuple):
    """One IP header within a frame. `payload_at` is where the datagram's payload (or its piece) begins."""

    version: int
    source_ip: str
    destination_ip: str
    header_at: int
    payload_at: int
    length_bytes: int
    protocol: int
    identification: int | None
    offset_bytes: int
    more: bool
    ttl: int
    has_fragment_header: bool
    total_bytes: int

    @property
    def is_fragment(self) -> bool:
        return self.more or self.offset_bytes > 0


@lru_cache(maxsize=4096)
def _plain(address: str) -> str:
    return str(ip_address(address))


def read_ipv4(frame: RawFrame, at: int, addresses: tuple[str, str]) -> Layer | None:
    first, _, total, ident, word, ttl, protocol = unpack_from(">BBHHHBB", frame.octets, at)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < 20:
        return None
    if total == 0:  # segmentation offload: the length was not yet filled in
        total = frame.original - at
    if total < header:
        return None
    return Layer(
        version=4,
        source_ip=addresses[0],
        destination_ip=addresses[1],
        header_at=at,
        payload_at=at + header,
        length_bytes=total - header,
        protocol=protocol,
        identification=ident,
        offset_bytes=(word & 0x1FFF) * 8,
        more=bool(word & 0x2000),
        ttl=ttl,
        has_fragment_header=False,
        total_bytes=total,
    )


def read_ipv6(frame: RawFrame, at: int, addresses: tuple[str, str]) -> Layer | None:
    octets = frame.octets
    first, length, protocol, ttl = unpack_from(">IHBB", octets, at)
    if first >> 28 != 6:
        return None
    end = at + 40 + length if length else frame.original  # 0: a jumbogram, or offload
    cursor = at + 40
    ident, offset, more, has_header = None, 0, False, False
    while cursor + 8 <= len(octets):
        if protocol in SKIPPED_HEADERS and not offset and not more:
            units = octets[cursor + 1]
            step = (units + 2) * 4 if protocol == AUTHENTICATION else (units + 1) * 8
            protocol, cursor = octets[cursor], cursor + step
        elif protocol == FRAGMENT_HEADER and not has_header:
            protocol, _, word, ident = unpack_from(">BBHI", octets, cursor)
            offset, more, has_header = word & 0xFFF8, bool(word & 1), True
            cursor += 8
            if offset or more:
                break
        else:
            break
    if cursor > end:
        return None
    return Layer(
        version=6,
        source_ip=_plain(addresses[0]),
        destination_ip=_plain(addresses[1]),
        header_at=at,
        payload_at=cursor,
        length_bytes=end - cursor,
        protocol=protocol,
        identification=ident,
        offset_bytes=offset,
        more=more,
        ttl=ttl,
        has_fragment_header=has_header,
        total_bytes=end - at,
    )


def read_quote(layer: Layer, payload: bytes) -> Quote | None:
    """The packet that an ICMP error is about; None for anything else."""
    if len(payload) < 8 or layer.protocol not in (ICMP, ICMPV6):
        return None
    kind, code = payload[0], payload[1]
    if layer.protocol == ICMP:
        if layer.version != 4 or kind not in ICMP_ERRORS:
            return None
        mtu = unpack_from(">H", payload, 6)[0] if (kind, code) == (3, 4) else None
        return _quoted_v4(kind, code, mtu or None, payload[8:])
    if layer.version != 6 or kind not in (1, 2, 3, 4):
        return None
    mtu = unpack_from(">I", payload, 4)[0] if kind == 2 else None
    return _quoted_v6(kind, code, mtu or None, payload[8:])


def _quoted_v4(kind: int, code: int, mtu: int | None, octets: bytes) -> Quote | None:
    if len(octets) < 20 or octets[0] >> 4 != 4:
        return None
    _, _, _, ident, word, _, protocol = unpack_from(">BBHHHBB", octets)
    header = (octets[0] & 0x0F) * 4
    offset = (word & 0x1FFF) * 8
    ports: tuple[int | None, int | None] = (None, None)
    if offset == 0 and protocol in (TCP, UDP) and len(octets) >= header + 4:
        ports = unpack_from(">HH", octets, header)
    addresses = str(ip_address(octets[12:16])), str(ip_address(octets[16:20]))
    return Quote(kind, code, *addresses, protocol, ident, offset, *ports, mtu)


def _quoted_v6(kind: int, code: int, mtu: int | None, octets: bytes) -> Quote | None:
    if len(octets) < 40 or octets[0] >> 4 != 6:
        return None
    addresses = str(ip_address(octets[8:24])), str(ip_address(octets[24:40]))
    frame = RawFrame(0, 0, 0, octets, len(octets))
    layer = read_ipv6(frame, 0, addresses)
    if layer is None:  # its length speaks of more than is quoted, never of less
        return None
    ports: tuple[int | None, int | None] = (None, None)
    if layer.offset_bytes == 0 and layer.protocol in (TCP, UDP) and len(octets) >= layer.payload_at + 4:
        ports = unpack_from(">HH", octets, layer.payload_at)
    return Quote(kind, code, *addresses, layer.protocol, layer.identification, layer.offset_bytes, *ports, mtu)
