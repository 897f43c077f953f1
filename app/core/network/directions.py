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
TO_SERVER, TO_CLIENT = Direction.TO_SERVER, Direction.TO_CLIENT


def find_servers(observations: Iterable[Observation], ports: frozenset[int], known: frozenset[str]) -> frozenset[str]:
    """Addresses that answer at EAD ports, by a vote of all datagrams."""
    voters = [seen for seen in observations if seen.is_ead]
    votes: Counter[str] = Counter()
    silent: set[tuple[int, int] | None] = set()
    flows = Counter([(seen.source_ip, seen.destination_ip, seen.ports) for seen in voters])
    for (source, destination, pair), count in flows.items():
        vote = _by_ports(pair, ports)
        if vote:
            votes[destination] += vote * count
            votes[source] -= vote * count
        else:
            silent.add(pair)
    for seen in voters if silent else ():
        if seen.ports in silent:
            vote = _by_type(seen)
            votes[seen.destination_ip] += vote
            votes[seen.source_ip] -= vote
    return known | {address for address, count in votes.items() if count > 0}


def _by_ports(pair: tuple[int, int] | None, ports: frozenset[int]) -> int:
    """+1 where the destination looks like the server, -1 where the source does."""
    return 0 if pair is None else (pair[1] in ports) - (pair[0] in ports)


def _by_type(seen: Observation) -> int:
    for datagram in seen.datagrams:
        number = datagram.message.number if datagram.message is not None else None
        if number is not None:
            return (number in CLIENT_TYPES) - (number in SERVER_TYPES)
    return 0


def direction_of(group: Group, servers: frozenset[str], ports: frozenset[int]) -> Direction | None:
    """None where neither addresses, ports nor the message tell."""
    if group.votes is None:
        group.votes = _vote_by_ends(group.any_member, servers, ports) if group.is_alike else 0
        group.votes = group.votes or sum([_vote(seen, servers, ports) for seen in group.members.values()])
    if group.votes == 0:
        return None
    return TO_SERVER if group.votes > 0 else TO_CLIENT


def _vote(seen: Observation, servers: frozenset[str], ports: frozenset[int]) -> int:
    return _vote_by_ends(seen, servers, ports) or _by_type(seen)


def _vote_by_ends(seen: Observation, servers: frozenset[str], ports: frozenset[int]) -> int:
    by_address = (seen.destination_ip in servers) - (seen.source_ip in servers)
    return by_address or _by_ports(seen.ports, ports)


def endpoints(seen: Observation, direction: Direction) -> tuple[Endpoint, Endpoint]:
    """(client, server) of one observation."""
    source_port, destination_port = seen.ports if seen.ports is not None else (None, None)
    source, destination = Endpoint(seen.source_ip, source_port), Endpoint(seen.destination_ip, destination_port)
    return (source, destination) if direction == Direction.TO_SERVER else (destination, source)
