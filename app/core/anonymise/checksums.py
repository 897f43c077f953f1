"""Internet checksums that follow a change (RFC 1624), so that right ones stay right and wrong ones stay wrong."""

from __future__ import annotations


def ones_sum(octets: bytes) -> int:
    """The ones' complement sum of 16-bit words; an odd end counts as if a zero followed."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(memoryview(octets).cast("H")) if octets else 0
    total = _fold(total)
    # A memoryview counts in the machine's byte order; the sum only has its bytes swapped.
    return total if _BIG else (total & 0xFF) << 8 | total >> 8


def change(old: bytes, new: bytes) -> int:
    """What replacing `old` by `new` (equally long, at an even place) adds to a sum."""
    return _fold(ones_sum(new) + (ones_sum(old) ^ 0xFFFF))


def adjusted(checksum: int, added: int) -> int:
    """The checksum of octets whose sum grew by `added`."""
    return _fold((checksum ^ 0xFFFF) + added) ^ 0xFFFF


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


_BIG = memoryview(b"\0\1").cast("H")[0] == 1
