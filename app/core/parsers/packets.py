"""tshark rows and the raw frames they speak of → packets.

tshark says which layers a frame has and which addresses; the numbers (offset, identification, lengths) and the payload
are read from the frame's own bytes at the header that carries those addresses. So the units in which a version of
tshark prints an offset do not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from struct import unpack_from
from typing import NamedTuple

from app.core.ead_wire import looks_like_ead
from app.core.parsers.sieve import FIRST, LATER, NON_IP, OTHER
from app.core.parsers.sieve import TCP as TCP_FRAME
from app.core.parsers.sieve import UDP as UDP_FRAME
from app.core.records import Packet, Quote

# The columns of a row, in this order; all occurrences of a field, outermost first, joined by commas.
FIELDS = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "vlan.id", "ieee8021ad.id",
          "ieee8021ad.svid", "ieee8021ad.cvid", "eth.src", "sll.src.eth", "wlan.sa")  # fmt: skip

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
IPIP, SIX_IN_IP, FRAGMENT_HEADER, GRE, AUTHENTICATION = 4, 41, 44, 47, 51
SKIPPED_HEADERS = frozenset({0, 43, 60, 135, 139, 140, AUTHENTICATION})
TUNNELS = {
    "gre": "gre", "erspan": "erspan", "vxlan": "vxlan", "otv": "vxlan", "gtp": "gtp-u", "geneve": "geneve",
    "l2tp": "l2tp", "pppoes": "pppoe", "mpls": "mpls", "capwap": "capwap", "capwap.data": "capwap", "lwapp": "lwapp",
    "teredo": "teredo", "lisp-data": "lisp", "etherip": "etherip", "tzsp": "tzsp", "nsh": "nsh",
    "peekremote": "peekremote", "aruba_erm": "aruba-erm", "ieee8021ah": "mac-in-mac",
}  # fmt: skip
IP_NAMES = frozenset({"ip", "ipv6"})
CLOSING = frozenset({"icmp", "icmpv6", "tcp"})  # what these quote or carry is no packet of its own
LINK_NAMES = frozenset({"eth", "vlan", "ieee8021ad"})
AGGREGATE = "wlan_aggregate"
OTHER_NAME = ""
TUNNEL_PROTOCOLS = frozenset({IPIP, SIX_IN_IP, GRE, 97, 137})
TUNNEL_PORTS = frozenset({1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 6081, 6635, 8472, 12222, 12223, 17754, 37008})
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


class Row(NamedTuple):
    """What tshark prints of one frame; protocols that mean nothing here are empty strings."""

    protocols: tuple[str, ...]
    sources_v4: tuple[str, ...]
    destinations_v4: tuple[str, ...]
    sources_v6: tuple[str, ...]
    destinations_v6: tuple[str, ...]
    vlans: tuple[int, ...]
    service_tags: tuple[tuple[int, ...], ...]  # each 802.1ad header: one tag, or two
    macs: tuple[str, ...]  # sources of the Ethernet (or cooked, or 802.11) headers


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


def read_row(line: str) -> Row:
    """One line of `tshark -T fields` with `FIELDS` as columns."""
    columns = line.split("\t")
    columns += [""] * (len(FIELDS) - len(columns))
    return Row(
        protocols=_protocols(columns[1]),
        sources_v4=_split(columns[2]),
        destinations_v4=_split(columns[3]),
        sources_v6=_split(columns[4]),
        destinations_v6=_split(columns[5]),
        vlans=_tags(columns[6]) if columns[6] else (),
        service_tags=_service_tags(*columns[7:10]) if columns[7] or columns[8] else (),
        macs=_upper(columns[10] or columns[11] or columns[12]),
    )


@lru_cache(maxsize=1024)
def _protocols(column: str) -> tuple[str, ...]:
    known = {*IP_NAMES, *TUNNELS, *CLOSING, *LINK_NAMES, AGGREGATE}
    names = [name for name in column.split(":") if not name.startswith("ipv6.")]
    return tuple(name if name in known else OTHER_NAME for name in names if name != "ethertype")


@lru_cache(maxsize=1024)
def _tags(column: str) -> tuple[int, ...]:
    return tuple(int(tag, 0) for tag in column.split(","))


@lru_cache(maxsize=1024)
def _service_tags(ids: str, outer: str, inner: str) -> tuple[tuple[int, ...], ...]:
    if ids:
        return tuple((tag,) for tag in _tags(ids))
    return tuple(zip(_tags(outer), _tags(inner), strict=False)) if inner else ()


@lru_cache(maxsize=4096)
def _upper(column: str) -> tuple[str, ...]:
    return tuple(column.upper().split(",")) if column else ()


@lru_cache(maxsize=4096)
def _split(column: str) -> tuple[str, ...]:
    return tuple(column.split(",")) if column else ()


@lru_cache(maxsize=4096)
def _packed(source: str, destination: str) -> bytes:
    return ip_address(source).packed + ip_address(destination).packed


@lru_cache(maxsize=4096)
def _plain_address(address: str) -> str:
    return str(ip_address(address))


class Stack(NamedTuple):
    """The way in to one IP header: what lies around it."""

    layers: tuple[Layer, ...]
    tunnels: tuple[str, ...]
    vlans: tuple[int, ...]
    source_mac: str | None


def read_packets(row: Row, frame: RawFrame, source: str) -> Iterator[Packet]:
    """The innermost IP packet of the frame: several where one 802.11 frame aggregates several, none where it has no IP.

    Stops at the first fragment on the way in: what a fragment of a tunnel's outer packet carries is known only when
    that packet is whole.
    """
    for stack in _stacks(row, frame):
        if frame.within is None or len(stack.layers) > 1:
            yield _packet(stack, frame, source)


def _stacks(row: Row, frame: RawFrame) -> Iterator[Stack]:
    if row.protocols[:2] == ("eth", "ip") and len(row.sources_v4) == 1 and not row.sources_v6:  # nearly all of them
        layer = _locate("ip", (row.sources_v4[0], row.destinations_v4[0]), frame, 0)
        if layer is not None:
            yield Stack((layer,), (), (), row.macs[0] if row.macs else None)
        return
    layers: list[Layer] = []
    tunnels: list[str] = []
    opened: list[str] = []  # tunnels that count once another IP header follows
    tags: list[int] = []
    fours = zip(row.sources_v4, row.destinations_v4, strict=False)
    sixes = zip(row.sources_v6, row.destinations_v6, strict=False)
    customer, service = iter(row.vlans), iter(row.service_tags)
    links = 0
    aggregated = AGGREGATE in row.protocols
    before, cursor, closed = OTHER_NAME, 0, False
    for name in row.protocols:
        if name in IP_NAMES:
            if layers and aggregated and before == OTHER_NAME:
                yield _stack(layers, tunnels, tags, row.macs, links)
                layers, tunnels, closed = [], [], False
            addresses = next(fours if name == "ip" else sixes, None)
            layer = None if closed or addresses is None else _locate(name, addresses, frame, cursor)
            if layer is None:
                break
            if layers and before in IP_NAMES:
                opened.append(_ip_in_ip(layers[-1].version, layer.version))
            tunnels += opened
            opened.clear()
            layers.append(layer)
            cursor = layer.payload_at
            closed = layer.is_fragment
        elif closed and not aggregated:
            break
        elif name in TUNNELS:
            if not opened or opened[-1] != TUNNELS[name]:
                opened.append(TUNNELS[name])
        elif name == "eth":
            links += 1
        elif name == "vlan":
            tags += (next(customer, 0),)
        elif name == "ieee8021ad":
            tags += next(service, ())
        elif name in CLOSING:
            closed = True
        before = name
    if layers:
        yield _stack(layers, tunnels, tags, row.macs, links)


def _stack(layers: list[Layer], tunnels: list[str], tags: list[int], macs: tuple[str, ...], links: int) -> Stack:
    mac = macs[min(max(links, 1), len(macs)) - 1] if macs else None
    return Stack(tuple(layers), tuple(tunnels), tuple(tags), mac)


def _ip_in_ip(outer: int, inner: int) -> str:
    return "ipip" if outer == inner == 4 else f"{inner}in{outer}"


def _locate(name: str, addresses: tuple[str, str], frame: RawFrame, cursor: int) -> Layer | None:
    needle = _packed(*addresses)
    distance = 12 if name == "ip" else 8
    at = frame.octets.find(needle, cursor + distance)
    while at >= 0:
        header = at - distance
        layer = (_ipv4 if name == "ip" else _ipv6)(frame, header, addresses)
        if layer is not None:
            return layer
        at = frame.octets.find(needle, at + 1)
    return None


def _ipv4(frame: RawFrame, at: int, addresses: tuple[str, str]) -> Layer | None:
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


def _ipv6(frame: RawFrame, at: int, addresses: tuple[str, str]) -> Layer | None:
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
        source_ip=_plain_address(addresses[0]),
        destination_ip=_plain_address(addresses[1]),
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


def _packet(stack: Stack, frame: RawFrame, source: str) -> Packet:
    layer = stack.layers[-1]
    payload = frame.octets[layer.payload_at : layer.payload_at + layer.length_bytes]
    outer = frame.within
    source_port = destination_port = udp_length = None
    if layer.offset_bytes == 0 and layer.protocol == UDP and len(payload) >= 4:
        source_port, destination_port = unpack_from(">HH", payload)
        if len(payload) >= 6:
            (udp_length,) = unpack_from(">H", payload, 4)
    return Packet(
        source=source,
        frame=frame.number,
        time_ns=frame.time_ns,
        ip_version=layer.version,
        source_ip=layer.source_ip,
        destination_ip=layer.destination_ip,
        protocol=layer.protocol,
        identification=layer.identification,
        offset_bytes=layer.offset_bytes,
        length_bytes=layer.length_bytes,
        more=layer.more,
        ttl=layer.ttl,
        payload=payload,
        captured_bytes=len(payload),
        source_port=source_port,
        destination_port=destination_port,
        udp_length=udp_length,
        interface=frame.interface,
        has_fragment_header=layer.has_fragment_header,
        tunnels=(*outer.tunnels, *stack.tunnels) if outer else stack.tunnels,
        vlans=stack.vlans or (outer.vlans if outer else ()),
        source_mac=stack.source_mac or (outer.source_mac if outer else None),
        quote=None if layer.is_fragment else _quote(layer, payload),
    )


def _quote(layer: Layer, payload: bytes) -> Quote | None:
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
    layer = _ipv6(frame, 0, addresses)
    if layer is None:  # its length speaks of more than is quoted, never of less
        return None
    ports: tuple[int | None, int | None] = (None, None)
    if layer.offset_bytes == 0 and layer.protocol in (TCP, UDP) and len(octets) >= layer.payload_at + 4:
        ports = unpack_from(">HH", octets, layer.payload_at)
    return Quote(kind, code, *addresses, layer.protocol, layer.identification, layer.offset_bytes, *ports, mtu)


def is_ead(packet: Packet, ports: Collection[int]) -> bool:
    """An unfragmented datagram or a first fragment that speaks of EAD by port, head id or plain body."""
    if packet.source_port is None:
        return False
    return packet.source_port in ports or packet.destination_port in ports or looks_like_ead(packet.payload[8:])


def is_wanted(packet: Packet, ports: frozenset[int]) -> bool:
    """Whether the packet belongs into the analysis: EAD, any fragment (atomic ones too), any ICMP error."""
    return packet.is_fragment or packet.has_fragment_header or packet.quote is not None or is_ead(packet, ports)


def census_of(row: Row, packets: Sequence[Packet], ports: Collection[int]) -> tuple[int, int | None, int]:
    """Kind (as in `sieve`), service port and IP length of a frame that only tshark could judge."""
    if not packets:
        has_ip = bool(row.sources_v4 or row.sources_v6)
        return (OTHER if has_ip else NON_IP), None, 0
    packet = packets[0]
    port = None
    if packet.source_port is not None and packet.destination_port is not None:
        both = packet.source_port, packet.destination_port
        port = next((number for number in both if number in ports), min(both))
    kind = {TCP: TCP_FRAME, UDP: UDP_FRAME}.get(packet.protocol, OTHER)
    if packet.is_fragment:
        kind = LATER if packet.offset_bytes else FIRST
    return kind, port, packet.length_bytes + (20 if packet.ip_version == 4 else 40)


def is_tunnel(packet: Packet) -> bool:
    """Whether the datagram of this fragment may carry other IP packets; later fragments do not tell for UDP."""
    if packet.protocol != UDP:
        return packet.protocol in TUNNEL_PROTOCOLS
    return packet.source_port in TUNNEL_PORTS or packet.destination_port in TUNNEL_PORTS


def without_payload(packet: Packet, kept_bytes: int) -> Packet:
    return replace(packet, payload=packet.payload[:kept_bytes]) if len(packet.payload) > kept_bytes else packet
