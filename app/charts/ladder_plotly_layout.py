"""Axes, lanes and folded times of a ladder as a plotly figure. Legend and notes stand in the page, below it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.charts import figures
from app.charts.ladder_plotly_drawing import Drawing
from app.charts.writing import clock_of, day, for_plotly, moment, say, shorten, zone_name
from app.core.timeline.model import Lane, LaneKind
from app.core.timeline.texts import folded

HEAD, FOOT = 70, 8  # the buttons of the chart stand above the names of the lanes
# A page is as tall as this at most; the rest is reached by panning and zooming.
FIRST_VIEW = 1400.0


def layout(of: Drawing) -> dict[str, Any]:
    timeline, theme = of.timeline, of.theme
    tall = min(timeline.height, FIRST_VIEW)
    shown = figures.layout(theme, tall + HEAD + FOOT, {"l": 96, "r": 24, "t": HEAD, "b": FOOT})
    last = len(timeline.lanes) - 1
    left = -0.12 if timeline.lanes[0].kind is LaneKind.CLIENT_LOG else -0.55
    right = last + (0.2 if timeline.lanes[-1].kind is LaneKind.SERVER_LOG else 0.55)
    shown["xaxis"] |= {
        "range": [left, right],
        "tickvals": list(range(last + 1)),
        "side": "top",
        "showgrid": False,
        "ticktext": [_head(of, lane) for lane in timeline.lanes],
        "tickangle": 0,
        "fixedrange": False,
        "showline": False,
        "ticks": "",
    }
    shown["yaxis"] |= {
        "range": [tall + 6, -14],
        "tickvals": [tick.y for tick in timeline.ticks],
        "showgrid": False,
        "showline": False,
        "ticktext": [moment(tick.time_ns, of.zone, 3) for tick in timeline.ticks],
        "tickfont": {"size": 11},
        "ticks": "outside",
        "ticklen": 5,
    }
    shown["shapes"] = [*_folds(of), *(_lane(of, x, lane) for x, lane in enumerate(timeline.lanes))]
    shown["annotations"] = list(_corner(of))
    shown["showlegend"] = False
    return shown


def _head(of: Drawing, lane: Lane) -> str:
    name = for_plotly(shorten(say(lane.name, of.lang), 12, 72 if of.is_narrow else 118), 40)
    # Every name has its second line, or they would not stand at one height.
    return name if of.is_narrow else f"{name}<br>{of.say(clock_of(lane, with_band=False)) or ' '}"


def _lane(of: Drawing, x: int, lane: Lane) -> dict[str, Any]:
    is_log = lane.kind in (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
    dash = "dot" if is_log else "solid" if lane.is_observed else "dash"
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": -10,
        "y1": of.timeline.height,
        "layer": "below",
        "line": {"color": of.theme.lane, "width": 1 if is_log else 1.6, "dash": dash},
    }


def _folds(of: Drawing) -> Iterable[dict[str, Any]]:
    for fold in of.timeline.folds:
        if fold.y1 - fold.y0 < 3:
            continue
        inset = min(6.0, (fold.y1 - fold.y0) / 4)
        shape: dict[str, Any] = {
            "type": "rect",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": fold.y0 + inset,
            "y1": fold.y1 - inset,
            "layer": "below",
            "fillcolor": of.theme.band,
            "line": {"width": 0},
        }
        if not of.small:
            shape["label"] = {
                "text": f"≀ {of.say(folded(fold.seconds))}",
                "textposition": "middle right",
                "font": {"size": 10.5, "color": of.theme.muted},
            }
        yield shape


def _corner(of: Drawing) -> Iterable[dict[str, Any]]:
    if of.timeline.ticks:
        first = of.timeline.ticks[0].time_ns
        zone = zone_name(first, of.zone, of.lang, of.timeline.zone_known)
        yield {
            "text": f"{day(first, of.zone)}<br>{zone}",
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "top",
            "xshift": -92,
            "yshift": 44,
            "showarrow": False,
            "align": "left",
            "font": {"size": 11, "color": of.theme.muted},
        }
