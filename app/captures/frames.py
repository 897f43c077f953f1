"""The frames of a capture file: all of them in batches, those that may matter, or one in full."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.captures.blocks import CutStream, read_ahead, read_blocks
from app.captures.capture import CaptureError, CaptureLimits
from app.captures.pcapng import SECTION, frame_block, interface_block
from app.core.parsers.capture_file import walker_for
from app.core.parsers.capture_records import FrameBatch, Walker, gap_text, gaps_text
from app.core.parsers.census import Census
from app.core.parsers.ip_headers import RawFrame
from app.core.parsers.port_roles import port_roles
from app.core.parsers.sieve import sift
from app.core.records import CaptureFacts, Text
from app.tools import ToolError

if TYPE_CHECKING:
    from app.captures.frame_details import DissectedLayer


GAPS_TOLD = 5
# With smaller blocks the steps of the sieve cost more than what they do; larger ones leave the processor's cache.
SIFTED_BYTES = 6 * 1024 * 1024


class SiftedFile:
    """One pass over a file by walker, sieve and census. Exhaust `batches`, then ask for `facts`."""

    def __init__(self, path: Path, ports: frozenset[int], max_bytes: int) -> None:
        self._path, self._ports, self._max_bytes = path, ports, max_bytes
        self._roles = port_roles(ports)
        self._walker: Walker | None = None
        self._notes: list[Text] = []
        self.census = Census()

    def batches(self) -> Iterator[Iterator[tuple[int, RawFrame]]]:
        """Of each batch the frames that may have to do with EAD, with their link types. Raises CaptureError."""
        for walker, batch in frame_batches(self._path, self._max_bytes, self._notes):
            self._walker = walker
            if batch is not None:
                yield self._sift(walker, batch)

    @property
    def frames(self) -> int:
        """Walked so far."""
        return self._walker.walk.frames if self._walker is not None else 0

    def facts(self, source: str, notes: Sequence[Text]) -> CaptureFacts:
        assert self._walker is not None, "batches() was not exhausted"
        return self.census.facts(source, self._walker.walk, self._ports, [*self._notes, *self._oddities(), *notes])

    def _oddities(self) -> Iterator[Text]:
        assert self._walker is not None
        walk = self._walker.walk
        yield from map(gap_text, walk.gaps[:GAPS_TOLD])
        if len(walk.gaps) > GAPS_TOLD:
            yield gaps_text(walk.gaps)
        if walk.is_truncated and all(gap.until_ns is not None for gap in walk.gaps):
            yield Text("the file ends in the middle of a frame", "文件在一帧中间结束")
        if self.census.steps_back:
            yield Text(
                f"how often the capture's clock went back by more than a second: {self.census.steps_back}",
                f"抓包时钟有 {self.census.steps_back} 次回拨超过一秒",
            )
        if walk.has_untimed:
            yield Text("some frames were recorded without a time", "部分帧没有时间戳")

    def _sift(self, walker: Walker, batch: FrameBatch) -> Iterator[tuple[int, RawFrame]]:
        link_types = np.array([interface.link_type for interface in walker.walk.interfaces], dtype=np.int64)
        judgement = sift(batch, link_types, self._roles)
        self.census.add(batch, judgement)
        kept = np.flatnonzero(judgement.keep)
        interfaces = batch.interface[kept]
        columns = zip(
            link_types[interfaces].tolist(),
            (kept + batch.first_frame).tolist(),
            batch.time_ns[kept].tolist(),
            interfaces.tolist(),
            batch.start[kept].tolist(),
            (batch.start + batch.captured)[kept].tolist(),
            batch.original[kept].tolist(),
            (judgement.kind[kept] != 0).tolist(),
            strict=True,
        )
        for link_type, number, time_ns, interface, start, end, original, is_judged in columns:
            yield link_type, RawFrame(number, time_ns, interface, batch.block[start:end], original, is_judged)


def frame_batches(path: Path, max_bytes: int, notes: list[Text]) -> Generator[tuple[Walker, FrameBatch | None]]:
    """Walks the records of a file of any format; the first pair comes without frames, for captures that have none.

    Raises CaptureError where it is no capture.
    """
    walker: Walker | None = None
    size = 0
    try:
        for block in read_ahead(read_blocks(path, SIFTED_BYTES)):
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
