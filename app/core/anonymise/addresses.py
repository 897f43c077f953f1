"""Addresses → other addresses that share prefixes exactly where the real ones do.

As in Crypto-PAn, each bit is turned or not by a keyed function of the bits before it, so two addresses of one subnet
stay in one subnet of the same length. What an address is *for* stays too: private ranges, link-local, multicast,
network and broadcast addresses.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

# (prefix, bits): addresses in it keep these bits, since they say what sort of address it is.
KEPT_V4 = (
    ("10.0.0.0", 8), ("172.16.0.0", 12), ("192.168.0.0", 16), ("100.64.0.0", 10), ("169.254.0.0", 16),
)  # fmt: skip
# First octets whose addresses are public throughout; they change places among themselves.
MIXED_OCTETS = frozenset({0, 10, 100, 127, 169, 172, 192, 198, 203})
PUBLIC_OCTETS = tuple(octet for octet in range(1, 224) if octet not in MIXED_OCTETS)


class AddressMap:
    """`key`: secret bytes; the same key gives the same map. `known`: original → replacement."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.known: dict[str, str] = {}
        order = sorted(PUBLIC_OCTETS, key=lambda octet: self._digest(b"octet", octet))
        self._octets = dict(zip(PUBLIC_OCTETS, order, strict=True))

    def text(self, address: str) -> str:
        """Raises ValueError where it is no address."""
        found = self.known.get(address)
        if found is None:
            parsed = ip_address(address)
            new = self.v4(int(parsed)) if isinstance(parsed, IPv4Address) else self.v6(int(parsed))
            found = str(IPv4Address(new) if isinstance(parsed, IPv4Address) else IPv6Address(new))
            if found != address:
                self.known[address] = found
        return found

    def packed(self, octets: bytes) -> bytes:
        """The same for four or sixteen bytes of a packet."""
        return ip_address(self.text(str(ip_address(octets)))).packed

    def v4(self, address: int) -> int:
        octets = address.to_bytes(4, "big")
        if not is_personal_v4(address):
            return address
        kept = next((bits for prefix, bits in KEPT_V4 if _has_prefix(address, prefix, bits)), None)
        if kept is None:
            if octets[0] in self._octets:
                address = self._octets[octets[0]] << 24 | address & 0xFFFFFF
                original_prefix = octets[0]
                return self._turn(address, 32, 8, original_prefix.to_bytes(1, "big"))
            kept = 16  # between reserved blocks: the rest of such an octet stays public
        return self._turn(address, 32, kept, octets[: -(-kept // 8)])

    def v6(self, address: int) -> int:
        value = IPv6Address(address)
        mapped = value.ipv4_mapped
        if mapped is not None:
            return 0xFFFF << 32 | self.v4(int(mapped))
        if value.is_multicast or value.is_loopback or value.is_unspecified:
            return address
        kept = 64 if value.is_link_local else 7 if address >> 121 == 0x7E else 3
        return self._turn(address, 128, kept, address.to_bytes(16, "big")[:8] if kept == 64 else b"")

    def _turn(self, address: int, width: int, kept: int, salt: bytes) -> int:
        """Turns bits below `kept`. In the last octet, all zeros and all ones stay: they name the net and everybody."""
        new = address
        for at in range(kept, width):
            place = width - 1 - at
            before = address >> (place + 1)
            tail = at - (width - 8)
            if width == 32 and tail >= 0 and before & ((1 << tail) - 1) in (0, (1 << tail) - 1):
                continue
            if self._bit(width, at, before, salt):
                new ^= 1 << place
        return new

    @lru_cache(maxsize=200_000)  # noqa: B019  # lives as long as one packet is written
    def _bit(self, width: int, at: int, before: int, salt: bytes) -> bool:
        return bool(self._digest(b"bit%d" % width + salt, at, before)[0] & 1)

    def digits(self, text: str, count: int) -> str:
        """Hexadecimal digits that depend on the text and the key only."""
        return hashlib.shake_256(b"digits" + self._key + text.encode()).hexdigest(-(-count // 2))[:count]

    def _digest(self, what: bytes, *numbers: int) -> bytes:
        told = what + b"".join(number.to_bytes(17, "big") for number in numbers)
        return hashlib.blake2b(told, key=self._key, digest_size=16).digest()


def is_personal_v4(address: int) -> bool:
    """Whether an address can be somebody's: not loopback, multicast, broadcast, a mask, or unset."""
    value = IPv4Address(address)
    is_special = value.is_loopback or value.is_multicast or address >> 28 == 15
    return not is_special and address >= 1 << 24


def _has_prefix(address: int, prefix: str, bits: int) -> bool:
    return address >> (32 - bits) == int(IPv4Address(prefix)) >> (32 - bits)
