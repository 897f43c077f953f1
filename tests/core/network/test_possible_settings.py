from __future__ import annotations

import numpy as np
import pytest

from app.core.network.clock_pairs import fit_pair
from app.core.network.pair_clock import Segment
from app.core.network.possible_settings import BINS, PossibleSettings, clearly_longer, points_of
from tests.core.clock_world import TwoClocks, two_clocks

TRIED = 60_000, 1


def segment_of(world: TwoClocks) -> Segment:
    pair = fit_pair(world.first_ns, world.second_ns, world.is_forward)
    assert pair is not None
    return pair.main


@pytest.mark.parametrize("seed", range(6))
def test_whatever_setting_means_no_longer_queues_lies_in_the_bounds_and_some_reach_them(seed: int) -> None:
    """Against settings tried by chance, by the definition."""
    segment = segment_of(two_clocks(seed, datagrams=14, span_s=30.0, drift=20e-6))
    (times, offsets, is_forward), at_s = segment.datagrams, segment.middle_s
    low, high = PossibleSettings(points_of(segment.datagrams, segment.region), segment.region, at_s).bounds()
    most = clearly_longer(len(times)) * segment.region.least_queues_s()
    chance = np.random.default_rng(seed)
    split = int(np.searchsorted(times, at_s))
    lowest, highest = np.inf, -np.inf
    for place in range(1, len(times)):
        drifts, sizes = chance.uniform(-150e-6, 190e-6, TRIED), chance.uniform(-3e-3, 3e-3, TRIED)
        bare = offsets - drifts * (times - at_s) - sizes * (np.arange(len(times)) >= place)
        above, below = bare[:, is_forward].min(axis=1), bare[:, ~is_forward].max(axis=1)
        queues = (bare[:, is_forward] - above[:, None]).sum(axis=1) + (below[:, None] - bare[:, ~is_forward]).sum(
            axis=1
        )
        is_possible = (queues <= most) & (below <= above)
        for shift in [0.0 * sizes] * (place >= split) + [sizes] * (place <= split):
            highest = max(highest, (above + shift[:, 0])[is_possible].max(initial=-np.inf))
            lowest = min(lowest, (below + shift[:, 0])[is_possible].min(initial=np.inf))
    assert low - 2e-5 <= lowest <= low + 3e-4
    assert high - 3e-4 <= highest <= high + 2e-5


def test_many_datagrams_are_told_by_the_fastest_of_each_span_of_time() -> None:
    segment = segment_of(two_clocks(3, datagrams=3000, span_s=600.0, drift=20e-6))
    times, offsets, is_forward = segment.datagrams
    points = points_of(segment.datagrams, segment.region)
    assert len(points.at) <= 2 * BINS and points.total == 3000
    assert points.offsets.sum() == pytest.approx(offsets.sum())
    assert points.times[points.is_forward].sum() == pytest.approx(times[is_forward].sum())
    low, high = PossibleSettings(points, segment.region, 1.0).bounds()
    lower, upper = segment.region.at(1.0)
    assert lower is not None and upper is not None
    assert low < lower and upper < high and high - low < upper - lower + 1e-4


def test_few_datagrams_allow_for_longer_queues_than_many() -> None:
    assert clearly_longer(8) > clearly_longer(20) > clearly_longer(1000) > 1.0
