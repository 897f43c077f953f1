import pytest

from app.core.records import NS
from app.core.timeline.time_axis import AxisBuilder, AxisScale

SCALE = AxisScale(decade=10, fold=40)


def heights(times: list[int]) -> tuple[float, ...]:
    axis = AxisBuilder(SCALE)
    for at in times:
        axis.instant(at)
    return axis.solve().heights


def test_the_order_of_time_is_kept_whatever_the_order_of_adding() -> None:
    placed = heights([5_000_000, 0, 90_000, 3 * NS])
    assert sorted(range(4), key=lambda at: placed[at]) == [1, 2, 0, 3]


def test_a_longer_gap_never_takes_less_room_up_to_the_fold() -> None:
    gaps = [10_000, 40_000, 1_000_000, 50_000_000, 200_000_000]
    rooms = [heights([0, gap])[1] for gap in gaps]
    assert rooms == sorted(rooms)
    assert rooms[0] > 2


def test_five_quiet_seconds_are_folded_and_say_how_long_they_were() -> None:
    axis = AxisBuilder(SCALE)
    axis.instant(0)
    axis.instant(5 * NS)
    solved = axis.solve()
    assert [fold.seconds for fold in solved.folds] == [5.0]
    assert solved.heights[1] == 40


def test_an_hour_takes_no_more_room_than_a_minute() -> None:
    assert heights([0, 60 * NS]) == heights([0, 3600 * NS])


def test_a_microsecond_flight_stays_visible_beside_a_fold() -> None:
    placed = heights([0, 38_000, 76_000, 5 * NS])
    assert placed[1] - placed[0] > 5
    assert placed[1] - placed[0] == pytest.approx(placed[2] - placed[1], abs=0.1)


def test_the_lead_lies_below_the_fold() -> None:
    axis = AxisBuilder(SCALE)
    axis.instant(0)
    axis.instant(9 * NS, lead=22)
    solved = axis.solve()
    assert solved.heights[1] == 62
    assert (solved.folds[0].y0, solved.folds[0].y1) == (0, 40)


@pytest.mark.parametrize("swapped", [False, True])
def test_two_instants_keep_their_distance_in_whichever_order_they_are_named(swapped: bool) -> None:
    axis = AxisBuilder(SCALE)
    one, other = axis.instant(0), axis.instant(1_000)
    axis.apart(*((other, one) if swapped else (one, other)), 14)
    solved = axis.solve()
    assert solved.heights[other] - solved.heights[one] == 14


def test_nothing_gives_an_empty_axis() -> None:
    solved = AxisBuilder(SCALE).solve()
    assert solved.heights == ()
    assert solved.bottom == 0
