"""Events in one file, bodies in another: some clients write `SecPkt` and `SecPktDtl` side by side.

The line that tells of a message and the line that holds its body share the thread and the second. The body is given to
the event, and its own line stands for nothing else any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

from app.core.records import NS, EventKind, LogEvent, LogFacts, Side

_SAMPLE = 200  # messages of a log that show whether it has bodies
_NEAR_NS = NS


def join_split_logs(logs: Iterable[LogFacts]) -> list[Sequence[LogEvent]]:
    """The events of each log, in the order of the logs, with bodies where they belong."""
    listed = list(logs)
    events: list[Sequence[LogEvent]] = [log.events for log in listed]
    for numbers in _beside(listed).values():
        bare = [n for n in numbers if _bodies(events[n]) == (True, False)]
        full = [n for n in numbers if _bodies(events[n])[1]]
        if not bare or not full:
            continue
        waiting = {n: _Waiting(events[n]) for n in bare}
        for n in full:
            events[n] = [event for event in events[n] if not any(some.take(event) for some in waiting.values())]
        for n, some in waiting.items():
            events[n] = some.events
    return events


def _beside(logs: Sequence[LogFacts]) -> dict[str, list[int]]:
    """Client logs by folder: the two files of one client lie together."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, log in enumerate(logs):
        if log.side is Side.CLIENT:
            found[str(PurePosixPath(log.source).parent)].append(number)
    return {folder: numbers for folder, numbers in found.items() if len(numbers) > 1}


def _bodies(events: Iterable[LogEvent]) -> tuple[bool, bool]:
    """(whether it has messages, whether any of them has a body), from the first ones."""
    messages = list(islice((event for event in events if event.kind is EventKind.MESSAGE), _SAMPLE))
    return bool(messages), any(event.body is not None for event in messages)


class _Waiting:
    """The events of a log without bodies, and which of them still wait for theirs."""

    def __init__(self, events: Sequence[LogEvent]) -> None:
        self.events = list(events)
        self._by_thread: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for index, event in enumerate(self.events):
            if event.kind is EventKind.MESSAGE:
                self._by_thread[event.thread, event.time_ns // NS].append(index)

    def take(self, event: LogEvent) -> bool:
        """Gives the body of `event` to the first message that it fits; False where there is none."""
        if event.kind is not EventKind.MESSAGE or event.body is None:
            return False
        second = event.time_ns // NS
        for at in (second, second - 1, second + 1):
            for index in self._by_thread.get((event.thread, at), ()):
                if self._fits(self.events[index], event):
                    self.events[index] = _joined(self.events[index], event)
                    return True
        return False

    @staticmethod
    def _fits(told: LogEvent, body: LogEvent) -> bool:
        if told.body is not None or abs(told.time_ns - body.time_ns) > _NEAR_NS:
            return False
        same_number = told.number is None or body.number is None or told.number == body.number
        return same_number and (body.direction is None or told.direction is None or body.direction is told.direction)


def _joined(told: LogEvent, body: LogEvent) -> LogEvent:
    return replace(
        told,
        body=body.body,
        number=told.number if told.number is not None else body.number,
        direction=told.direction or body.direction,
        message_id=told.message_id if told.message_id is not None else body.message_id,
        user=told.user or body.user,
        mac=told.mac or body.mac,
        event_id=told.event_id or body.event_id,
    )
