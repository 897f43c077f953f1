from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.fragmentation.byte_ranges import merged, uncovered

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def members(pieces: list[tuple[int, int]]) -> set[int]:
    return {byte for start, end in pieces for byte in range(start, end)}


@given(ranges)
def test_merging_keeps_every_byte_and_leaves_no_two_that_touch(pieces: list[tuple[int, int]]) -> None:
    result = merged(pieces)
    assert members(result) == members(pieces)
    assert all(left[1] < right[0] for left, right in pairwise(result))


@given(ranges, st.integers(0, 60), st.integers(1, 30))
def test_what_is_uncovered_is_what_is_wanted_less_what_is_there(
    pieces: list[tuple[int, int]], start: int, length: int
) -> None:
    wanted = (start, start + length)
    assert members(uncovered(wanted, merged(pieces))) == members([wanted]) - members(pieces)
