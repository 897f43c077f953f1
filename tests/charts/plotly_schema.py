"""plotly's own opinion of a figure: a misspelt property or a wrong value raises."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go


def check(figure: dict[str, Any]) -> None:
    """The figure is plain JSON, plotly knows all of it, and no text holds a tag that plotly would make a style of."""
    assert set(figure) == {"data", "layout", "config"}
    assert json.loads(json.dumps(figure)) == figure
    go.Figure(data=figure["data"], layout=figure["layout"])
    assert not any(tag in json.dumps(figure) for tag in ("<b>", "<i>", "<span", "<a "))
