"""A `<data>` body as a log wrote it → the one line that the client sent, and how sure that is.

A log adds line breaks and indentation; mail, chat and web pages add wraps, quotes and fences. A wrap between two
elements
adds nothing to the text. A wrap inside a value is read by where it lies: a hard wrap (all full lines equally long)
ate nothing, a
break inside a tag or inside a patch list says itself whether a space belongs there, and any other one is unknown until
a retransmission of the same body, wrapped elsewhere, settles it (`settle`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

CLOSE = b"</data>"

_STRAY_QUOTES = re.compile(rb">(?:[ \t]*>)+")
_FIRST_BREAK = re.compile(rb">([ \t\r]*\n[ \t]*)<")
_SPACES = re.compile(rb"[ \t\r\n\x0b\x0c]+")
MAX_UNKNOWN = 256  # a body with more unknown places is no copy of anything
_TAIL_BYTES = 400
_ELEMENT_ENDS = {b">", b""}
_FENCES = (b"```", b"~~~")
_LIST_END = re.compile(rb"(?:[;|]|^)(?:K|KB\d{0,9})?$|[;|]\d{0,9}$|KB\d{1,9};?$|^\d{1,9}$")
_LIST_START = re.compile(rb"\d{1,9}(?:[;<]|$)|;|KB\d|B\d|KB?$")
# A break after one of these words, before a word or number, most probably stands for the space that follows it.
_WHOLE_WORDS = (
    b"Service",
    b"Pack",
    b"Enterprise",
    b"Professional",
    b"Ultimate",
    b"Server",
    b"Edition",
    b"Home",
    b"Windows",
    b"Standard",
    b"Datacenter",
    b"VirusScan",
    b"Version",
    b"Premium",
    b"Basic",
    b"Education",
    b"Pro",
    b"Security",
    b"Endpoint",
    b"Antivirus",
)


class Mended(NamedTuple):
    """`text` is the canonical line as it stood in the log's own encoding. `unknown` are the places (counted in
    non-blank bytes)
    where nobody knows whether a space was eaten; `text` holds a guess there. `wrap` is the column of a hard wrap."""

    text: bytes
    unknown: tuple[int, ...] = ()
    is_complete: bool = True
    wrap: int | None = None

    @property
    def is_exact(self) -> bool:
        return self.is_complete and not self.unknown


def mend(raw: bytes, column: int = 0, known_wrap: int | None = None) -> Mended:
    """`raw` begins at `<data>` and ends where the record does; `column` is where it begins in its line (for hard
    wraps)."""
    text = unbroken(raw.rstrip())
    return finished(text) if text is not None else _unwrap(raw, column, known_wrap)


def unbroken(raw: bytes) -> bytes | None:
    """The body on one line where no break can mean anything: each stands between two elements. None elsewhere."""
    if b"\n" not in raw:
        return raw.lstrip()
    # Most are broken everywhere as they are for the first time.
    written = _FIRST_BREAK.search(raw)
    if written is not None and raw.endswith(CLOSE) and raw.count(b">%s<" % written[1]) == raw.count(b"\n"):
        return raw.lstrip().replace(written[1], b"")
    lines = [line.strip() for line in raw.split(b"\n")]
    if {line[-1:] for line in lines} <= _ELEMENT_ENDS and lines[-1].endswith(CLOSE):
        return b"".join(lines)
    return None


def squeeze(text: bytes) -> bytes:
    """`text` without any white space: equal for copies of one body that differ in their wraps only."""
    return _SPACES.sub(b"", text)


def settle(copies: Sequence[Mended]) -> Mended:
    """One body out of copies whose squeezed texts are equal: what one copy does not know another may show."""
    spacings = [_spacing(copy.text) for copy in copies]
    places = sorted(set().union(*spacings))
    unknown: set[int] = set(copies[0].unknown).intersection(*(copy.unknown for copy in copies[1:]))
    chosen: dict[int, bytes] = {}
    for place in places:
        told = [
            spacing.get(place, b"") for spacing, copy in zip(spacings, copies, strict=True) if place not in copy.unknown
        ]
        guessed = [spacing[place] for spacing in spacings if place in spacing]
        chosen[place] = told[0] if told else guessed[0]
    bare = squeeze(copies[0].text)
    parts: list[bytes] = []
    at = 0
    for place, blank in chosen.items():
        parts += (bare[at:place], blank)
        at = place
    parts.append(bare[at:])
    return Mended(b"".join(parts), tuple(sorted(unknown)), all(copy.is_complete for copy in copies))


def _spacing(text: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    blanks = 0
    for blank in _SPACES.finditer(text):
        found[blank.start() - blanks] = blank.group()
        blanks += len(blank.group())
    return found


def finished(text: bytes, unknown: tuple[int, ...] = (), wrap: int | None = None) -> Mended:
    """A body on one line, with what was written wrongly put right."""
    if _STRAY_QUOTES.search(text) is not None and (b">>" in text or b"> >" in text):
        text = _STRAY_QUOTES.sub(b">", text)
    if b"Windows]" in text:
        text = text.replace(b"Windows]", b"Windows|")
    first_end = text.find(CLOSE)
    is_complete = first_end >= 0
    if is_complete and first_end != len(text) - len(CLOSE):
        # More elements after the end: they belong to the body, the end was written too early.
        text = text.replace(CLOSE, b"") + CLOSE
    return Mended(text, unknown if is_complete else (), is_complete, wrap)


def _unwrap(raw: bytes, column: int, known_wrap: int | None) -> Mended:
    lines = [line.rstrip(b"\r") for line in raw.split(b"\n")]
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith(_FENCES)]
    if not lines:
        return Mended(b"", is_complete=False)
    wrap = _hard_wrap(lines, column, known_wrap)
    joined = _Joined(lines[0].lstrip())
    for before, line in pairwise(lines):
        if before.rstrip().endswith(b">") and line.lstrip().startswith((b"<", b">")):
            joined.add(b"", line.lstrip().lstrip(b">") if line.lstrip().startswith(b"><") else line.lstrip())
        elif wrap is not None:
            joined.append(line)
        else:
            joined.add(_blank_between(joined.tail, line), line.lstrip())
    text, unknown = bytes(joined.text).rstrip(), joined.unknown
    mended = finished(text, (), wrap)
    if unknown and mended.text != text:
        # Mending moved text, so the places moved too; find them again by what stands before them.
        unknown = _moved(text, mended.text, unknown)
    return Mended(mended.text, tuple(unknown) if mended.is_complete else (), mended.is_complete, wrap)


class _Joined:
    """Lines put together. Works on the last bytes only: a hostile body has a hundred thousand lines."""

    def __init__(self, first: bytes) -> None:
        self.text = bytearray(first)
        self.unknown: list[int] = []
        self._bare_bytes = len(squeeze(first))

    @property
    def tail(self) -> bytes:
        return bytes(self.text[-_TAIL_BYTES:])

    def append(self, line: bytes) -> None:
        self.text += line
        self._bare_bytes += len(squeeze(line))

    def add(self, blank: bytes | None, line: bytes) -> None:
        """Joins with `blank` in the place of any white space; None: nobody knows, so a guess is noted as one."""
        tail = self.tail
        trimmed = tail.rstrip()
        del self.text[len(self.text) - (len(tail) - len(trimmed)) :]
        if blank is None:
            if len(self.unknown) < MAX_UNKNOWN:
                self.unknown.append(self._bare_bytes)
            blank = b" " if trimmed.endswith(_WHOLE_WORDS) and line[:1].isalnum() else b""
        self.text += blank
        self.append(line)


def _hard_wrap(lines: Sequence[bytes], column: int, known_wrap: int | None) -> int | None:
    """The column at which every broken line ends, in bytes or in characters; None where they differ."""
    for measure in (len, _characters):
        widths = [measure(line) for line in lines]
        widths[0] += column
        broken = [
            width
            for width, line, after in zip(widths, lines, lines[1:], strict=False)
            if not (line.rstrip().endswith(b">") and after.lstrip().startswith((b"<", b">")))
        ]
        if broken and min(broken) == max(broken) == max(widths) and (len(broken) > 1 or broken[0] == known_wrap):
            return broken[0]
    return None


def _characters(line: bytes) -> int:
    return len(line.decode("utf-8", "replace"))


def _blank_between(before: bytes, line: bytes) -> bytes | None:
    """What a soft wrap between the two replaced: a space, nothing, or None for unknown."""
    bare_before, after = before.rstrip(), line.lstrip()
    if bare_before.rfind(b"<") > bare_before.rfind(b">"):
        return b" " if bare_before.endswith(b"<i") or after.startswith(b"n=") else b""
    if len(before) - len(bare_before) == 1 or (len(before) == len(bare_before) and len(line) - len(after) == 1):
        return b" "
    if bare_before.endswith((b"|", b";", b">", b'"')) or after.startswith((b"|", b";", b"<", b'"')):
        return b""
    tail = bare_before[max(bare_before.rfind(b";"), bare_before.rfind(b"|"), 0) :]
    if _LIST_END.search(tail) and _LIST_START.match(after) and (b";" in after or b";" in tail or b"KB" in tail):
        return b""
    return None


def _moved(old: bytes, new: bytes, places: Sequence[int]) -> list[int]:
    """Places counted in `old` (non-blank bytes) → counted in `new`, which lost a few bytes of `old` before them."""
    bare_old, bare_new = squeeze(old), squeeze(new)
    found = []
    for place in places:
        before = bare_old[max(0, place - 24) : place].replace(b"Windows]", b"Windows|")
        at = bare_new.rfind(before, 0, place + len(before))
        found.append(at + len(before) if at >= 0 else min(place, len(bare_new)))
    return found
