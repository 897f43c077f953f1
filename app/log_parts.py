"""A large iNode log read in parts, on several cores, with the answer of one reading."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from itertools import chain
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import BinaryIO, NamedTuple

from app.core.parsers.body import BodyReader
from app.core.parsers.body_shape import Shape
from app.core.parsers.event_table import EventTable
from app.core.parsers.inode_log import parse_inode_log, parse_inode_part
from app.core.parsers.inode_parts import InodePart, JoinedParts, NotOneReading, WindowTooShort, cut_at, facts_of
from app.core.parsers.log_text import PIECE_BYTES, wide_codec
from app.core.records import LogFacts
from app.forks import Fork

PART_BYTES = 8 << 20
SMALL_BYTES = 4 * PART_BYTES  # less is not worth a second process
WINDOWS_BYTES = (16 << 10, 64 << 10, 256 << 10)  # looked at for a place to cut
_HEAD_BYTES = 4_096
_LAST_PARTS = 8  # what is left is cut into so many, so that all processes end at about the same time
_ASKED_AHEAD = 2  # the one that a helper reads, and the next one
_MARK = b"\xef\xbb\xbf"


class Part(NamedTuple):
    start: int  # its first byte
    end: int | None  # the first byte of the next part
    shift: int  # where blocks end: see `blocks`


def parse_inode_file(path: Path, source: str, encoding: str | None = None, processes: int = 1) -> LogFacts:
    """`encoding`: see `parse_inode_log`. Raises OSError where the file cannot be read."""
    if processes > 1 and encoding is None and path.stat().st_size >= SMALL_BYTES:
        try:
            return _parse_in_parts(path, source, processes)
        except (NotOneReading, EOFError, ConnectionError):
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
    parts = parts_of(path)
    first = next(parts)
    if first.end is None:
        raise NotOneReading
    with ExitStack() as stack:
        helpers = [stack.enter_context(_Helper(path, source)) for _ in range(processes - 1)]
        return facts_of(_Reading(path, source, chain([first], parts), helpers).read())


def parts_of(path: Path) -> Iterator[Part]:
    """A log cut into parts of some PART_BYTES, shorter ones at its end; only one where text is not as it is stored."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(PIECE_BYTES)
        shift = len(_MARK) if head.startswith(_MARK) else 0
        start = 0
        at = PART_BYTES + shift
        is_plain = b"\n" in head and wide_codec(head[:_HEAD_BYTES]) is None
        while is_plain and at < size:
            cut = _cut_before(file, at)
            if cut is not None:
                yield Part(start, cut, shift)
                start = cut
            at += _step(size - at) if cut is not None else PIECE_BYTES
        yield Part(start, None, shift)


def _step(left: int) -> int:
    """How far away the next cut is, where so many bytes are left."""
    return min(max(left // _LAST_PARTS // PIECE_BYTES, 1) * PIECE_BYTES, PART_BYTES)


def _cut_before(file: BinaryIO, at: int) -> int | None:
    for window in WINDOWS_BYTES:
        file.seek(at - window)
        with suppress(WindowTooShort):
            return cut_at(file.read(window), at - window)
    return None


class _Reading:
    """The parts of one log, read by the helpers and by this process, and put together in their order."""

    def __init__(self, path: Path, source: str, parts: Iterable[Part], helpers: list[_Helper]) -> None:
        self._path = path
        self._source = source
        self._parts = enumerate(parts)
        self._helpers = helpers
        self._done: dict[int, InodePart | bytes] = {}
        self._whole = JoinedParts(source)
        self._joined = 0

    def read(self) -> InodePart:
        """Raises NotOneReading, or EOFError or ConnectionError where a helper died."""
        for helper in self._helpers:
            self._ask(helper)
        bodies = BodyReader()
        for number, part in self._parts:
            self._done[number] = _read_part(self._path, self._source, part, bodies, self._look)
            self._join()
        while busy := [helper for helper in self._helpers if helper.asked]:
            wait([helper.connection for helper in busy])
            self._look()
            self._join()
        return self._whole

    def _ask(self, helper: _Helper) -> None:
        for _ in range(_ASKED_AHEAD - len(helper.asked)):
            following = next(self._parts, None)
            if following is not None:
                helper.ask(*following)

    def _look(self) -> None:
        """Takes what helpers have read, and gives them more."""
        for helper in self._helpers:
            while helper.asked and helper.connection.poll():
                number, answer = helper.take()
                self._done[number] = answer
                self._ask(helper)

    def _join(self) -> None:
        while self._joined in self._done:
            part = self._done.pop(self._joined)
            self._whole.extend(part if isinstance(part, InodePart) else _Unpickler(part, self._whole.table).load())
            self._joined += 1


class _Pickler(pickle.Pickler):
    """Shapes of bodies go once from one process to the other; then their key stands for them."""

    def __init__(self, file: BytesIO, sent: set[bytes]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._sent = sent

    def persistent_id(self, item: object) -> bytes | None:
        if not isinstance(item, Shape):
            return None
        if item.key in self._sent:
            return item.key
        self._sent.add(item.key)
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, packed: bytes, table: EventTable) -> None:
        """`table`: of the parts before."""
        super().__init__(BytesIO(packed))
        self._table = table

    def persistent_load(self, key: bytes) -> Shape:
        return self._table.shape(key)


class _Helper(Fork):
    """A forked process that reads parts of one log."""

    def __init__(self, path: Path, source: str) -> None:
        super().__init__(_help, path, source)
        self.asked: deque[int] = deque()

    def ask(self, number: int, part: Part) -> None:
        self.connection.send(part)
        self.asked.append(number)

    def take(self) -> tuple[int, bytes]:
        """The part that was asked for first, pickled."""
        answer = self.connection.recv_bytes()
        if not answer:
            raise NotOneReading
        return self.asked.popleft(), answer


def _help(connection: Connection, path: Path, source: str) -> None:
    """Sends each part that it is asked for, and nothing in the place of one that is not plain text."""
    bodies = BodyReader()
    sent: set[bytes] = set()
    with suppress(EOFError):  # the other process died
        while True:
            asked = connection.recv()
            try:
                part = _read_part(path, source, asked, bodies)
            except NotOneReading:
                connection.send_bytes(b"")
                return
            part.table.frozen()
            packed = BytesIO()
            _Pickler(packed, sent).dump(part)
            connection.send_bytes(packed.getbuffer())


def _read_part(
    path: Path, source: str, part: Part, bodies: BodyReader, between: Callable[[], None] = lambda: None
) -> InodePart:
    """`between` is called with each block. Raises NotOneReading where a part of the text is UTF-16."""

    def narrow() -> Iterator[bytes]:
        for block in blocks(path, *part):
            if b"\x00" in block:
                raise NotOneReading
            between()
            yield block

    return parse_inode_part(narrow(), source, part.start, part.end, bodies)
