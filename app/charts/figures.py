"""What all plotly figures share: layout, escaping.

A figure is a plain JSON mapping {"data", "layout", "config"} for `Plotly.newPlot(element, figure)`. plotly reads a
subset of HTML in every text, so whatever comes from a bundle goes through `for_plotly`; hover texts use `hovertext`,
never a template, which would read `%{…}`. Our own texts use no tag but `<br>`: plotly makes style attributes of the
others, which the policy of the pages forbids; weight is a property of the font.
"""

from __future__ import annotations

from typing import Any

from app.charts.theme import FONTS, Theme
from app.charts.writing import for_plotly, say
from app.core.records import Text
from app.core.timeline.model import Ref

Figure = dict[str, Any]
Trace = dict[str, Any]
CLEAR = "rgba(0,0,0,0)"


def evidence(refs: tuple[Ref, ...]) -> dict[str, object] | None:
    """`customdata` of a point: what the page needs to open its drawer; all frames of one sighting in `frames`."""
    if not refs:
        return None
    first = refs[0]
    return {
        "source": first.source,
        "line": first.line,
        "frame": first.frame,
        "frames": [ref.frame for ref in refs if ref.frame is not None and ref.source == first.source],
    }


def layout(theme: Theme, height: float, margin: dict[str, int]) -> dict[str, Any]:
    axis = {"zeroline": False, "gridcolor": theme.band, "linecolor": theme.lane, "tickcolor": theme.lane}
    return {
        "height": round(height),
        "margin": margin,
        "paper_bgcolor": CLEAR,  # the page's card
        "plot_bgcolor": CLEAR,
        "font": {"family": FONTS, "size": 12, "color": theme.text},
        "dragmode": "pan",
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": theme.background,
            "bordercolor": theme.lane,
            "align": "left",
            "font": {"family": FONTS, "size": 12, "color": theme.text},
        },
        "legend": {
            "orientation": "h",
            "yanchor": "top",
            "y": -0.02,
            "x": 0,
            "itemclick": "toggle",
            "font": {"size": 11.5, "color": theme.text},
            "bgcolor": CLEAR,
        },
        "modebar": {"bgcolor": CLEAR, "color": theme.muted, "activecolor": theme.to_server},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "showlegend": True,
    }


def config(lang: str) -> dict[str, Any]:
    """plotly's manners. Wheel, fingers, double click and keys are the page's own: see `static/charts.js`."""
    return {
        "responsive": True,
        "displaylogo": False,
        "locale": "zh-CN" if lang.startswith("zh") else "en",
        "modeBarButtons": [["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]],
        "scrollZoom": False,
        "doubleClick": False,
    }


def finish(traces: list[Trace], arrangement: dict[str, Any], lang: str) -> Figure:
    """The mapping for the browser. That plotly knows every property in it is a matter for the tests."""
    return {"data": traces, "layout": arrangement, "config": config(lang)}


def label(text: Text, lang: str, limit: int = 200) -> str:
    return for_plotly(say(text, lang), limit)
