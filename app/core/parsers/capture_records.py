"""What the walkers of both formats share: batches of frames, interfaces, records carried from block to block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.core.records import InterfaceFacts, Text

LONGEST_CHAIN_BYTES = 512 * 1024  # what must be kept while the records behind damage are not yet all there
MOST_GAPS = 100


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
    frames: int = 0
    started_ns: int | None = None  # when the capture ran, by its own statistics
    ended_ns: int | None = None

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """When the capture ran, where its statistics say so and no frame was taken out of the file since: a tool that
        cuts a part out of a capture leaves the statistics of the whole in it."""
        if self.started_ns is None or self.ended_ns is None or self.received is None:
            return None
        is_whole = self.frames + (self.dropped or 0) >= self.received
        return (self.started_ns, self.ended_ns) if is_whole else None

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
class Gap:
    """Damage in the middle of a file: the frames behind it are read and numbered on."""

    after_frame: int
    from_ns: int | None  # the time of the frame before it
    what: Text
    skipped_bytes: int = 0
    until_ns: int | None = None  # the time of the frame behind it, None where nothing readable follows

    @property
    def span_ns(self) -> tuple[int, int] | None:
        if self.until_ns is None:
            return None
        start_ns = self.until_ns if self.from_ns is None else self.from_ns
        return min(start_ns, self.until_ns), max(start_ns, self.until_ns)


@dataclass(slots=True)
class Walk:
    """What a walker knows of the file so far."""

    format: str
    interfaces: list[Interface] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    frames: int = 0
    is_truncated: bool = False
    gaps: list[Gap] = field(default_factory=list)
    has_untimed: bool = False
    last_ns: int | None = None  # of the newest frame


def record_headers(block: bytes, positions: NDArray[np.int64], length: int, order: str) -> NDArray[np.uint32]:
    """Rows of `length // 4` 32-bit words that begin at the positions (which need not be aligned)."""
    overlapping = np.ndarray((len(block) - length + 1,), f"V{length}", buffer=block, strides=(1,))
    rows = overlapping[positions]
    return rows.view(f"{order}u4").reshape(-1, length // 4)


class Walker:
    """Carries a partial record from block to block, and finds the next record behind damage; subclasses walk whole
    records and know what one looks like."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self._rest = b""
        self._swallowed = b""  # of the frame before damage, whose length may be what is wrong
        self._is_lost = False
        self._has_given_up = False

    def feed(self, block: bytes) -> Iterator[FrameBatch]:
        """Frames of the records that are whole with this block."""
        if self._has_given_up:
            return
        if self._is_lost:
            yield from self._search(self._rest + block)
            return
        start = 0
        if self._rest:
            chunk = 65_536
            while True:
                joined = self._rest + block[:chunk]
                carried = len(self._rest)
                batches, position = self._walk_records(joined, 0, carried)
                yield from batches
                if self._is_lost:
                    yield from self._search(joined[position:] + block[chunk:])
                    return
                if position >= carried:
                    break
                self._rest = joined[position:] if chunk >= len(block) else self._rest[position:]
                if chunk >= len(block):  # the record is longer than all that there is yet
                    return
                chunk *= 8
            start = position - carried
            self._rest = b""
        yield from self._walk(block, start)

    def finish(self) -> Iterator[FrameBatch]:
        """To be exhausted after the last block: a rest is a record that was cut, or one whose length is damaged."""
        rest, self._rest = self._rest, b""
        if not rest or self._has_given_up:
            return
        if not self._is_lost and self._find_record(rest, 1, is_end=True) is None:
            self.walk.is_truncated = True
            return
        if not self._is_lost:
            self._lose(0, Text("a record that does not end", "记录没有结尾"))
        yield from self._search(rest, is_end=True)
        if self._is_lost or self._rest:
            self.walk.is_truncated = True

    def _walk(self, block: bytes, start: int) -> Iterator[FrameBatch]:
        batches, position = self._walk_records(block, start, len(block))
        yield from batches
        if self._is_lost:
            yield from self._search(block[position:])
        else:
            self._rest = block[position:]

    def _search(self, octets: bytes, is_end: bool = False) -> Iterator[FrameBatch]:
        """Goes on at the next record behind damage, as often as there is damage."""
        while self._is_lost:
            octets, self._swallowed = self._swallowed + octets, b""
            gap = self.walk.gaps[-1]
            at = self._find_record(octets, 0, is_end)
            if at is None:
                kept = 0 if is_end else min(len(octets), LONGEST_CHAIN_BYTES)
                gap.skipped_bytes += len(octets) - kept
                self._rest = octets[len(octets) - kept :]
                return
            gap.skipped_bytes += at
            self._is_lost = False
            batches, position = self._walk_records(octets, at, len(octets))
            if batches:
                gap.until_ns = int(batches[0].time_ns[0])
            yield from batches
            octets = octets[position:]
        self._rest = octets

    def _lose(self, before: int, what: Text, swallowed: bytes = b"") -> None:
        """Damage behind the last frame; `before` bytes before it are looked through again, and `swallowed` ones that
        are no longer in the block."""
        if len(self.walk.gaps) >= MOST_GAPS:
            self._has_given_up = self.walk.is_truncated = True
            return
        gap = Gap(self.walk.frames, self.walk.last_ns, what, skipped_bytes=-before - len(swallowed))
        self.walk.gaps.append(gap)
        self._swallowed = swallowed
        self._is_lost = True

    def _walk_records(self, block: bytes, start: int, until: int) -> tuple[list[FrameBatch], int]:
        """Frames of the records that begin in [start, until) and end within the block, and where it stopped. After
        `_lose`: where the search for the next record begins."""
        raise NotImplementedError

    def _find_record(self, octets: bytes, start: int, is_end: bool) -> int | None:
        """The first position from `start` on that is, beyond doubt, the beginning of a record."""
        raise NotImplementedError


def gap_text(gap: Gap) -> Text:
    before_en, before_zh = (
        f"after frame {gap.after_frame} ({gap.what.en})",
        f"第 {gap.after_frame} 帧之后（{gap.what.zh}）",
    )
    if gap.until_ns is None:
        return Text(
            f"the file is damaged {before_en}; everything before it was read",
            f"文件在{before_zh}损坏，此前的内容均已读取",
        )
    skipped = max(gap.skipped_bytes, 0)
    return Text(
        f"the file is damaged {before_en}: {skipped} bytes were skipped, everything behind them was read",
        f"文件在{before_zh}损坏：跳过 {skipped} 字节，其后的内容均已读取",
    )


def gaps_text(gaps: Sequence[Gap]) -> Text:
    skipped = sum(max(gap.skipped_bytes, 0) for gap in gaps)
    return Text(
        f"the file is damaged at {len(gaps)} places; {skipped} bytes were skipped in all",
        f"文件有 {len(gaps)} 处损坏，共跳过 {skipped} 字节",
    )
