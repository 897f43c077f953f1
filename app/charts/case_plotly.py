"""The case charts as plotly figures. `customdata` of a point is {"terminal": key} where a click opens a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from itertools import count

from app.charts import figures
from app.charts.case_look import BAND, SESSIONS_AXIS, SIZE_AXIS, bin_label, look_of
from app.charts.figures import Figure, Trace, label
from app.charts.theme import theme_of
from app.charts.writing import day, for_plotly, moment, say, zone_name
from app.core.drawings.case_charts import SizePlot, TimePlot
from app.core.records import NS
from app.core.timeline.texts import OUTCOMES

MOST_ROWS = 24  # a stack higher than this is pressed together
FEWEST_STEPS = 12


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
        tick_text.append(f"{word} {len(lane.dots):,}")
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
            # The upper edge's words stand to its left: to its right there may be no room.
            "xanchor": "right" if row else "left",
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
    # Few bars stay bars: the axis is never shorter than FEWEST_STEPS of them.
    room = max(0, (FEWEST_STEPS * plot.step_s - span) / 2)
    tallest = max((item.total for item in plot.bins), default=1)
    shown["xaxis"] |= {
        "range": [-room, span + room],
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
        "dtick": next(step for step in _whole_steps() if tallest / step <= 5),
        "tickformat": ",d",
    }
    shown["legend"]["y"] = -0.3
    return figures.finish(traces, shown, lang)


def _whole_steps() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 …: sessions are counted in whole numbers."""
    for zeros in count():
        yield from (digit * 10**zeros for digit in (1, 2, 5))
