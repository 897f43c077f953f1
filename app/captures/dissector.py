"""Feeds frames to tshark and pairs its rows with them.

tshark gets a pcapng on its standard input, so nothing is written to disk, and runs beside the sieve on another core. It
is started anew from time to time, because its memory grows with the frames that it has seen.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from app.captures.pcapng import SECTION, frame_block, interface_block
from app.captures.tshark import is_forgetful, start_tshark, tshark_argv
from app.core.parsers.capture_formats import (
    LINK_ETHERNET,
    LINK_LOOP,
    LINK_NULL,
    LINK_PPP,
    LINK_RAW,
    LINK_SLL,
    LINK_SLL2,
)
from app.core.parsers.ip_headers import RawFrame
from app.core.parsers.packets import FIELDS
from app.core.records import Text
from app.sandbox import ToolLimits
from app.tools import end_tool

FRAMES_PER_RUN = 50_000
IN_FLIGHT_BYTES = 6 * 1024 * 1024
WRITE_BYTES = 128 * 1024
STALLED_S = 0.5
HELD_BACK_BYTES = 64 * 1024  # tshark prints whole buffers, of 4 KB as a rule
COLUMN_BYTES = 2047  # of what is longer it prints the beginning only
READ_BYTES = 64 * 1024
RESTARTS = 20
# What goes on from capture to capture: its last rows are pushed out of its buffer by those of frames that nobody wants.
FILLERS = 250
SETTLES_S = 5.0
OLD = 0.25  # of the time that its limits give it: then it takes no other capture
# tshark needs the headers only: the payload is read from the frame itself. Elsewhere (802.11 …) headers may lie deep.
HEADERS_BYTES = 512
HEADERS_FIRST = frozenset({LINK_NULL, LINK_ETHERNET, LINK_LOOP, LINK_SLL, LINK_SLL2, LINK_PPP, *LINK_RAW})
_FILLER = RawFrame(0, 0, 0, bytes(12) + b"\x88\xb5" + bytes(46), 60)


def columns_argv() -> list[str]:
    """As columns of the packet list: tshark then looks for these fields only, and is twice as fast."""
    columns = ",".join(f'"{name}","%Cus:{name}:0:R"' for name in FIELDS)
    return ["-T", "tabs", "-o", f"gui.column.format:{columns}"]


def fields_argv() -> list[str]:
    """As fields of the whole dissection, however long they are."""
    names = [part for name in FIELDS for part in ("-e", name)]
    return ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", *names]


class Dissector:
    """`begin`, `put` frames, take `ready` pairs of a frame and its row; `finish` gives the rest.

    Where `is_full`, take `ready` rows before putting more. A frame on which tshark dies is left out and counted in
    `failed`; the others are dissected all the same. One that `is_kept` takes capture after capture, by the same tshark
    where nothing of the last one is left in it, until it is closed.
    """

    def __init__(self, limits: ToolLimits, is_kept: bool = False) -> None:
        self._limits, self._is_kept = limits, is_kept
        self._process: subprocess.Popen[bytes] | None = None
        self._input: SimpleQueue[bytes | None] = SimpleQueue()
        self._output: SimpleQueue[bytes | None] = SimpleQueue()
        self._threads: tuple[threading.Thread, ...] = ()
        self._partial = b""
        self._pending: deque[tuple[int, RawFrame]] = deque()
        self._in_flight = 0
        self._unpaired = 0  # of the pending frames, those that somebody wants
        self._stacks: set[str] = set()  # protocols of the frames that this tshark has seen
        self._started_s = 0.0
        self._buffer = bytearray()
        self._interfaces: dict[int, int] = {}
        self._fed = 0
        self._restarts = 0
        self._is_wide = False
        self._is_cut = False
        self.failed: list[int] = []

    @property
    def is_full(self) -> bool:
        return self._in_flight > IN_FLIGHT_BYTES or self._fed >= FRAMES_PER_RUN

    def begin(self) -> None:
        """Another capture."""
        self.failed, self._restarts = [], 0
        process = self._process
        if process is not None and (process.poll() is not None or self._age() > OLD * self._limits.seconds):
            self.close()

    def start(self) -> None:
        """Starts tshark if it does not run: it takes a while until it is ready for frames. Raises ToolError."""
        if self._process is None:
            self._start()

    def put(self, link_type: int, frame: RawFrame) -> None:
        self.start()
        self._pending.append((link_type, frame))
        self._in_flight += len(frame.octets)
        self._unpaired += 1
        self._feed(link_type, frame)

    def ready(self) -> Iterator[tuple[RawFrame, str]]:
        """Pairs so far; where full, waits until there is room."""
        if self._fed >= FRAMES_PER_RUN:
            yield from self.finish()
            return
        while True:
            is_full = self._in_flight > IN_FLIGHT_BYTES
            if is_full:
                self._write()
            try:
                # Rows that fill a buffer will come, however busy the machine: each has a tab for every field.
                is_sure = len(self._pending) * len(FIELDS) > HELD_BACK_BYTES
                chunk = self._output.get(block=is_full, timeout=None if is_sure else STALLED_S)
            except Empty:
                if is_full:  # tshark holds back its last rows until its input ends
                    yield from self.finish()
                return
            if chunk is None:  # it died
                yield from self.finish(is_over=True)
                return
            yield from self._pair(chunk)

    def finish(self, is_over: bool = False) -> Iterator[tuple[RawFrame, str]]:
        """Every frame that is still without its row; where tshark dies on one, goes on behind that one."""
        if self._is_kept and not is_over:
            is_over = yield from self._settle()
        while self._unpaired:
            self._write()
            self._input.put(None)
            while self._unpaired and not is_over:
                chunk = self._output.get()
                is_over = chunk is None
                yield from self._pair(chunk or b"")
            if self._unpaired:
                self._close()
                self._restart()
                is_over = False
            else:
                self.close()  # its input has ended: frames of another capture would not reach it
        self.abandon()

    def _settle(self) -> Generator[tuple[RawFrame, str], None, bool]:
        """The rest of the rows without an end of the input; returns whether tshark died instead. Where they do not come
        its buffer is a larger one: the end of the input will bring them."""
        for _ in range(FILLERS if self._unpaired else 0):
            self._pending.append((LINK_ETHERNET, _FILLER))
            self._feed(LINK_ETHERNET, _FILLER)
        self._write()
        while self._unpaired:
            try:
                chunk = self._output.get(timeout=SETTLES_S)
            except Empty:
                return False
            if chunk is None:
                return True
            yield from self._pair(chunk)
        return False

    def abandon(self) -> None:
        """Ends without the rest; what is kept goes on where it owes nothing and remembers nothing."""
        is_fresh = self._fed < FRAMES_PER_RUN and not self._is_wide and all(map(is_forgetful, self._stacks))
        if not (self._is_kept and is_fresh and not self._unpaired):
            self.close()

    def close(self) -> None:
        if self._process is not None:
            end_tool(self._process)
        self._close()
        self._pending.clear()
        self._in_flight = self._unpaired = 0
        self._is_wide = self._is_cut = False

    def _age(self) -> float:
        return time.monotonic() - self._started_s

    def _start(self) -> None:
        columns = fields_argv() if self._is_wide else columns_argv()
        process = start_tshark(tshark_argv("-r", "-", *columns), self._limits)
        self._process, self._partial, self._fed = process, b"", 0
        self._started_s = time.monotonic()
        self._stacks.clear()
        self._input, self._output = SimpleQueue(), SimpleQueue()
        self._buffer = bytearray(SECTION)
        self._interfaces.clear()
        self._threads = (
            threading.Thread(target=_pour, args=(process, self._input), daemon=True),
            threading.Thread(target=_drain, args=(process, self._output), daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def _feed(self, link_type: int, frame: RawFrame) -> None:
        if link_type not in self._interfaces:
            self._interfaces[link_type] = len(self._interfaces)
            self._buffer += interface_block(link_type)
        octets = frame.octets[:HEADERS_BYTES] if link_type in HEADERS_FIRST else frame.octets
        self._buffer += frame_block(self._interfaces[link_type], octets, frame)
        self._fed += 1
        if len(self._buffer) >= WRITE_BYTES:
            self._write()

    def _write(self) -> None:
        self._input.put(bytes(self._buffer))
        self._buffer.clear()

    def _pair(self, chunk: bytes) -> Iterator[tuple[RawFrame, str]]:
        lines = (self._partial + chunk).decode("utf-8", "replace").split("\n")
        self._partial = lines.pop().encode()
        for line in lines:
            if not self._pending or self._is_cut:
                return
            if len(line) >= COLUMN_BYTES and not self._is_wide:
                self._is_wide = self._is_cut = True
                if self._process is not None:
                    end_tool(self._process)
                return
            _, frame = self._pending.popleft()
            if frame is _FILLER:
                continue
            if self._is_kept:
                self._stacks.add(line.split("\t", 2)[1])
            self._in_flight -= len(frame.octets)
            self._unpaired -= 1
            yield frame, line

    def _restart(self) -> None:
        left = [pair for pair in self._pending if pair[1] is not _FILLER]
        if self._is_cut:
            self._is_cut, count = False, 0
        else:
            self._restarts += 1
            count = 1 if self._restarts <= RESTARTS else len(left)
        self.failed.extend(frame.number for _, frame in left[:count])
        self._pending = deque(left[count:])
        self._in_flight, self._unpaired = sum(len(frame.octets) for _, frame in self._pending), len(self._pending)
        if self._pending:
            self.start()
        for link_type, frame in self._pending:
            self._feed(link_type, frame)

    def _close(self) -> None:
        process = self._process
        if process is None:
            return
        self._input.put(None)
        process.wait()
        end_tool(process)
        for thread in self._threads:
            thread.join()
        self._process = None
        self._fed = 0


def _pour(process: subprocess.Popen[bytes], source: SimpleQueue[bytes | None]) -> None:
    """Hands over input until None comes, so that the sieve need not wait for tshark."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stream:  # it died: the end of its output tells
        while (octets := source.get()) is not None:
            stream.write(octets)


def _drain(process: subprocess.Popen[bytes], output: SimpleQueue[bytes | None]) -> None:
    """Takes output as it comes."""
    assert process.stdout is not None
    with process.stdout as stream:
        while chunk := stream.read1(READ_BYTES):  # type: ignore[attr-defined]
            output.put(chunk)
    output.put(None)


def failed_note(frames: list[int]) -> Text:
    shown = ", ".join(map(str, frames[:5]))
    return Text(
        f"tshark failed on frames that were left out, {len(frames)} in all: {shown}",
        f"tshark 处理 {len(frames)} 个帧时出错（{shown}），已跳过",
    )
