"""The one door to captures: read a whole file fast.

Every frame is looked at by the sieve; those that may have to do with EAD go to tshark, which says what they are. tshark
takes as long to start as the array library of the sieve takes to load, so both happen at once: what needs it (`frames`)
is loaded by the first file that is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from app.captures.blocks import read_head
from app.captures.dissector import Dissector, failed_note
from app.collector import collector_paused
from app.core.fragmentation.retention import Retention
from app.core.parsers.capture_formats import LINK_RAW_IP, sniff_capture
from app.core.parsers.ip_headers import RawFrame
from app.core.parsers.outer_pieces import OuterPieces
from app.core.parsers.packets import census_of, is_wanted, read_packets, read_row
from app.core.records import CaptureFacts, Packet, Text
from app.sandbox import ToolLimits
from app.tools import ToolError

if TYPE_CHECKING:
    from app.captures.frames import SiftedFile

DEFAULT_PORTS = frozenset({9019, 9029})


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


def sniff_capture_file(path: Path) -> str | None:
    """ "pcap" or "pcapng" where the first bytes of a file, which may be compressed, say so. Raises OSError."""
    return sniff_capture(read_head(path, 4096))


def read_capture(
    path: Path,
    source: str,
    ports: frozenset[int] = DEFAULT_PORTS,
    limits: CaptureLimits = CaptureLimits(),
    progress: Callable[[int], None] | None = None,
    dissector: Dissector | None = None,
) -> Capture:
    """Facts and packets of a capture: EAD by port or content, every fragment, every ICMP error.

    `progress` gets the number of frames read so far; `dissector` is one that is kept for several captures. Raises
    CaptureError where nothing at all can be read.
    """
    reading = CaptureReading(path, source, ports, limits, progress, dissector)
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
        dissector: Dissector | None = None,
    ) -> None:
        self._path, self._source, self._ports, self._limits = path, source, ports, limits
        self._progress = progress
        self._outer = OuterPieces()
        self._wholes: list[RawFrame] = []
        self._awaited: deque[int] = deque()
        self._held: list[tuple[int, int, Packet]] = []
        self._serial = count()
        self._dissector = dissector or Dissector(limits.tool)
        self._file: SiftedFile | None = None

    def packets(self) -> Iterator[Packet]:
        """The wanted packets in the order of their frames; what a fragmented tunnel carries counts as of the frame that
        completed it."""
        self._dissector.begin()
        try:
            with collector_paused():
                self._file = self._open()
                for frames in self._file.batches():
                    yield from self._dissect(frames)
                    if self._progress is not None:
                        self._progress(self._file.frames)
                yield from self._rest()
        except ToolError as error:
            raise CaptureError(error.text) from error
        finally:
            self._dissector.abandon()

    def facts(self, more_notes: list[Text]) -> CaptureFacts:
        assert self._file is not None, "packets() was not exhausted"
        notes = list(more_notes)
        if self._dissector.failed:
            notes.append(failed_note(self._dissector.failed))
        if self._outer.completed:
            notes.append(
                Text(
                    f"packets that travel in tunnels whose outer packets are fragmented: {self._outer.completed}",
                    f"{self._outer.completed} 个报文所在隧道的外层报文被分片",
                )
            )
        return self._file.facts(self._source, notes)

    def _open(self) -> SiftedFile:
        with suppress(OSError, ToolError):  # told when the file is read, and when a frame needs tshark
            if sniff_capture_file(self._path) is not None:
                self._dissector.start()
        from app.captures.frames import SiftedFile  # loads numpy while tshark starts

        return SiftedFile(self._path, self._ports, self._limits.max_bytes)

    def _dissect(self, frames: Iterable[tuple[int, RawFrame]]) -> Iterator[Packet]:
        for link_type, frame in frames:
            self._dissector.put(link_type, frame)
            if self._dissector.is_full:
                yield from self._read(self._dissector.ready())
        yield from self._read(self._dissector.ready())
        self._put_wholes()

    def _read(self, pairs: Iterable[tuple[RawFrame, str]]) -> Iterator[Packet]:
        for frame, line in pairs:
            row = read_row(line)
            packets = list(read_packets(row, frame, self._source))
            if self._file is not None and not frame.is_judged:
                self._file.census.add_row(*census_of(row, packets, self._ports))
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
