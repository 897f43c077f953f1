"""The zone of a log that nothing is tied to: as its neighbours have it, or as the times of the captures ask for.

A presumption, and only of the zone: whole quarters of an hour, no error of the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.core.records import NS, EventKind, LogEvent
from app.core.sessions.log_clocks import LogClock, ToldClock
from app.core.sessions.ownership import Ownership

QUARTER_S = 900
WEST_S, EAST_S = -12 * 3600, 14 * 3600
SLACK_NS = 3 * NS

Span = tuple[int, int]


def with_presumed_zones(owned: Ownership, spans: Sequence[Span]) -> Ownership:
    """`spans`: when captures ran, on the reference clock."""
    open_ones = _lines_without_clock(owned)
    if not open_ones:
        return owned
    zones = {clock.zone_offset_s for clock in owned.clocks.values() if clock.is_known} - {None}
    shared = next(iter(zones)) if len(zones) == 1 else None
    found: dict[str, LogClock] = {}
    for source, lines in open_ones.items():
        zone_s = shared if shared is not None else _zone_that_fits(lines, spans)
        if zone_s is not None:
            found[source] = ToldClock(zone_s).clock(None)
    return Ownership(owned.exchanges, {**_moved(owned.clocks, found), **found}) if found else owned


def _moved(clocks: Mapping[str, LogClock], found: Mapping[str, LogClock]) -> dict[str, LogClock]:
    """Clocks that were laid on the written times of a log move with it, once that log has its zone."""
    zones = {clock.zone_offset_s for clock in found.values()}
    zone_s = next(iter(zones)) if len(zones) == 1 else None
    return {
        source: replace(clock, offset_ns=clock.offset_ns - zone_s * NS, zone_offset_s=zone_s)
        if zone_s is not None and clock.is_known and clock.zone_offset_s is None
        else clock
        for source, clock in clocks.items()
    }


def _lines_without_clock(owned: Ownership) -> Mapping[str, list[LogEvent]]:
    """The message lines of every log without a clock, where nothing of its sessions was captured."""
    lines: dict[str, list[LogEvent]] = {}
    for exchange in owned.exchanges:
        for event in (*exchange.log.client, *exchange.log.server):
            source = event.locator.source
            if source not in owned.clocks and event.kind is EventKind.MESSAGE:
                lines.setdefault(source, []).append(event)
    return lines


def _zone_that_fits(lines: Iterable[LogEvent], spans: Sequence[Span]) -> int | None:
    """The only zone in which lines fall into the time of captures; None where several or none would do."""
    times = [line.time_ns for line in lines]
    fitting = [
        zone_s
        for zone_s in range(WEST_S, EAST_S + 1, QUARTER_S)
        if any(start - SLACK_NS <= at - zone_s * NS <= end + SLACK_NS for at in times for start, end in spans)
    ]
    return fitting[0] if len(fitting) == 1 else None
