"""A body without the user, the MAC and the event id: its *shape*. What its fields say is read when somebody asks.

A log of thousands of terminals has thousands of shapes, each with the patch list of one machine: to read fields and
list and to deflate the text takes a hundred times as long as to find out that it is one more body of a shape.
"""

from __future__ import annotations

import re
import zlib
from hashlib import sha1
from typing import NamedTuple

from app.core.parsers.log_text import decode
from app.core.parsers.mending import CLOSE, Mended
from app.core.records import Body, CheckResult

MAX_FIELDS = 2_000
MAX_VALUE_CHARACTERS = 4_000
_LISTED_PATCHES = 50

_OPENING = re.compile(rb'<i\s+n\s*=\s*"([^"<>]{0,200})"\s*(/?)>')
_PATCH = re.compile(r"KB\d+", re.IGNORECASE)

Identity = tuple[bytes | None, bytes | None, bytes | None]  # userName, hwAddr, eventSeqID as written
Gaps = tuple[tuple[int, int], ...]  # where in a text without identity a value stood, and which (0 user, 1 MAC, 2 event)
Fields = tuple[tuple[str, str | int], ...]  # an int where an identity value stands
_IDENTITY_ELEMENTS = (b'<i n="userName">', b'<i n="hwAddr">', b'<i n="eventSeqID">')
MAX_IDENTITY_BYTES = 200


class Shape:
    """`bare`: the canonical text without identity; `first`: the identity of the first body that had it."""

    __slots__ = ("_bare", "_details", "_first", "_is_deflated", "gaps", "is_complete", "is_exact", "key", "rest_bytes")

    def __init__(
        self, bare: bytes, gaps: Gaps, first: Identity, is_exact: bool, is_complete: bool, is_deflated: bool
    ) -> None:
        self._bare: bytes | None = bare
        self._first = first
        self._is_deflated = is_deflated
        self._details: tuple[Fields, CheckResult | None, int | None] | None = None
        self.gaps = gaps
        self.is_exact = is_exact
        self.is_complete = is_complete
        self.rest_bytes = len(bare)  # UTF-8 bytes of everything but the identity values
        self.key = sha1(b"%d%d%r" % (is_exact, is_complete, gaps) + bare, usedforsecurity=False).digest()

    @property
    def is_held(self) -> bool:
        """Whether the text is still there."""
        return self._bare is not None

    def let_go(self) -> None:
        """Reads all there is to read now; the text is not kept."""
        self._read()
        self._bare = None

    def never_deflated(self) -> None:
        self._is_deflated = False
        if self._details is not None:
            self._details = (*self._details[:2], None)

    def text(self, identity: Identity) -> bytes:
        """The canonical text of the body with this identity; only while the shape is held."""
        bare = self._bare or b""
        parts: list[bytes] = []
        at = 0
        for place, which in self.gaps:
            parts += (bare[at:place], identity[which] or b"")
            at = place
        parts.append(bare[at:])
        return b"".join(parts)

    def with_identity(self, identity: Identity, digest: int = 0) -> Body:
        """`digest`: of the text, where it is known."""
        texts = [decode(value) if value is not None else "" for value in identity]
        fields, check, deflated = self._details or self._read()
        own = (texts[which] for _, which in self.gaps)
        return Body(
            fields=tuple((name, value if isinstance(value, str) else texts[value]) for name, value in fields),
            plain_bytes=self.rest_bytes + sum(len(text.encode("utf-8", "replace")) for text in own),
            is_exact=self.is_exact,
            is_complete=self.is_complete,
            digest=f"{digest or digest_of(self.text(identity)):016x}",
            deflated_bytes=deflated,
            check=check,
        )

    def _read(self) -> tuple[Fields, CheckResult | None, int | None]:
        text = self.text(self._first)
        fields, check = _read_fields(text, self._starts())
        self._details = (tuple(fields), check, len(zlib.compress(text)) if self._is_deflated else None)
        return self._details

    def _starts(self) -> dict[int, int]:
        """Where identity values begin in the first body's text, and which."""
        starts = {}
        shift = 0
        for place, which in self.gaps:
            starts[place + shift] = which
            shift += len(self._first[which] or b"")
        return starts


class ReadBody(NamedTuple):
    shape: Shape
    identity: Identity
    digest: int = 0  # 64 bits over the canonical text; 0: the shape tells it when somebody asks
    mended: Mended | None = None  # None: nothing had to be mended

    @property
    def is_exact(self) -> bool:
        return self.mended is None or self.mended.is_exact

    def as_mended(self) -> Mended:
        return self.mended if self.mended is not None else Mended(self.shape.text(self.identity))


def digest_of(text: bytes) -> int:
    return int.from_bytes(sha1(text, usedforsecurity=False).digest()[:8], "big")


def split_identity(text: bytes) -> tuple[Identity, Gaps, bytes]:
    """The first value of each identity element, where they stood, and the text without them."""
    found: list[bytes | None] = [None, None, None]
    spans = []
    for which, element in enumerate(_IDENTITY_ELEMENTS):
        start = text.find(element)
        if start < 0:
            continue
        start += len(element)
        end = text.find(b"<", start, start + MAX_IDENTITY_BYTES + 1)
        if end >= 0:
            found[which] = text[start:end]
            spans.append((start, end, which))
    spans.sort()
    gaps = []
    parts = []
    at = shift = 0
    for start, end, which in spans:
        parts.append(text[at:start])
        gaps.append((start - shift, which))
        shift += end - start
        at = end
    parts.append(text[at:])
    return (found[0], found[1], found[2]), tuple(gaps), b"".join(parts)


def _read_fields(
    text: bytes, identity_starts: dict[int, int]
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
            fields.append((name.decode(), identity_starts[opening.end()]))
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
