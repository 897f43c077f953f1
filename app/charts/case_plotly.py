"""The case charts as plotly figures. `customdata` of a point is {"terminal": key} where a click opens a terminal."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from app.charts import figures
from app.charts.case_look import BAND, SESSIONS_AXIS, SIZE_AXIS, bin_label, leg_line, leg_lines, look_of
from app.charts.figures import Figure, Trace, label
from app.charts.theme import Theme, theme_of
from app.charts.writing import day, for_plotly, moment, say, zone_name
from app.core.drawings.case_charts import SizePlot, TimePlot
from app.core.drawings.path_drawing import Leg, PathDrawing
from app.core.records import NS, Direction
from app.core.timeline.texts import OUTCOMES, ROLES

MOST_ROWS = 24  # a stack higher than this is pressed together


def size_figure(plot: SizePlot, lang: str = "en", theme: str = "light") -> Figure:
    """Outcome by plaintext size, the band between the edges shaded."""
    look = theme_of(theme)
    traces: list[Trace] = []
    tick_at, tick_text = [], []
    base = 0.0
    for lane in reversed(plot.lanes):
        pitch = min(1.0, MOST_ROWS / lane.rows)
        sign = look_of(lane.outcome, look)
        word = say(OUTCOMES[lane.outcome], lang)
        names = [for_plotly(placed.dot.name, 80) for placed in lane.dots]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{word} ({len(lane.dots):,})",
                "x": [placed.dot.plain_bytes for placed in lane.dots],
                "y": [round(base + 1 + placed.row * pitch, 3) for placed in lane.dots],
                "hovertext": [
                    f"{name}<br>{placed.dot.plain_bytes:,} B · {word}"
                    for name, placed in zip(names, lane.dots, strict=True)
                ],
                "hoverinfo": "text",
                "customdata": [{"terminal": placed.dot.key} for placed in lane.dots],
                "marker": {"symbol": sign.symbol, "color": sign.color, "size": 8 if pitch == 1 else 6, "opacity": 0.85},
            }
        )
        tick_at.append(base + 1)
        tick_text.append(f"<b>{word}</b> {len(lane.dots):,}")
        base += min(lane.rows, MOST_ROWS) + 3
    tall = max(base * 8, 90)
    shown = figures.layout(look, 142 + tall, {"l": 120, "r": 20, "t": 56, "b": 86})
    shown["xaxis"] |= {
        "title": {"text": say(SIZE_AXIS, lang), "font": {"size": 12}},
        "range": [0, plot.high_bytes],
        "tickformat": ",d",
    }
    shown["yaxis"] |= {"tickvals": tick_at, "ticktext": tick_text, "range": [-0.5, base + 1], "showgrid": True}
    shown["legend"]["y"] = -52 / tall
    lower, upper = plot.edges
    shown["shapes"] = [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": lower.at_bytes,
            "x1": upper.at_bytes,
            "layer": "below",
            "fillcolor": look.wait_fill,
            "opacity": 0.4,
            "line": {"width": 0},
            "label": {"text": say(BAND, lang), "textposition": "top center", "font": {"color": look.wait, "size": 11}},
        },
        *(
            {
                "type": "line",
                "yref": "paper",
                "y0": 0,
                "y1": 1.02,
                "x0": edge.at_bytes,
                "x1": edge.at_bytes,
                "line": {"color": look.wait, "width": 1.4, "dash": "dash"},
            }
            for edge in plot.edges
        ),
    ]
    shown["annotations"] = [
        {
            "text": label(edge.text, lang),
            "x": edge.at_bytes,
            "yref": "paper",
            "y": 1.0,
            "yshift": 36 - 16 * row,
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "middle",
            "font": {"size": 11, "color": look.wait},
        }
        for row, edge in enumerate(plot.edges)
    ]
    return figures.finish(traces, shown, lang)


def time_figure(plot: TimePlot, lang: str = "en", theme: str = "light", *, zone: tzinfo = UTC) -> Figure:
    """Stacked bars: sessions per step, by outcome."""
    look = theme_of(theme)

    def place(start_s: int) -> str:
        return bin_label(plot, start_s) if plot.is_daily else moment(plot.begin_ns + start_s * NS, zone, 0)

    traces: list[Trace] = []
    for outcome in reversed(plot.outcomes):
        sign = look_of(outcome, look)
        word = say(OUTCOMES[outcome], lang)
        counts = [(item.start_s, dict(item.counts).get(outcome, 0)) for item in plot.bins]
        traces.append(
            {
                "type": "bar",
                "name": f"{word} ({sum(count for _, count in counts):,})",
                "x": [start + plot.step_s / 2 for start, _ in counts],
                "y": [count for _, count in counts],
                "width": [plot.step_s * 0.92] * len(counts),
                "hoverinfo": "text",
                "hovertext": [
                    f"{place(start)} – {place(start + plot.step_s)}<br>{word}: {count:,}" for start, count in counts
                ],
                "marker": {
                    "color": sign.color,
                    "line": {"width": 0},
                    "pattern": {
                        "shape": sign.pattern,
                        "fillmode": "overlay",
                        "fgcolor": look.background,
                        "size": 7,
                        "solidity": 0.3,
                    },
                },
            }
        )
    span = 86_400 if plot.is_daily else (plot.bins[-1].start_s + plot.step_s if plot.bins else 1)
    step = next(step for step in (1, 5, 15, 60, 300, 900, 3600, 7200, 10**9) if span / step <= 14)
    zone_text = zone_name(plot.begin_ns, zone, lang)
    shown = figures.layout(look, 280, {"l": 56, "r": 20, "t": 16, "b": 84})
    shown["barmode"] = "stack"
    shown["xaxis"] |= {
        "range": [0, span],
        "tickvals": list(range(0, span + 1, step)),
        "ticktext": [place(second) for second in range(0, span + 1, step)],
        "title": {
            "text": zone_text if plot.is_daily else f"{day(plot.begin_ns, zone)} · {zone_text}",
            "font": {"size": 12},
        },
    }
    shown["yaxis"] |= {
        "title": {"text": say(SESSIONS_AXIS, lang), "font": {"size": 12}},
        "rangemode": "tozero",
        "tickformat": ",d",
    }
    shown["legend"]["y"] = -0.3
    return figures.finish(traces, shown, lang)


def path_figure(drawing: PathDrawing, lang: str = "en", theme: str = "light") -> Figure:
    """Nodes as boxes in order, legs between; hover a leg for all its counts."""
    look = theme_of(theme)
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    hover_x, hover_y, hover_text, symbols, colors = [], [], [], [], []
    for index, leg in enumerate(drawing.legs):
        color, dash = _leg_style(leg, look)
        shapes.append(
            {
                "type": "line",
                "x0": index,
                "x1": index + 1,
                "y0": 0,
                "y1": 0,
                "layer": "below",
                "line": {"color": color, "width": 5 if leg.is_guilty else 3, "dash": dash},
            }
        )
        hover_x.append(index + 0.5)
        hover_y.append(0)
        symbols.append("x" if leg.is_guilty else "circle")
        colors.append(color)
        hover_text.append("<br>".join(label(leg_line(count), lang) for count in leg.counts) or "?")
        for direction in Direction:
            notes.append(_leg_note(leg, index, direction, lang, look))
    for index, node in enumerate(drawing.nodes):
        shapes.append(
            {
                "type": "rect",
                "x0": index - 0.27,
                "x1": index + 0.27,
                "y0": -0.36,
                "y1": 0.36,
                "fillcolor": look.band if node.point else look.background,
                "line": {
                    "color": look.text if node.point else look.lane,
                    "width": 1.2,
                    "dash": "solid" if node.point else "dot",
                },
            }
        )
        below = say(node.note or ROLES[node.role], lang)
        notes.append(
            {
                "x": index,
                "y": 0,
                "showarrow": False,
                "font": {"size": 12, "color": look.text},
                "text": f"<b>{label(node.name, lang, 24)}</b><br>{for_plotly(below, 40)}",
            }
        )
    shown = figures.layout(look, 220, {"l": 10, "r": 10, "t": 10, "b": 10})
    hidden = {"visible": False, "fixedrange": True}
    shown["xaxis"] |= hidden | {"range": [-0.4, len(drawing.nodes) - 0.6]}
    shown["yaxis"] |= hidden | {"range": [-1.7, 1.7]}
    shown |= {"shapes": shapes, "annotations": notes, "showlegend": False}
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": hover_x,
            "y": hover_y,
            "hovertext": hover_text,
            "hoverinfo": "text",
            "marker": {
                "symbol": symbols,
                "color": colors,
                "size": [22 if symbol == "x" else 9 for symbol in symbols],
                "opacity": 1,
                "line": {"color": look.background, "width": 1.5},
            },
        }
    ]
    return figures.finish(traces, shown, lang)


def _leg_style(leg: Leg, theme: Theme) -> tuple[str, str]:
    if leg.is_guilty:
        return theme.lost, "solid"
    if leg.is_suspect:
        return theme.wait, "dot"
    return (theme.to_server, "solid") if leg.is_known else (theme.unknown, "dot")


def _leg_note(leg: Leg, index: int, direction: Direction, lang: str, theme: Theme) -> dict[str, Any]:
    up = direction is Direction.TO_SERVER
    lines = []
    for count in leg_lines(leg.of(direction)):
        text = label(leg_line(count), lang)
        text = f"{text} →" if up else f"← {text}"
        lines.append(f'<b><span style="color:{theme.lost}">{text}</span></b>' if count.lost else text)
    return {
        "x": index + 0.5,
        "y": 0.45 if up else -0.45,
        "text": "<br>".join(lines),
        "showarrow": False,
        "yanchor": "bottom" if up else "top",
        "font": {"size": 11.5, "color": theme.text},
    }
