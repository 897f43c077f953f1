"""Counts every frame of a capture, relevant or not: what the capture could see and where it was silent."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.core.parsers.capture_formats import FIRST, LATER, MTU_BYTES, NON_IP, OTHER, TCP
from app.core.parsers.capture_records import FrameBatch, Walk
from app.core.parsers.judging import Judgement
from app.core.records import NS, CaptureFacts, Text

QUIET_KEPT = 32
QUIET_LEAST_NS = NS // 10
PORTS_KEPT = 64
FAR_NS = 86_400 * NS  # statistics that speak of other days are not of these frames
STEP_BACK_NS = NS  # frames of one capture are not out of order by so much: its clock was set


@dataclass(slots=True)
class Census:
    """Grows with `add` (a judged batch) and `add_row` (a frame that only tshark could judge)."""

    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(8, dtype=np.int64))
    ports: NDArray[np.int64] = field(default_factory=lambda: np.zeros(65_536, dtype=np.int64))
    udp_frames: int = 0
    cut_frames: int = 0
    shortest_cut: int | None = None
    oversize: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    steps_back: int = 0
    _newest_ns: int | None = None
    _quiet: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, batch: FrameBatch, judgement: Judgement) -> None:
        self.kinds += np.bincount(judgement.kind, minlength=8)
        self.udp_frames += int(judgement.is_udp.sum())
        known = judgement.port[judgement.is_udp]
        if len(known):
            np.add.at(self.ports, known, 1)
        cut = batch.captured < batch.original
        if cut.any():
            self.cut_frames += int(cut.sum())
            shortest = int(batch.captured[cut].min())
            self.shortest_cut = shortest if self.shortest_cut is None else min(self.shortest_cut, shortest)
        # A length of 0 is what segmentation offload leaves in the header.
        unset = (judgement.ip_bytes == 0) & (judgement.kind != NON_IP) & (judgement.kind != 0)
        self.oversize += int(((judgement.ip_bytes > MTU_BYTES) | (unset & (batch.original > MTU_BYTES + 18))).sum())
        self._add_times(batch.time_ns)

    def add_row(self, kind: int, port: int | None, ip_bytes: int) -> None:
        self.kinds[kind] += 1
        if port is not None:
            self.udp_frames += 1
            self.ports[port] += 1
        self.oversize += ip_bytes > MTU_BYTES

    def _add_times(self, time_ns: NDArray[np.int64]) -> None:
        low, high = int(time_ns.min()), int(time_ns.max())
        self.first_ns = low if self.first_ns is None else min(self.first_ns, low)
        self.last_ns = high if self.last_ns is None else max(self.last_ns, high)
        before = int(time_ns[0]) if self._newest_ns is None else self._newest_ns
        newest = np.maximum.accumulate(np.concatenate((np.array([before]), time_ns)))
        self.steps_back += int((np.diff(time_ns) < -STEP_BACK_NS).sum())
        if time_ns[0] < before - STEP_BACK_NS:
            self.steps_back += 1
        gaps = np.diff(newest)
        least = self._quiet[0][0] if len(self._quiet) == QUIET_KEPT else QUIET_LEAST_NS
        for index in np.flatnonzero(gaps > least):
            span = (int(gaps[index]), int(newest[index]), int(newest[index + 1]))
            if len(self._quiet) < QUIET_KEPT:
                heapq.heappush(self._quiet, span)
            else:
                heapq.heappushpop(self._quiet, span)
        self._newest_ns = int(newest[-1])

    def service_ports(self, always: frozenset[int]) -> tuple[int, ...]:
        """The most used ports, at most 64, those of `always` among them where they were seen."""
        seen = np.flatnonzero(self.ports)
        order = sorted(seen.tolist(), key=lambda port: (port not in always, -int(self.ports[port]), port))
        return tuple(sorted(order[:PORTS_KEPT]))

    def _span(self, walk: Walk) -> tuple[int | None, int | None]:
        """From the first to the last frame, and beyond them where the file itself says that it was capturing then."""
        spans = [span for interface in walk.interfaces if (span := interface.span_ns) is not None]
        if len(spans) < len(walk.interfaces) or not spans or self.steps_back:
            return self.first_ns, self.last_ns
        first, last = max(start for start, _ in spans), min(end for _, end in spans)
        if self.first_ns is None or self.last_ns is None:
            return (first, last) if first <= last else (None, None)
        if not self.first_ns - FAR_NS <= first <= last <= self.last_ns + FAR_NS:
            return self.first_ns, self.last_ns
        return min(self.first_ns, first), max(self.last_ns, last)

    def facts(self, source: str, walk: Walk, ports: frozenset[int], notes: Sequence[Text]) -> CaptureFacts:
        first_ns, last_ns = self._span(walk)
        return CaptureFacts(
            source=source,
            format=walk.format,
            interfaces=tuple(interface.facts(number) for number, interface in enumerate(walk.interfaces)),
            frames=walk.frames,
            first_ns=first_ns,
            last_ns=last_ns,
            is_truncated=walk.is_truncated,
            cut_frames=self.cut_frames,
            shortest_cut_bytes=self.shortest_cut,
            non_ip_frames=int(self.kinds[NON_IP]),
            tcp_frames=int(self.kinds[TCP]),
            other_frames=int(self.kinds[OTHER]),
            udp_frames=self.udp_frames,
            udp_ports=self.service_ports(ports),
            first_fragments=int(self.kinds[FIRST]),
            later_fragments=int(self.kinds[LATER]),
            oversize_frames=self.oversize,
            quiet_spans=tuple(sorted((start, end) for _, start, end in self._quiet)),
            steps_back=self.steps_back,
            unread_spans=tuple(span for gap in walk.gaps if (span := gap.span_ns) is not None),
            comments=tuple(walk.comments),
            notes=tuple(notes),
        )
