from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.fragmentation.coverage import Coverage


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=25), st.integers(1, 60))
def test_coverage_is_that_of_the_single_bytes(ranges: list[tuple[int, int]], end: int) -> None:
    coverage, octets = Coverage(), set[int]()
    for start, length in ranges:
        coverage.add(start, start + length)
        octets |= set(range(start, start + length))
    assert coverage.reaches(end) == (set(range(end)) <= octets)
