"""Why a band is wide, in words: a setting it bears, a drift that few datagrams leave open, or delays as long."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.network.pair_clock import PairClock
from app.core.records import Text

WIDE_S = 0.01  # what widens a band by less is not told
MINUTES_UP_TO_S = 7200.0


def with_reasons(method: Text, pair: PairClock) -> Text:
    """`pair` is known in both directions."""
    reasons = list(_reasons(pair))
    return Text(
        "; ".join([method.en, *(one.en for one in reasons)]), "；".join([method.zh, *(one.zh for one in reasons)])
    )


def _reasons(pair: PairClock) -> Iterator[Text]:
    if pair.borne_s > WIDE_S:
        yield Text(
            f"they would not show a setting of the clock by up to {pair.borne_s:.2f} s, which the band bears",
            f"若时钟在此期间被调整不超过 {pair.borne_s:.2f} 秒，报文无法反映，区间已将其计入",
        )
    if pair.open_drift_s > WIDE_S:
        yield _open_drift(pair)
    delays_s = pair.main.region.least_round_trip_s()
    if delays_s > WIDE_S:
        yield Text(
            f"the fastest datagrams leave {delays_s:.2f} s for the delays of both directions",
            f"最快的报文仍给双向时延留下 {delays_s:.2f} 秒",
        )


def _open_drift(pair: PairClock) -> Text:
    low, high = pair.main.region.drift_range()
    span_s = pair.main.end_s - pair.main.start_s
    is_short = span_s <= MINUTES_UP_TO_S
    number, unit, unit_zh = (span_s / 60, "minutes", "分钟") if is_short else (span_s / 3600, "hours", "小时")
    ppm = (high - low) / 2 * 1e6
    return Text(
        f"{pair.main.matched} datagrams in {number:.0f} {unit} leave the drift of the clock open by ±{ppm:.1f} ppm, "
        f"which widens the band by {pair.open_drift_s:.2f} s",
        f"{number:.0f} {unit_zh}内仅 {pair.main.matched} 个报文，时钟漂移只能确定到 ±{ppm:.1f} ppm，"
        f"区间因此加宽 {pair.open_drift_s:.2f} 秒",
    )
