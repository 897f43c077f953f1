"""Walks the blocks of a pcapng file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct, error, pack, unpack_from

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_formats import PCAPNG_MAGIC
from app.core.parsers.capture_records import FrameBatch, Interface, Walk, Walker, record_headers
from app.core.parsers.record_lanes import LEAST_BYTES, NONE, Positions, follow, lane_starts, words_at
from app.core.records import NS, Text

MAX_BLOCK_BYTES = 16 * 1024 * 1024  # a longer block is damage
LIKELY_BYTES = 300_000
COMMENTS_KEPT = 100
YEAR_2000_NS = 946_684_800 * NS
SEARCHED_AT_ONCE = 1 << 20

INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET = 1, 2, 3, 5, 6
# The kinds of block that reading goes on with behind damage.
LEAST_BLOCK_BYTES = {INTERFACE: 20, OLD_PACKET: 32, SIMPLE_PACKET: 16, STATISTICS: 24, ENHANCED_PACKET: 32}


class PcapngWalker(Walker):
    def __init__(self) -> None:
        super().__init__(Walk("pcapng"))
        self._order = "<"
        self._base = 0  # interfaces of earlier sections: numbers start anew in each section
        self._in_section = False
        self._lost_at = 0

    def _walk_records(self, block: bytes, start: int, until: int) -> tuple[list[FrameBatch], int]:
        batches: list[FrameBatch] = []
        last = min(until, len(block) - 11)
        lanes = self._follow_lanes(block, start, last)
        self._flush(block, lanes[:-1], batches)
        position = int(lanes[-1]) if len(lanes) else start
        positions: list[int] = []
        append = positions.append
        unpack = Struct(f"{self._order}II").unpack_from
        while position < last and not self._is_lost:
            kind, length = unpack(block, position)
            if kind == PCAPNG_MAGIC:
                self._flush(block, positions, batches)
                positions.clear()
                length = self._section_length(block, position)
                unpack = Struct(f"{self._order}II").unpack_from
            if length < 12 or length % 4 or length > MAX_BLOCK_BYTES or not self._in_section:
                self._flush(block, positions, batches)
                self._lose_at(position, length)
                break
            if position + length > len(block):
                break
            if kind == ENHANCED_PACKET:
                append(position)
            else:
                self._flush(block, positions, batches)
                positions.clear()
                if not self._is_lost:
                    self._other_block(kind, block, position, length, batches)
            position += length
        self._flush(block, positions, batches)
        return batches, self._lost_at if self._is_lost else position

    def _follow_lanes(self, block: bytes, start: int, end: int) -> Positions:
        """Enhanced packets from `start` on, and the block behind them."""
        if end - start < LEAST_BYTES or not self._in_section:
            return NONE
        kinds, lengths = (words_at(block, shift, self._order) for shift in (0, 4))

        def are_records(at: Positions) -> NDArray[np.bool_]:
            length = lengths[at]
            likely: NDArray[np.bool_] = (length >= 32) & (length <= LIKELY_BYTES) & (at + length <= len(block))
            likely &= kinds[np.where(likely, at + length - 4, 0)] == length
            return likely

        mark = pack(f"{self._order}I", ENHANCED_PACKET)
        lanes = follow(lane_starts(block, start, end, mark, 0, are_records), end, lengths, 0)
        others = np.flatnonzero(kinds[lanes] != ENHANCED_PACKET)
        return lanes[: others[0] + 1] if len(others) else lanes

    def _lose_at(self, position: int, length: int) -> None:
        if self._is_lost:  # earlier already
            return
        self._lost_at = position + 4
        self._lose(-4, Text(f"a block of {length} bytes", f"块长 {length} 字节"))

    def _section_length(self, block: bytes, position: int) -> int:
        """Total length of a section header; sets the byte order. 0 where it is none."""
        magic = block[position + 8 : position + 12]
        if magic == b"\x1a\x2b\x3c\x4d":
            self._order = ">"
        elif magic == b"\x4d\x3c\x2b\x1a":
            self._order = "<"
        else:
            return 0
        self._base = len(self.walk.interfaces)
        self._in_section = True
        return int(unpack_from(f"{self._order}I", block, position + 4)[0])

    def _flush(self, block: bytes, positions: Sequence[int] | Positions, batches: list[FrameBatch]) -> None:
        if len(positions) and not self._is_lost:
            batch = self._enhanced(block, np.asarray(positions, dtype=np.int64))
            if len(batch):
                batches.append(batch)

    def _enhanced(self, block: bytes, at: Positions) -> FrameBatch:
        words = record_headers(block, at, 28, self._order).astype(np.int64)
        bad = np.flatnonzero(~self._are_sound(block, at, words))
        wrong: tuple[int, int] | None = None
        if len(bad):
            wrong = int(at[bad[0]]), int(words[bad[0], 1])
            at, words = at[: bad[0]], words[: bad[0]]
        captured, interface = words[:, 5], words[:, 2] + self._base
        padded = (captured + 3) & ~3
        for index in np.flatnonzero(words[:, 1] > padded + 32):
            begin = int(at[index]) + 28 + int(padded[index])
            self._frame_options(block[begin : int(at[index] + words[index, 1]) - 4], int(interface[index]))
        batch = self._make_batch(block, at + 28, captured, words[:, 6], self._times(words, interface), interface)
        if wrong is not None:
            self._lose_at(*wrong)
        return batch

    def _are_sound(self, block: bytes, at: Positions, words: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the lengths of enhanced packets agree with each other and their interfaces are known."""
        length = words[:, 1]
        sound: NDArray[np.bool_] = (
            (length >= 32) & (length % 4 == 0) & (at + length <= len(block)) & (words[:, 5] <= length - 32)
        )
        sound &= words[:, 2] + self._base < len(self.walk.interfaces)
        behind = np.where(sound, at + length - 4, 0)
        sound &= words_at(block, 0, self._order)[behind] == length
        return sound

    def _make_batch(
        self,
        block: bytes,
        start: NDArray[np.int64],
        captured: NDArray[np.int64],
        original: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        interface: NDArray[np.int64],
    ) -> FrameBatch:
        first = self.walk.frames + 1
        self.walk.frames += len(start)
        if len(time_ns):
            self.walk.last_ns = int(time_ns[-1])
            for number, count in enumerate(np.bincount(interface).tolist()):
                self.walk.interfaces[number].frames += count
        return FrameBatch(block, first, start, captured, original, time_ns, interface)

    def _times(self, words: NDArray[np.int64], interface: NDArray[np.int64]) -> NDArray[np.int64]:
        ticks = (words[:, 3].astype(np.uint64) << np.uint64(32)) | words[:, 4].astype(np.uint64)
        time_ns = np.empty(len(ticks), dtype=np.int64)
        for number in np.unique(interface):
            mine = interface == number
            facts = self.walk.interfaces[int(number)]
            per_s = np.uint64(facts.ticks_per_s)
            seconds, rest = np.divmod(ticks[mine], per_s)
            if facts.ticks_per_s <= 2**33:
                fraction = rest * np.uint64(NS) // per_s
            else:  # finer than what multiplies without overflow
                fraction = (rest.astype(np.float64) / facts.ticks_per_s * NS).astype(np.uint64)
            time_ns[mine] = (seconds.astype(np.int64) + facts.offset_s) * NS + fraction.astype(np.int64)
        return time_ns

    def _other_block(self, kind: int, block: bytes, position: int, length: int, batches: list[FrameBatch]) -> None:
        if unpack_from(f"{self._order}I", block, position + length - 4)[0] != length:
            self._lose_at(position, length)
            return
        body = block[position + 8 : position + length - 4]
        try:
            if kind == INTERFACE:
                self._interface(body)
            elif kind == STATISTICS:
                self._statistics(body)
            elif kind == PCAPNG_MAGIC:
                for code, value in self._options(body[16:]):
                    self._comment(code, value)
            elif kind in (SIMPLE_PACKET, OLD_PACKET):
                batch = (self._simple if kind == SIMPLE_PACKET else self._old)(block, position, length)
                if batch is not None:
                    batches.append(batch)
        except error:  # too short for what it should hold: nothing to be had from it
            return

    def _options(self, body: bytes) -> Iterator[tuple[int, bytes]]:
        position = 0
        while position + 4 <= len(body):
            code, length = unpack_from(f"{self._order}HH", body, position)
            if code == 0:
                return
            yield code, body[position + 4 : position + 4 + length]
            position += 4 + ((length + 3) & ~3)

    def _comment(self, code: int, value: bytes) -> None:
        if code == 1 and len(self.walk.comments) < COMMENTS_KEPT:
            self.walk.comments.append(value.decode("utf-8", "replace")[:1000])

    def _frame_options(self, body: bytes, interface: int) -> None:
        for code, value in self._options(body):
            self._comment(code, value)
            if code == 4 and len(value) == 8:  # packets lost before this one
                self.walk.interfaces[interface].epb_dropped += unpack_from(f"{self._order}Q", value)[0]

    def _interface(self, body: bytes) -> None:
        link_type, _, snap = unpack_from(f"{self._order}HHI", body)
        interface = Interface(link_type, snap or None)
        for code, value in self._options(body[8:]):
            self._comment(code, value)
            if code == 2:
                interface.name = value.decode("utf-8", "replace")
            elif code == 3:
                interface.description = value.decode("utf-8", "replace")
            elif code == 9 and value:
                exponent = value[0] & 0x7F
                base = 2 if value[0] & 0x80 else 10
                if base**exponent < 2**63:
                    interface.ticks_per_s = base**exponent
            elif code == 11 and value[:1] == b"\0":  # 0: the filter as text; otherwise byte code
                interface.recorded_filter = value[1:].decode("utf-8", "replace")
            elif code == 14 and len(value) == 8:
                interface.offset_s = unpack_from(f"{self._order}q", value)[0]
        self.walk.interfaces.append(interface)

    def _statistics(self, body: bytes) -> None:
        number = unpack_from(f"{self._order}I", body)[0] + self._base
        if number >= len(self.walk.interfaces):
            return
        interface = self.walk.interfaces[number]
        lost, times = {}, {}
        for code, value in self._options(body[12:]):
            self._comment(code, value)
            if code in (2, 3) and len(value) == 8:
                high, low = unpack_from(f"{self._order}II", value)
                times[code] = self._statistics_time(high, low, number)
            elif len(value) == 8:
                lost[code] = unpack_from(f"{self._order}Q", value)[0]
        if 2 in times:
            interface.started_ns = times[2]
        if 3 in times:
            interface.ended_ns = times[3]
        if 4 in lost:
            interface.received = lost[4]
        if 5 in lost or 7 in lost:  # dropped by the interface, dropped by the system: both are lost
            interface.dropped = lost.get(5, 0) + lost.get(7, 0)

    def _statistics_time(self, high: int, low: int, number: int) -> int:
        """In units of the interface, as the format says, or of µs, as dumpcap writes it on an interface in ns."""
        time_ns = int(self._times(np.array([[0, 0, 0, high, low]], dtype=np.int64), np.array([number]))[0])
        return time_ns if time_ns >= YEAR_2000_NS else (high << 32 | low) * 1000

    def _simple(self, block: bytes, position: int, length: int) -> FrameBatch | None:
        """A packet without a time: it gets that of the frame before it, so that order holds."""
        if len(self.walk.interfaces) <= self._base:
            return None
        (original,) = unpack_from(f"{self._order}I", block, position + 8)
        snap = self.walk.interfaces[self._base].snap_length
        captured = min(original, length - 16, snap or original)
        self.walk.has_untimed = True
        return self._single(block, position + 12, captured, original, self.walk.last_ns or 0, self._base)

    def _old(self, block: bytes, position: int, length: int) -> FrameBatch | None:
        number, drops, high, low, captured, original = unpack_from(f"{self._order}HHIIII", block, position + 8)
        number += self._base
        if number >= len(self.walk.interfaces) or captured > length - 32:
            return None
        if drops != 0xFFFF:
            self.walk.interfaces[number].epb_dropped += drops
        words = np.array([[0, 0, 0, high, low]], dtype=np.int64)
        time_ns = int(self._times(words, np.array([number]))[0])
        return self._single(block, position + 28, captured, original, time_ns, number)

    def _single(
        self, block: bytes, start: int, captured: int, original: int, time_ns: int, interface: int
    ) -> FrameBatch:
        row = np.array([[start], [captured], [original], [time_ns], [interface]], dtype=np.int64)
        return self._make_batch(block, row[0], row[1], row[2], row[3], row[4])

    def _find_record(self, octets: bytes, start: int, is_end: bool) -> int | None:
        unpack = Struct(f"{self._order}4I").unpack_from
        for low in range(start, len(octets) - 11, SEARCHED_AT_ONCE):
            part = octets[low : low + SEARCHED_AT_ONCE + 7]
            kinds, lengths = (words_at(part, shift, self._order)[: len(part) - 7] for shift in (0, 4))
            maybe = (lengths >= 16) & (lengths <= MAX_BLOCK_BYTES) & ((lengths & 3) == 0)
            for at in (np.flatnonzero(maybe & np.isin(kinds, tuple(LEAST_BLOCK_BYTES))) + low).tolist():
                kind, length, interface, *_ = unpack(octets, at) if at + 16 <= len(octets) else (0, 0, 0)
                if length < LEAST_BLOCK_BYTES.get(kind, MAX_BLOCK_BYTES) or at + length > len(octets):
                    continue
                if kind == ENHANCED_PACKET and interface + self._base >= len(self.walk.interfaces):
                    continue
                if unpack_from(f"{self._order}I", octets, at + length - 4)[0] == length:
                    return int(at)
        return None
