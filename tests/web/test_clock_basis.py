"""What the case page says of how a clock is known."""

from __future__ import annotations

import pytest

from app.core.analysis import Clock
from app.core.records import Text
from app.web.templating import render_part
from tests.web.test_view import AT, view

MATCHED = Text("matched datagrams", "匹配的报文")


def told(clock: Clock, language: str = "en") -> str:
    html = render_part(view("zone=utc", language=language), "clock_basis.html", clock=clock, zone_offset_s=None)
    return " ".join(html.split())


@pytest.mark.parametrize(
    ("lower_s", "upper_s", "words"),
    [
        (-0.0015, 0.25, "against the reference: -1.5 ms to +250.0 ms"),
        (37.25, None, "against the reference: +37.250 s or more"),
        (None, -2.0, "against the reference: -2.000 s or less"),
    ],
)
def test_a_band_says_which_of_its_sides_is_known(lower_s: float | None, upper_s: float | None, words: str) -> None:
    clock = Clock(0.0, lower_s, upper_s, 3.14, quality="both ways", method=MATCHED, matched=1)
    assert words in told(clock)
    assert "matched datagrams" in told(clock) and "匹配的报文" in told(clock, "zh")
    assert "1 datagram in common · drift +3.1 ppm" in told(clock)


def test_a_clock_that_was_set_says_when_and_by_how_much() -> None:
    clock = Clock(0.0, -0.1, 0.1, quality="both ways", method=MATCHED, steps=((AT, -40.0),))
    assert "2026-07-14 03:33:20.000</time> the clock was set by -40.000 s" in told(clock)


def test_the_reference_has_no_band() -> None:
    assert "against" not in told(Clock(0.0, 0.0, 0.0, quality="reference", method=MATCHED))


def test_a_clock_that_nothing_links_says_no_bounds() -> None:
    assert "against" not in told(Clock(method=Text("no datagram is shared", "没有共同的报文")))
