"""Which terminals are surely two: captures show the addresses and ports of both side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product, takewhile
from operator import attrgetter

from app.core.network.groups import Group
from app.core.network.observations import BOTH_SIDES_NS, Flow, Observation, is_both_sides
from app.core.records import Datagram


class SeenFlows:
    """From when to when, by its own clock, each capture shows which addresses and ports; looked up when it is asked
    first. `alike` are classes of groups that may be one datagram."""

    def __init__(self, groups: Sequence[Group], alike: Sequence[Sequence[Group]]) -> None:
        self._groups, self._alike = groups, alike
        self._spans: dict[Flow, dict[int, tuple[int, int]]] = defaultdict(dict)
        self._two_sided: set[int] = set()

    def _look(self) -> None:
        self._two_sided = {capture for groups in self._alike for capture in _translating(groups)}
        for group in self._groups:
            for capture, seen in group.members.items():
                if seen.head is None:
                    continue
                if not seen.is_single and len(set(map(_addresses, seen.datagrams))) > 1:
                    self._two_sided.add(capture)
                spans = self._spans[seen.flow]
                first, last = spans.get(capture, (seen.time_ns, seen.time_ns))
                spans[capture] = min(first, seen.time_ns), max(last, seen.time_ns)

    def are_apart(self, one: Group, other: Group) -> bool:
        """Whether one capture shows both during one time: what it shows under two addresses are two, unless it lies
        on the device that translates the one to the other."""
        if not self._spans:
            self._look()
        mine, theirs = one.flows, other.flows
        return mine.isdisjoint(theirs) and any(self._are_side_by_side(*flows) for flows in product(mine, theirs))

    def _are_side_by_side(self, one: Flow, other: Flow) -> bool:
        mine, theirs = self._spans[one], self._spans[other]
        return any(
            mine[capture][0] <= theirs[capture][1] and theirs[capture][0] <= mine[capture][1]
            for capture in mine.keys() & theirs.keys() - self._two_sided
        )


def _addresses(datagram: Datagram) -> object:
    """As of its first piece."""
    lead = datagram.packets[0]
    return lead.source_ip, lead.destination_ip, lead.source_port, lead.destination_port


def _translating(alike: Sequence[Group]) -> Iterator[int]:
    """Captures that may have seen one payload before and after it was translated."""
    by_capture: dict[int, list[Observation]] = defaultdict(list)
    for group in alike:
        for capture, seen in group.members.items():
            by_capture[capture].append(seen)
    for capture, every in by_capture.items():
        every.sort(key=attrgetter("time_ns"))
        if any(_is_translated_in(every, index) for index in range(len(every))):
            yield capture


def _is_translated_in(every: Sequence[Observation], index: int) -> bool:
    """Whether that one may show again, translated, among those that follow it (in order of time)."""
    one = every[index]
    near = takewhile(lambda later: later.time_ns - one.time_ns <= BOTH_SIDES_NS, every[index + 1 :])
    return any(one.flow != later.flow and is_both_sides(one, later) for later in near)
