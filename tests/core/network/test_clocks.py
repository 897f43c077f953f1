from __future__ import annotations

import random

import numpy as np
import pytest

from app.core.network.clocks import ClockNet, fit_clocks
from app.core.network.matched_times import NO_TIME, NO_TTL, MatchedTimes
from tests.core.clock_world import START_NS

OFFSETS = (0.0, 37.0, -4.5, 3600.25, 0.002)
DELAYS = (0.0, 0.0003, 0.0007, 0.0011, 0.0016)


def matched(
    seen_by: list[tuple[int, ...]],
    seed: int = 1,
    drifts: tuple[float, ...] = (0.0,) * 5,
    one_way: bool = False,
    steps: dict[int, tuple[float, float]] | None = None,
) -> MatchedTimes:
    """A datagram every half second; number n is seen by the captures `seen_by[n % len]`, each at its own delay."""
    chance = random.Random(seed)
    times, directions = [], []
    for number in range(40 * len(seen_by)):
        up = one_way or number // len(seen_by) % 2 == 0
        row = [NO_TIME] * 5
        waited = 0.0
        for capture in sorted(seen_by[number % len(seen_by)], reverse=not up):
            waited += chance.expovariate(1 / 0.0001)
            when = number * 0.5 + (DELAYS[capture] if up else DELAYS[-1] - DELAYS[capture]) + waited
            shift = OFFSETS[capture] + drifts[capture] * when
            if steps and capture in steps and when >= steps[capture][0]:
                shift += steps[capture][1]
            row[capture] = START_NS + round((when + shift) * 1e9)
        times.append(row)
        directions.append(1 if up else -1)
    count = len(times)
    return MatchedTimes(
        np.array(times, dtype=np.int64),
        np.full((count, 5), NO_TTL, dtype=np.int16),
        np.array(directions, dtype=np.int8),
        np.arange(count, dtype=np.int64),
        np.where(np.array(times) == NO_TIME, 0, np.arange(1, count + 1)[:, None]),
    )


def fit(
    rows: MatchedTimes, manual: tuple[float, ...] = (0.0,) * 5, rank: tuple[int, ...] = (0, 1, 2, 3, 4)
) -> ClockNet:
    return fit_clocks(rows, rank, 0, manual, [f"{index}.pcap" for index in range(5)])


def holds(net: ClockNet, capture: int, drift: float = 0.0) -> bool:
    clock = net.clocks[capture]
    true = OFFSETS[capture] + drift * ((clock.middle_ns - START_NS) / 1e9 - OFFSETS[capture])
    return clock.lower_s is not None and clock.upper_s is not None and clock.lower_s <= true <= clock.upper_s


def test_captures_that_share_everything_are_all_set_against_the_reference() -> None:
    net = fit(matched([(0, 1, 2, 3, 4)]))
    assert net.clocks[0].quality == "reference" and net.contradictions == ()
    assert all(holds(net, capture) for capture in range(1, 5))
    assert {clock.reference for clock in net.clocks} == {"0.pcap"}


def test_a_capture_that_shares_nothing_with_the_reference_is_reached_through_others() -> None:
    net = fit(matched([(0, 1), (1, 2), (2, 3), (3, 4)]))
    assert net.tree == (None, 0, 1, 2, 3)
    assert all(holds(net, capture) for capture in range(1, 5))
    widths = [clock.uncertainty_s or 0.0 for clock in net.clocks]
    assert widths == sorted(widths)


def test_chains_hold_with_drifts() -> None:
    drifts = (0.0, 60e-6, -80e-6, 10e-6, 99e-6)
    net = fit(matched([(0, 1), (1, 2), (2, 3), (3, 4)], drifts=drifts))
    assert all(holds(net, capture, drifts[capture]) for capture in range(1, 5))


def test_a_loop_is_tighter_than_its_longer_way() -> None:
    chain = fit(matched([(0, 1), (1, 2)]))
    loop = fit(matched([(0, 1), (1, 2), (0, 2)]))
    assert (loop.clocks[2].uncertainty_s or 1.0) <= (chain.clocks[2].uncertainty_s or 0.0)
    assert holds(loop, 2) and loop.contradictions == ()


def test_a_loop_that_does_not_close_is_told() -> None:
    rows = matched([(0, 1), (1, 2), (0, 2)])
    wrong = rows.times.copy()
    direct = (wrong[:, 0] != NO_TIME) & (wrong[:, 2] != NO_TIME)
    wrong[direct, 2] += 50_000_000
    net = fit(MatchedTimes(wrong, rows.ttls, rows.directions, rows.rows, rows.frames))
    assert len(net.contradictions) == 1 and net.contradictions[0].gap_s > 0.04


def test_one_direction_says_so_and_gives_no_uncertainty() -> None:
    clock = fit(matched([(0, 1)], one_way=True)).clocks[1]
    assert clock.quality == "one way" and clock.uncertainty_s is None
    assert clock.upper_s is not None and clock.lower_s is None
    assert clock.offset_s == pytest.approx(37.0, abs=0.002)


def test_captures_without_a_link_are_a_part_of_their_own() -> None:
    net = fit(matched([(0, 1), (2, 3)]))
    assert net.parts[0] == net.parts[1] != net.parts[2] == net.parts[3]
    assert [net.clocks[index].quality for index in (2, 3, 4)] == ["unknown"] * 3


def test_captures_of_one_point_are_linked_only_through_others() -> None:
    net = fit(matched([(0, 2), (1, 2)]), rank=(0, 0, 1, 2, 3))
    assert net.tree[1] == 2 and holds(net, 1)


def test_times_are_brought_to_the_reference() -> None:
    net = fit(matched([(0, 1, 2, 3, 4)]))
    for capture in range(5):
        raw = START_NS + round((10 + OFFSETS[capture]) * 1e9)
        assert abs(net.clocks[capture].to_reference(raw) - START_NS - 10 * 10**9) < 1_000_000


def test_times_before_and_after_a_setting_of_a_clock_are_brought_to_the_reference() -> None:
    net = fit(matched([(0, 1, 2)], steps={1: (10.0, 5.0)}))
    clock = net.clocks[1]
    assert len(clock.steps) == 1
    for at_s, jump in ((4.0, 0.0), (16.0, 5.0)):
        raw = START_NS + round((at_s + OFFSETS[1] + jump) * 1e9)
        assert abs(clock.to_reference(raw) - START_NS - at_s * 1e9) < 2_000_000
    assert net.clocks[2].steps == () and holds(net, 2)


def test_a_setting_on_the_way_does_not_reach_captures_behind_it() -> None:
    net = fit(matched([(0, 1), (1, 2)], steps={1: (10.0, 5.0)}))
    for at_s in (4.0, 16.0):
        raw = START_NS + round((at_s + OFFSETS[2]) * 1e9)
        assert abs(net.clocks[2].to_reference(raw) - START_NS - at_s * 1e9) < 5_000_000


def test_a_clock_that_was_set_back_tells_two_instants_of_one_raw_time_apart_by_frames() -> None:
    rows = matched([(0, 1, 2)], steps={1: (12.0, -9.0)})
    clock = fit(rows).clocks[1]
    assert [round(jump, 2) for _, jump in clock.steps] == [-9.0]
    for row in range(len(rows.rows)):
        brought = clock.to_reference(int(rows.times[row, 1]), int(rows.frames[row, 1]))
        assert abs(brought - int(rows.times[row, 0])) < 5_000_000


def test_a_capture_never_held_against_a_clock_that_was_set_keeps_its_own() -> None:
    rows = matched([(0, 1), (1, 2)], steps={1: (30.0, -9.0)})
    late = (rows.times[:, 2] != NO_TIME) & (rows.frames[:, 1] > 40)
    rows.times[late, 2] = NO_TIME
    rows.frames[late, 2] = 0
    assert fit(rows).clocks[2].steps == ()


def test_an_offset_by_hand_adds_and_says_so() -> None:
    net = fit(matched([(0, 1)]), manual=(0.0, 1.5, 9.0, 0.0, 0.0))
    assert net.clocks[1].offset_s == pytest.approx(38.5, abs=0.001) and net.clocks[1].manual_s == 1.5
    assert (net.clocks[2].offset_s, net.clocks[2].quality) == (9.0, "given")
