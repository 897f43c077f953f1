"""Clocks of logs that no capture tells of, from the other side's log of the same sessions.

The client's log and the server's log name the same messages, so their lines lie within a network's delay of each other.
Where the zone of neither is known, the client's log is the reference, as it is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.core.records import NS, Direction, LogEvent
from app.core.sessions.log_clocks import LogClock, measured_clock, message_lines
from app.core.sessions.log_sessions import LogSession

_SESSIONS = 100  # of each pair of logs: more would say the same
_NUMBERS = (1, 2, 3, 4, 6)


def tied_clocks(sessions: Iterable[LogSession], clocks: Mapping[str, LogClock]) -> dict[str, LogClock]:
    """The clocks that can be added to those that are known already."""
    differences: dict[str, list[int]] = {}
    relative: set[str] = set()  # held against times whose zone nobody knows
    for told, heard in _told_twice(sessions, clocks):
        client, server = clocks.get(told.locator.source), clocks.get(heard.locator.source)
        if server is None:
            at_ns = told.time_ns if client is None else client.to_reference(told.time_ns)
            differences.setdefault(heard.locator.source, []).append(at_ns + told.resolution_ns - heard.time_ns)
            if client is None:
                relative.add(heard.locator.source)
        elif client is None and server.zone_offset_s is not None:
            differences.setdefault(told.locator.source, []).append(server.to_reference(heard.time_ns) - told.time_ns)
    found = {source: measured_clock(some, NS) for source, some in differences.items()}
    return {
        source: replace(clock, zone_offset_s=None) if source in relative else clock
        for source, clock in found.items()
        if clock is not None
    }


def _told_twice(sessions: Iterable[LogSession], clocks: Mapping[str, LogClock]) -> Iterator[tuple[LogEvent, LogEvent]]:
    """Lines of client and server for one message, from a few sessions of each pair of logs that lacks a clock."""
    used: Counter[tuple[str, str]] = Counter()
    for session in sessions:
        if not session.client or not session.server:
            continue
        key = session.client[0].locator.source, session.server[0].locator.source
        if used[key] < _SESSIONS and not all(source in clocks for source in key):
            used[key] += 1
            yield from _same_messages(session.client, session.server)


def _same_messages(client: Sequence[LogEvent], server: Sequence[LogEvent]) -> Iterator[tuple[LogEvent, LogEvent]]:
    """For numbers that both sides have equally often: anything else would be a guess."""
    for direction in Direction:
        mine, theirs = message_lines(client, direction), message_lines(server, direction)
        for number in _NUMBERS:
            told = [line for line in mine if line.number == number]
            heard = [line for line in theirs if line.number == number]
            if len(told) == len(heard):
                yield from zip(told, heard, strict=True)
