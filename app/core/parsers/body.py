"""`<data>` bodies → `records.Body`, without an XML parser: entities are never expanded, nesting has no meaning.

Two bodies of one policy differ in the user, the MAC and the event id only. So the deep reading (fields, patch list,
size after
zlib) is done once for each *shape*, the body without those three values, and a body is a shape plus the three.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from hashlib import sha1
from typing import NamedTuple

from app.core.parsers.log_text import decode
from app.core.parsers.mending import CLOSE, Mended, mend, unbroken
from app.core.records import Body, CheckResult

MAX_FIELDS = 2_000
MAX_VALUE_CHARACTERS = 4_000
MAX_DEFLATED_SHAPES = 20_000
_RECENT_TEXTS = 64
_LISTED_PATCHES = 50

_OPENING = re.compile(rb'<i\s+n\s*=\s*"([^"<>]{0,200})"\s*(/?)>')
_PATCH = re.compile(r"KB\d+", re.IGNORECASE)
_MAC_SEPARATORS = re.compile(r"[:\-. ]")
_MAC_DIGITS = re.compile(r"[0-9A-F]{12}")

Identity = tuple[bytes | None, bytes | None, bytes | None]  # userName, hwAddr, eventSeqID as written
_IDENTITY_ELEMENTS = (b'<i n="userName">', b'<i n="hwAddr">', b'<i n="eventSeqID">')
_MAX_IDENTITY_BYTES = 200


def normal_mac(text: str | None) -> str | None:
    """A MAC in any separator style → "00:25:11:E9:55:B9"; None if it is none."""
    if text is None or len(text) > 32:
        return None
    digits = _MAC_SEPARATORS.sub("", text.strip()).upper()
    if not _MAC_DIGITS.fullmatch(digits):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


@dataclass(frozen=True, slots=True)
class Shape:
    """A body without its identity. `fields` has an int (0 user, 1 MAC, 2 event id) where an identity value stands."""

    fields: tuple[tuple[str, str | int], ...]
    rest_bytes: int  # UTF-8 bytes of everything but the identity values
    is_exact: bool
    is_complete: bool
    deflated_bytes: int | None
    check: CheckResult | None
    key: bytes  # a hash of all that it was read from

    def with_identity(self, identity: Identity, digest: str) -> Body:
        texts = [decode(value) if value is not None else "" for value in identity]
        fields = tuple((name, value if isinstance(value, str) else texts[value]) for name, value in self.fields)
        plain = self.rest_bytes + sum(len(text.encode("utf-8", "replace")) for text in texts)
        return Body(
            fields=fields,
            plain_bytes=plain,
            is_exact=self.is_exact,
            is_complete=self.is_complete,
            digest=digest,
            deflated_bytes=self.deflated_bytes,
            check=self.check,
        )


class ReadBody(NamedTuple):
    shape: Shape
    digest: int  # 64 bits over the canonical text
    identity: Identity
    mended: Mended


class BodyReader:
    """Reads the bodies of one log; equal bodies and equal shapes are read once."""

    def __init__(self) -> None:
        self._shapes: dict[int, Shape] = {}
        self._clean: dict[int, Shape] = {}  # by the text without identity as the log has it, where nothing was mended
        self._recent: dict[bytes, ReadBody] = {}
        self._pairs: dict[tuple[str, str | int], tuple[str, str | int]] = {}
        self._deflated = 0
        self._wrap: int | None = None
        self.has_wraps = False  # what a wrap did to a body is told by other bodies too

    def read(self, raw: bytes, column: int = 0) -> ReadBody:
        """A body as the log has it; `column`: see `mend`. A retransmission that is written alike costs a look-up."""
        known = self._recent.get(raw)
        if known is not None:
            return known
        text = unbroken(raw)
        key = 0
        if text is not None and text.isascii():
            identity, _, rest = _split_identity(text)
            key = hash(rest)
            shape = self._clean.get(key)
            if shape is not None and not any(value is not None and b">" in value for value in identity):
                body = ReadBody(shape, _digest(text), identity, Mended(text))
                self._remember(raw, body)
                return body
        mended = mend(raw, column, self._wrap)
        if mended.wrap is not None:
            self._wrap = mended.wrap
        if mended.wrap is not None or (mended.is_complete and unbroken(raw.rstrip()) is None):
            self.has_wraps = True
        body = self.take(mended)
        if mended.is_exact:
            self._remember(raw, body)
            if key and mended.text == text:
                self._clean[key] = body.shape
        return body

    def _remember(self, raw: bytes, body: ReadBody) -> None:
        recent = self._recent
        if len(recent) >= _RECENT_TEXTS:
            for _ in range(_RECENT_TEXTS // 2):
                del recent[next(iter(recent))]
        # The retransmissions of a body that was written over many lines often stand on one.
        recent[raw] = recent[body.mended.text] = body

    def take(self, mended: Mended) -> ReadBody:
        text = mended.text
        if not text.isascii():
            text = decode(text).encode("utf-8", "replace")
        identity, starts, rest = _split_identity(text)
        # The keyed hash of Python stands for the text: two of 64 bits do not meet, and nobody can make them meet.
        key = hash((rest, mended.is_exact, mended.is_complete))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._read_shape(text, identity, starts, rest, mended)
        return ReadBody(shape, _digest(text), identity, mended)

    def _read_shape(
        self, text: bytes, identity: Identity, starts: tuple[int, ...], rest: bytes, mended: Mended
    ) -> Shape:
        fields, check = _read_fields(text, starts)
        deflated = None
        if self._deflated < MAX_DEFLATED_SHAPES:
            # Bodies of one shape differ in three short values: the size of the first stands for all, within a few
            # bytes.
            self._deflated += 1
            deflated = len(zlib.compress(text))
        return Shape(
            fields=tuple(self._pairs.setdefault(pair, pair) for pair in fields),
            rest_bytes=len(text) - sum(len(value) for value in identity if value is not None),
            is_exact=mended.is_exact,
            is_complete=mended.is_complete,
            deflated_bytes=deflated,
            check=check,
            key=sha1(b"%d%d" % (mended.is_exact, mended.is_complete) + rest, usedforsecurity=False).digest(),
        )


def _digest(text: bytes) -> int:
    return int.from_bytes(sha1(text, usedforsecurity=False).digest()[:8], "big")


def read_body(raw: bytes) -> Body:
    """One body, from `<data>` on, however it is wrapped or damaged."""
    read = BodyReader().read(raw)
    return read.shape.with_identity(read.identity, f"{read.digest:016x}")


def _split_identity(text: bytes) -> tuple[Identity, tuple[int, ...], bytes]:
    """The first value of each identity element, where each begins (-1: absent), and the text without them."""
    spans = [_identity_span(text, element) for element in _IDENTITY_ELEMENTS]
    found = [text[start:end] if start >= 0 else None for start, end in spans]
    parts = []
    at = 0
    for start, end in sorted(spans):
        if start >= 0:
            parts.append(text[at:start])
            at = end
    parts.append(text[at:])
    return (found[0], found[1], found[2]), tuple([start for start, _ in spans]), b"\x00".join(parts)


def _identity_span(text: bytes, element: bytes) -> tuple[int, int]:
    start = text.find(element)
    if start < 0:
        return -1, -1
    start += len(element)
    end = text.find(b"<", start, start + _MAX_IDENTITY_BYTES + 1)
    return (start, end) if end >= 0 else (-1, -1)


def _read_fields(
    text: bytes, identity_starts: tuple[int, ...]
) -> tuple[list[tuple[str, str | int]], CheckResult | None]:
    openings = []
    for opening in _OPENING.finditer(text):
        openings.append(opening)
        if len(openings) > MAX_FIELDS:
            break
    ends = [opening.start() for opening in openings[1:]] + [len(text)]
    fields: list[tuple[str, str | int]] = []
    results: list[str] = []
    for opening, end in zip(openings[:MAX_FIELDS], ends, strict=False):
        name, is_empty = opening.groups()
        if not is_empty and opening.end() in identity_starts:
            fields.append((name.decode(), identity_starts.index(opening.end())))
            continue
        value = "" if is_empty else _value(text[opening.end() : end])
        if name == b"checkResult" and value:
            results.append(value)
            value = _without_patches(value)
        fields.append((decode(name), value[:MAX_VALUE_CHARACTERS]))
    return fields, _read_check(results)


def _value(raw: bytes) -> str:
    value, closing, _ = raw.partition(b"</i>")
    return decode(value if closing else value.removesuffix(CLOSE))


def _without_patches(value: str) -> str:
    head, _, patches = value.rpartition("|")
    return head if head and _PATCH.match(patches.lstrip(" ;")) else value


def _read_check(results: list[str]) -> CheckResult | None:
    """What the `checkResult` values of one body say together; None if it has none."""
    if not results:
        return None
    system = language = ""
    patches: list[str] = []
    others: list[tuple[str, str]] = []
    for value in results:
        parts = value.split("|")
        is_system = len(parts) > 2 and (_PATCH.match(parts[-1].lstrip(" ;")) or parts[2].startswith("0x"))
        if not is_system:
            others.append((parts[0], "|".join(parts[1:])))
            continue
        system = "|".join(parts[:2])
        language = parts[2] if not _PATCH.match(parts[2]) else ""
        patches += [bare for item in "|".join(parts[3 if language else 2 :]).split(";") if (bare := item.strip())]
    distinct = len({patch.upper() for patch in patches})
    return CheckResult(
        system=system[:300],
        language=language[:40],
        patches=len(patches),
        distinct_patches=distinct,
        repeated=_repeated(patches)[:_LISTED_PATCHES] if distinct < len(patches) else (),
        antivirus=tuple((name[:100], version[:300]) for name, version in others[:_LISTED_PATCHES]),
    )


def _repeated(patches: list[str]) -> tuple[str, ...]:
    """Those that came before, in whatever case, each once."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for patch in patches:
        if patch.upper() in seen:
            repeated[patch] = None
        seen.add(patch.upper())
    return tuple(repeated)
