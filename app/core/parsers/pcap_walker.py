"""Walks the records of a pcap file in all its variants."""

from __future__ import annotations

from struct import Struct, unpack_from

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_formats import PCAP_MAGICS
from app.core.parsers.capture_records import FrameBatch, Interface, Walk, Walker, record_headers
from app.core.parsers.record_lanes import LEAST_BYTES, NONE, Positions, follow, lane_starts, words_at
from app.core.records import NS, Text

MAX_FRAME_BYTES = 262_144  # what libpcap and tshark accept
LONGEST_ORIGINAL_BYTES = 1 << 24
FAR_S = 30 * 86_400  # a frame behind damage is not so far from the one before it
SEARCHED_AT_ONCE = 1 << 20
CHAIN = 3  # so many records in a row are no accident


class PcapWalker(Walker):
    def __init__(self) -> None:
        super().__init__(Walk("pcap"))
        self._has_header = False
        self._length = Struct("<I")
        self._order, self._ticks, self._header_bytes = "<", 10**6, 16
        self._last_frame = b""

    def _read_file_header(self, block: bytes) -> None:
        order, ticks, header_bytes = PCAP_MAGICS[unpack_from("<I", block)[0]]
        _, _, _, _, _, snap, network = unpack_from(f"{order}IHHiIII", block)
        self._order, self._ticks, self._header_bytes = order, ticks, header_bytes
        self._length = Struct(f"{order}I")
        # The upper half says how long a frame check sequence is.
        self.walk.interfaces.append(Interface(network & 0xFFFF, snap or None, ticks_per_s=ticks))
        self._has_header = True

    def _walk_records(self, block: bytes, start: int, until: int) -> tuple[list[FrameBatch], int]:
        position = start
        if not self._has_header:
            if len(block) < 24:
                return [], start
            self._read_file_header(block)
            position += 24
        unpack, header = self._length.unpack_from, self._header_bytes
        last = min(until, len(block) - header + 1)
        lanes = self._follow_lanes(block, position, last)
        positions: list[int] = lanes[-1:].tolist()
        if positions:
            position = positions[0] + header + unpack(block, positions[0] + 8)[0]
        append = positions.append
        while position < last:
            append(position)
            position += header + unpack(block, position + 8)[0]
        if position > len(block):  # the last one is not whole yet
            position = positions.pop()
            if unpack(block, position + 8)[0] > MAX_FRAME_BYTES:
                positions.append(position)
        at = np.concatenate((lanes[:-1], np.array(positions, dtype=np.int64)))
        return self._batch(block, at, position) if len(at) else ([], position)

    def _follow_lanes(self, block: bytes, start: int, end: int) -> Positions:
        if end - start < LEAST_BYTES:
            return NONE
        # The slow half of the seconds is the same for hours.
        mark_at = 2 if self._order == "<" else 0
        mark = block[start + mark_at : start + mark_at + 2]
        captured, original = (words_at(block, shift, self._order) for shift in (8, 12))
        octets = np.frombuffer(block, dtype=np.uint8)
        beyond = len(block) - 2

        def are_records(at: Positions) -> NDArray[np.bool_]:
            length = captured[at]
            behind = np.minimum(at + length + (self._header_bytes + mark_at), beyond)
            likely: NDArray[np.bool_] = (length <= original[at]) & (original[at] <= MAX_FRAME_BYTES)
            likely &= (octets[behind] == mark[0]) & (octets[behind + 1] == mark[1])
            return likely

        starts = lane_starts(block, start, end, mark, mark_at, are_records)
        return follow(starts, end, captured, self._header_bytes)

    def _batch(self, block: bytes, at: Positions, behind: int) -> tuple[list[FrameBatch], int]:
        words = record_headers(block, at, 16, self._order)
        is_bad = (words[:, 2] > MAX_FRAME_BYTES) | ((words[:, 3] == 0) & ~words.any(axis=1))
        if not is_bad.any():
            return [self._frames(block, at, words)], behind
        first = int(is_bad.argmax())
        good = first - self._doubtful(words[:first])
        batches = [self._frames(block, at[:good], words[:good])] if good else []
        # The length of the last good record may be what is wrong.
        behind = int(at[good - 1]) + self._header_bytes if good else int(at[0])
        length = int(words[first, 2])
        what = Text(f"a frame of {length} bytes", f"帧长 {length} 字节")
        self._lose(int(at[good]) - behind, what, b"" if good else self._last_frame)
        return batches, behind

    def _doubtful(self, words: NDArray[np.uint32]) -> int:
        """How many of the last records look like what damage makes of them."""
        count = 0
        for _, fraction, captured, original in words[:-50:-1].tolist():
            if fraction < self._ticks and captured <= original <= LONGEST_ORIGINAL_BYTES:
                break
            count += 1
        return count

    def _frames(self, block: bytes, at: Positions, words: NDArray[np.uint32]) -> FrameBatch:
        time_ns = words[:, 0].astype(np.int64) * NS + words[:, 1].astype(np.int64) * (NS // self._ticks)
        first = self.walk.frames + 1
        self.walk.frames += len(at)
        self.walk.last_ns = int(time_ns[-1])
        begin = int(at[-1]) + self._header_bytes
        self._last_frame = block[begin : begin + int(words[-1, 2])]
        return FrameBatch(
            block=block,
            first_frame=first,
            start=at + self._header_bytes,
            captured=words[:, 2].astype(np.int64),
            original=words[:, 3].astype(np.int64),
            time_ns=time_ns,
            interface=np.zeros(len(at), dtype=np.int64),
        )

    def _find_record(self, octets: bytes, start: int, is_end: bool) -> int | None:
        for low in range(start, len(octets) - 15, SEARCHED_AT_ONCE):
            part = octets[low : low + SEARCHED_AT_ONCE + 15]
            seconds, fraction, captured, original = (
                words_at(part, shift, self._order)[: len(part) - 15] for shift in (0, 4, 8, 12)
            )
            maybe = (captured > 0) & (captured <= MAX_FRAME_BYTES) & (fraction < self._ticks)
            maybe &= (captured <= original) & (original <= LONGEST_ORIGINAL_BYTES)
            if self.walk.last_ns is not None:
                maybe &= np.abs(seconds.astype(np.int64) - self.walk.last_ns // NS) <= FAR_S
            for at in np.flatnonzero(maybe).tolist():
                if self._is_chain(octets, low + at, is_end):
                    return low + at
        return None

    def _is_chain(self, octets: bytes, at: int, is_end: bool) -> bool:
        """Whether records follow each other from here: CHAIN of them, or fewer up to the very end."""
        unpack = Struct(f"{self._order}4I").unpack_from
        before_s = None
        for hop in range(CHAIN):
            if at + 16 > len(octets):
                return is_end and (at == len(octets) or hop > 1)
            seconds, fraction, captured, original = unpack(octets, at)
            if not (0 < captured <= MAX_FRAME_BYTES and captured <= original <= LONGEST_ORIGINAL_BYTES):
                return False
            if fraction >= self._ticks or (before_s is not None and abs(seconds - before_s) > FAR_S):
                return False
            before_s = seconds
            at += self._header_bytes + captured
        return True
