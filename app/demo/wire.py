"""The EAD datagram: a header of 28 bytes, big-endian, then the body, plain, deflated or encrypted.

At 0 the head id, at 4 the total length, at 6 a checksum of 16 bytes, at 22 the message id, at 26 the type. The header
is as reported by third parties; how the checksum and the encryption are made is not public, so here an MD5 and a
keystream stand in.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from enum import IntEnum

from app.demo.bodies import Fields

HEADER_BYTES = 28
PLAIN_LIMIT_BYTES = 3000


class Coding(IntEnum):
    """How the body travels; the value is the head id."""

    PLAIN = 0x000AD877
    ZLIB = 0x000AD878
    ENCRYPTED = 0x000AD879


def _encrypted(body: bytes, message_id: int) -> bytes:
    packed = zlib.compress(body)
    blocks = range((len(packed) + 31) // 32)
    stream = b"".join(hashlib.sha256(struct.pack("!II", message_id, block)).digest() for block in blocks)
    return bytes(octet ^ key for octet, key in zip(packed, stream, strict=False))


def datagram(number: int, message_id: int, body: str, coding: Coding) -> bytes:
    """The UDP payload of message `number`."""
    plain = body.encode()
    carried = {
        Coding.PLAIN: lambda: plain,
        Coding.ZLIB: lambda: zlib.compress(plain),
        Coding.ENCRYPTED: lambda: _encrypted(plain, message_id),
    }[coding]()
    total = HEADER_BYTES + len(carried)
    return struct.pack("!IH16sIH", coding, total, hashlib.md5(carried).digest(), message_id, number) + carried


def coding_of_result(plain_bytes: int, when_large: Coding) -> Coding:
    """How a client sends message 3: plain up to 3000 bytes, above that as the server asked."""
    return when_large if plain_bytes > PLAIN_LIMIT_BYTES else Coding.PLAIN


def read_header(payload: bytes) -> tuple[int, int, int]:
    """(head id, message id, type) of a datagram made by `datagram`."""
    head_id, _total, _checksum, message_id, number = struct.unpack_from("!IH16sIH", payload)
    return head_id, message_id, number


def read_fields(payload: bytes) -> Fields:
    """The names and values of a datagram made by `datagram`. Raises ValueError where it was encrypted."""
    head_id, _message_id, _number = read_header(payload)
    carried = payload[HEADER_BYTES:]
    if head_id == Coding.ENCRYPTED:
        raise ValueError("encrypted")
    plain = zlib.decompress(carried) if head_id == Coding.ZLIB else carried
    return tuple(re.findall(r'<i n="([^"]*)">([^<]*)</i>', plain.decode()))
