from __future__ import annotations

from app.core.network.clock_pairs import fit_pair
from app.core.network.wide_bands import with_reasons
from app.core.records import Text
from tests.core.clock_world import two_clocks

METHOD = Text("both ways", "双向")


def told(datagrams: int, span_s: float, delay_s: float = 0.0004) -> Text:
    world = two_clocks(1, datagrams=datagrams, span_s=span_s, delay_s=delay_s)
    pair = fit_pair(world.first_ns, world.second_ns, world.is_forward)
    assert pair is not None
    return with_reasons(METHOD, pair)


def test_a_narrow_band_needs_no_reason() -> None:
    assert told(20, 20.0) == METHOD


def test_few_datagrams_in_a_day_are_said_to_leave_the_drift_open() -> None:
    text = told(2, 86_400.0)
    assert "2 datagrams in" in text.en and "hours leave the drift of the clock open by ±" in text.en
    assert "时钟漂移只能确定到" in text.zh and "setting of the clock" not in text.en


def test_a_setting_that_would_not_show_is_said_to_be_borne() -> None:
    assert "would not show a setting of the clock" in told(5, 86_400.0).en


def test_long_delays_are_said_to_be_a_reason() -> None:
    text = told(20, 20.0, delay_s=0.3)
    assert "0.60 s for the delays of both directions" in text.en and "0.60 秒" in text.zh
