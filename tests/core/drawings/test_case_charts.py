from datetime import UTC, timedelta, timezone

from app.core.analysis import Outcome
from app.core.drawings.case_charts import Edges, SizeDot, plot_sizes, plot_times
from app.core.records import NS
from tests.core.build_sessions import START_NS


def dot(key: str, size: int, outcome: Outcome = Outcome.FAILED) -> SizeDot:
    return SizeDot(key, f"{key}@X", size, outcome)


def test_terminals_of_one_size_are_stacked_and_others_are_not() -> None:
    lane = plot_sizes([dot("t1", 2600), dot("t2", 2601), dot("t3", 900)]).lanes[0]
    assert {placed.dot.key: placed.row for placed in lane.dots} == {"t1": 0, "t2": 1, "t3": 0}
    assert lane.rows == 2


def test_failed_terminals_lie_above_those_that_passed() -> None:
    plot = plot_sizes([dot("t1", 900, Outcome.PASSED), dot("t2", 2000), dot("t3", 300, Outcome.INCOMPLETE)])
    assert [lane.outcome for lane in plot.lanes] == [Outcome.FAILED, Outcome.INCOMPLETE, Outcome.PASSED]


def test_both_edges_always_lie_inside_the_plot() -> None:
    plot = plot_sizes([dot("t1", 200)], Edges(1400, 9000))
    assert [edge.at_bytes for edge in plot.edges] == [1400, 9000]
    assert plot.low_bytes < 1400 < 9000 < plot.high_bytes
    assert [edge.at_bytes for edge in plot_sizes([]).edges] == [1472, 3000]


def test_five_thousand_terminals_are_all_placed_once() -> None:
    plot = plot_sizes([dot(f"t{n}", n % 4000) for n in range(5000)])
    places = [
        (placed.dot.plain_bytes * 150 // plot.high_bytes, placed.row) for lane in plot.lanes for placed in lane.dots
    ]
    assert len(places) == 5000


def test_one_afternoon_is_drawn_as_it_went() -> None:
    plot = plot_times([(START_NS + n * 60 * NS, Outcome.FAILED) for n in range(60)])
    assert not plot.is_daily
    assert sum(item.total for item in plot.bins) == 60
    assert plot.step_s == 60
    assert plot.begin_ns <= START_NS


def test_several_days_are_laid_over_one_another_in_the_viewers_zone() -> None:
    moments = [(START_NS + day * 86_400 * NS, Outcome.PASSED) for day in range(4)]
    here, there = plot_times(moments, UTC), plot_times(moments, timezone(timedelta(hours=8)))
    assert here.is_daily
    assert [item.total for item in here.bins] == [4]
    assert (there.bins[0].start_s - here.bins[0].start_s) % 86_400 == 8 * 3600


def test_no_sessions_give_an_empty_plot() -> None:
    assert plot_times([]).bins == ()


def test_a_time_outside_the_calendar_is_still_counted() -> None:
    plot = plot_times([(0, Outcome.FAILED), (2**63 - 1, Outcome.FAILED), (10**22, Outcome.FAILED)])
    assert sum(item.total for item in plot.bins) == 3
