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

from app.core.ead_wire import BODY_WITHIN_BYTES, looks_like_ead
from app.core.parsers.capture_formats import FIRST, LATER, NON_IP, OTHER
from app.core.parsers.capture_formats import TCP as TCP_FRAME
from app.core.parsers.capture_formats import UDP as UDP_FRAME
from app.core.parsers.ip_headers import TCP, UDP, Layer, RawFrame, read_ipv4, read_ipv6, read_quote
from app.core.records import Packet

# The columns of a row, in this order; all occurrences of a field, outermost first, joined by commas.
FIELDS = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "vlan.id", "ieee8021ad.id",
          "ieee8021ad.svid", "ieee8021ad.cvid", "eth.src", "sll.src.eth", "wlan.sa", "ip.id")  # fmt: skip

IPIP, SIX_IN_IP, GRE = 4, 41, 47
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
HEADS_WITHIN_BYTES = 8 + BODY_WITHIN_BYTES + 5  # of a UDP packet: what tells EAD lies so early
TUNNEL_PROTOCOLS = frozenset({IPIP, SIX_IN_IP, GRE, 97, 137})
TUNNEL_PORTS = frozenset({1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 6081, 6635, 8472, 12222, 12223, 17754, 37008})


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
    idents_v4: str = ""  # as they stand in the row: few frames need them


def read_row(line: str) -> Row:
    """One line that tshark prints, with `FIELDS` as columns."""
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
        idents_v4=columns[13],
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
        layer = _locate("ip", (row.sources_v4[0], row.destinations_v4[0]), frame, 0, row.idents_v4, 0)
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
    links = number_v4 = 0
    aggregated = AGGREGATE in row.protocols
    before, cursor, closed = OTHER_NAME, 0, False
    for name in row.protocols:
        if name in IP_NAMES:
            if layers and aggregated and before == OTHER_NAME:
                yield _stack(layers, tunnels, tags, row.macs, links)
                layers, tunnels, closed = [], [], False
            addresses = next(fours if name == "ip" else sixes, None)
            layer = (
                None
                if closed or addresses is None
                else _locate(name, addresses, frame, cursor, row.idents_v4, number_v4)
            )
            number_v4 += name == "ip"
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


def _locate(
    name: str, addresses: tuple[str, str], frame: RawFrame, cursor: int, idents_v4: str, number_v4: int
) -> Layer | None:
    """The header with these addresses; where they stand at several places, its identification tells which it is."""
    needle = _packed(*addresses)
    is_v4 = name == "ip"
    distance, read = (12, read_ipv4) if is_v4 else (8, read_ipv6)
    at = frame.octets.find(needle, cursor + distance)
    ident: int | None = None
    if is_v4 and at >= 0 and frame.octets.find(needle, at + 1) >= 0:
        ident = _ident(idents_v4, number_v4)
    while at >= 0:
        layer = read(frame, at - distance, addresses)
        if layer is not None and (ident is None or layer.identification == ident):
            return layer
        at = frame.octets.find(needle, at + 1)
    return None


def _ident(column: str, number: int) -> int | None:
    printed = column.split(",")
    try:
        return int(printed[number].partition(" ")[0], 16) if number < len(printed) else None  # "0x0165 (357)"
    except ValueError:
        return None


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
        quote=None if layer.is_fragment else read_quote(layer, payload),
    )


def is_ead(packet: Packet, ports: Collection[int]) -> bool:
    """An unfragmented datagram or a first fragment that speaks of EAD by port, head id or plain body."""
    if packet.source_port is None:
        return False
    return (
        packet.source_port in ports
        or packet.destination_port in ports
        or looks_like_ead(packet.payload[8:HEADS_WITHIN_BYTES])
    )


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
