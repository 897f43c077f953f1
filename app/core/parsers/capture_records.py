"""What the walkers of both formats share: batches of frames, interfaces, records carried from block to block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.core.records import InterfaceFacts, Text


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive frames of one file; equal positions of the arrays belong to one frame.

    `start` and `captured` delimit a frame's bytes within `block`; `original` is its length on the wire.
    """

    block: bytes
    first_frame: int  # number of the first frame, from 1
    start: NDArray[np.int64]
    captured: NDArray[np.int64]
    original: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    interface: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def frame_bytes(self, position: int) -> bytes:
        start = int(self.start[position])
        return self.block[start : start + int(self.captured[position])]


@dataclass(slots=True)
class Interface:
    """One interface while the file is read; becomes `InterfaceFacts`."""

    link_type: int
    snap_length: int | None = None
    name: str = ""
    description: str = ""
    recorded_filter: str | None = None
    ticks_per_s: int = 10**6
    offset_s: int = 0
    received: int | None = None
    dropped: int | None = None
    epb_dropped: int = 0

    def facts(self, number: int) -> InterfaceFacts:
        dropped = self.dropped
        if self.epb_dropped:
            dropped = max(dropped or 0, self.epb_dropped)
        return InterfaceFacts(
            number=number,
            name=self.name,
            link_type=self.link_type,
            snap_length=self.snap_length,
            recorded_filter=self.recorded_filter,
            received=self.received,
            dropped=dropped,
            description=self.description,
        )


@dataclass(slots=True)
class Walk:
    """What a walker knows of the file so far. `damage` says why it stopped before the end."""

    format: str
    interfaces: list[Interface] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    frames: int = 0
    is_truncated: bool = False
    damage: Text | None = None
    has_untimed: bool = False


def record_headers(block: bytes, positions: NDArray[np.int64], length: int, order: str) -> NDArray[np.uint32]:
    """Rows of `length // 4` 32-bit words that begin at the positions (which need not be aligned)."""
    overlapping = np.ndarray((len(block) - length + 1,), f"V{length}", buffer=block, strides=(1,))
    rows = overlapping[positions]
    return rows.view(f"{order}u4").reshape(-1, length // 4)


class Walker:
    """Carries a partial record from block to block; subclasses walk whole records."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self._rest = b""
        self._stopped = False

    def feed(self, block: bytes) -> Iterator[FrameBatch]:
        """Frames of the records that are whole with this block."""
        if self._stopped:
            return
        start = 0
        if self._rest:
            chunk = 65_536
            while True:
                joined = self._rest + block[:chunk]
                carried = len(self._rest)
                batches, position = self._walk_records(joined, 0, carried)
                if self._stopped or position >= carried:
                    break
                if chunk >= len(block):  # the record is longer than all that there is yet
                    yield from batches
                    self._rest = joined[position:]
                    return
                yield from batches
                self._rest = self._rest[position:]
                chunk *= 8
            yield from batches
            start = position - carried
            self._rest = b""
        if self._stopped:
            return
        batches, position = self._walk_records(block, start, len(block))
        yield from batches
        self._rest = block[position:]

    def finish(self) -> None:
        """To be called after the last block: a rest is a record that was cut."""
        if self._rest and not self._stopped:
            self.walk.is_truncated = True
        self._rest = b""

    def _stop(self, damage: Text) -> None:
        self._stopped = True
        self.walk.is_truncated = True
        self.walk.damage = damage

    def _walk_records(self, block: bytes, start: int, until: int) -> tuple[list[FrameBatch], int]:
        """Frames of the records that begin in [start, until) and end within the block, and where it stopped."""
        raise NotImplementedError


def damage_text(frame: int, what_en: str, what_zh: str) -> Text:
    return Text(
        f"the file is damaged after frame {frame} ({what_en}); everything before it was read",
        f"文件在第 {frame} 帧之后损坏（{what_zh}），此前的内容均已读取",
    )
