"""The content of a UDP datagram with its identifiers replaced and not a byte more or less."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from itertools import product

from app.core.anonymise.octets import OctetMap
from app.core.ead_wire import (
    BODY_WITHIN_BYTES,
    CODINGS,
    HEAD_ENCRYPTED,
    HEADER_BYTES,
    INFLATED_LIMIT_BYTES,
    ZLIB_STARTS,
)
from app.core.parsers.log_text import decode

CUTS = 64
EMPTY_STORED = b"\0\0\0\xff\xff"
# Ways to end a stream that stands at a byte: nothing more, and a last block of two or five bytes.
ENDS = {2: b"\x03\x00", 5: b"\x01\x00\x00\xff\xff"}
# What one block without content takes, with one to three more of another kind before it.
FILLERS = {5: EMPTY_STORED, 6: b"\x02\x00\x00\x00\xff\xff", 7: b"\x02\x08\x00\x00\x00\xff\xff"}


class BodyMap:
    """`sealed` counts bodies that could not be read, or not be packed again to the same size: their bytes were replaced
    by others that say nothing."""

    def __init__(self, octets: OctetMap, key: bytes) -> None:
        self._octets, self._key = octets, key
        self.sealed = 0

    def payload(self, payload: bytes) -> bytes:
        """The UDP payload, of the same length."""
        head = int.from_bytes(payload[:4])
        plain_at = payload.find(b"<data>", 0, BODY_WITHIN_BYTES + 5)
        if plain_at < 0 and head in CODINGS:
            return self._packed(payload, head)
        return self._octets.text(payload)

    def readable(self, payload: bytes) -> str:
        """The text in a UDP payload, unpacked where it is packed; empty where there is none to be read."""
        body = payload
        if payload.find(b"<data>", 0, BODY_WITHIN_BYTES + 5) < 0 and int.from_bytes(payload[:4]) in CODINGS:
            body = self._inflate(payload)[1]
        return decode(body) if b"<data>" in body else ""

    def _packed(self, payload: bytes, head: int) -> bytes:
        start, body = self._inflate(payload) if head != HEAD_ENCRYPTED else (HEADER_BYTES, b"")
        if body:
            new = self._octets.text(body)
            if new == body:
                return payload
            again = deflate_to(new, len(payload) - start)
            if again is not None:
                return payload[:start] + again
        self.sealed += 1
        return payload[:start] + self._stream(payload[start:])

    def _inflate(self, payload: bytes) -> tuple[int, bytes]:
        """Where the packed body begins, and what it holds if it is whole."""
        limit = min(len(payload), BODY_WITHIN_BYTES)
        starts = [at for at in (HEADER_BYTES, *range(4, limit)) if payload[at : at + 2] in ZLIB_STARTS]
        for start in starts:
            inflater = zlib.decompressobj()
            try:
                body = inflater.decompress(payload[start:], INFLATED_LIMIT_BYTES)
            except zlib.error:
                continue
            if b"<data>" in body[:BODY_WITHIN_BYTES]:
                return start, body if inflater.eof else b""
        return min(starts, default=HEADER_BYTES), b""

    def _stream(self, octets: bytes) -> bytes:
        """Bytes that depend on `octets` and the key only: equal bodies stay equal, and none can be read."""
        seed = hashlib.blake2b(octets, key=self._key).digest()
        numbers = (number.to_bytes(8, "big") for number in range(len(octets) // 64 + 1))
        return b"".join(hashlib.blake2b(number, key=seed).digest() for number in numbers)[: len(octets)]


def deflate_to(body: bytes, length: int) -> bytes | None:
    """A zlib stream of `body` exactly `length` bytes long, filled up with empty blocks; else None."""
    for packed in _streams(body):
        if len(packed) == length:
            return packed
    for level in range(9, 0, -1):
        packer = zlib.compressobj(level)
        open_end = packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
        filler = _filler(length - len(open_end) - 4)
        if filler is not None:
            packed = open_end + filler + zlib.adler32(body).to_bytes(4, "big")
            if zlib.decompress(packed) == body:
                return packed
    return next((packed for packed in _cut_streams(body) if len(packed) == length), None)


def _streams(body: bytes) -> Iterator[bytes]:
    for level in range(9, 0, -1):
        for memory in (8, 9, 4, 1):
            for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_FIXED):
                packer = zlib.compressobj(level, zlib.DEFLATED, 15, memory, strategy)
                yield packer.compress(body) + packer.flush()


def _cut_streams(body: bytes) -> Iterator[bytes]:
    """Streams in which a block ends early: a few bytes longer, by other numbers than whole blocks are."""
    for flush, level in product((zlib.Z_PARTIAL_FLUSH, zlib.Z_BLOCK), (9, 6, 1)):
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED):
            for cut in range(1, len(body), max(len(body) // CUTS, 1)):
                packer = zlib.compressobj(level, zlib.DEFLATED, 15, 8, strategy)
                yield packer.compress(body[:cut]) + packer.flush(flush) + packer.compress(body[cut:]) + packer.flush()


def _filler(room: int) -> bytes | None:
    """Blocks without content and the last block, together `room` bytes."""
    for end, last in ENDS.items():
        rest = room - end
        for number in range(rest // 5 + 1 if rest >= 0 else 0):
            more = rest - 5 * number  # to be spread over `number` blocks, up to two bytes each
            if more <= 2 * number:
                twos, ones = divmod(more, 2)
                sizes = [7] * twos + [6] * ones + [5] * (number - twos - ones)
                return b"".join(FILLERS[size] for size in sizes) + last
    return None
