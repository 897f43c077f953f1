"""Logs with the bytes that they show as hexadecimal digits replaced too: packets, messages, names, addresses.

What is replaced in a dump is what is replaced in a capture: a packet keeps right checksums, a compressed message can
be unpacked. Besides, a known address or MAC goes wherever its bytes stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import ne

from app.core.anonymise.bodies import BodyMap
from app.core.anonymise.checksums import ones_sum
from app.core.anonymise.frames import FrameMap, Plan, innermost, pieces_of
from app.core.anonymise.hexes import Dump, find_dumps
from app.core.anonymise.octets import OctetMap
from app.core.anonymise.text import TextMap
from app.core.ead_wire import HEADER_BYTES, HEADS
from app.core.parsers.capture_formats import LINK_ETHERNET

RAW_IP = 101
READABLE_SHARE, READABLE_BYTES = 0.75, 8
_READABLE = bytes((*range(0x20, 0x7F), *b"\t\r\n\0"))
_IPV4 = re.compile(rb"[\x45-\x4f]")
_HEAD = re.compile(b"|".join(map(re.escape, sorted(HEADS))))


class DumpMap:
    """`replace` is for whole logs; `TextMap.replace` is for what holds no bytes."""

    def __init__(self, texts: TextMap, octets: OctetMap, key: bytes) -> None:
        self._texts, self._octets = texts, octets
        self.bodies = BodyMap(octets, key)
        self._frames = FrameMap(texts.addresses, texts.names, lambda *quoted: None)

    def replace(self, text: str) -> str:
        chars = list(text)
        apart: list[tuple[int, int]] = []
        for dump in find_dumps(text):
            start, end = dump.ends
            if text[start:end].lower() not in self._texts.lower:  # else a name that happens to be made of such letters
                apart += self._rewrite(dump, chars)
        return self._texts.replace("".join(chars), apart=sorted(apart))

    def _rewrite(self, dump: Dump, chars: list[str]) -> Iterator[tuple[int, int]]:
        readings = [(reading, old := reading.octets(chars), self.octets(old)) for reading in dump.readings()]
        is_sure = dump.is_laid_out or any(says_something(old) for _, old, _ in readings)
        changed: set[int] = set()
        # What a reading says most in goes first: a wide text reads as well with its bytes turned.
        for reading, old, new in sorted(readings, key=lambda one: -sum(map(ne, one[1], one[2]))):
            if new != old:
                changed |= reading.write(chars, old, new, changed)
        return dump.spans(None if is_sure else changed)

    def octets(self, octets: bytes) -> bytes:
        """The bytes of a dump, as many as before."""
        parts, done = [], 0
        for start, end, link_type in packets_in(octets):
            parts += [self._content(octets[done:start]), self._packet(octets[start:end], link_type)]
            done = end
        return self._octets.raw(b"".join([*parts, self._content(octets[done:])]))

    def _packet(self, packet: bytes, link_type: int) -> bytes:
        place = innermost(packet, link_type)
        plan = None
        if place is not None and place.protocol in (6, 17):
            old = pieces_of(iter([(packet, place)]))
            head = max(place.offset, 8)
            plan = Plan(old, old[:head] + self._octets.raw(self._content(old[head:])))
        return self._frames.rewrite(packet, link_type, plan)

    def _content(self, octets: bytes) -> bytes:
        parts, done = [], 0
        for start, end in messages_in(octets):
            parts += [self._octets.text(octets[done:start]), self.bodies.payload(octets[start:end])]
            done = end
        return b"".join([*parts, self._octets.text(octets[done:])])


def readable(octets: bytes, bodies: BodyMap) -> Iterator[bytes]:
    """The bytes of a dump, and what is packed in them."""
    yield octets
    for start, end in messages_in(octets):
        yield bodies.readable(octets[start:end]).encode()


def packets_in(octets: bytes) -> Iterator[tuple[int, int, int]]:
    """(start, end, link type) of IPv4 packets whose header's checksum is right, with their Ethernet header if any."""
    done = 0
    for found in _IPV4.finditer(octets):
        at = found.start()
        header, total = (octets[at] & 15) * 4, int.from_bytes(octets[at + 2 : at + 4])
        if at < done or at + header > len(octets) or total < header:
            continue
        if ones_sum(octets[at : at + header]) == 0xFFFF:
            start = _frame_start(octets, done, at)
            done = min(at + total, len(octets))
            yield start, done, RAW_IP if start == at else LINK_ETHERNET


def _frame_start(octets: bytes, done: int, at: int) -> int:
    """Where the Ethernet header before the packet at `at` begins, or `at` where there is none."""
    if octets[at - 2 : at] != b"\x08\0":
        return at
    start = at - 18 if octets[at - 6 : at - 4] == b"\x81\0" else at - 14
    return start if start >= done else at


def messages_in(octets: bytes) -> Iterator[tuple[int, int]]:
    """Where messages begin by their head id, and end by their length or with the bytes."""
    done = 0
    for found in _HEAD.finditer(octets):
        start = found.start()
        if start < done:
            continue
        length = int.from_bytes(octets[start + 4 : start + 6])
        following = _HEAD.search(octets, start + 4)
        end = following.start() if following else len(octets)
        done = start + length if HEADER_BYTES <= length <= len(octets) - start else end
        yield start, done


def says_something(octets: bytes) -> bool:
    """Whether these are surely bytes of a text or a packet, and no digest or number."""
    if len(octets) < READABLE_BYTES:
        return False
    is_text = len(octets.translate(None, _READABLE)) <= len(octets) * (1 - READABLE_SHARE)
    return is_text or _HEAD.match(octets) is not None or next(packets_in(octets), None) is not None
