"""Walks the records of a capture file (pcap in all its variants, pcapng) block by block.

Pure: bytes in, frames out. A record that straddles two blocks is carried over, so that memory does not depend on the
size of the file. Only the record structure is read here; what the frames hold is decided in `sieve`.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, error, unpack_from

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_records import FrameBatch, Interface, Walk, Walker, damage_text, record_headers
from app.core.records import NS

PCAP_MAGICS = {  # as read little-endian: (byte order, units of the fraction per second, bytes of a record header)
    0xA1B2C3D4: ("<", 10**6, 16),
    0xD4C3B2A1: (">", 10**6, 16),
    0xA1B23C4D: ("<", 10**9, 16),
    0x4D3CB2A1: (">", 10**9, 16),
    0xA1B2CD34: ("<", 10**6, 24),
    0x34CDB2A1: (">", 10**6, 24),
}
PCAPNG_MAGIC = 0x0A0D0D0A
MAX_FRAME_BYTES = 262_144  # what libpcap and tshark accept
MAX_BLOCK_BYTES = 16 * 1024 * 1024  # a longer pcapng block is damage
COMMENTS_KEPT = 100

INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET = 1, 2, 3, 5, 6


def sniff_capture(head: bytes) -> str | None:
    """ "pcap", "pcapng" or None, from the first four bytes of the (uncompressed) file."""
    if len(head) < 4:
        return None
    (magic,) = unpack_from("<I", head)
    if magic == PCAPNG_MAGIC:
        return "pcapng"
    return "pcap" if magic in PCAP_MAGICS else None


def walker_for(head: bytes) -> PcapWalker | PcapngWalker | None:
    kind = sniff_capture(head)
    if kind == "pcapng":
        return PcapngWalker()
    return PcapWalker() if kind == "pcap" else None


class PcapWalker(Walker):
    def __init__(self) -> None:
        super().__init__(Walk("pcap"))
        self._has_header = False
        self._length = Struct("<I")
        self._order, self._ticks, self._header_bytes = "<", 10**6, 16

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
        positions: list[int] = []
        append, unpack, header = positions.append, self._length.unpack_from, self._header_bytes
        last = min(until, len(block) - header + 1)
        while position < last:
            append(position)
            (length,) = unpack(block, position + 8)
            position += header + length
        if position > len(block):  # the last one is not whole yet
            position = positions.pop()
            length = unpack(block, position + 8)[0]
            if length > MAX_FRAME_BYTES:
                frames = self.walk.frames + len(positions)
                self._stop(damage_text(frames, f"a frame of {length} bytes", f"帧长 {length} 字节"))
        return ([self._batch(block, positions)] if positions else []), position

    def _batch(self, block: bytes, positions: list[int]) -> FrameBatch:
        at = np.array(positions, dtype=np.int64)
        words = record_headers(block, at, 16, self._order)
        captured = words[:, 2].astype(np.int64)
        bad = np.flatnonzero(captured > MAX_FRAME_BYTES)
        if len(bad):
            count = int(bad[0])
            length = int(captured[count])
            self._stop(damage_text(self.walk.frames + count, f"a frame of {length} bytes", f"帧长 {length} 字节"))
            at, words, captured = at[:count], words[:count], captured[:count]
        time_ns = words[:, 0].astype(np.int64) * NS + words[:, 1].astype(np.int64) * (NS // self._ticks)
        first = self.walk.frames + 1
        self.walk.frames += len(at)
        return FrameBatch(
            block=block,
            first_frame=first,
            start=at + self._header_bytes,
            captured=captured,
            original=words[:, 3].astype(np.int64),
            time_ns=time_ns,
            interface=np.zeros(len(at), dtype=np.int64),
        )


class PcapngWalker(Walker):
    def __init__(self) -> None:
        super().__init__(Walk("pcapng"))
        self._order = "<"
        self._base = 0  # interfaces of earlier sections: numbers start anew in each section
        self._last_ns = 0
        self._in_section = False

    def _walk_records(self, block: bytes, start: int, until: int) -> tuple[list[FrameBatch], int]:
        batches: list[FrameBatch] = []
        positions: list[int] = []
        position, append = start, positions.append
        unpack = Struct(f"{self._order}II").unpack_from
        last = min(until, len(block) - 11)
        while position < last:
            kind, length = unpack(block, position)
            if kind == ENHANCED_PACKET:
                append(position)
            else:
                if kind == PCAPNG_MAGIC:
                    self._flush(block, positions, batches)
                    append = positions.append
                    length = self._section_length(block, position)
                    unpack = Struct(f"{self._order}II").unpack_from
                if 12 <= length <= len(block) - position:
                    self._other_block(kind, block, position, length, positions, batches)
                    append = positions.append
            shortest = 32 if kind == ENHANCED_PACKET else 12
            if length < shortest or length % 4 or length > MAX_BLOCK_BYTES or not self._in_section:
                if positions and positions[-1] == position:
                    positions.pop()
                frames = self.walk.frames + len(positions)
                self._stop(damage_text(frames, f"a block of {length} bytes", f"块长 {length} 字节"))
                break
            position += length
            if position > len(block):
                position -= length
                if positions and positions[-1] == position:
                    positions.pop()
                break
        self._flush(block, positions, batches)
        return batches, position

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

    def _flush(self, block: bytes, positions: list[int], batches: list[FrameBatch]) -> None:
        if positions:
            batch = self._enhanced(block, positions)
            if len(batch):
                batches.append(batch)
            positions.clear()

    def _enhanced(self, block: bytes, positions: list[int]) -> FrameBatch:
        at = np.array(positions, dtype=np.int64)
        words = record_headers(block, at, 28, self._order).astype(np.int64)
        captured, interface = words[:, 5], words[:, 2] + self._base
        padded = (captured + 3) & ~3
        bad = np.flatnonzero((captured > words[:, 1] - 32) | (interface >= len(self.walk.interfaces)))
        if len(bad):
            count = int(bad[0])
            self._stop(damage_text(self.walk.frames + count, "a frame longer than its block", "帧长超出所在块"))
            at, words, captured, interface = at[:count], words[:count], captured[:count], interface[:count]
            padded = padded[:count]
        for index in np.flatnonzero(words[:, 1] > padded + 32):
            begin = int(at[index]) + 28 + int(padded[index])
            self._frame_options(block[begin : int(at[index] + words[index, 1]) - 4], int(interface[index]))
        return self._make_batch(block, at + 28, captured, words[:, 6], self._times(words, interface), interface)

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
            self._last_ns = int(time_ns[-1])
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

    def _other_block(
        self, kind: int, block: bytes, position: int, length: int, positions: list[int], batches: list[FrameBatch]
    ) -> None:
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
                self._flush(block, positions, batches)
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
        lost = {}
        for code, value in self._options(body[12:]):
            self._comment(code, value)
            if len(value) == 8:
                lost[code] = unpack_from(f"{self._order}Q", value)[0]
        if 4 in lost:
            interface.received = lost[4]
        if 5 in lost or 7 in lost:  # dropped by the interface, dropped by the system: both are lost
            interface.dropped = lost.get(5, 0) + lost.get(7, 0)

    def _simple(self, block: bytes, position: int, length: int) -> FrameBatch | None:
        """A packet without a time: it gets that of the frame before it, so that order holds."""
        if len(self.walk.interfaces) <= self._base:
            return None
        (original,) = unpack_from(f"{self._order}I", block, position + 8)
        snap = self.walk.interfaces[self._base].snap_length
        captured = min(original, length - 16, snap or original)
        self.walk.has_untimed = True
        return self._single(block, position + 12, captured, original, self._last_ns, self._base)

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
