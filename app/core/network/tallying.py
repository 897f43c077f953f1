"""What every capture saw of every stream, and what passed it unseen: counted once, before anything is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

from app.core.fragmentation.byte_ranges import Range
from app.core.network.groups import Group
from app.core.network.hours import Hours
from app.core.network.witnesses import Journey, Route, Subnet, Watch
from app.core.records import Direction

HOST_BITS = {4: 8, 6: 64}


def subnet_of(address: str) -> Subnet:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.version, int(parsed) >> HOST_BITS[parsed.version]


def tally_all(watches: Sequence[Watch], journeys: Sequence[Journey], hours: Hours) -> None:
    _count_seen(watches, journeys)
    for journey in journeys:
        _count_missing(watches, journey, hours)
    for watch in watches:
        _sum_up(watch)


def _count_seen(watches: Sequence[Watch], journeys: Sequence[Journey]) -> None:
    """Most journeys are alike: all whole, seen by the same captures. Count those once."""
    subnets = {client: subnet_of(client) for client in {journey.client_ip for journey in journeys}}
    whole: list[Journey] = []
    for journey in journeys:
        if len(journey.is_whole) == len(journey.group.members) and _is_of_one_kind(journey.group):
            whole.append(journey)
            continue
        for capture in journey.group.members:
            watches[capture].note(journey, journey.shown_kinds(capture), subnets[journey.client_ip], 1)
    keys = [journey[1:] for journey in whole]  # all but the group
    counts = Counter(keys)
    for key, journey in dict(zip(keys, whole, strict=True)).items():
        for capture in journey.group.members:
            watches[capture].note(journey, journey.kinds, subnets[journey.client_ip], counts[key])


def _is_of_one_kind(group: Group) -> bool:
    """Whether no device cut it, or put it together, between the captures that saw it."""
    return group.is_alike or len({seen.is_fragmented for seen in group.members.values()}) == 1


def _count_missing(watches: Sequence[Watch], journey: Journey, hours: Hours) -> None:
    if len(journey.is_whole) == len(watches):
        return
    for kind in journey.kinds:
        later: list[Range] = []
        for place in reversed(journey.places):
            if any(journey.has(capture, kind) for capture in place):
                later += [piece for capture in place for piece in journey.ranges(capture, kind)]
                continue
            for capture in place:
                watch = watches[capture]
                if watch.is_terminal and journey.client_ip not in watch.own_clients:
                    continue
                if hours.was_capturing(capture, journey).is_able:
                    tally = watch.tallies[journey.stream(kind)]
                    is_later_seen = journey.lacks_any(capture, later)
                    tally.passed += is_later_seen
                    tally.absent += not is_later_seen


def _sum_up(watch: Watch) -> None:
    seen = passed = 0
    sees: set[tuple[Route, Direction]] = set()
    lacks: set[tuple[Route, Direction]] = set()
    for (route, way, kind, _), tally in watch.tallies.items():
        if tally.seen:
            seen, passed = seen + tally.seen, passed + tally.passed
            sees.add((route, way))
        elif tally.passed:
            lacks.add((route, way))
            watch.unseen.add((route, way, kind))
    watch.miss_share = passed / (seen + passed) if passed else 0.0
    watch.balanced = {way for _, way in sees & lacks}
    watch.elsewhere = lacks - sees
