"""What the traces of a ladder share: columns of points, colours, words, and the references behind marks."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from app.charts import figures
from app.charts.figures import Trace
from app.charts.theme import Theme
from app.charts.writing import for_plotly, say, zone_of_times
from app.core.records import Direction, Text
from app.core.timeline.model import Density, MessageArrow, Piece, Ref, Timeline
from app.core.timeline.texts import LEGEND

MOST_WIDE_LANES = 6  # with more, a log line's number has no room between two lanes


class Points:
    """Columns of one trace."""

    def __init__(self) -> None:
        self.x: list[float | None] = []
        self.y: list[float | None] = []
        self.text: list[str] = []
        self.refs: list[dict[str, object] | None] = []

    def add(self, x: float, y: float, text: str, refs: tuple[Ref, ...] = ()) -> None:
        self.x.append(round(x, 3))
        self.y.append(round(y, 2))
        self.text.append(text)
        self.refs.append(figures.evidence(refs))

    def line(self, piece: Piece) -> None:
        self.x += [round(piece.x0, 3), round(piece.x1, 3), None]
        self.y += [round(piece.y0, 2), round(piece.y1, 2), None]


class Drawing:
    """One ladder in one language, theme and zone."""

    def __init__(self, timeline: Timeline, lang: str, theme: Theme, zone: tzinfo, is_narrow: bool) -> None:
        self.timeline, self.lang, self.theme = timeline, lang, theme
        self.zone = zone_of_times(zone, timeline.zone_known)
        self.is_narrow = is_narrow and len(timeline.lanes) > 3
        self.is_brief = is_narrow or len(timeline.lanes) > MOST_WIDE_LANES
        self.small = timeline.density is Density.DENSE

    def say(self, text: Text, limit: int = 200) -> str:
        return for_plotly(say(text, self.lang), limit)

    def legend(self, key: str) -> str:
        return say(LEGEND[key], self.lang)

    def arrows(self, direction: Direction) -> list[MessageArrow]:
        return [arrow for arrow in self.timeline.arrows if arrow.direction is direction]

    def color(self, direction: Direction) -> str:
        return self.theme.to_server if direction is Direction.TO_SERVER else self.theme.to_client

    def sources(self, refs: tuple[Ref, ...]) -> str:
        shown = [for_plotly(ref.source, 80) + ref.number for ref in refs[:4]]
        return "<br>" + ", ".join(shown) if shown else ""

    def marks(self, points: Points, marker: dict[str, Any], key: str | None) -> Trace:
        return {
            "type": "scatter",
            "mode": "markers",
            "x": points.x,
            "y": points.y,
            "hovertext": points.text,
            "hoverinfo": "text",
            "customdata": points.refs,
            "marker": marker,
            "name": self.legend(key) if key else "",
        }

    def text(self, points: Points, color: str, size: float, place: str | list[str], *, weight: int = 400) -> Trace:
        return {
            "type": "scatter",
            "mode": "text",
            "x": points.x,
            "y": points.y,
            "text": points.text,
            "textposition": place,
            "textfont": {"color": color, "size": size, "weight": weight},
            "hoverinfo": "skip",
            "cliponaxis": True,
        }
