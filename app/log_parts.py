"""A large iNode log read in parts, on several cores, with the answer of one reading."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from app.core.parsers.body import BodyReader
from app.core.parsers.inode_log import parse_inode_log, parse_inode_part
from app.core.parsers.inode_parts import InodePart, NotOneReading, cut_at, facts_of, joined
from app.core.parsers.log_text import PIECE_BYTES, wide_codec
from app.core.records import LogFacts

PART_BYTES = 16 << 20
# Starting processes costs more than reading this much.
SMALL_BYTES = 2 * PART_BYTES
WINDOW_BYTES = 256 << 10  # looked at for a place to cut
_HEAD_BYTES = 4_096
_MARK = b"\xef\xbb\xbf"
_FORKS = get_context("forkserver")

Part = tuple[int, int | None, int]  # first byte, the first one of the next part, and where blocks end (`blocks`)


def parse_inode_file(path: Path, source: str, encoding: str | None = None, processes: int = 1) -> LogFacts:
    """`encoding`: see `parse_inode_log`. Raises OSError where the file cannot be read."""
    if processes > 1 and encoding is None and path.stat().st_size >= SMALL_BYTES:
        try:
            return _parse_in_parts(path, source, processes)
        except (NotOneReading, EOFError):
            pass  # it is read in one: a part of it needs what stands before, or a process was ended
    return parse_inode_log(blocks(path), source, encoding)


def blocks(path: Path, start: int = 0, end: int | None = None, shift: int = 0) -> Iterator[bytes]:
    """The bytes of a file from `start` on, in blocks that end `shift` behind a multiple of PIECE_BYTES; the last one
    is that in which byte `end` lies."""
    with path.open("rb") as file:
        file.seek(start)
        while end is None or start < end:
            block = file.read(PIECE_BYTES - (start - shift) % PIECE_BYTES)
            if not block:
                return
            yield block
            start += len(block)


def _parse_in_parts(path: Path, source: str, processes: int) -> LogFacts:
    _FORKS.set_forkserver_preload([__name__])
    with ExitStack() as stack:
        readers = [stack.enter_context(_Reader(path, source)) for _ in range(processes)]
        parts = list(parts_of(path))
        if len(parts) < 2:
            raise NotOneReading
        for number, reader in enumerate(readers):
            reader.ask(parts[number::processes])
        whole = joined((readers[number % processes].next() for number in range(len(parts))), source)
    return facts_of(whole)


def parts_of(path: Path) -> Iterator[Part]:
    """A log cut into parts of some PART_BYTES; only one where its text is not as it is stored."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(PIECE_BYTES)
        shift = len(_MARK) if head.startswith(_MARK) else 0
        start = 0
        at = PART_BYTES + shift
        is_plain = b"\n" in head and wide_codec(head[:_HEAD_BYTES]) is None
        while is_plain and at < size:
            file.seek(at - WINDOW_BYTES)
            cut = cut_at(file.read(WINDOW_BYTES), at - WINDOW_BYTES)
            if cut is not None:
                yield start, cut, shift
                start = cut
            at += PART_BYTES if cut is not None else PIECE_BYTES
        yield start, None, shift


class _Reader:
    """A process that reads parts of one file, one after the other, and does not go on until each is taken."""

    def __init__(self, path: Path, source: str) -> None:
        self._connection, theirs = _FORKS.Pipe()
        arguments = (theirs, path, source, os.getpgrp())
        self._process = _FORKS.Process(target=_read_parts, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, parts: list[Part]) -> None:
        self._connection.send(parts)

    def next(self) -> InodePart:
        part = self._connection.recv()
        if part is None:
            raise NotOneReading
        assert isinstance(part, InodePart)
        return part

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.kill()
        self._process.join()


def _read_parts(connection: Connection, path: Path, source: str, group: int) -> None:
    """Sends each part that it is asked for, and None in the place of one that is not plain text."""
    os.setpgid(0, group)  # the processes of one analysis end together
    bodies = BodyReader()
    for start, end, shift in connection.recv():
        try:
            part = parse_inode_part(_narrow(blocks(path, start, end, shift)), source, start, end, bodies)
        except NotOneReading:
            connection.send(None)
            return
        part.table.frozen()
        connection.send(part)


def _narrow(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Raises NotOneReading where a part of the text is UTF-16."""
    for block in blocks:
        if b"\x00" in block:
            raise NotOneReading
        yield block
