"""Ethernet, IPv4, IPv6, UDP, TCP, ICMP and ARP as bytes, with right checksums.

Small on purpose: only what the demo network sends. Lengths and offsets are bytes.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, replace

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_IPV6 = 0x86DD
ICMP, TCP, UDP, GRE, FRAGMENT_HEADER, ICMPV6 = 1, 6, 17, 47, 44, 58
CHECKSUM_AT = {TCP: 16, UDP: 6}
BROADCAST = "ff:ff:ff:ff:ff:ff"


def checksum(*parts: bytes) -> int:
    """The Internet checksum (RFC 1071) of the parts as one string."""
    octets = b"".join(parts)
    if len(octets) % 2:
        octets += b"\0"
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


@dataclass(frozen=True, slots=True)
class IpPacket:
    """One IPv4 or IPv6 packet; `payload` is what follows the IP header (and the IPv6 fragment header)."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    identification: int = 0
    offset: int = 0
    more: bool = False
    ttl: int = 128
    do_not_fragment: bool = False

    @property
    def version(self) -> int:
        return 6 if ":" in self.source else 4

    @property
    def is_fragment(self) -> bool:
        return self.more or self.offset > 0

    @property
    def end(self) -> int:
        return self.offset + len(self.payload)

    @property
    def ports(self) -> tuple[int, int] | None:
        """(source, destination) of UDP or TCP where this packet carries them."""
        if self.offset or self.protocol not in (TCP, UDP) or len(self.payload) < 4:
            return None
        source, destination = struct.unpack_from("!HH", self.payload)
        return source, destination

    def to_bytes(self) -> bytes:
        return self._to_ipv6() if self.version == 6 else self._to_ipv4()

    def _to_ipv4(self) -> bytes:
        flags = (self.offset // 8) | (0x2000 if self.more else 0) | (0x4000 if self.do_not_fragment else 0)
        fixed = struct.pack(
            "!BBHHHBB", 0x45, 0, 20 + len(self.payload), self.identification & 0xFFFF, flags, self.ttl, self.protocol
        )
        addresses = packed(self.source) + packed(self.destination)
        return fixed + struct.pack("!H", checksum(fixed, addresses)) + addresses + self.payload

    def _to_ipv6(self) -> bytes:
        protocol, payload = self.protocol, self.payload
        if self.is_fragment:
            extension = struct.pack("!BBHI", protocol, 0, self.offset | int(self.more), self.identification)
            protocol, payload = FRAGMENT_HEADER, extension + payload
        fixed = struct.pack("!IHBB", 6 << 28, len(payload), protocol, self.ttl)
        return fixed + packed(self.source) + packed(self.destination) + payload


def pseudo_header(source: str, destination: str, protocol: int, length: int) -> bytes:
    addresses = packed(source) + packed(destination)
    if ":" in source:
        return addresses + struct.pack("!II", length, protocol)
    return addresses + struct.pack("!BBH", 0, protocol, length)


def udp(source: str, source_port: int, destination: str, destination_port: int, payload: bytes) -> bytes:
    """A whole UDP datagram: header with checksum, then `payload`."""
    length = 8 + len(payload)
    header = struct.pack("!HHH", source_port, destination_port, length)
    total = checksum(pseudo_header(source, destination, UDP, length), header, payload) or 0xFFFF
    return header + struct.pack("!H", total) + payload


def tcp(
    source: str,
    source_port: int,
    destination: str,
    destination_port: int,
    sequence: int,
    acknowledged: int,
    flags: int,
    payload: bytes = b"",
) -> bytes:
    """A TCP segment without options; `flags` as on the wire (0x02 SYN, 0x10 ACK, 0x08 PSH)."""
    head = struct.pack(
        "!HHIIBBH", source_port, destination_port, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 5 << 4, flags, 8192
    )
    pseudo = pseudo_header(source, destination, TCP, 20 + len(payload))
    return head + struct.pack("!HH", checksum(pseudo, head, payload), 0) + payload


def icmp_error(kind: int, code: int, reporter: str, about: IpPacket, mtu: int = 0) -> IpPacket:
    """An ICMP or ICMPv6 error from `reporter` to the sender of `about`, quoting its header and first bytes.

    `mtu` fills the field of "fragmentation needed" (3/4) and of "packet too big" (ICMPv6 2/0).
    """
    if about.version == 6:
        quote = about.to_bytes()[:1184]
        body = struct.pack("!BBHI", kind, code, 0, mtu) + quote
        total = checksum(pseudo_header(reporter, about.source, ICMPV6, len(body)), body)
        return IpPacket(reporter, about.source, ICMPV6, body[:2] + struct.pack("!H", total) + body[4:], ttl=64)
    quote = about.to_bytes()[:28]
    body = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quote
    return IpPacket(
        reporter,
        about.source,
        ICMP,
        body[:2] + struct.pack("!H", checksum(body)) + body[4:],
        ttl=64,
        identification=about.identification ^ 0x5A5A,
    )


def fragment(packet: IpPacket, mtu: int) -> tuple[IpPacket, ...]:
    """What a host or router with this MTU makes of the packet, in order; fragments are split further."""
    if len(packet.to_bytes()) <= mtu:
        return (packet,)
    overhead = 20 if packet.version == 4 else 48
    room = (mtu - overhead) // 8 * 8
    if room < 8:
        raise ValueError(f"an MTU of {mtu} leaves no room for a fragment")
    pieces = []
    for start in range(0, len(packet.payload), room):
        piece = packet.payload[start : start + room]
        is_last = start + room >= len(packet.payload)
        pieces.append(replace(packet, payload=piece, offset=packet.offset + start, more=packet.more or not is_last))
    return tuple(pieces)


def translate(packet: IpPacket, source: str, destination: str, ports: tuple[int, int] | None = None) -> IpPacket:
    """The packet with other addresses and, where it carries them, other ports; its checksum is mended (RFC 1624).

    Works on a first fragment as a translating device does: from the difference, without the rest of the datagram.
    """
    payload = packet.payload
    if packet.offset == 0 and packet.protocol in CHECKSUM_AT:
        old = packed(packet.source) + packed(packet.destination) + payload[:4]
        new_ports = struct.pack("!HH", *ports) if ports else payload[:4]
        new = packed(source) + packed(destination) + new_ports
        at = CHECKSUM_AT[packet.protocol]
        before = int.from_bytes(payload[at : at + 2], "big")
        inverted = bytes(octet ^ 0xFF for octet in old)
        after = checksum(struct.pack("!H", ~before & 0xFFFF), inverted, new) or 0xFFFF
        payload = new_ports + payload[4:at] + struct.pack("!H", after) + payload[at + 2 :]
    return replace(packet, source=source, destination=destination, payload=payload)


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(destination: str, source: str, ethertype: int, payload: bytes, vlans: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame without its check sequence, padded to 60 bytes; `vlans` from the outermost tag inwards."""
    tags = b"".join(struct.pack("!HH", ETHERTYPE_VLAN, vlan) for vlan in vlans)
    frame = mac_bytes(destination) + mac_bytes(source) + tags + struct.pack("!H", ethertype) + payload
    return frame.ljust(60, b"\0")


def ip_frame(packet: IpPacket, destination: str, source: str, vlans: tuple[int, ...] = ()) -> bytes:
    ethertype = ETHERTYPE_IPV6 if packet.version == 6 else ETHERTYPE_IPV4
    return ethernet(destination, source, ethertype, packet.to_bytes(), vlans)


def arp(operation: int, mac: str, address: str, target_mac: str, target: str) -> bytes:
    """An ARP request (1, broadcast) or reply (2) as a frame."""
    body = struct.pack("!HHBBH", 1, ETHERTYPE_IPV4, 6, 4, operation)
    asked = b"\0" * 6 if operation == 1 else mac_bytes(target_mac)
    body += mac_bytes(mac) + packed(address) + asked + packed(target)
    return ethernet(BROADCAST if operation == 1 else target_mac, mac, ETHERTYPE_ARP, body)


def neighbour(mac: str, address: str, target_mac: str, target: str, is_answer: bool = False) -> bytes:
    """A frame of IPv6 neighbour discovery: who has `target`, or the answer that `address` is at `mac`."""
    told = packed(address) if is_answer else packed(target)
    kind, flags = (136, 0x6000_0000) if is_answer else (135, 0)
    body = struct.pack("!BBHI", kind, 0, 0, flags) + told + bytes([2 if is_answer else 1, 1]) + mac_bytes(mac)
    total = checksum(pseudo_header(address, target, ICMPV6, len(body)), body)
    whole = body[:2] + struct.pack("!H", total) + body[4:]
    return ip_frame(IpPacket(address, target, ICMPV6, whole, ttl=255), target_mac, mac)
