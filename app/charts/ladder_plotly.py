"""A timeline as a plotly figure: zoom, pan, hover, and a reference behind every mark for the page's evidence drawer."""

from __future__ import annotations

from datetime import UTC, tzinfo

from app.charts import figures
from app.charts.figures import Figure
from app.charts.ladder_plotly_drawing import Drawing
from app.charts.ladder_plotly_ground import logs, spans, ties
from app.charts.ladder_plotly_layout import layout
from app.charts.ladder_plotly_messages import crosses, dots, heads, labels, lines
from app.charts.theme import theme_of
from app.core.timeline.model import Timeline

FROM_BACK_TO_FRONT = (ties, spans, lines, heads, dots, crosses, logs, labels)


def ladder_figure(
    timeline: Timeline, lang: str = "en", theme: str = "light", *, zone: tzinfo = UTC, is_narrow: bool = False
) -> Figure:
    """The whole ladder at 1 unit = 1 pixel; points carry `customdata` {"source", "line", "frame", "frames"}.

    `is_narrow`: for half a page, with less written on it.
    """
    drawing = Drawing(timeline, lang, theme_of(theme), zone, is_narrow)
    traces = [trace for draw in FROM_BACK_TO_FRONT for trace in draw(drawing)]
    return figures.finish(traces, layout(drawing), lang)
