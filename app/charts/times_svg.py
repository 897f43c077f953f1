"""Sessions over time, or over the time of day, as SVG."""

from __future__ import annotations

from datetime import UTC, tzinfo

from app.charts.case_look import DAILY_TITLE, NOTHING, SESSIONS_AXIS, TIME_TITLE, bin_label, look_of
from app.charts.svg import Svg
from app.charts.theme import theme_of
from app.charts.writing import day, moment, say, width_of, zone_name
from app.core.analysis import Outcome
from app.core.drawings.case_charts import TimePlot
from app.core.records import NS
from app.core.timeline.texts import OUTCOMES


def time_plot_svg(
    plot: TimePlot,
    lang: str = "en",
    theme: str = "light",
    width: float = 1000,
    *,
    zone: tzinfo = UTC,
    name: str = "times",
) -> str:
    look = theme_of(theme)
    top, foot, left, height = 34.0, 48.0, 56.0, 240.0
    title = DAILY_TITLE if plot.is_daily else TIME_TITLE
    totals = {
        outcome: sum(count for item in plot.bins for kind, count in item.counts if kind is outcome)
        for outcome in plot.outcomes
    }
    described = "; ".join(f"{say(OUTCOMES[outcome], lang)}: {total}" for outcome, total in totals.items())
    svg = Svg(width, height, look, say(title, lang), described, name)
    if not plot.bins:
        svg.text(width / 2, height / 2, say(NOTHING, lang), anchor="middle", fill=look.muted)
        return svg.finish()
    span = 86_400 if plot.is_daily else plot.bins[-1].start_s + plot.step_s
    scale, floor = (width - left - 16) / span, height - foot
    highest = max(item.total for item in plot.bins)
    tall = (floor - top) / highest
    for level in _levels(highest):
        y = floor - level * tall
        svg.line(left, y, width - 16, y, stroke=look.band)
        svg.text(left - 6, y + 4, f"{level:,}", size=10.5, fill=look.muted, anchor="end")
    for item in plot.bins:
        y = floor
        room = max(min(plot.step_s * scale - 1, 26), 2)
        x = left + (item.start_s + plot.step_s / 2) * scale - room / 2
        for outcome, count in reversed(item.counts):
            y -= count * tall
            _bar(svg, outcome, x, y, room, count * tall, f"{say(OUTCOMES[outcome], lang)}: {count:,}")
    svg.line(left, floor, width - 16, floor, stroke=look.lane)
    _time_ticks(svg, plot, left, floor, scale, span, zone)
    at_ns = plot.begin_ns
    zone_text = zone_name(at_ns, zone, lang)
    svg.text(
        left,
        height - 10,
        zone_text if plot.is_daily else f"{day(at_ns, zone)} · {zone_text}",
        size=10.5,
        fill=look.muted,
    )
    svg.text(8, 18, say(SESSIONS_AXIS, lang), size=10.5, fill=look.muted)
    x = left + 60
    for outcome in plot.outcomes:
        _bar(svg, outcome, x, 9, 12, 11, None)
        text = f"{say(OUTCOMES[outcome], lang)} {totals[outcome]:,}"
        svg.text(x + 18, 18, text, size=11)
        x += width_of(text, 11) + 48
    return svg.finish()


def _bar(svg: Svg, outcome: Outcome, x: float, y: float, width: float, height: float, hover: str | None) -> None:
    """Failures are full, the others lighter with an outline, so that they differ without colour."""
    color = look_of(outcome, svg.theme).color
    opacity = {Outcome.FAILED: 1.0, Outcome.INCOMPLETE: 0.55, Outcome.UNKNOWN: 0.0, Outcome.PASSED: 0.25}[outcome]
    svg.rect(
        x,
        y,
        width,
        height,
        fill=color,
        fill_opacity=opacity,
        stroke=color,
        stroke_width=1,
        stroke_dasharray="3 2" if outcome is Outcome.INCOMPLETE else None,
        hover=hover,
    )


def _levels(highest: int) -> list[int]:
    step = next(
        step for power in range(12) for step in (10**power, 2 * 10**power, 5 * 10**power) if highest / step <= 4
    )
    return list(range(0, highest + 1, step))


def _time_ticks(svg: Svg, plot: TimePlot, left: float, floor: float, scale: float, span: int, zone: tzinfo) -> None:
    step = next(step for step in (1, 5, 15, 60, 300, 900, 3600, 7200, 10**9) if span / step <= 14)
    for second in range(0, span + 1, step):
        x = left + second * scale
        text = bin_label(plot, second) if plot.is_daily else moment(plot.begin_ns + second * NS, zone, 0)
        svg.line(x, floor, x, floor + 4, stroke=svg.theme.muted)
        if width_of(text, 10) < step * scale:
            svg.text(x, floor + 16, text, size=10, fill=svg.theme.muted, anchor="middle")
