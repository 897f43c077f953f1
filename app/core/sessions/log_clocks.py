"""Log time → time on the reference clock, for each log file.

Most logs name no zone and the iNode log counts whole seconds; what its lines and the datagrams that they tell of have
between them gives the offset: a zone in quarters of an hour, and what is left is the clock's own error. What a person
says of either outweighs what was measured, and the other is measured against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.core.records import NS, Direction, EventKind, LogEvent
from app.core.sessions.alignment import likely_offset, log_offset, split_zone

# Work between a server's receiving a datagram and its writing the line, at most.
SERVER_SLACK_NS = NS // 5


@dataclass(frozen=True, slots=True)
class LogClock:
    """`offset_ns` added to a log's written time gives the reference time.

    `is_known` is False where nothing tied the log to a capture or to another log: times then stay as written.
    """

    offset_ns: int = 0
    zone_offset_s: int | None = None
    error_s: float = 0.0  # the log's clock minus the reference clock, zone taken out
    matched: int = 0
    is_known: bool = False

    def to_reference(self, written_ns: int) -> int:
        return written_ns + self.offset_ns


@dataclass(frozen=True, slots=True)
class ToldClock:
    """What a person, or the log itself, says of a log's clock. `error_s`: that clock minus the reference clock, the
    zone taken out."""

    zone_offset_s: int | None = None
    error_s: float | None = None

    def clock(self, measured: LogClock | None) -> LogClock:
        """The clock out of this and of what was measured without it, if anything was."""
        matched = measured.matched if measured is not None else 0
        if self.error_s is None:
            zone_s = self.zone_offset_s or 0
            if measured is None:
                return LogClock(-zone_s * NS, zone_s, is_known=True)
            return LogClock(
                measured.offset_ns, zone_s, measured.error_s + (measured.zone_offset_s or 0) - zone_s, matched, True
            )
        error_ns = round(self.error_s * NS)
        told_zone_s = self.zone_offset_s
        if told_zone_s is None and measured is not None:
            told_zone_s = split_zone(measured.offset_ns + error_ns)[0]
        return LogClock(-(told_zone_s or 0) * NS - error_ns, told_zone_s, self.error_s, matched, True)


def told_clocks(zones: Mapping[str, int], errors: Mapping[str, float]) -> dict[str, ToldClock]:
    """By log source."""
    return {source: ToldClock(zones.get(source), errors.get(source)) for source in {*zones, *errors}}


def measured_clock(differences_ns: list[int], resolution_ns: int) -> LogClock | None:
    """From differences (datagram minus line); None where there are none."""
    offset = log_offset(differences_ns, max(resolution_ns, SERVER_SLACK_NS))
    return None if offset is None else _clock(offset, len(differences_ns), resolution_ns)


def rhythm_clock(lines_ns: list[int], wire_ns: list[int], resolution_ns: int) -> LogClock | None:
    """From the rhythm of sends alone; None where it leaves more than one answer."""
    offset = likely_offset(lines_ns, wire_ns, resolution_ns)
    return None if offset is None else _clock(offset, len(lines_ns), resolution_ns)


def _clock(offset_ns: int, matched: int, resolution_ns: int) -> LogClock:
    zone_s, left_ns = split_zone(offset_ns)
    # Half a unit of the log's resolution is what truncation alone explains.
    error_ns = -(left_ns - resolution_ns // 2)
    if abs(error_ns) <= max(resolution_ns, SERVER_SLACK_NS):
        error_ns = 0
    return LogClock(offset_ns, zone_s, error_ns / NS, matched, is_known=True)


def message_lines(events: Iterable[LogEvent], direction: Direction) -> list[LogEvent]:
    """The messages of one direction in order of time."""
    chosen = [e for e in events if e.kind is EventKind.MESSAGE and e.direction is direction]
    return sorted(chosen, key=lambda event: event.time_ns)


def pair_differences(lines: list[LogEvent], wire: Mapping[int | None, list[int]]) -> dict[str, list[int]]:
    """Source → differences, for messages whose count in the log and on the wire agree (or the first of them).

    `wire` maps a message number to the times of its datagrams, ascending.
    """
    by_number: dict[int | None, list[LogEvent]] = {}
    for line in lines:
        by_number.setdefault(line.number, []).append(line)
    differences: dict[str, list[int]] = {}
    for number, told in by_number.items():
        seen = wire.get(number, [])
        if len(told) != len(seen):
            # Some are missing on one side: every pairing is a candidate and the most shared offset wins later.
            pairs = [(line, at) for line in told[:8] for at in seen[:8]]
        else:
            pairs = list(zip(told, seen, strict=True))
        for line, at in pairs:
            differences.setdefault(line.locator.source, []).append(at - line.time_ns)
    return differences
