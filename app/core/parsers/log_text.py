"""Bytes of a log in any encoding → one stream of bytes in which `\\n` ends a line and ASCII reads as ASCII.

UTF-8 and GB18030 are left as they stand: their ASCII bytes can be searched directly, and a text is decoded only when
somebody shows it. UTF-16 is turned into UTF-8, also where only a part of the file is UTF-16 (a copy that was
appended to).
`file_offset` leads back to the stored file.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Set
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.text_segments import Segment

PIECE_BYTES = 1 << 20
_SNIFF_BYTES = 4096
_SEGMENTS_KEPT = 20_000
_SAMPLED_LINES = 200

# An ASCII run in UTF-16LE, then anything that still looks like UTF-16LE text. Possessive: it never backtracks.
_WIDE_RUN = re.compile(
    rb"(?:\xff\xfe)?(?:[\t\n\r\x20-\x7e]\x00){4}"
    rb"(?:[\t\n\r\x20-\x7e]\x00|(?:[\x00-\xff][\x20\x30\x4e-\x9f\xff]){1,64}?(?=[\t\n\r\x20-\x7e]\x00))*+"
)
_NARROW_IN_WIDE = re.compile(rb"[^\x00]{256}")
_NON_ASCII = re.compile(rb"[\x80-\xff]")


def decode(raw: bytes) -> str:
    """The text of one line, whatever it was written in: UTF-8, else GB18030, never failing."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return raw[: error.start].decode()  # a sample cut in the middle of a character
        return raw.decode("gb18030", "replace")


def wide_codec(head: bytes) -> str | None:
    """ "utf-16-le" or "utf-16-be" if a file that begins so is UTF-16, by its mark or by where its zero bytes lie."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    sample = head[: len(head) & ~1]
    half = len(sample) // 2
    if half < 8:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return None


def chosen_codec(encoding: str | None) -> str | None:
    """The codec to read a whole file with, or None where the content decides (nothing chosen, UTF-8, unknown name)."""
    if encoding is None:
        return None
    try:
        name = codecs.lookup(encoding.strip()).name
        "".encode(name)  # refuses codecs that are no text encodings ("hex", "rot13")
    except (LookupError, ValueError):
        return None
    return None if name in ("utf-8", "utf-8-sig", "ascii") else name


def encoding_name(seen: Set[str]) -> str:
    """ "ascii", "utf-8", "utf-8-sig", "gb18030", "utf-16-le", "utf-16-be", or "mixed: a, b"."""
    seen = seen - {"utf-8"} if "utf-8-sig" in seen else seen
    if not seen:
        return "ascii"
    return next(iter(seen)) if len(seen) == 1 else "mixed: " + ", ".join(sorted(seen))


def as_narrow(head: bytes) -> bytes:
    """The beginning of a file as `TextStream` would give it; for sniffing."""
    return b"".join(TextStream([head]))


class TextStream:
    """Iterate once for megabytes of text bytes (cut anywhere); offsets into their concatenation are text offsets."""

    def __init__(self, blocks: Iterable[bytes], encoding: str | None = None, start: int = 0) -> None:
        """`encoding` is what a person chose; None, "utf-8" and unknown names leave it to the content.

        `start`: the blocks begin there, with a line of a file that needs no translation (`log_parts`), and end where
        its pieces do.
        """
        self._blocks = blocks
        self._chosen = chosen_codec(encoding)
        self._start = start
        self._text_bytes = start
        self._file_bytes = start
        self._starts: list[int] = []
        self._segments: list[Segment] = []
        self._seen: set[str] = set()
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._has_bare_returns: bool | None = None

    @property
    def seen(self) -> frozenset[str]:
        """The encodings that were met."""
        return frozenset(self._seen)

    @property
    def encoding(self) -> str:
        return encoding_name(self._seen)

    def file_offset(self, text_offset: int) -> int:
        """Text offset → byte offset in the stored file; exact for the last megabytes given out."""
        if not self._segments:
            return text_offset
        index = max(bisect_right(self._starts, text_offset) - 1, 0)
        return self._segments[index].file_offset(text_offset)

    def file_offsets(self, text_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each as by `file_offset`."""
        if not self._segments:
            return text_offsets
        return np.array([self.file_offset(offset) for offset in text_offsets.tolist()], np.int64)

    def __iter__(self) -> Iterator[bytes]:
        # A hostile mixture of encodings comes in tiny pieces: whoever reads should not start over with each.
        return self._continued() if self._start else _even_pieces(self._pieces())

    def _continued(self) -> Iterator[bytes]:
        self._has_bare_returns = False
        blocks = iter(self._blocks)
        rest = next(blocks, b"")  # of a piece that is counted where it begins
        self._expect_rest_of(rest)
        yield rest
        for block in blocks:
            yield self._give(block, len(block))

    def _pieces(self) -> Iterator[bytes]:
        blocks = iter(_even_pieces(self._blocks))
        first = next(blocks, b"")
        while len(first) < _SNIFF_BYTES:
            more = next(blocks, None)
            if more is None:
                break
            first += more
        codec = self._chosen or wide_codec(first[:_SNIFF_BYTES])
        if codec is not None:
            if codec == "utf-16":
                codec = wide_codec(first[:_SNIFF_BYTES]) or "utf-16-le"
            yield from self._wide(chain([first], blocks), codec)
            return
        if first.startswith(codecs.BOM_UTF8):
            self._seen.add("utf-8-sig")
            self._skip(3)
            first = first[3:]
        yield from self._narrow(chain([first], blocks))

    def _narrow(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        carry = b""
        for block in blocks:
            if b"\x00" not in block and not carry:
                yield self._give(block, len(block))
                continue
            block = carry + block
            # A UTF-16 run must not be cut in its middle, so the piece ends where a line does.
            end = block.rfind(b"\n") + 1
            end += block[end : end + 1] == b"\x00"
            if len(block) - end > PIECE_BYTES:
                end = len(block)
            carry = block[end:]
            yield from self._mixed(block[:end])
        if carry:
            yield from self._mixed(carry)

    def _mixed(self, block: bytes) -> Iterator[bytes]:
        at = 0
        for run in _WIDE_RUN.finditer(block):
            if run.start() > at:
                yield self._give(block[at : run.start()], run.start() - at)
            yield self._give_wide(run.group(), "utf-16-le", run.group().decode("utf-16-le", "replace"))
            at = run.end()
        if at < len(block):
            yield self._give(block[at:], len(block) - at)

    def _wide(self, blocks: Iterator[bytes], codec: str) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(codec)("replace")
        pending = b""  # bytes that the decoder still holds: half a character
        for block in blocks:
            narrow = _NARROW_IN_WIDE.search(block) if self._chosen is None else None
            if narrow is not None:
                # The rest is not UTF-16 any more: 128 characters in a row without one ASCII character.
                head, tail = block[: narrow.start()], block[narrow.start() :]
                yield self._give_wide(pending + head, codec, decoder.decode(head, final=True))
                yield from self._narrow(chain([tail], blocks))
                return
            text = decoder.decode(block)
            held = decoder.getstate()[0]
            whole = pending + block
            yield self._give_wide(whole[: len(whole) - len(held)], codec, text)
            pending = held
        if pending:
            yield self._give_wide(pending, codec, decoder.decode(b"", final=True))

    def _give(self, piece: bytes, file_bytes: int) -> bytes:
        self._tally(piece)
        if self._has_bare_returns is None and len(piece) > 1:
            self._has_bare_returns = b"\n" not in piece and b"\r" in piece[:-1]
        if self._has_bare_returns and b"\n" not in piece:
            piece = piece.replace(b"\r", b"\n")
        if self._segments and (self._segments[-1].is_wide or self._segments[-1].text_end != self._text_bytes):
            self._add(Segment(self._text_bytes, self._file_bytes))
        self._text_bytes += len(piece)
        self._file_bytes += file_bytes
        if self._segments:
            self._segments[-1].text_end = self._text_bytes
        return piece

    def _give_wide(self, raw: bytes, codec: str, text: str) -> bytes:
        self._seen.add(codec)
        if text.startswith("\ufeff"):
            mark = len("\ufeff".encode(codec, "ignore"))
            self._skip(mark)
            raw, text = raw[mark:], text[1:]
        piece = text.encode("utf-8", "replace")
        if self._has_bare_returns is None and len(piece) > 1:
            self._has_bare_returns = b"\n" not in piece and b"\r" in piece[:-1]
        if self._has_bare_returns and b"\n" not in piece:
            piece = piece.replace(b"\r", b"\n")
        if not self._segments:
            self._add(Segment(0, self._file_bytes - self._text_bytes))
        self._add(Segment(self._text_bytes, self._file_bytes, piece, codec))
        self._text_bytes += len(piece)
        self._file_bytes += len(raw)
        return piece

    def _skip(self, file_bytes: int) -> None:
        self._file_bytes += file_bytes
        self._add(Segment(self._text_bytes, self._file_bytes))

    def _add(self, segment: Segment) -> None:
        segment.text_end = segment.text_start
        self._segments.append(segment)
        self._starts.append(segment.text_start)
        if len(self._segments) > 2 * _SEGMENTS_KEPT:
            del self._segments[:_SEGMENTS_KEPT], self._starts[:_SEGMENTS_KEPT]

    def _tally(self, piece: bytes) -> None:
        """Notes the encoding of a piece. Where it is not all UTF-8, some of its lines are asked one by one."""
        if piece.isascii() and not self._utf8.getstate()[0]:
            return
        try:
            self._utf8.decode(piece)
        except UnicodeDecodeError:
            self._expect_rest_of(piece)
            self._seen.update(_encoding_of(line) for line in islice(_non_ascii_lines(piece), _SAMPLED_LINES))
        else:
            self._seen.add("utf-8")

    def _expect_rest_of(self, piece: bytes) -> None:
        """A piece may end in the middle of a character; what stands before its last line says nothing of that."""
        self._utf8.reset()
        try:
            self._utf8.decode(piece[piece.rfind(b"\n") + 1 :])
        except UnicodeDecodeError:
            self._utf8.reset()


def _non_ascii_lines(piece: bytes) -> Iterator[bytes]:
    found = _NON_ASCII.search(piece)
    while found is not None:
        start = piece.rfind(b"\n", 0, found.start()) + 1
        end = piece.find(b"\n", found.end())
        end = end if end >= 0 else len(piece)
        yield piece[start:end]
        found = _NON_ASCII.search(piece, end)


def _encoding_of(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _even_pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of PIECE_BYTES, whatever the blocks were; the last one is shorter."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size < PIECE_BYTES:
            continue
        whole = held[0] if len(held) == 1 else b"".join(held)
        end = size - size % PIECE_BYTES
        for start in range(0, end, PIECE_BYTES):
            yield whole[start : start + PIECE_BYTES]
        held, size = [whole[end:]], size - end
    if size:
        yield b"".join(held)
