"""When a capture was running, as far as anything tells, for a fragment that it does not show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.analysis import Clock
from app.core.network.grounds import (
    AT_THE_EDGE,
    BRACKETED,
    CAPTURING,
    CLOCK_PRESUMED,
    CLOCK_UNKNOWN,
    EMPTY,
    NOT_CAPTURING,
    TIME_DOUBTED,
    Verdict,
)
from app.core.network.joining import Joined
from app.core.network.observations import Observation
from app.core.network.reference_times import reference_times
from app.core.network.traces import CaptureInput
from app.core.network.witnesses import Journey, Watch
from app.core.records import Packet

# How long after its sibling, or after the time by the clocks, a fragment may still come.
LATENESS_NS = 100_000_000
# A clock known from one direction is known up to the delay; an unlinked one that others vouch for, up to this.
ONE_WAY_NS = 1_000_000_000
VOUCHED_NS = 5_000_000_000


class Hours:
    """By the datagrams that a capture shares with others where that is enough, by the clocks where it is not."""

    def __init__(self, watches: Sequence[Watch], joined: Joined) -> None:
        self._watches = watches
        self._joined = joined
        self.running_ns = [running_ns(watch.capture, watch.clock) for watch in watches]
        self._brackets: dict[tuple[int, int], tuple[tuple[int, int], tuple[int, int]] | None] = {}
        self._vouched = self._are_clocks_agreed()

    def _are_clocks_agreed(self) -> bool:
        """Whether the clocks that are known agree so well that one more may be believed within seconds."""
        known = [clock.offset_s for clock in self._joined.net.clocks if clock.quality in ("both ways", "one way")]
        return bool(known) and all(abs(offset) <= 2.0 for offset in known)

    def was_capturing(self, capture: int, journey: Journey) -> Verdict:
        watch, running = self._watches[capture], self.running_ns[capture]
        if running is None:
            return EMPTY
        own = journey.group.members.get(capture)
        if any(self._is_bracketed(capture, other, seen) for other, seen in journey.group.members.items()):
            return BRACKETED
        if own is not None:
            before = LATENESS_NS if own.head is None else 0
            return _within(self._joined.net.time_of(own), LATENESS_NS, *running, before)
        times = [
            self._joined.net.time_of(seen)
            for other, seen in journey.group.members.items()
            if self._watches[other].part == watch.part
        ]
        if times:
            margin = LATENESS_NS + self.margin_ns(capture, journey)
            found = _within(min(times), margin, *running)
            return TIME_DOUBTED if found is CAPTURING and self._is_time_doubted(journey) else found
        unlinked = min(self._joined.net.time_of(seen) for seen in journey.group.members.values())
        if self._vouched and _within(unlinked, LATENESS_NS + VOUCHED_NS, *running).is_able:
            return CAPTURING
        # A clock that is far off would put the two captures' times apart.
        return CLOCK_PRESUMED if _within(unlinked, LATENESS_NS, *running).is_able else CLOCK_UNKNOWN

    def _is_time_doubted(self, journey: Journey) -> bool:
        """Whether only one capture saw it, which others cannot confirm: they saw several like it. Where its clock was
        set meanwhile, any of them may be the same."""
        return len(journey.group.members) == 1 and bool(journey.group.rivals)

    def margin_ns(self, capture: int, journey: Journey) -> int:
        margin = 0
        for index in (capture, next(iter(journey.group.members))):
            clock = self._watches[index].clock
            if clock.quality in ("reference", "given"):
                continue
            margin += ONE_WAY_NS if clock.uncertainty_s is None else round(clock.uncertainty_s * 1e9)
        return margin

    def _is_bracketed(self, capture: int, other: int, seen: Observation) -> bool:
        """Whether the capture has datagrams from before and after, by the other capture's clock and by the order of its
        frames, as a clock may have been set: true whatever its own clock says."""
        if capture == other:
            return False
        if (capture, other) not in self._brackets:
            matched = self._joined.matched
            rows = matched.pair(capture, other)
            frames = matched.frames[rows, other]
            times = reference_times(self._watches[other].clock, matched.times[rows, other], frames)
            self._brackets[capture, other] = (_ends_of(times), _ends_of(frames)) if len(rows) else None
        bracket = self._brackets[capture, other]
        if bracket is None:
            return False
        (first_ns, last_ns), (first, last) = bracket
        return first_ns < self._joined.net.time_of(seen) < last_ns and first < seen.frame < last

    def is_unread(self, capture: int, journey: Journey) -> bool:
        """Whether its frame may lie where the file is damaged; where no time can tell, it may."""
        watch = self._watches[capture]
        spans = watch.capture.facts.unread_spans
        if not spans:
            return False
        if _is_set_unknown(watch.capture, watch.clock):
            return True
        own = journey.group.members.get(capture)
        if own is not None:
            return any(start - LATENESS_NS <= own.time_ns <= end + LATENESS_NS for start, end in spans)
        times = [
            self._joined.net.time_of(seen)
            for other, seen in journey.group.members.items()
            if self._watches[other].part == watch.part
        ]
        if not times:
            return True
        margin = LATENESS_NS + self.margin_ns(capture, journey)
        # Where the clock was set, a raw time may mean an instant before and one after.
        eras = (1, *watch.clock.step_frames) if watch.clock.step_frames else (0,)
        return any(
            watch.clock.to_reference(start, era) - margin <= min(times) <= watch.clock.to_reference(end, era) + margin
            for start, end in spans
            for era in eras
        )


def running_ns(capture: CaptureInput, clock: Clock) -> tuple[int, int] | None:
    """From when to when it was capturing, on the reference clock; None where it holds no frame.

    A capture tells its smallest and its largest stamp, and where its clock was set back they need not be those of its
    first and last frame: then only what is known of single frames counts. So it does where its stamps went back and
    nothing that it shares with others tells when.
    """
    facts = capture.facts
    if facts.first_ns is None or facts.last_ns is None:
        return None
    first, last = clock.to_reference(facts.first_ns, 1), clock.to_reference(facts.last_ns, facts.frames)
    if not clock.step_frames and not facts.steps_back:
        return first, last
    packets = [packet for datagram in capture.datagrams for packet in datagram.packets]
    if packets and _is_set_unknown(capture, clock):
        return _time_of(min(packets, key=_frame_of), clock), _time_of(max(packets, key=_frame_of), clock)
    for number, frame in enumerate(clock.step_frames):
        before = max((packet for packet in packets if packet.frame < frame), key=_frame_of, default=None)
        after = min((packet for packet in packets if packet.frame >= frame), key=_frame_of, default=None)
        if before is not None and clock.to_reference(facts.first_ns, frame) >= _time_of(before, clock):
            first = _time_of(min(packets, key=_frame_of), clock)
        earlier = clock.step_frames[number - 1] if number else 1
        if after is not None and clock.to_reference(facts.last_ns, earlier) <= _time_of(after, clock):
            last = _time_of(max(packets, key=_frame_of), clock)
    return first, last


def _is_set_unknown(capture: CaptureInput, clock: Clock) -> bool:
    """Whether its stamps went back and nothing that it shares with others tells when."""
    return capture.facts.steps_back > sum(jump < -1.0 for _, jump in clock.steps)


def _frame_of(packet: Packet) -> int:
    return packet.frame


def _time_of(packet: Packet, clock: Clock) -> int:
    return clock.to_reference(packet.time_ns, packet.frame)


def _ends_of(values: NDArray[np.int64]) -> tuple[int, int]:
    return int(values.min()), int(values.max())


def _within(time_ns: int, margin_ns: int, first_ns: int, last_ns: int, margin_before_ns: int | None = None) -> Verdict:
    before = margin_ns if margin_before_ns is None else margin_before_ns
    if time_ns - before >= first_ns and time_ns + margin_ns <= last_ns:
        return CAPTURING
    if time_ns + margin_ns < first_ns or time_ns - before > last_ns:
        return NOT_CAPTURING
    return AT_THE_EDGE
