"""The chosen terminals' records out of a log, as the bytes that stand in the file."""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.evidence.choice import Choice
from app.core.parsers.inode_phrases import BODY_END
from app.core.records import LogEvent, LogFacts, Side

WHOLE_BYTES = 64 << 20  # a log of nobody else is taken whole up to this size
BEFORE_BYTES = 4096  # lines before a client's message tell its sender and size
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class LogExtract:
    """`is_whole`: nothing was left out."""

    content: bytes
    is_whole: bool


def extract_log(path: Path, facts: LogFacts, choice: Choice, foreign: frozenset[str]) -> LogExtract | None:
    """What a log tells of the chosen terminals; None where it tells nothing of them. `foreign` are the names of the
    other terminals. Raises OSError."""
    mine = choice.lines.get(facts.source, frozenset())
    others = choice.foreign_lines.get(facts.source, frozenset())
    kept = [_is_chosen(event, choice, mine, others) for event in facts.events]
    rest = _rest_of_body(facts) if 1 in mine else 0
    if not any(kept) and not rest:
        return None
    has_others = bool(others) or any(_names(event) & foreign for event in facts.events)
    if not has_others and path.stat().st_size <= WHOLE_BYTES:
        return LogExtract(path.read_bytes(), is_whole=True)
    return LogExtract(_read_ranges(path, facts, kept, rest), is_whole=False)


def _rest_of_body(facts: LogFacts) -> int:
    """Where the lines end that belong to the last message of the file before, cut by rotation; 0: there are none."""
    edges = facts.edges
    if edges is None or not edges.lead:
        return 0
    end = BODY_END.search(edges.lead)
    return edges.file_offset(end.end() if end is not None else len(edges.lead))


def _names(event: LogEvent) -> frozenset[str]:
    return frozenset(name for name in (event.user, event.mac, event.event_id) if name)


def _is_chosen(event: LogEvent, choice: Choice, mine: frozenset[int], others: frozenset[int]) -> bool:
    line = event.locator.line
    if line in mine:
        return True
    names = _names(event)
    return line not in others and bool(names) and names <= choice.identities


def _read_ranges(path: Path, facts: LogFacts, kept: Sequence[bool], rest: int) -> bytes:
    """Begins with the first `rest` bytes. What ends in the middle of a line because the file does is left so: its rest
    is in the next file."""
    with path.open("rb") as file:
        head = file.read(4)
        mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
        newline = _newline(facts.encoding)
        parts, done = [mark], len(mark)
        if rest > done:
            parts.append(_lines(file.fileno(), done, rest, newline, cut=False))
            done = rest
        previous_end = done
        for event, is_kept in zip(facts.events, kept, strict=True):
            start, end = event.locator.byte_start, event.locator.byte_end
            if start is None or end is None:
                continue
            if is_kept:
                begin = max(done, min(start, _before(previous_end, start) if event.side is Side.CLIENT else start))
                parts.append(_lines(file.fileno(), begin, end, newline, cut=begin not in (start, previous_end)))
                done = max(done, end)
            previous_end = max(previous_end, end)
        is_file_end = done >= os.fstat(file.fileno()).st_size
    *others, last = parts
    ended = [part if part.endswith(newline) or not part or part in MARKS else part + newline for part in others]
    is_ended = is_file_end or not last or last.endswith(newline) or last in MARKS
    return b"".join(ended) + (last if is_ended else last + newline)


def _before(previous_end: int, start: int) -> int:
    return max(previous_end, start - BEFORE_BYTES)


def _lines(handle: int, begin: int, end: int, newline: bytes, *, cut: bool) -> bytes:
    """The bytes of the range; begun in the middle of a line, without that line."""
    octets = os.pread(handle, max(end - begin, 0), begin)
    if cut and newline in octets:
        octets = octets[octets.index(newline) + len(newline) :]
    return octets


def _newline(encoding: str) -> bytes:
    if encoding == "utf-16-be":
        return b"\0\n"
    return b"\n\0" if encoding == "utf-16-le" else b"\n"
