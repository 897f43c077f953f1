from __future__ import annotations

from app.core.analysis import Role
from app.core.network.tracing import NetworkSettings, trace_network
from tests.core.net_world import Tap, World, run_session


def roles(world: World, *clients: str) -> dict[str, Role]:
    for serial, client in enumerate(clients):
        run_session(world, client, serial=serial, attempts=1, is_answered=True, start_s=serial * 5.0)
    return {point.name: point.role for point in trace_network(world.captures(), NetworkSettings()).points}


def test_ends_are_known_by_hop_limits_that_no_router_has_lowered() -> None:
    found = roles(World(Tap("p", 0), Tap("q", 1, 0.001), Tap("r", 2, 0.002)), "10.1.1.1")
    assert found == {"p": Role.CLIENT, "q": Role.MIDDLE, "r": Role.SERVER}


def test_a_mirror_that_sees_many_terminals_is_no_terminal() -> None:
    found = roles(World(Tap("p", 0), Tap("r", 2, 0.002)), "10.1.1.1", "10.1.1.2")
    assert found["p"] == Role.MIDDLE


def test_points_behind_routers_are_in_the_middle() -> None:
    world = World(Tap("ghost", 0), Tap("p", 1, 0.001), Tap("q", 2, 0.002), Tap("ghost2", 3, 0.003))
    run_session(world, attempts=1, is_answered=True)
    points = trace_network(world.captures()[1:3], NetworkSettings()).points
    assert [point.role for point in points] == [Role.MIDDLE, Role.MIDDLE]


def test_what_is_told_is_believed() -> None:
    found = roles(World(Tap("p", 0, role=Role.MIDDLE), Tap("r", 1, 0.002, role=Role.SERVER)), "10.1.1.1")
    assert found == {"p": Role.MIDDLE, "r": Role.SERVER}
