"""Times are read as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.core.parsers.log_times import AUTO, EPOCH, Moment, TimeReader
from app.core.records import NS

SECOND = int(datetime(2026, 11, 23, 16, 51, 53, tzinfo=UTC).timestamp())
MILLI = 263_000_000


@pytest.mark.parametrize(
    ("text", "fraction_ns", "zone_s"),
    [
        ("2026-11-23 16:51:53", 0, None),
        ("2026-11-23 16:51:53,263", MILLI, None),
        ("2026-11-23T16:51:53.263Z", MILLI, 0),
        ("2026-11-23T16:51:53.263+08:00", MILLI, 28_800),
        ("2026/11/23 下午 4:51:53", 0, None),
        ("2026年11月23日 16时51分53秒", 0, None),
        ("20261123 165153.263", MILLI, None),
        ("23/Nov/2026:16:51:53 -0330", 0, -12_600),
        ("23-11-2026 16:51:53", 0, None),
        ("23.11.2026 16:51:53.263", MILLI, None),
        ("11/23/2026 4:51:53 PM", 0, None),
        ("Nov 23 2026 16:51:53", 0, None),
        ("Mon Nov 23 16:51:53.263 2026", MILLI, None),
        ("1795452713.263", MILLI, 0),
        ("1795452713263", MILLI, 0),
    ],
)
def test_a_time_is_read_without_being_told_its_style(text: str, fraction_ns: int, zone_s: int | None) -> None:
    reader = TimeReader()
    resolution_ns = 1_000_000 if fraction_ns else NS
    expected = Moment(SECOND * NS + fraction_ns, resolution_ns, zone_s)
    assert reader.read(text) == expected
    assert reader.read(text) == expected  # from the cache


@pytest.mark.parametrize("time_format", [AUTO, EPOCH])
@pytest.mark.parametrize("second", [1_699_999_999, 1_720_200_101, SECOND])  # the second one holds 2020-01-01
@pytest.mark.parametrize(
    ("shape", "digits"),
    [
        ("{s}", 0),
        ("{s}.{f:.1}", 1),
        ("{s}.{f:.6}", 6),
        ("{s}.{f}", 9),
        ("{s},{f}", 9),
        ("{s}.{f}12", 9),
        ("{s}{f:.3}", 3),
        ("{s}{f:.3}.456789", 9),
        ("{s}{f:.6}", 6),
        ("{s}{f}", 9),
        ("[{s}{f:.6}]", 6),
    ],
)
def test_time_since_1970_is_read_in_any_unit(time_format: str, second: int, shape: str, digits: int) -> None:
    text = shape.format(s=second, f="123456789")
    unit_ns = 10 ** (9 - digits)
    expected = Moment(second * NS + 123_456_789 // unit_ns * unit_ns, unit_ns, 0)
    assert TimeReader(time_format).read(text) == expected


def test_of_two_numbers_the_one_over_twelve_is_the_day_else_a_slash_puts_the_month_first() -> None:
    def day(text: str) -> tuple[int, int]:
        moment = TimeReader().read(text)
        assert moment is not None
        at = datetime.fromtimestamp(moment.time_ns // NS, UTC)
        return at.month, at.day

    assert [day(f"{text} 10:00:00") for text in ("03/04/2026", "13/04/2026", "03-04-2026", "03.14.2026")] == [
        (3, 4), (4, 13), (4, 3), (3, 14),
    ]  # fmt: skip


def test_a_missing_year_is_the_last_one_before_the_file_was_there() -> None:
    january = int(datetime(2027, 1, 2, tzinfo=UTC).timestamp()) * NS
    reader = TimeReader(not_after_ns=january)
    read = [reader.read(text) for text in ("Dec 31 23:59:59", "Jan  1 00:00:00", "Feb 29 12:00:00")]
    years = [datetime.fromtimestamp(moment.time_ns // NS, UTC).year for moment in read if moment is not None]
    assert years == [2026, 2027, 2024]
    assert all(moment is not None and not moment.has_year for moment in read)


@pytest.mark.parametrize(
    "text",
    ["", "16:51:53", "2026-02-30 10:00:00", "Abc 23 16:51:53", "1999-13-01 10:00:00", "12", "23/11/9999 10:00:00"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert TimeReader().read(text) is None


def test_a_format_of_a_file_may_lack_the_year_and_name_the_zone() -> None:
    assert TimeReader("%d.%m. %H:%M:%S", SECOND * NS).read("23.11. 16:51:53") == Moment(SECOND * NS, NS, None, False)
    read = TimeReader("%Y-%m-%d %H:%M:%S %z").read("2026-11-23 16:51:53 +0800")
    assert read == Moment(SECOND * NS, NS, 28_800)


@pytest.mark.parametrize("mark", ["", ".5", ",123", ".123456789"])
@pytest.mark.parametrize("zone", ["", "Z", "+08:00", "-0530"])
@pytest.mark.parametrize("day", ["2026-03-05 09:00:01", "2026/02/28T23:59:60", "2026-02-30 09:00:01"])
def test_a_second_that_is_known_reads_as_it_did_at_first(day: str, mark: str, zone: str) -> None:
    reader = TimeReader()
    for earlier in (day + ".9" + zone, day + zone, day + ",9" + zone):
        reader.read(earlier)
    assert reader.read(day + mark + zone) == TimeReader().read(day + mark + zone)


def test_of_a_time_since_1970_no_more_than_nanoseconds_are_read() -> None:
    moment = TimeReader(EPOCH).read("1772701201250.123456789")
    assert moment is not None
    assert (moment.time_ns, moment.resolution_ns) == (1_772_701_201_250_123_456, 1)
