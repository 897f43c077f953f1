"""Heads are found, and their times computed, as a plain reading would."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.log_heads import NO_TIME, find_heads, line_starts, places_of
from app.core.records import NS


def heads(data: bytes) -> list[tuple[int, int]]:
    found = find_heads(data, line_starts(data, len(data)), len(data))
    return list(zip(found.positions.tolist(), found.times.tolist(), strict=True))


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_any_written_second_is_that_second(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    written = f"[{moment.year:04d}-{moment:%m-%d %H:%M:%S}] [Cmn] [1] x\n".encode()
    seconds = (
        (moment - datetime(1970, 1, 1, tzinfo=UTC)).days * 86400
        + moment.hour * 3600
        + moment.minute * 60
        + moment.second
    )
    # 64 bits of nanoseconds hold no more.
    expected = seconds * NS if 1678 <= moment.year <= 2261 else NO_TIME
    assert heads(written) == [(0, expected)]
    assert heads(b" " + written) == [(1, expected)] or heads(b" " + written) == [(0, expected)]


@pytest.mark.parametrize(
    "time",
    [
        "2023-02-29 00:00:00",
        "1900-02-29 00:00:00",
        "2024-13-01 00:00:00",
        "2024-00-10 00:00:00",
        "2024-04-31 00:00:00",
        "2024-04-30 24:00:00",
        "2024-04-30 23:60:00",
    ],
)
def test_a_time_that_does_not_exist_has_no_time(time: str) -> None:
    assert heads(f"[{time}] [Cmn] [1] x\n".encode()) == [(0, NO_TIME)]


@pytest.mark.parametrize(
    "line",
    [
        b"> [2024-05-06 07:08:09] [Cmn] [1] x",
        b"  [2024-05-06 07:08:09] [Cmn] [1] x",
        b"\xef\xbb\xbf[2024-05-06 07:08:09] [Cmn] [1] x",
        b"[2024/05/06 07:08:09] [Cmn] [1] x",
        b"[2024-5-6 07:08:09] [Cmn] [1] x",
        b"[2024-05-06\n07:08:09] [Cmn] [1] x",
        b"[2024-05-06 0\n7:08:09] [Cmn] [1] x",
        b"[2024-05-06 07:08:09][Cmn] [1] x",
    ],
)
def test_other_ways_to_write_a_head_are_found_one_by_one(line: bytes) -> None:
    (_, time), _ = heads(line + b"\n[2024-05-06 07:08:10] [Cmn] [1] y\n")
    assert time == 1_714_979_289 * NS


def test_fractions_of_a_second_are_kept() -> None:
    assert heads(b"[2024-05-06 07:08:09.250] [Cmn] [1] x\n") == [(0, 1_714_979_289 * NS + 250_000_000)]


def test_a_head_glued_to_a_cut_line_is_one_but_a_date_in_a_text_is_not() -> None:
    assert [position for position, _ in heads(b"KB30[2024-05-06 07:08:09] [Cmn] [1] x\n")] == [4]
    assert [position for position, _ in heads(b"valid until [2024-05-06 07:08:09], then renew\n")] == []


@given(st.binary(max_size=400))
def test_any_bytes_are_looked_at_without_error(data: bytes) -> None:
    for position, _ in heads(data):
        assert 0 <= position < len(data)


@given(st.lists(st.sampled_from([b"SecPkt", b"SecP", b"P", b"Pkt", b"\n", b"x"])), st.integers(0, 60))
def test_a_word_is_found_wherever_it_stands_whole(parts: list[bytes], end: int) -> None:
    data = b"".join(parts)
    end = min(end, len(data))
    expected = [match.start() for match in re.finditer(b"SecPkt", data[:end])]
    assert places_of(b"SecPkt", data, end).tolist() == expected
