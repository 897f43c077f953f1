"""The UDP checksum (RFC 768, RFC 8200), with what offloading leaves in its place."""

from __future__ import annotations

import sys
from array import array
from functools import lru_cache
from ipaddress import ip_address


def is_udp_checksum_wrong(source_ip: str, destination_ip: str, segment: bytes) -> bool:
    """Whether the checksum of a whole UDP segment (header and data) proves damage.

    Not wrong: zero (none was made), and the sum over the pseudo header alone, which a sender leaves for its network
    card to complete: a capture on that sender shows it so.
    """
    stored = int.from_bytes(segment[6:8])
    if stored == 0:
        return False
    pseudo = _sum(_addresses(source_ip, destination_ip)) + 17 + len(segment)
    if stored == _fold(pseudo):
        return False
    return _fold(pseudo + _sum(segment)) != 0xFFFF


@lru_cache(maxsize=1024)
def _addresses(source_ip: str, destination_ip: str) -> bytes:
    return ip_address(source_ip).packed + ip_address(destination_ip).packed


def _sum(octets: bytes) -> int:
    words = array("H", octets if len(octets) % 2 == 0 else octets + b"\0")
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words)


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
