from datetime import UTC, timedelta, timezone

import pytest

from app.charts.writing import clean, for_plotly, moment, shorten, width_of, zone_name
from tests.core.build_sessions import START_NS


def test_direction_marks_and_control_characters_become_visible() -> None:
    assert clean("a\u202eb") == "a⟪U+202E⟫b"
    assert clean("a\x00b\x1b") == "a\u2400b\u241b"
    assert clean("a\r\nb") == "a  b"


def test_a_megabyte_becomes_a_label() -> None:
    assert len(clean("x" * 1_000_000, 100)) == 101


def test_markup_reaches_plotly_escaped() -> None:
    assert for_plotly("<a href='x'>&") == "&lt;a href=&#x27;x&#x27;&gt;&amp;"


def test_a_moment_is_told_in_the_zone_asked_for() -> None:
    zone = timezone(timedelta(hours=8))
    assert moment(START_NS, UTC) == "08:52:29.391000"
    assert moment(START_NS, zone, 3) == "16:52:29.391"
    assert moment(START_NS, zone, 0) == "16:52:29"
    assert zone_name(START_NS, zone, "en") == "UTC+08:00"
    assert zone_name(START_NS, UTC, "zh") == "UTC"
    assert zone_name(START_NS, UTC, "zh", is_known=False) == "日志的本地时间"


@pytest.mark.parametrize("time_ns", [10**22, -(10**20), 2**63])
def test_a_time_outside_the_calendar_is_no_error(time_ns: int) -> None:
    assert moment(time_ns, UTC)


def test_chinese_is_as_wide_as_it_is_drawn() -> None:
    assert width_of("检查", 10) == 20
    assert shorten("检查结果很长", 10, 40) == "检查结…"
