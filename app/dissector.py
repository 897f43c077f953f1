"""Feeds frames to tshark and pairs its rows with them.

tshark gets a pcapng on its standard input, so nothing is written to disk, and runs beside the sieve on another core. It
is started anew from time to time, because its memory grows with the frames that it has seen.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from struct import pack

from app.core.parsers.packets import FIELDS, RawFrame
from app.core.records import Text
from app.tools import ToolLimits, end_tool, start_tool

FRAMES_PER_RUN = 50_000
IN_FLIGHT_BYTES = 24 * 1024 * 1024
WRITE_BYTES = 128 * 1024
RESTARTS = 20
SECTION = pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def tshark_argv(*more: str) -> list[str]:
    """tshark without name lookups and without reassembly of IP."""
    return ["tshark", "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", *more]


def interface_block(link_type: int) -> bytes:
    """An interface description with nanosecond times."""
    return pack("<IIHHIHHB3xHHI", 1, 32, link_type, 0, 0, 9, 1, 9, 0, 0, 32)


def frame_block(interface: int, frame: RawFrame) -> bytes:
    """An enhanced packet block; times before 1970 do not exist there."""
    length = len(frame.octets)
    padding = -length % 4
    total = 32 + length + padding
    time_ns = max(frame.time_ns, 0)
    head = pack("<IIIIIII", 6, total, interface, time_ns >> 32, time_ns & 0xFFFFFFFF, length, max(frame.original, length))
    return head + frame.octets + bytes(padding) + pack("<I", total)


class Dissector:
    """`put` frames, take `ready` pairs of a frame and its row; `finish` waits for the rest.

    A frame on which tshark dies is left out and counted in `failed`; the others are dissected all the same.
    """

    def __init__(self, limits: ToolLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._pending: deque[tuple[int, RawFrame]] = deque()
        self._rows: deque[tuple[RawFrame, str]] = deque()
        self._moved = threading.Condition()
        self._in_flight = 0
        self._buffer = bytearray()
        self._interfaces: dict[int, int] = {}
        self._fed = 0
        self.failed: list[int] = []
        self._restarts = 0

    def put(self, link_type: int, frame: RawFrame) -> None:
        if self._fed >= FRAMES_PER_RUN:
            self._end_run()
        if self._process is None:
            self._start()
        self._feed(link_type, frame)
        if len(self._buffer) >= WRITE_BYTES:
            self._write()
        if self._in_flight > IN_FLIGHT_BYTES:
            self._write()
            with self._moved:
                self._moved.wait_for(lambda: self._in_flight < IN_FLIGHT_BYTES // 2 or not self._is_reading())
            if not self._is_reading():
                self._end_run()

    def ready(self) -> Iterator[tuple[RawFrame, str]]:
        while self._rows:
            yield self._rows.popleft()

    def finish(self) -> None:
        """Waits until every frame has its row."""
        while self._process is not None:
            self._end_run()

    def abandon(self) -> None:
        """Ends without the rest."""
        if self._process is not None:
            end_tool(self._process)
            self._close()

    def _start(self) -> None:
        fields = [part for name in FIELDS for part in ("-e", name)]
        argv = tshark_argv("-r", "-", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", *fields)
        self._process = start_tool(argv, self._limits)
        self._buffer += SECTION
        self._interfaces.clear()
        self._fed = 0
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _feed(self, link_type: int, frame: RawFrame) -> None:
        if link_type not in self._interfaces:
            self._interfaces[link_type] = len(self._interfaces)
            self._buffer += interface_block(link_type)
        with self._moved:
            self._pending.append((link_type, frame))
            self._in_flight += len(frame.octets)
        self._buffer += frame_block(self._interfaces[link_type], frame)
        self._fed += 1

    def _write(self) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(BrokenPipeError, ValueError):  # it died: _end_run sees to it
                process.stdin.write(self._buffer)
        self._buffer.clear()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.endswith(b"\n") or not self._pending:
                break
            with self._moved:
                _, frame = self._pending.popleft()
                self._rows.append((frame, line[:-1].decode("utf-8", "replace")))
                self._in_flight -= len(frame.octets)
                if self._in_flight < IN_FLIGHT_BYTES // 2:
                    self._moved.notify()
        with self._moved:
            self._reader = None
            self._moved.notify()

    def _is_reading(self) -> bool:
        return self._reader is not None

    def _end_run(self) -> None:
        """Closes the input, takes what comes; where tshark died on a frame, goes on behind that one."""
        self._write()
        self._close()
        if not self._pending:
            return
        left = list(self._pending)
        self._pending.clear()
        self._in_flight = 0
        self.failed.append(left[0][1].number)
        self._restarts += 1
        if self._restarts > RESTARTS:
            self.failed.extend(frame.number for _, frame in left[1:])
            return
        self._start()
        for link_type, frame in left[1:]:
            self._feed(link_type, frame)
            if len(self._buffer) >= WRITE_BYTES:
                self._write()
        self._write()

    def _close(self) -> None:
        process, reader = self._process, self._reader
        if process is None:
            return
        with suppress(BrokenPipeError, ValueError):
            if process.stdin is not None:
                process.stdin.close()
        if reader is not None:
            reader.join()
        process.wait()
        end_tool(process)
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        self._fed = 0


def failed_note(frames: list[int]) -> Text:
    shown = ", ".join(map(str, frames[:5]))
    return Text(
        f"tshark failed on {len(frames)} frame(s) ({shown}); they were left out",
        f"tshark 处理 {len(frames)} 个帧时出错（{shown}），已跳过",
    )
