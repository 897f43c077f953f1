from __future__ import annotations

from datetime import UTC

import pytest
from starlette.requests import Request

from app.core.records import NS
from app.web.templating import isolate, size_text
from app.web.view import View, offset_name, utc, view_of

AT = 1_784_000_000 * NS


def view(query: str = "", cookie: str = "", language: str = "en") -> View:
    headers = [(b"cookie", cookie.encode()), (b"accept-language", language.encode())]
    return view_of(
        Request(
            {"type": "http", "method": "GET", "path": "/cases/1", "query_string": query.encode(), "headers": headers}
        )
    )


def test_the_address_comes_before_the_cookie_and_the_cookie_before_the_browser() -> None:
    assert view("lang=zh", "lang=en", "en").language == "zh"
    assert view("", "lang=zh", "en").language == "zh"
    assert view("", "", "zh-CN").language == "zh"
    assert view("lang=xx&zone=moon&theme=pink").zone == "viewer"


def test_a_moment_is_told_in_each_zone_with_its_name() -> None:
    shanghai = "tz=Asia/Shanghai"
    assert view("zone=utc").moment(AT).isoformat() == "2026-07-14T03:33:20+00:00"
    assert view("zone=viewer", shanghai).moment(AT).isoformat() == "2026-07-14T11:33:20+08:00"
    assert view("zone=source", shanghai).moment(AT, -12_600).isoformat() == "2026-07-14T00:03:20-03:30"
    assert view("zone=source").zone_name(-12_600) == "UTC-03:30"
    assert view("zone=source").zone_name(None) == "UTC"
    assert view("zone=viewer", shanghai).zone_name(None) == "Asia/Shanghai"


@pytest.mark.parametrize("name", ["../../etc/passwd", "Moon/Base", "", "/etc", "\x00", "Asia"])
def test_a_zone_that_the_cookie_invents_is_utc(name: str) -> None:
    assert view("zone=viewer", f"tz={name}").viewer_zone == "UTC"


def test_a_time_outside_the_calendar_is_its_edge() -> None:
    assert utc(2**62).year == 2116 and utc(-(2**63)).year == 1677
    assert utc(10**21).year == 9999
    assert utc(AT).tzinfo is UTC


def test_an_address_keeps_its_other_parameters() -> None:
    there = view("session=s2&src=a%26b.log&line=3")
    assert there.url(line=4) == "/cases/1?session=s2&src=a%26b.log&line=4"
    assert there.url(src=None, line=None, session=None) == "/cases/1"


def test_zone_names_have_hours_and_minutes() -> None:
    assert [offset_name(s) for s in (0, 28_800, -12_600)] == ["UTC+00:00", "UTC+08:00", "UTC-03:30"]


def test_foreign_text_cannot_leave_its_place() -> None:
    assert isolate("<b>&\u202etxt") == "<bdi>&lt;b&gt;&amp;‹U+202E›txt</bdi>"
    assert isolate("a\x00b\x1b[31m\x7f\x9b") == "<bdi>a␀b␛[31m␡�</bdi>"
    assert isolate("x" * 5_000, 10) == "<bdi>xxxxxxxxxx</bdi>… (+4,990)"
    assert isolate("行\n\t") == "<bdi>行\n\t</bdi>"


def test_sizes_are_for_people() -> None:
    assert [size_text(n) for n in (0, 999, 1_500, 123_456, 2_000_000, 5 * 10**12)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "123 kB",
        "2.0 MB",
        "5000 GB",
    ]
