from __future__ import annotations

import pytest

from app.core.analysis import Role
from app.core.network.tracing import IcmpTie, NetworkSettings, trace_network
from app.core.records import Confidence
from tests.core.net_world import PORT, SERVER, SERVER_6, Sent, Tap, World, errors_about, run_session


def ties(
    quoted: Sent, kind: int, code: int, at_s: float, version: int = 4, mtu: int | None = None
) -> list[tuple[IcmpTie, int | None]]:
    """Each tie with the identification of the datagram it was tied to."""
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER))
    if version == 4:
        run_session(world)
    else:
        run_session(world, client="2001:db8::1", version=6, server=SERVER_6)
    world.errors = {"client": [errors_about(world.taps[0], quoted, kind, code, at_s, mtu)]}
    facts = trace_network(world.captures(), NetworkSettings())
    return [(tie, None if tie.traced is None else facts.traced[tie.traced].fate.identification) for tie in facts.icmp]


@pytest.mark.parametrize(("kind", "code"), [(11, 1), (3, 4), (3, 3), (3, 13)])
def test_an_error_is_tied_by_the_identification_it_quotes(kind: int, code: int) -> None:
    ((tie, name),) = ties(Sent(0, "10.1.1.1", SERVER, 40_001, PORT, b"", 1012), kind, code, 13.0, mtu=1400)
    assert name == 1012 and tie.confidence == Confidence.CERTAIN and tie.point == "client"


def test_an_error_older_than_its_datagram_is_about_another_one() -> None:
    ((_, name),) = ties(Sent(0, "10.1.1.1", SERVER, 40_001, PORT, b"", 1012), 11, 1, 3.0)
    assert name is None


def test_an_error_that_comes_long_after_every_timer_is_about_another_one() -> None:
    ((_, name),) = ties(Sent(0, "10.1.1.1", SERVER, 40_001, PORT, b"", 1012), 11, 1, 600.0)
    assert name is None


def test_without_identification_the_last_datagram_of_these_ports_is_taken() -> None:
    quoted = Sent(0, "2001:db8::1", SERVER_6, 40_001, PORT, b"", None, version=6)
    ((tie, name),) = ties(quoted, 2, 0, 8.0, version=6, mtu=1280)
    assert name == 1011 and tie.confidence == Confidence.LIKELY
