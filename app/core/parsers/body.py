"""`<data>` bodies → `records.Body`, without an XML parser: entities are never expanded, nesting has no meaning.

Two bodies of one policy differ in the user, the MAC and the event id only. So a body is a *shape* (`body_shape`) and
those three values, and what a body looks like apart from them is looked up, however it is broken into lines
(`body_layouts`).
"""

from __future__ import annotations

import re

from app.core.parsers.body_layouts import Layouts, Written, is_plain_value
from app.core.parsers.body_shape import Gaps, Identity, ReadBody, Shape, digest_of, split_identity
from app.core.parsers.log_text import decode
from app.core.parsers.mending import Mended, finished, mend, unbroken
from app.core.records import Body

MAX_DEFLATED_SHAPES = 20_000
MAX_HELD_BYTES = 16 << 20  # of text without identity; further shapes are read at once
_RECENT_TEXTS = 64

_MAC_SEPARATORS = re.compile(r"[:\-. ]")
_MAC_DIGITS = re.compile(r"[0-9A-F]{12}")


def normal_mac(text: str | None) -> str | None:
    """A MAC in any separator style → "00:25:11:E9:55:B9"; None if it is none."""
    if text is None or len(text) > 32:
        return None
    digits = _MAC_SEPARATORS.sub("", text.strip()).upper()
    if not _MAC_DIGITS.fullmatch(digits):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


class BodyReader:
    """Reads the bodies of one log; equal bodies and equal shapes are read once."""

    def __init__(self) -> None:
        self._shapes: dict[int, Shape] = {}
        self._clean: dict[int, Shape] = {}  # by the text without identity as the log has it, where nothing was mended
        self._layouts = Layouts()
        self.known = self._layouts.find
        self._recent: dict[bytes, ReadBody] = {}
        self._gaps: dict[Gaps, Gaps] = {}
        self._held_bytes = 0
        self._deflated = 0
        self._wrap: int | None = None
        self.has_wraps = False  # what a wrap did to a body is told by other bodies too

    def read(self, raw: bytes, column: int = 0) -> ReadBody:
        """A body as the log has it; `column`: see `mend`. A retransmission that is written alike costs a look-up."""
        return self.known(raw) or self._recent.get(raw) or self._read_new(raw, column)

    def _read_new(self, raw: bytes, column: int) -> ReadBody:
        """A body that may differ in more than its identity from all that were read before."""
        written = self._layouts.find_front(raw)
        text = unbroken(raw.rstrip())
        split = None
        key = 0
        if text is not None and text.isascii():
            split = written.split if written is not None and text == raw else split_identity(text)
            identity, gaps, bare = split
            key = hash((bare, gaps))
            shape = self._clean.get(key)
            if shape is not None and all(value is None or is_plain_value(value) for value in identity):
                body = ReadBody(shape, identity)
                self._learn(raw, body, written)
                return body
        mended = finished(text) if text is not None else mend(raw, column, self._wrap)
        if mended.wrap is not None:
            self._wrap = mended.wrap
        if mended.wrap is not None or (mended.is_complete and text is None):
            self.has_wraps = True
        is_clean = bool(key) and mended.text == text
        body = self.take(mended, split if is_clean else None)
        if mended.is_exact:
            self._remember(raw, body)
            if is_clean and body.shape.is_held:
                self._clean[key] = body.shape
                self._learn(raw, body, written)
        return body

    def _learn(self, raw: bytes, body: ReadBody, written: Written | None) -> None:
        if written is not None and written.identity == body.identity:
            written.learn(body.shape)
        else:
            self._layouts.learn(raw, body.identity, body.shape)

    def _remember(self, raw: bytes, body: ReadBody) -> None:
        recent = self._recent
        if len(recent) >= _RECENT_TEXTS:
            for _ in range(_RECENT_TEXTS // 2):
                del recent[next(iter(recent))]
        recent[raw] = body
        if body.mended is not None:
            # The retransmissions of a body that was written over many lines often stand on one.
            recent[body.mended.text] = body

    def take(self, mended: Mended, split: tuple[Identity, Gaps, bytes] | None = None) -> ReadBody:
        """`split`: its text split, if that is ASCII and has been done."""
        text = mended.text
        if not text.isascii():
            text = decode(text).encode("utf-8", "replace")
        identity, gaps, bare = split or split_identity(text)
        # The keyed hash of Python stands for the text: two of 64 bits do not meet, and nobody can make them meet.
        key = hash((bare, gaps, mended.is_exact, mended.is_complete))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._new_shape(bare, gaps, identity, mended)
        return ReadBody(shape, identity, 0 if shape.is_held else digest_of(text), mended)

    def _new_shape(self, bare: bytes, gaps: Gaps, identity: Identity, mended: Mended) -> Shape:
        # Bodies of one shape differ in three short values: the size of the first stands for all, within a few bytes.
        is_deflated = self._deflated < MAX_DEFLATED_SHAPES
        self._deflated += is_deflated
        gaps = self._gaps.setdefault(gaps, gaps)
        shape = Shape(bare, gaps, identity, mended.is_exact, mended.is_complete, is_deflated)
        self._held_bytes += len(bare)
        if self._held_bytes > MAX_HELD_BYTES:
            shape.let_go()
        return shape


def read_body(raw: bytes) -> Body:
    """One body, from `<data>` on, however it is wrapped or damaged."""
    read = BodyReader().read(raw)
    return read.shape.with_identity(read.identity, read.digest)
