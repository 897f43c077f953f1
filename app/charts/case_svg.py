"""The case charts as SVG: sizes, times, the path, and the boxes of the fragment table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo

from app.charts.case_look import (
    BAND,
    DAILY_TITLE,
    NOTHING,
    PATH_KEY,
    PATH_TITLE,
    SESSIONS_AXIS,
    SIZE_AXIS,
    SIZE_TITLE,
    TIME_TITLE,
    bin_label,
    leg_line,
    leg_lines,
    look_of,
    without_size,
)
from app.charts.svg import Svg, number
from app.charts.theme import Theme, theme_of
from app.charts.writing import clean, day, moment, say, shorten, width_of, zone_name
from app.core.analysis import Outcome, Seen
from app.core.drawings.case_charts import SizeLane, SizePlot, TimePlot
from app.core.drawings.fragment_boxes import FragmentBox
from app.core.drawings.path_drawing import Leg, LegCount, PathDrawing
from app.core.records import NS, Direction, Text
from app.core.timeline.texts import OUTCOMES, ROLES

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


# ---------------------------------------------------------------- times


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


# ---------------------------------------------------------------- path

NODE_WIDTH, ROW = 92.0, 15.0


def path_svg(
    drawing: PathDrawing, lang: str = "en", theme: str = "light", width: float = 1000, *, name: str = "path"
) -> str:
    """Capture points in order; above a leg what went to the server, below what came back."""
    look = theme_of(theme)
    rows = [max((len(leg_lines(leg.of(direction))) for leg in drawing.legs), default=0) for direction in Direction]
    middle = 34 + max(rows[0], 1) * ROW + 16
    height = middle + 34 + max(rows[1], 1) * ROW + 24
    described = "; ".join(_spoken(drawing, index, lang) for index in range(len(drawing.legs)))
    svg = Svg(width, height, look, say(PATH_TITLE, lang), described, name)
    nodes = len(drawing.nodes)
    node = min(NODE_WIDTH, (width - 24) / max(nodes * 2 - 1, 1))
    pitch = (width - 24 - node) / max(nodes - 1, 1)
    for index, leg in enumerate(drawing.legs):
        left = 12 + node + index * pitch
        _leg(svg, leg, left, left + pitch - node, middle, lang)
    for index, item in enumerate(drawing.nodes):
        x = 12 + index * pitch
        svg.rect(
            x,
            middle - 19,
            node,
            38,
            fill=look.band if item.point else look.background,
            rx=7,
            stroke=look.text if item.point else look.lane,
            stroke_width=1.2,
            stroke_dasharray=None if item.point else "5 4",
        )
        below = ROLES[item.role] if item.note is None else item.note
        svg.text(
            x + node / 2,
            middle - 1,
            shorten(clean(say(item.name, lang), 60), 12, node - 8),
            size=12,
            anchor="middle",
            weight="600",
        )
        svg.text(
            x + node / 2,
            middle + 12,
            shorten(say(below, lang), 9.5, node - 6),
            size=9.5,
            anchor="middle",
            fill=look.muted,
        )
    svg.text(12, height - 8, say(PATH_KEY, lang), size=10, fill=look.muted)
    return svg.finish()


def _spoken(drawing: PathDrawing, index: int, lang: str) -> str:
    ends = f"{say(drawing.nodes[index].name, lang)} – {say(drawing.nodes[index + 1].name, lang)}"
    return f"{ends}: " + ", ".join(say(leg_line(count), lang) for count in drawing.legs[index].counts)


def _leg(svg: Svg, leg: Leg, left: float, right: float, middle: float, lang: str) -> None:
    theme = svg.theme
    color = (
        theme.lost
        if leg.is_guilty
        else theme.wait
        if leg.is_suspect
        else theme.to_server
        if leg.is_known
        else theme.unknown
    )
    dash = None if leg.is_known and not leg.is_suspect else "2 5"
    svg.line(
        left,
        middle,
        right,
        middle,
        stroke=color,
        stroke_width=4 if leg.is_guilty else 2.4,
        stroke_dasharray=dash,
        stroke_linecap="round",
    )
    center = (left + right) / 2
    if leg.is_guilty:
        svg.cross(center, middle, 9, theme.lost, width=4)
    elif not leg.is_known or leg.is_suspect:
        svg.circle(center, middle, 8, fill=theme.background, stroke=color, stroke_width=1.4)
        svg.text(center, middle + 4, "?", size=11, anchor="middle", fill=color, weight="700")
    up, down = (leg_lines(leg.of(direction)) for direction in Direction)
    for row, count in enumerate(reversed(up)):
        _leg_text(svg, count, center, middle - 17 - row * ROW, right - left + 26, lang, "→")
    for row, count in enumerate(down):
        _leg_text(svg, count, center, middle + 28 + row * ROW, right - left + 26, lang, "←")


def _leg_text(svg: Svg, count: LegCount, center: float, y: float, room: float, lang: str, arrow: str) -> None:
    theme = svg.theme
    color = (
        theme.lost if count.lost else theme.wait if count.maybe_lost else theme.text if count.crossed else theme.unknown
    )
    text = say(leg_line(count), lang)
    shown = f"{text} {arrow}" if arrow == "→" else f"{arrow} {text}"
    svg.text(
        center, y, shorten(shown, 11, room), size=11, anchor="middle", fill=color, weight="700" if count.lost else None
    )


# ---------------------------------------------------------------- fragment table


def boxes_svg(
    boxes: Sequence[FragmentBox],
    lang: str = "en",
    theme: str = "light",
    width: float = 180,
    height: float = 22,
    *,
    name: str = "boxes",
    label: Text | None = None,
) -> str:
    """One cell of the fragment table. Seen is filled, missing crossed out, unknown dotted with a question mark."""
    look = theme_of(theme)
    described = "; ".join(say(box.text, lang) for box in boxes)
    svg = Svg(width, height, look, say(label, lang) if label else described, described, name)
    room = width - 2
    least = min(6.0, room / max(len(boxes), 1))  # a last fragment of 8 bytes must still be seen
    spare = room - least * len(boxes)
    x = 1.0
    for box in boxes:
        wide = least + spare * box.share
        _box(svg, box, x, wide, height, look, lang)
        x += wide
    return svg.finish()


def _box(svg: Svg, box: FragmentBox, x: float, wide: float, height: float, look: Theme, lang: str) -> None:
    color = {Seen.SEEN: look.to_server, Seen.MISSING: look.lost, Seen.UNKNOWN: look.unknown}[box.state]
    inner, middle = max(wide - 2, 1), height / 2
    svg.rect(
        x,
        2,
        inner,
        height - 4,
        rx=2,
        fill=look.box if box.state is Seen.SEEN else look.background,
        stroke=color,
        stroke_width=1.2,
        stroke_dasharray="2 3" if box.state is Seen.UNKNOWN else None,
        hover=say(box.text, lang),
    )
    center = x + inner / 2
    if box.state is Seen.MISSING:
        svg.cross(center, middle, min(4.5, inner / 2), look.lost, width=2)
    elif box.state is Seen.UNKNOWN:
        svg.text(center, middle + 4, "?", size=11, anchor="middle", fill=look.unknown, weight="700")
    elif width_of(f"{box.length:,}", 10) < inner - 4:
        svg.text(center, middle + 3.5, f"{box.length:,}", size=10, anchor="middle", fill=look.text)
