"""The lines around one line of a stored log, whatever its size and encoding."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.core.parsers.log_text import TextStream, decode

LONGEST = 4_000  # bytes of one line that are kept: a page must not carry a line of a megabyte


@dataclass(frozen=True, slots=True)
class LogLine:
    """`hidden_bytes` of the line were left out after `text`."""

    number: int
    text: str
    hidden_bytes: int = 0


def read_window(blocks: Iterable[bytes], line: int, around: int) -> tuple[list[LogLine], str]:
    """Lines `line - around` to `line + around` as far as they exist, counted from 1 as parsers do, and the encoding.

    `blocks` are the file's bytes, cut anywhere; it is read once, up to the last line wanted, in constant memory.
    """
    first, last = max(1, line - around), line + around
    stream = TextStream(blocks)
    kept: deque[LogLine] = deque()
    for number, raw, size in _lines(stream, first):
        if number > last:
            break
        kept.append(LogLine(number, decode(raw).rstrip("\r"), max(0, size - len(raw))))
    return list(kept), stream.encoding


def _lines(stream: TextStream, first: int) -> Iterator[tuple[int, bytes, int]]:
    """(number, its first LONGEST bytes, its size) of every line from number `first` on."""
    number, held, size = 1, b"", 0
    for piece in stream:
        at = 0
        if number < first:
            # Count without cutting: nothing before the window is looked at.
            breaks = piece.count(b"\n")
            if number + breaks < first:
                number += breaks
                continue
            for _ in range(first - number):
                at = piece.index(b"\n", at) + 1
            number = first
        while (end := piece.find(b"\n", at)) >= 0:
            held += piece[at : min(end, at + LONGEST - len(held))] if len(held) < LONGEST else b""
            yield number, held, size + end - at
            number, held, size, at = number + 1, b"", 0, end + 1
        if len(held) < LONGEST:
            held += piece[at : at + LONGEST - len(held)]
        size += len(piece) - at
    if size:
        yield number, held, size
