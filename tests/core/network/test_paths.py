from __future__ import annotations

import numpy as np

from app.core.analysis import Role
from app.core.network.matched_times import MatchedTimes
from app.core.network.paths import OrderBy, Place, hops_from_initial, order_places

START_NS = 10**18
MS = 1_000_000


def rows(ttl_steps: tuple[int, ...], delays_ms: tuple[float, ...], offsets_ms: tuple[float, ...]) -> MatchedTimes:
    """Six datagrams each way over all captures in this order; the TTL falls by `ttl_steps` towards the server."""
    times, ttls, directions = [], [], []
    for number in range(12):
        is_up = number % 2 == 0
        base = START_NS + number * 1000 * MS
        away = delays_ms if is_up else tuple(delays_ms[-1] - delay for delay in delays_ms)
        times.append([base + round((delay + offset) * MS) for delay, offset in zip(away, offsets_ms, strict=True)])
        ttls.append([64 - step if is_up else 64 - (ttl_steps[-1] - step) for step in ttl_steps])
        directions.append(1 if is_up else -1)
    count = len(times)
    frames = np.tile(np.arange(1, count + 1)[:, None], (1, len(ttl_steps)))
    return MatchedTimes(
        np.array(times, dtype=np.int64), np.array(ttls, dtype=np.int16), np.array(directions, dtype=np.int8),
        np.arange(count, dtype=np.int64), frames,
    )  # fmt: skip


def order(names: str, matched: MatchedTimes, given: tuple[str, ...] = (), **roles: Role) -> tuple[str, list[OrderBy]]:
    places = [Place(name, (index,), roles.get(name)) for index, name in enumerate(names)]
    found = order_places(places, matched, given)
    letters = "".join(place.name for place in found.places)
    return letters, [found.order_by[name] for name in letters]


def test_the_hop_limit_orders_points_whatever_they_are_called() -> None:
    assert order("zyx", rows((0, 1, 2), (0, 1, 2), (0, 0, 0))) == ("zyx", [OrderBy.TTL] * 3)


def test_equal_hop_limits_are_ordered_by_times_though_no_clock_is_known() -> None:
    letters, by = order("ba", rows((0, 0), (0, 0.8), (0, 3_600_000)))
    assert letters == "ba" and by == [OrderBy.CLOCK] * 2


def test_times_within_the_noise_of_stamps_order_nothing() -> None:
    letters, by = order("ba", rows((0, 0), (0, 0.001), (0, 0)))
    assert letters == "ab" and by == [OrderBy.NAMED] * 2


def test_roles_order_what_neither_hop_limit_nor_time_can() -> None:
    letters, _ = order("abc", rows((0, 0, 0), (0, 0, 0), (0, 0, 0)), a=Role.SERVER, c=Role.CLIENT)
    assert letters == "cba"


def test_the_user_overrules_everything() -> None:
    letters, by = order("abc", rows((0, 1, 2), (0, 1, 2), (0, 0, 0)), given=("c", "b", "a"))
    assert letters == "cba" and by == [OrderBy.GIVEN] * 3


def test_names_with_numbers_are_ordered_as_people_count() -> None:
    nothing = MatchedTimes(
        np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int16), np.zeros(0, np.int8), np.zeros(0, np.int64),
        np.zeros((0, 2), np.int64),
    )  # fmt: skip
    places = [Place("tap10", (0,), None), Place("tap9", (1,), None)]
    assert [place.name for place in order_places(places, nothing, ()).places] == ["tap9", "tap10"]


def names_without_matches(*places: Place) -> list[str]:
    nothing = MatchedTimes(
        np.zeros((0, 3), np.int64), np.zeros((0, 3), np.int16), np.zeros(0, np.int8), np.zeros(0, np.int64),
        np.zeros((0, 3), np.int64),
    )  # fmt: skip
    return [place.name for place in order_places(places, nothing, ()).places]


def test_a_point_that_saw_nothing_stands_behind_the_others_but_before_the_servers_own_wire() -> None:
    near, empty = Place("near", (0,), None, hops=0, hops_back=2), Place("empty", (1,), None)
    assert names_without_matches(empty, Place("wire", (2,), None, hops=2, hops_back=0), near) == [
        "near", "empty", "wire"
    ]  # fmt: skip
    assert names_without_matches(empty, Place("wire", (2,), None, hops=1, hops_back=1), near) == [
        "near", "wire", "empty"
    ]  # fmt: skip


def test_where_no_router_lies_between_the_ends_no_wire_is_the_servers_own() -> None:
    near, empty = Place("near", (0,), None, hops=0, hops_back=0), Place("empty", (1,), None)
    assert names_without_matches(empty, near, Place("other", (2,), None, hops=0, hops_back=0))[-1] == "empty"


def test_hops_are_counted_from_the_next_initial_value() -> None:
    assert [hops_from_initial(ttl) for ttl in (64, 62, 128, 125, 255, 250, 32)] == [0, 2, 0, 3, 0, 5, 0]
