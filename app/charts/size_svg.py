"""Outcome by size of message 3, as SVG."""

from __future__ import annotations

from collections.abc import Callable

from app.charts.case_look import BAND, SIZE_AXIS, SIZE_TITLE, look_of, without_size
from app.charts.svg import Svg, number
from app.charts.theme import theme_of
from app.charts.writing import say, width_of
from app.core.analysis import Outcome
from app.core.drawings.case_charts import SizeLane, SizePlot
from app.core.timeline.texts import OUTCOMES

LANE_HEIGHT = 92.0
LEFT, RIGHT = 128.0, 24.0


def size_plot_svg(
    plot: SizePlot,
    lang: str = "en",
    theme: str = "light",
    width: float = 1000,
    *,
    name: str = "sizes",
    link: Callable[[str], str] | None = None,
) -> str:
    """Outcome by size; `link` turns a terminal's key into the address its dot leads to."""
    look = theme_of(theme)
    top, foot = 56.0, 52.0
    lanes = [min(LANE_HEIGHT, 26 + lane.rows * 8.0) for lane in plot.lanes]
    height = top + sum(lanes) + foot
    described = "; ".join(f"{say(OUTCOMES[lane.outcome], lang)}: {len(lane.dots)}" for lane in plot.lanes)
    svg = Svg(width, height, look, say(SIZE_TITLE, lang), described, name)
    scale = (width - LEFT - RIGHT) / max(plot.high_bytes, 1)
    floor = height - foot

    def at(size: float) -> float:
        return LEFT + size * scale

    lower, upper = (edge.at_bytes for edge in plot.edges)
    svg.rect(at(lower), top - 8, at(upper) - at(lower), floor - top + 8, fill=look.wait_fill, fill_opacity=0.45)
    band = say(BAND, lang)
    if width_of(band, 11) < at(upper) - at(lower) - 8:
        svg.text((at(lower) + at(upper)) / 2, top + 4, band, size=11, fill=look.wait, anchor="middle")
    for row, edge in enumerate(plot.edges):
        x = at(edge.at_bytes)
        svg.line(x, top - 12, x, floor, stroke=look.wait, stroke_width=1.4, stroke_dasharray="5 4")
        text = say(edge.text, lang)
        fits = x + width_of(text, 10.5) < width - 8
        svg.text(x, 14 + row * 15, text, size=10.5, fill=look.wait, anchor="start" if fits else "end")
    y = top
    for lane, room in zip(plot.lanes, lanes, strict=True):
        _size_lane(svg, lane, y, room, at, lang, link)
        y += room
    _size_ticks(svg, plot, at, floor, lang)
    return svg.finish()


def _size_lane(
    svg: Svg,
    lane: SizeLane,
    top: float,
    room: float,
    at: Callable[[float], float],
    lang: str,
    link: Callable[[str], str] | None,
) -> None:
    theme, look = svg.theme, look_of(lane.outcome, svg.theme)
    base = top + room - 10
    svg.line(LEFT, base + 6, svg.width - RIGHT, base + 6, stroke=theme.lane)
    outcome_sign(svg, lane.outcome, 16, base - 4, 5)
    svg.text(28, base, say(OUTCOMES[lane.outcome], lang), size=12, weight="600", fill=look.color)
    svg.text(LEFT - 12, base, f"{len(lane.dots):,}", size=12, anchor="end")
    pitch = min(8.0, (room - 20) / max(lane.rows, 1))
    radius = max(min(pitch / 2, 3.6), 1.5)
    for placed in lane.dots:
        x, y = at(placed.dot.plain_bytes), base - placed.row * pitch
        if link is not None:
            svg.begin("a", href=link(placed.dot.key))
        outcome_sign(svg, lane.outcome, x, y, radius, hover=f"{placed.dot.name} · {placed.dot.plain_bytes:,} B")
        if link is not None:
            svg.end()


def _size_ticks(svg: Svg, plot: SizePlot, at: Callable[[float], float], floor: float, lang: str) -> None:
    theme = svg.theme
    step = next(step for step in (250, 500, 1000, 2500, 5000, 10_000, 10**9) if plot.high_bytes / step <= 12)
    for size in range(0, plot.high_bytes + 1, step):
        svg.line(at(size), floor, at(size), floor + 4, stroke=theme.muted)
        svg.text(at(size), floor + 16, f"{size:,}", size=10.5, fill=theme.muted, anchor="middle")
    svg.text(
        (LEFT + svg.width - RIGHT) / 2, floor + 34, say(SIZE_AXIS, lang), size=11, fill=theme.muted, anchor="middle"
    )
    if plot.without_size:
        svg.text(16, floor + 34, say(without_size(plot.without_size), lang), size=10, fill=theme.muted)


def outcome_sign(svg: Svg, outcome: Outcome, x: float, y: float, radius: float, hover: str | None = None) -> None:
    """A dot, cross, triangle or square: outcomes differ by shape, not by colour alone."""
    color, n = look_of(outcome, svg.theme).color, number
    if outcome is Outcome.PASSED:
        svg.circle(x, y, radius, fill=color, fill_opacity=0.85, hover=hover)
    elif outcome is Outcome.FAILED:
        svg.path(
            f"M{n(x - radius)} {n(y - radius)}L{n(x + radius)} {n(y + radius)}"
            f"M{n(x - radius)} {n(y + radius)}L{n(x + radius)} {n(y - radius)}",
            stroke=color,
            stroke_width=max(radius * 0.55, 1.1),
            fill="none",
            hover=hover,
        )
    elif outcome is Outcome.INCOMPLETE:
        svg.path(
            f"M{n(x)} {n(y - radius * 1.15)}L{n(x + radius)} {n(y + radius * 0.85)}H{n(x - radius)}Z",
            fill=color,
            hover=hover,
        )
    else:
        svg.rect(
            x - radius, y - radius, radius * 2, radius * 2, fill="none", stroke=color, stroke_width=1.3, hover=hover
        )
