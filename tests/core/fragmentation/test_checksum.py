from __future__ import annotations

from ipaddress import ip_address
from struct import pack

from app.core.fragmentation.checksum import is_udp_checksum_wrong
from tests import frames


def segment(payload: bytes, stored: int | None = None) -> bytes:
    head = pack(">HHH", 1000, 9029, 8 + len(payload))
    right = frames.checksum(pseudo(8 + len(payload)) + head + b"\0\0" + payload)
    return head + pack(">H", right if stored is None else stored) + payload


def pseudo(length: int) -> bytes:
    return ip_address("10.1.1.1").packed + ip_address("10.2.2.2").packed + pack(">HH", 17, length)


def is_wrong(octets: bytes) -> bool:
    return is_udp_checksum_wrong("10.1.1.1", "10.2.2.2", octets)


def test_a_right_checksum_is_right_for_odd_and_even_lengths() -> None:
    assert not is_wrong(segment(b"abcd"))
    assert not is_wrong(segment(b"abcde"))


def test_one_changed_bit_is_noticed() -> None:
    octets = bytearray(segment(b"abcdef"))
    octets[-1] ^= 1
    assert is_wrong(bytes(octets))


def test_none_made_is_not_wrong() -> None:
    assert not is_wrong(segment(b"abcd", 0))


def test_a_sum_left_to_the_network_card_is_not_wrong() -> None:
    assert not is_wrong(segment(b"abcd", frames.checksum(pseudo(12)) ^ 0xFFFF))
