"""Runs the parsers over the files of a bundle: in this process, and in others beside it where the work is worth it."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from tempfile import TemporaryFile
from threading import local
from typing import BinaryIO

from app.captures.capture import CaptureLimits
from app.captures.dissector import Dissector
from app.collector import collector_paused
from app.core.pipeline import ParsedSource
from app.forks import Fork
from app.sources import BundleFile, parse_capture
from app.tools import ToolError

Job = tuple[Callable[..., ParsedSource], tuple[object, ...]]  # the first argument is the file
SMALL_BYTES = 64 << 20  # less is read while another reader, and a tshark for it, would only start
_NUMBER_BYTES = 4


def read_files(jobs: Iterable[Job], processes: int) -> Generator[ParsedSource]:
    """What the parsers say, in the order in which they end. `processes`: 0 for one on each core."""
    jobs = sorted(jobs, key=_size, reverse=True)  # the longest last would leave the other cores idle
    readers = min(processes or os.cpu_count() or 1, len(jobs))
    if readers < 2 or sum(map(_size, jobs)) < SMALL_BYTES:
        yield from map(_run, jobs)
        return
    with collector_paused():
        yield from _read_together(jobs, readers)


def read_captures(files: Iterable[BundleFile], ports: frozenset[int], processes: int) -> Generator[ParsedSource]:
    """The same for captures, within `tshark_kept`."""
    return read_files([(_parse_capture, (file, ports)) for file in files], processes)


@contextmanager
def tshark_kept(files: Sequence[BundleFile], captures: Sequence[BundleFile]) -> Iterator[None]:
    """A process reads its captures with one tshark where it can. For the captures of a small bundle it starts now, and
    is ready when the other `files` are read; where there is more, each reader starts its own."""
    try:
        if captures and sum(file.size_bytes for file in files) < SMALL_BYTES:
            with suppress(ToolError):  # told when a capture is read
                _tshark.dissector.start()
        yield
    finally:
        _tshark.dissector.close()


def _size(job: Job) -> int:
    file = job[1][0]
    return file.size_bytes if isinstance(file, BundleFile) else 0


def _run(job: Job) -> ParsedSource:
    function, arguments = job
    return function(*arguments)


def _read_together(jobs: Sequence[Job], readers: int) -> Iterator[ParsedSource]:
    """This process reads too: what it reads needs no way from one process to another. What a helper that died had
    begun is read here."""
    missing = set(range(len(jobs)))
    with TemporaryFile() as numbers, ExitStack() as stack:
        # All read from one place in it, so that each number goes to one of them, whatever becomes of the others.
        numbers.write(b"".join(number.to_bytes(_NUMBER_BYTES, "little") for number in missing))
        numbers.seek(0)
        helpers = [stack.enter_context(_Helper(jobs, numbers)) for _ in range(readers - 1)]
        for number in _numbers(numbers):
            missing.remove(number)
            yield _run(jobs[number])
            for helper in helpers:
                while helper.is_alive and helper.connection.poll():
                    yield from helper.take(missing)
        while missing and (alive := [helper for helper in helpers if helper.is_alive]):
            ready = wait([helper.connection for helper in alive])
            for helper in alive:
                if helper.connection in ready:
                    yield from helper.take(missing)
    yield from (_run(jobs[number]) for number in sorted(missing))


def _numbers(file: BinaryIO) -> Iterator[int]:
    while octets := os.read(file.fileno(), _NUMBER_BYTES):
        yield int.from_bytes(octets, "little")


class _Helper(Fork):
    """A forked process that reads files, one by one."""

    def __init__(self, jobs: Sequence[Job], numbers: BinaryIO) -> None:
        super().__init__(_help, jobs, numbers, is_duplex=False)
        self.is_alive = True

    def take(self, missing: set[int]) -> Iterator[ParsedSource]:
        """What it has read; nothing where it ended."""
        try:
            number, parsed = pickle.loads(self.connection.recv_bytes())
        except (EOFError, ConnectionError):
            self.is_alive = False
            return
        missing.remove(number)
        yield parsed


def _help(connection: Connection, jobs: Sequence[Job], numbers: BinaryIO) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who forked us ends us
    try:
        # Sent by a thread: the other process takes it when it has read a file of its own.
        with ThreadPoolExecutor(1) as sender:
            sent: Future[None] | None = None
            for number in _numbers(numbers):
                packed = pickle.dumps((number, _run(jobs[number])), pickle.HIGHEST_PROTOCOL)
                if sent is not None and sent.done() and sent.exception() is not None:
                    return  # nobody is there any more
                sent = sender.submit(connection.send_bytes, packed)
    finally:
        _tshark.dissector.close()


class _Tshark(local):
    """What a process reads its captures with, one by one: tshark takes as long to start as for 17,000 frames."""

    def __init__(self) -> None:
        self.dissector = Dissector(CaptureLimits().tool, is_kept=True)


_tshark = _Tshark()


def _parse_capture(file: BundleFile, ports: frozenset[int]) -> ParsedSource:
    return parse_capture(file, ports, _tshark.dissector)
