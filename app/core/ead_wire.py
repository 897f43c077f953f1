"""What the first bytes of a UDP payload say of EAD.

The reported header is 28 bytes, big-endian: head id (4), total length (2), checksum (16), id (4), type (2), body.

    00 0A D8 77 | 02 39 | 16 bytes | 00 00 53 B5 | 00 02 | <data>…

Other versions use other headers. So the parts of the header are believed only where its length field agrees with the
datagram; a body is found by looking for it.
"""

from __future__ import annotations

import re
import zlib
from struct import unpack_from

from app.core.records import WireMessage

HEAD_PLAIN, HEAD_ZLIB, HEAD_ENCRYPTED = 0x000AD877, 0x000AD878, 0x000AD879
CODINGS = {HEAD_PLAIN: "plain", HEAD_ZLIB: "zlib", HEAD_ENCRYPTED: "encrypted"}
HEADS = frozenset(head.to_bytes(4) for head in CODINGS)
HEADER_BYTES = 28
BODY_WITHIN_BYTES = 64
INFLATED_LIMIT_BYTES = 1_000_000
ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
HIGHEST_TYPE = 255

_FIELD = re.compile(rb'<i\s+n="(userName|hwAddr|eventSeqID)"\s*>>?([^<]{1,200})</i>')
_NAME = re.compile(rb'<i\s+n="([A-Za-z]{1,64})"')
_POLICY_NAMES = frozenset({b"damProxyIp", b"damProxyPort", b"serverVersion", b"checkList", b"heartBeatInterval"})
_IDENTITY_NAMES = frozenset({b"userName", b"hwAddr", b"eventSeqID"})


def looks_like_ead(payload: bytes) -> bool:
    """By head id, or a plain body within the first bytes."""
    return payload[:4] in HEADS or payload.find(b"<data>", 0, BODY_WITHIN_BYTES + 5) >= 0


def _head_id(payload: bytes) -> int | None:
    if len(payload) < 4:
        return None
    head = unpack_from(">I", payload)[0]
    return head if head in CODINGS else None


def read_message(payload: bytes, total_bytes: int | None = None) -> WireMessage | None:
    """What the payload of a UDP datagram, or the captured beginning of it, tells; None where nothing says EAD.

    `total_bytes` is the whole UDP payload's length, from the UDP header, where it is known.
    """
    total = len(payload) if total_bytes is None else total_bytes
    head = _head_id(payload)
    number = message_id = header_bytes = None
    if head is not None and len(payload) >= HEADER_BYTES and unpack_from(">H", payload, 4)[0] == total & 0xFFFF:
        message_id, kind = unpack_from(">IH", payload, 22)
        number = kind if 0 < kind <= HIGHEST_TYPE else None
        header_bytes = HEADER_BYTES
    body, found_at, coding = _body(payload, header_bytes, head)
    if head is None and body is None:
        return None
    reason = "head id" if head is not None else "plain body"
    plain_bytes = None
    user = mac = event_id = None
    if body is not None:
        header_bytes = found_at if header_bytes is None else header_bytes
        fields = {name: value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(body)}
        user, mac, event_id = fields.get(b"userName"), fields.get(b"hwAddr"), fields.get(b"eventSeqID")
        is_whole = len(payload) >= total and b"</data>" in body
        if coding == "plain":
            plain_bytes = total - found_at
        elif is_whole:
            plain_bytes = len(body)
        if number is None:
            number = _number(body, is_whole)
            reason += ", number from the body" if number is not None else ""
    return WireMessage(
        head_id=head,
        number=number,
        message_id=message_id,
        coding=coding,
        header_bytes=header_bytes,
        plain_bytes=plain_bytes,
        user=user,
        mac=mac.upper().replace("-", ":") if mac else None,
        event_id=event_id,
        reason=reason,
    )


def _body(payload: bytes, header_bytes: int | None, head: int | None) -> tuple[bytes | None, int, str | None]:
    """The body's text, where it begins in the payload, and how it is coded. What is seen outweighs the head id."""
    at = payload.find(b"<data>", 0, BODY_WITHIN_BYTES + 5)
    if at >= 0:
        return payload[at:], at, "plain"
    if head is None:
        return None, 0, None
    starts = [header_bytes] if header_bytes is not None else _zlib_starts(payload)
    for start in starts:
        body = _inflate(payload[start:])
        if b"<data>" in body[:BODY_WITHIN_BYTES]:
            return body, start, "zlib"
    return None, 0, CODINGS[head]


def _zlib_starts(payload: bytes) -> list[int]:
    limit = min(len(payload), BODY_WITHIN_BYTES)
    return [at for at in range(4, limit) if payload[at : at + 2] in ZLIB_STARTS]


def _inflate(packed: bytes) -> bytes:
    """As much as the bytes give, at most the limit; empty where it is not zlib."""
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(packed, INFLATED_LIMIT_BYTES)
    except zlib.error:
        return b""


def _number(body: bytes, is_whole: bool) -> int | None:
    """The message number, where the names in the body leave one possibility."""
    names = set(_NAME.findall(body))
    if b"checkResult" in names:
        return 3
    if names & _POLICY_NAMES:
        return 2
    if is_whole and {b"userName", b"eventSeqID"} <= names <= _IDENTITY_NAMES:
        return 1
    return None
