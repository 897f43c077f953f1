"""What the sieve finds out of a batch of frames, and the reading of their bytes on the way there.

Every function takes the positions (in the batch) of the frames that it looks at and where in the block their next
header begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_records import FrameBatch
from app.core.parsers.port_roles import EAD_ROLE

Positions = NDArray[np.int64]

BODY_WITHIN_BYTES = 64  # a plain body begins so early in the payload


@dataclass(slots=True)
class Judgement:
    """Per frame of a batch: is it kept, what is it, its service port and the length of its (innermost) IP packet."""

    keep: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    is_udp: NDArray[np.bool_]
    port: NDArray[np.int64]  # the lower of the two, -1 unknown
    ip_bytes: NDArray[np.int64]


@dataclass(slots=True)
class Judging:
    """A judgement under way."""

    batch: FrameBatch
    roles: NDArray[np.uint8]
    octets: NDArray[np.uint8] = field(init=False)
    words: NDArray[np.uint16] = field(init=False)  # those that begin at every byte
    end: Positions = field(init=False)
    result: Judgement = field(init=False)

    def __post_init__(self) -> None:
        batch, count = self.batch, len(self.batch)
        self.octets = np.frombuffer(batch.block, dtype=np.uint8)
        self.words = np.ndarray((len(batch.block) - 1,), ">u2", buffer=batch.block, strides=(1,))
        self.end = batch.start + batch.captured
        self.result = Judgement(
            keep=np.zeros(count, dtype=np.bool_),
            kind=np.zeros(count, dtype=np.uint8),
            is_udp=np.zeros(count, dtype=np.bool_),
            port=np.full(count, -1, dtype=np.int64),
            ip_bytes=np.zeros(count, dtype=np.int64),
        )

    def _be16(self, at: Positions) -> NDArray[np.int64]:
        return self.words[at].astype(np.int64)

    def _headers(self, at: Positions, length: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """The bytes and the words of headers, a row each: fetched at once, as frames lie far apart in memory."""
        overlapping = np.ndarray((len(self.octets) - length + 1,), f"V{length}", buffer=self.batch.block, strides=(1,))
        rows = overlapping[at]
        return rows.view(np.uint8).reshape(-1, length), rows.view(">u2").reshape(-1, length // 2)

    def _keep(self, frames: Positions) -> None:
        self.result.keep[frames] = True

    def _long_enough(self, frames: Positions, at: Positions, length: int) -> tuple[Positions, Positions]:
        """Those with `length` bytes captured from `at`; the others are odd, so kept."""
        whole = at + length <= self.end[frames]
        if whole.all():
            return frames, at
        self._keep(frames[~whole])
        return frames[whole], at[whole]

    def _ports(self, frames: Positions, at: Positions) -> NDArray[np.int64]:
        """Roles of both ports together; notes the port of the service: a known one, else the lower."""
        whole = at + 4 <= self.end[frames]
        frames, at = frames[whole], at[whole]
        source, destination = self._be16(at), self._be16(at + 2)
        by_source, by_destination = self.roles[source], self.roles[destination]
        service = np.minimum(source, destination)
        service = np.where(by_source & EAD_ROLE, source, np.where(by_destination & EAD_ROLE, destination, service))
        self.result.port[frames] = service
        self.result.is_udp[frames] = True
        return (by_source | by_destination).astype(np.int64)

    def _head_id(self, frames: Positions, at: Positions) -> None:
        whole = at + 4 <= self.end[frames]
        frames, at = frames[whole], at[whole]
        octets = self.octets
        first = octets[at + 1] == 0x0A
        frames, at = frames[first], at[first]
        third = octets[at + 3]
        self._keep(frames[(octets[at] == 0) & (octets[at + 2] == 0xD8) & (third >= 0x77) & (third <= 0x79)])

    def _plain_body(self, frames: Positions, at: Positions) -> None:
        """`<data>` within the first bytes of the payload: the opening bracket first, then the word."""
        span = BODY_WITHIN_BYTES + 6
        block = self.batch.block
        tail = at + span > len(block)
        for frame, begin in zip(frames[tail].tolist(), at[tail].tolist(), strict=True):
            if block.find(b"<data>", begin, min(begin + span, int(self.end[frame]))) >= 0:
                self.result.keep[frame] = True
        frames, at = frames[~tail], at[~tail]
        if not len(frames):
            return
        windows = np.ndarray((len(block) - span + 1,), f"V{span}", buffer=block, strides=(1,))
        rows = windows[at].view(np.uint8).reshape(-1, span)
        # In one dimension the search takes a tenth of the time.
        brackets = np.flatnonzero(rows[:, :BODY_WITHIN_BYTES] == ord("<"))
        hits, columns = np.divmod(brackets, BODY_WITHIN_BYTES)
        for offset, letter in enumerate(b"data>", 1):
            right = rows[hits, columns + offset] == letter
            hits, columns = hits[right], columns[right]
        inside = at[hits] + columns + 6 <= self.end[frames[hits]]
        self._keep(frames[hits[inside]])
