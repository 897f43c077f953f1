from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.fragmentation.reassembly import build_datagram
from app.core.network.directions import direction_of, find_servers
from app.core.network.groups import Group
from app.core.network.observations import Observation
from app.core.records import Direction, WireMessage
from tests.core.net_world import PORT, SERVER, Sent, fragments_of, message
from tests.core.network.test_matching import PORTS, capture

UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT


def one(source: str, destination: str, ports: tuple[int, int], number: int | None = None) -> Observation:
    packets = fragments_of(Sent(0, source, destination, *ports, message(9, 1, 60), 5))
    known = None if number is None else WireMessage(number=number)
    return Observation(0, replace(build_datagram(packets), message=known), PORTS)


def test_the_side_of_the_known_port_is_the_server() -> None:
    seen = [one("10.1.1.1", SERVER, (40_001, PORT)), one(SERVER, "10.1.1.2", (9019, 40_001))]
    assert find_servers(seen, PORTS, frozenset()) == {SERVER}


@pytest.mark.parametrize(
    ("source", "destination", "ports", "number", "expected"),
    [
        ("10.1.1.1", SERVER, (40_001, PORT), None, UP),
        (SERVER, "10.1.1.1", (PORT, 40_001), None, DOWN),
        ("10.1.1.1", SERVER, (PORT, PORT), 3, UP),
        (SERVER, "10.1.1.1", (PORT, PORT), 2, DOWN),
        (SERVER, "10.1.1.1", (5555, 40_001), 4, DOWN),  # answered from another port
    ],
)
def test_ports_then_message_types_tell_the_way(
    source: str, destination: str, ports: tuple[int, int], number: int | None, expected: Direction
) -> None:
    seen = one(source, destination, ports, number)
    servers = find_servers([seen], PORTS, frozenset())
    assert direction_of(Group((seen,)), servers, PORTS) == expected


def test_servers_of_the_logs_tell_the_way_of_fragments_without_ports() -> None:
    (seen,) = capture(0, Sent(0, "10.1.1.1", SERVER, 1, 2, message(9, 1, 2655), 5), only=frozenset({1480}))
    assert direction_of(Group((seen,)), frozenset({SERVER}), PORTS) == UP
    assert direction_of(Group((seen,)), frozenset(), PORTS) is None
