"""Which host is the policy server, and so which way a datagram travels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from app.core.network.groups import Group
from app.core.network.observations import Observation
from app.core.records import Direction, Endpoint

# EAD types that the client sends and that the server sends (domain facts: 1, 3 … and the answers 2, 4 …).
CLIENT_TYPES = frozenset({1, 3, 5, 7, 17, 19})
SERVER_TYPES = frozenset({2, 4, 6, 8, 18, 20})


def find_servers(observations: Iterable[Observation], ports: frozenset[int], known: frozenset[str]) -> frozenset[str]:
    """Addresses that answer at EAD ports, by a vote of all datagrams."""
    votes: Counter[str] = Counter()
    for seen in observations:
        if seen.is_ead:
            vote = _vote(seen, ports)
            if vote:
                server, client = seen.destination_ip, seen.source_ip
                votes[server] += vote
                votes[client] -= vote
    return known | {address for address, count in votes.items() if count > 0}


def _vote(seen: Observation, ports: frozenset[int]) -> int:
    """+1 where the destination looks like the server, -1 where the source does."""
    if seen.ports is not None:
        to_known, from_known = seen.ports[1] in ports, seen.ports[0] in ports
        if to_known != from_known:
            return 1 if to_known else -1
    return _by_type(seen)


def _by_type(seen: Observation) -> int:
    for datagram in seen.datagrams:
        number = datagram.message.number if datagram.message is not None else None
        if number is not None:
            return (number in CLIENT_TYPES) - (number in SERVER_TYPES)
    return 0


def direction_of(group: Group, servers: frozenset[str], ports: frozenset[int]) -> Direction | None:
    """None where neither addresses, ports nor the message tell."""
    total = 0
    for seen in group.members.values():
        to_server, from_server = seen.destination_ip in servers, seen.source_ip in servers
        total += _vote(seen, ports) if to_server == from_server else to_server - from_server
    if total == 0:
        return None
    return Direction.TO_SERVER if total > 0 else Direction.TO_CLIENT


def endpoints(seen: Observation, direction: Direction) -> tuple[Endpoint, Endpoint]:
    """(client, server) of one observation."""
    source_port, destination_port = seen.ports if seen.ports is not None else (None, None)
    source, destination = Endpoint(seen.source_ip, source_port), Endpoint(seen.destination_ip, destination_port)
    return (source, destination) if direction == Direction.TO_SERVER else (destination, source)
