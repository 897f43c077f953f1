"""The one door to captures: read a whole file fast, or one frame in full.

Every frame is looked at by the sieve; those that may have to do with EAD go to tshark, which says what they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.captures.blocks import CutStream, read_ahead, read_blocks, read_head
from app.captures.dissector import SECTION, Dissector, failed_note, frame_block, interface_block
from app.core.fragmentation.retention import Retention
from app.core.parsers import capture_file
from app.core.parsers.capture_file import walker_for
from app.core.parsers.capture_records import FrameBatch, Walker, gap_text, gaps_text
from app.core.parsers.census import Census
from app.core.parsers.ip_headers import RawFrame
from app.core.parsers.outer_pieces import OuterPieces
from app.core.parsers.packets import census_of, is_wanted, read_packets, read_row
from app.core.parsers.sieve import port_roles, sift
from app.core.records import CaptureFacts, Packet, Text
from app.sandbox import ToolLimits
from app.tools import ToolError

if TYPE_CHECKING:
    from app.captures.frame_details import DissectedLayer

DEFAULT_PORTS = frozenset({9019, 9029})
LINK_RAW_IP = 101
GAPS_TOLD = 5


class CaptureError(Exception):
    """Nothing at all could be read from a file; `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    max_bytes: int = 1 << 40  # of uncompressed capture
    tool: ToolLimits = field(default_factory=ToolLimits)


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture file: what it says of itself, and the packets that matter, in order of their frames."""

    facts: CaptureFacts
    packets: tuple[Packet, ...]


def sniff_capture(head: bytes) -> str | None:
    """ "pcap" or "pcapng" where the first bytes of an uncompressed file say so."""
    return capture_file.sniff_capture(head)


def sniff_capture_file(path: Path) -> str | None:
    """The same for a file that may be compressed. Raises OSError."""
    return capture_file.sniff_capture(read_head(path, 4096))


def read_capture(
    path: Path,
    source: str,
    ports: frozenset[int] = DEFAULT_PORTS,
    limits: CaptureLimits = CaptureLimits(),
    progress: Callable[[int], None] | None = None,
) -> Capture:
    """Facts and packets of a capture: EAD by port or content, every fragment, every ICMP error.

    `progress` gets the number of frames read so far. Raises CaptureError where nothing at all can be read.
    """
    reading = CaptureReading(path, source, ports, limits, progress)
    kept = Retention(ports)
    for packet in reading.packets():
        kept.add(packet)
    notes = [kept.note] if kept.note else []
    return Capture(reading.facts(notes), kept.packets())


class CaptureReading:
    """One pass over a file. Exhaust `packets`, then ask for `facts`."""

    def __init__(
        self,
        path: Path,
        source: str,
        ports: frozenset[int] = DEFAULT_PORTS,
        limits: CaptureLimits = CaptureLimits(),
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._path, self._source, self._ports, self._limits = path, source, ports, limits
        self._progress = progress
        self._census = Census()
        self._outer = OuterPieces()
        self._wholes: list[RawFrame] = []
        self._awaited: deque[int] = deque()
        self._held: list[tuple[int, int, Packet]] = []
        self._serial = count()
        self._dissector = Dissector(limits.tool)
        self._walker: Walker | None = None
        self._notes: list[Text] = []
        self._unreadable = 0

    def packets(self) -> Iterator[Packet]:
        """The wanted packets in the order of their frames; what a fragmented tunnel carries counts as of the frame that
        completed it."""
        roles = port_roles(self._ports)
        try:
            for walker, batch in frame_batches(self._path, self._limits.max_bytes, self._notes):
                self._walker = walker
                if batch is None:
                    continue
                yield from self._sift(walker, batch, roles)
                if self._progress is not None:
                    self._progress(walker.walk.frames)
            yield from self._rest()
        except ToolError as error:
            raise CaptureError(error.text) from error
        finally:
            self._dissector.abandon()

    def facts(self, more_notes: list[Text]) -> CaptureFacts:
        assert self._walker is not None, "packets() was not exhausted"
        walk = self._walker.walk
        notes = [*self._notes, *more_notes]
        notes += [gap_text(gap) for gap in walk.gaps[:GAPS_TOLD]]
        if len(walk.gaps) > GAPS_TOLD:
            notes.append(gaps_text(walk.gaps))
        if walk.is_truncated and all(gap.until_ns is not None for gap in walk.gaps):
            notes.append(Text("the file ends in the middle of a frame", "文件在一帧中间结束"))
        if self._dissector.failed:
            notes.append(failed_note(self._dissector.failed))
        if self._census.steps_back:
            notes.append(
                Text(
                    f"how often the capture's clock went back by more than a second: {self._census.steps_back}",
                    f"抓包时钟有 {self._census.steps_back} 次回拨超过一秒",
                )
            )
        if self._outer.completed:
            notes.append(
                Text(
                    f"packets that travel in tunnels whose outer packets are fragmented: {self._outer.completed}",
                    f"{self._outer.completed} 个报文所在隧道的外层报文被分片",
                )
            )
        if walk.has_untimed:
            notes.append(Text("some frames were recorded without a time", "部分帧没有时间戳"))
        return self._census.facts(self._source, walk, self._ports, notes)

    def _sift(self, walker: Walker, batch: FrameBatch, roles: np.ndarray) -> Iterator[Packet]:
        link_types = np.array([interface.link_type for interface in walker.walk.interfaces], dtype=np.int64)
        judgement = sift(batch, link_types, roles)
        self._census.add(batch, judgement)
        kept = np.flatnonzero(judgement.keep)
        columns = zip(
            (kept + batch.first_frame).tolist(),
            batch.time_ns[kept].tolist(),
            batch.interface[kept].tolist(),
            batch.start[kept].tolist(),
            (batch.start + batch.captured)[kept].tolist(),
            batch.original[kept].tolist(),
            (judgement.kind[kept] != 0).tolist(),
            strict=True,
        )
        for number, time_ns, interface, start, end, original, is_judged in columns:
            frame = RawFrame(number, time_ns, interface, batch.block[start:end], original, is_judged)
            self._dissector.put(walker.walk.interfaces[interface].link_type, frame)
            if self._dissector.is_full:
                yield from self._read(self._dissector.ready())
        yield from self._read(self._dissector.ready())
        self._put_wholes()

    def _read(self, pairs: Iterable[tuple[RawFrame, str]]) -> Iterator[Packet]:
        for frame, line in pairs:
            row = read_row(line)
            packets = list(read_packets(row, frame, self._source))
            if not frame.is_judged:
                self._census.add_row(*census_of(row, packets, self._ports))
            if frame.within is not None:
                self._awaited.popleft()
            for packet in packets:
                whole = self._outer.add(packet) if packet.is_fragment else None
                if whole is not None:
                    self._wholes.append(whole)
                    self._awaited.append(whole.number)
                if not is_wanted(packet, self._ports):
                    continue
                if self._awaited or self._held:
                    heappush(self._held, (packet.frame, next(self._serial), packet))
                else:
                    yield packet
            if self._awaited:
                yield from self._release(min(self._awaited[0], self._awaited[-1]))
            elif self._held:
                yield from self._release(None)

    def _release(self, before_frame: int | None) -> Iterator[Packet]:
        """Packets of frames before the first one whose tunnel is still being looked into."""
        while self._held and (before_frame is None or self._held[0][0] < before_frame):
            yield heappop(self._held)[2]

    def _rest(self) -> Iterator[Packet]:
        yield from self._read(self._dissector.finish())
        while self._wholes:  # what comes out may be pieces of a tunnel again
            self._put_wholes()
            yield from self._read(self._dissector.finish())
        yield from self._release(None)

    def _put_wholes(self) -> None:
        """Packets of fragmented tunnels, put together, are dissected like frames of raw IP."""
        for frame in self._wholes:
            self._dissector.put(LINK_RAW_IP, frame)
        self._wholes.clear()


def frame_batches(path: Path, max_bytes: int, notes: list[Text]) -> Generator[tuple[Walker, FrameBatch | None]]:
    """Walks the records of a file of any format; the first pair comes without frames, for captures that have none.

    Raises CaptureError where it is no capture.
    """
    walker: Walker | None = None
    size = 0
    try:
        for block in read_ahead(read_blocks(path)):
            if walker is None:
                walker = walker_for(block)
                if walker is None:
                    raise CaptureError(
                        Text(f"{path.name} is not a capture (pcap or pcapng)", f"{path.name} 不是抓包文件")
                    )
                yield walker, None
            for batch in walker.feed(block):
                yield walker, batch
            size += len(block)
            if size > max_bytes:
                walker.walk.is_truncated = True
                notes.append(Text(f"only the first {size} bytes were read", f"只读取了前 {size} 字节"))
                break
    except CutStream:
        if walker is None:
            raise CaptureError(Text(f"{path.name} is damaged", f"{path.name} 已损坏")) from None
        walker.walk.is_truncated = True
        notes.append(Text("the compressed file is cut or damaged; read up to there", "压缩文件不完整，已读到损坏处"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaptureError(Text(f"{path.name} cannot be read: {reason}", f"无法读取 {path.name}：{reason}")) from error
    if walker is None:
        raise CaptureError(Text(f"{path.name} is empty", f"{path.name} 是空文件"))
    for batch in walker.finish():
        yield walker, batch


def frame_bytes(path: Path, frame: int) -> bytes:
    """The captured bytes of one frame (from 1). Raises CaptureError where there is no such frame."""
    return _find_frame(path, frame)[1].octets


def frame_time_ns(path: Path, frame: int) -> int:
    """When one frame (from 1) was captured, by the capture's own clock. Raises CaptureError."""
    return _find_frame(path, frame)[1].time_ns


def dissect_frame(path: Path, frame: int) -> tuple[DissectedLayer, ...]:
    """The full dissection of one frame: tshark, within our limits, on a file that holds only that frame, read with
    pyshark's fields (pyshark's own FileCapture would start a tshark without limits).

    Safe in any thread, also where an event loop runs. Raises CaptureError.
    """
    link_type, found = _find_frame(path, frame)
    from app.captures.frame_details import dissect  # pyshark takes a while to load, and few ask for it

    octets = SECTION + interface_block(link_type) + frame_block(0, found.octets, found)
    try:
        return dissect(octets)
    except ToolError as error:
        raise CaptureError(error.text) from error


def _find_frame(path: Path, number: int) -> tuple[int, RawFrame]:
    batches = frame_batches(path, CaptureLimits().max_bytes, [])
    try:
        for walker, batch in batches:
            position = -1 if batch is None else number - batch.first_frame
            if batch is not None and 0 <= position < len(batch):
                interface = int(batch.interface[position])
                time_ns, original = int(batch.time_ns[position]), int(batch.original[position])
                frame = RawFrame(number, time_ns, interface, batch.frame_bytes(position), original)
                return walker.walk.interfaces[interface].link_type, frame
    finally:
        batches.close()
    raise CaptureError(Text(f"{path.name} has no frame {number}", f"{path.name} 中没有第 {number} 帧"))
