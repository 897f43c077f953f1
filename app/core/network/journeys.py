"""Groups on their way: which are EAD, which host is whose, and the places in the direction of travel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.core.fragmentation.byte_ranges import merged
from app.core.network.directions import endpoints
from app.core.network.groups import Group, Level
from app.core.network.joining import Joined
from app.core.network.observations import Observation
from app.core.network.paths import Place
from app.core.network.witnesses import Journey, Kind
from app.core.records import Direction, Endpoint

TO_SERVER = Direction.TO_SERVER


class Traced(NamedTuple):
    """A journey that gets a fate of its own. `is_orphan`: no fragment with ports was seen anywhere."""

    journey: Journey
    client: Endpoint
    server: Endpoint
    is_orphan: bool


def find_journeys(joined: Joined) -> tuple[list[Traced], list[Journey]]:
    """EAD datagrams and orphans between EAD hosts; and all journeys (others are witnesses of what a point can see)."""
    to_server = tuple(place.captures for place in joined.order.places)
    to_client = tuple(reversed(to_server))
    rank = {capture: position for position, captures in enumerate(to_server) for capture in captures}
    hosts: frozenset[frozenset[str]] | None = None
    inside = _inside(joined, rank)
    ends: dict[tuple[object, ...], tuple[Endpoint, Endpoint]] = {}
    traced: list[Traced] = []
    journeys: list[Journey] = []
    for group, direction in zip(joined.groups, joined.directions, strict=True):
        is_ead = group.is_ead
        if direction is None:
            if not is_ead:
                continue
            direction = TO_SERVER
        client, server = _ends(group, direction, rank, ends)
        client = inside.get((client, server.ip), client) if inside else client
        places = to_server if direction is TO_SERVER else to_client
        journey = _journey(group, direction, client, server, places)
        journeys.append(journey)
        if is_ead:
            traced.append(Traced(journey, client, server, is_orphan=False))
        elif not group.has_head:
            hosts = _ead_pairs(joined) if hosts is None else hosts
            if _is_between(group, hosts):
                traced.append(Traced(journey, client, server, is_orphan=True))
    return traced, journeys


Outside = tuple[Endpoint, str]  # a client's address as the server sees it, and the server


def _inside(joined: Joined, rank: dict[int, int]) -> dict[Outside, Endpoint]:
    """(client, server) as seen behind an address translation → the client as seen nearest to it: an answer that never
    came through the translation is told by what came through it the other way. A fragment without ports has its address
    only."""
    found: dict[Outside, set[Endpoint]] = defaultdict(set)
    depth: dict[Outside, int] = {}  # the place nearest the server from which it was still seen untranslated
    for group, direction in zip(joined.groups, joined.directions, strict=True):
        if direction is not None and group.level in (Level.TRANSLATED, Level.REWRITTEN):
            nearest = min(group.members, key=rank.__getitem__)
            own, _ = endpoints(group.members[nearest], direction)
            for seen in group.members.values():
                client, server = endpoints(seen, direction)
                if client != own and None not in (client.port, own.port):
                    for outside in ((client, server.ip), (Endpoint(client.ip, None), server.ip)):
                        found[outside].add(own)
                        depth[outside] = max(depth.get(outside, 0), rank[nearest])
    if not found:
        return {}
    terminals = set(_seen_as_near(joined, rank, depth))
    return {outside: next(iter(own)) for outside, own in found.items() if len(own) == 1 and outside not in terminals}


def _seen_as_near(joined: Joined, rank: dict[int, int], depth: dict[Outside, int]) -> Iterator[Outside]:
    """Those that were seen before any translation, too: they are terminals, and what looked like one was not theirs."""
    for group, direction in zip(joined.groups, joined.directions, strict=True):
        if direction is not None:
            nearest = min(group.members, key=rank.__getitem__)
            client, server = endpoints(group.members[nearest], direction)
            for outside in ((client, server.ip), (Endpoint(client.ip, None), server.ip)):
                if rank[nearest] <= depth.get(outside, -1):
                    yield outside


def _ead_pairs(joined: Joined) -> frozenset[frozenset[str]]:
    return frozenset(
        frozenset((seen.source_ip, seen.destination_ip))
        for group in joined.groups
        if group.is_ead
        for seen in group.members.values()
    )


def _is_between(group: Group, pairs: frozenset[frozenset[str]]) -> bool:
    return any(frozenset((seen.source_ip, seen.destination_ip)) in pairs for seen in group.members.values())


def _ends(
    group: Group,
    direction: Direction,
    rank: dict[int, int],
    known: dict[tuple[object, ...], tuple[Endpoint, Endpoint]],
) -> tuple[Endpoint, Endpoint]:
    """(client, server) as seen nearest the client, ports from wherever they were seen with these addresses."""
    nearest = group.any_member if group.is_alike else group.members[min(group.members, key=rank.__getitem__)]
    key = (nearest.source_ip, nearest.destination_ip, nearest.ports, direction)
    told = known.get(key)
    if told is None:
        told = known[key] = endpoints(nearest, direction)
    client, server = told
    if client.port is None and not group.is_alike:
        for seen in group.members.values():
            other_client, other_server = endpoints(seen, direction)
            if (other_client.ip, other_server.ip) == (client.ip, server.ip) and other_client.port is not None:
                return other_client, other_server
    return client, server


def _journey(
    group: Group, direction: Direction, client: Endpoint, server: Endpoint, places: tuple[tuple[int, ...], ...]
) -> Journey:
    members = group.members
    if group.is_alike:
        whole = _captures(tuple(members)) if _is_whole(group.any_member) else NOWHERE
    else:
        whole = frozenset([capture for capture, seen in members.items() if _is_whole(seen)])
    kinds = FRAGMENTED if group.is_fragmented else UNFRAGMENTED
    return Journey(group, direction, client.ip, server.ip, (client.port, server.port), places, kinds, whole)


def _is_whole(seen: Observation) -> bool:
    return not seen.datagrams[0].holes or (len(seen.ranges) > 1 and merged(seen.ranges) == [(0, seen.total)])


@lru_cache(maxsize=4096)
def _captures(members: tuple[int, ...]) -> frozenset[int]:
    """One object for equal sets, and the hash of one is not worked out twice."""
    return frozenset(members)


NOWHERE: frozenset[int] = frozenset()
FRAGMENTED = frozenset({Kind.FIRST, Kind.LATER})
UNFRAGMENTED = frozenset({Kind.WHOLE})


def place_of(places: Sequence[Place]) -> dict[int, str]:
    """Capture → name of its point."""
    return {capture: place.name for place in places for capture in place.captures}
