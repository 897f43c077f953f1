"""Log lines beside datagrams: which belongs to which, and what the clocks say."""

from app.core.records import NS
from app.core.sessions.alignment import align, likely_offset, log_offset, split_zone


def seconds(*values: float) -> list[int]:
    return [round(value * NS) for value in values]


def test_equal_rows_pair_in_order() -> None:
    assert align(seconds(0, 5, 10), seconds(0.4, 5.4, 10.4)) == [(0, 0), (1, 1), (2, 2)]


def test_a_send_that_no_datagram_shows_stays_alone() -> None:
    pairs = align(seconds(0, 5, 10, 15), seconds(5.3, 10.3, 15.3))
    assert pairs == [(0, None), (1, 0), (2, 1), (3, 2)]


def test_a_datagram_that_no_line_tells_of_stays_alone() -> None:
    assert align(seconds(5, 10), seconds(0.2, 5.2, 10.2)) == [(None, 0), (0, 1), (1, 2)]


def test_equal_counts_far_apart_are_not_forced_together() -> None:
    assert align(seconds(0), seconds(60)) == [(0, None), (None, 0)]


def test_nothing_pairs_with_nothing() -> None:
    assert align([], []) == []
    assert align(seconds(1), []) == [(0, None)]


def test_the_offset_that_most_differences_share_wins_over_an_outlier() -> None:
    offset = log_offset(seconds(-28799.6, -28799.5, -28799.9, -28791.0))
    assert offset is not None and abs(offset / NS + 28800.2) < 0.31


def test_no_differences_give_no_offset() -> None:
    assert log_offset([]) is None


def test_an_offset_splits_into_a_zone_and_a_clock_error() -> None:
    assert split_zone(-8 * 3600 * NS) == (28800, 0)
    assert split_zone(round(-5.5 * 3600 * NS) + 37 * NS) == (19800, 37 * NS)
    assert split_zone(3 * 3600 * NS) == (-10800, 0)


def test_an_offset_of_days_is_a_clock_error_and_no_zone() -> None:
    assert split_zone(5 * 86400 * NS) == (0, 5 * 86400 * NS)


def test_the_rhythm_of_sends_finds_the_offset_without_any_identity() -> None:
    lines = seconds(100, 123, 128, 133, 138)
    wire = [at + 8 * 3600 * NS + NS // 3 for at in seconds(100, 123, 128, 133, 138)]
    offset = likely_offset(lines, wire)
    assert offset is not None and abs(offset - 8 * 3600 * NS) < NS


def test_an_even_rhythm_with_a_missing_send_names_no_offset() -> None:
    assert likely_offset(seconds(0, 5, 10), seconds(20.1, 25.1, 30.1, 35.1)) is None
