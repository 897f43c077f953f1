from __future__ import annotations

import numpy as np
import pytest

from app.core.network.bands import Region, fit_region, lower_hull, upper_hull

NOTHING = np.array([], dtype=float)


def region(above: list[tuple[float, float]], below: list[tuple[float, float]], middle: float = 0.0) -> Region | None:
    upper, lower = (np.array(points, dtype=float).reshape(-1, 2) for points in (above, below))
    return fit_region(upper[:, 0], upper[:, 1], lower[:, 0], lower[:, 1], middle)


def test_two_flat_clouds_leave_the_room_between_them() -> None:
    found = region([(t, 3.0) for t in range(-10, 11)], [(t, 1.0) for t in range(-10, 11)])
    assert found is not None
    lower, upper = found.at(0.0)
    assert (lower, upper) == pytest.approx((1.0, 3.0), abs=1e-9)
    assert found.line == pytest.approx((2.0, 0.0), abs=1e-9)


def test_the_band_opens_away_from_the_points() -> None:
    found = region([(-1.0, 3.0), (1.0, 3.0)], [(-1.0, 1.0), (1.0, 1.0)])
    assert found is not None
    near, far = found.at(0.0), found.at(1000.0)
    assert None not in near and None not in far
    assert far[0] < near[0] and far[1] > near[1]  # type: ignore[operator]


def test_points_that_leave_no_line_leave_nothing() -> None:
    assert region([(0.0, 1.0)], [(0.0, 2.0)]) is None


def test_one_cloud_bounds_one_side() -> None:
    found = region([(0.0, 5.0), (10.0, 5.0)], [])
    assert found is not None and found.at(0.0)[0] is None
    assert found.at(0.0)[1] == pytest.approx(5.0, abs=2e-3)


def test_hulls_touch_their_points_from_outside() -> None:
    generator = np.random.default_rng(4)
    times, values = np.sort(generator.uniform(0, 100, 500)), generator.normal(0, 1, 500)
    for hull, sign in ((upper_hull(times, values), 1.0), (lower_hull(times, values), -1.0)):
        edge = np.interp(times, [point[0] for point in hull], [point[1] for point in hull])
        assert (sign * (edge - values) >= -1e-9).all()


def test_many_points_are_thinned_without_losing_the_tightest() -> None:
    times = np.linspace(0, 1000, 50_000)
    values = np.full(50_000, 1.0)
    values[12_345] = 0.5
    found = fit_region(times, values, times, values - 2.0, 500.0)
    assert found is not None
    assert found.at(float(times[12_345]))[1] == pytest.approx(0.5)
