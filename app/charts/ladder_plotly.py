"""A timeline as a plotly figure: zoom, pan, hover, and a reference behind every mark for the page's evidence drawer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import Any

from app.charts import figures
from app.charts.figures import Figure, Trace
from app.charts.theme import Theme, theme_of
from app.charts.writing import day, for_plotly, moment, say, shorten, signed_seconds, zone_name, zone_of_times
from app.core.records import Direction, Text
from app.core.timeline.model import (
    Density,
    Lane,
    LaneKind,
    MarkKind,
    MessageArrow,
    Piece,
    Ref,
    SpanKind,
    Stretch,
    Timeline,
)
from app.core.timeline.texts import LEGEND, LOST, NO_CAPTURE, RAW_TIMES, REFERENCE_CLOCK, UNKNOWN, folded

HEAD, FOOT = 70, 84  # the buttons of the chart stand above the names of the lanes
# A page is as tall as this at most; the rest is reached by panning and zooming.
FIRST_VIEW = 1400.0
MOST_WIDE_LANES = 6  # with more, a log line's number has no room between two lanes


def ladder_figure(
    timeline: Timeline, lang: str = "en", theme: str = "light", *, zone: tzinfo = UTC, is_narrow: bool = False
) -> Figure:
    """The whole ladder at 1 unit = 1 pixel; points carry `customdata` {"source", "line", "frame", "frames"}.

    `is_narrow`: for half a page, with less written on it.
    """
    return _Ladder(timeline, lang, theme_of(theme), zone, is_narrow).figure()


class _Points:
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


class _Ladder:
    def __init__(self, timeline: Timeline, lang: str, theme: Theme, zone: tzinfo, is_narrow: bool) -> None:
        self.timeline, self.lang, self.theme = timeline, lang, theme
        self.zone = zone_of_times(zone, timeline.zone_known)
        self.is_narrow = is_narrow and len(timeline.lanes) > 3
        self.is_brief = is_narrow or len(timeline.lanes) > MOST_WIDE_LANES
        self.small = timeline.density is Density.DENSE

    def figure(self) -> Figure:
        traces = [
            *self._ties(),
            *self._spans(),
            *self._lines(),
            *self._heads(),
            *self._dots(),
            *self._crosses(),
            *self._logs(),
            *self._labels(),
        ]
        return figures.finish(traces, self._layout(), self.lang)

    def say(self, text: Text, limit: int = 200) -> str:
        return for_plotly(say(text, self.lang), limit)

    def legend(self, key: str) -> str:
        return say(LEGEND[key], self.lang)

    # -------------------------------------------------- ground

    def _layout(self) -> dict[str, Any]:
        timeline, theme = self.timeline, self.theme
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
            "ticktext": [self._head(lane) for lane in timeline.lanes],
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
            "ticktext": [moment(tick.time_ns, self.zone, 3) for tick in timeline.ticks],
            "tickfont": {"size": 11},
            "ticks": "outside",
            "ticklen": 5,
        }
        shown["shapes"] = [*self._folds(), *(self._lane(x, lane) for x, lane in enumerate(timeline.lanes))]
        shown["annotations"] = [*self._corner(), *self._notes()]
        # The legend hangs a fixed distance below the plot whatever its height.
        shown["legend"] |= {"y": -14 / tall, "traceorder": "normal"}
        return shown

    def _head(self, lane: Lane) -> str:
        name = for_plotly(shorten(say(lane.name, self.lang), 12, 72 if self.is_narrow else 118), 40)
        return name if self.is_narrow else f"{name}<br>{self._below(lane)}"

    def _below(self, lane: Lane) -> str:
        if not lane.is_observed:
            return self.say(NO_CAPTURE)
        if lane.is_reference:
            return self.say(REFERENCE_CLOCK)
        if lane.clock_s is None:
            return " "
        return ("时钟 " if self.lang.startswith("zh") else "clock ") + signed_seconds(lane.clock_s)

    def _lane(self, x: int, lane: Lane) -> dict[str, Any]:
        is_log = lane.kind in (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
        dash = "dot" if is_log else "solid" if lane.is_observed else "dash"
        return {
            "type": "line",
            "x0": x,
            "x1": x,
            "y0": -10,
            "y1": self.timeline.height,
            "layer": "below",
            "line": {"color": self.theme.lane, "width": 1 if is_log else 1.6, "dash": dash},
        }

    def _folds(self) -> Iterable[dict[str, Any]]:
        for fold in self.timeline.folds:
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
                "fillcolor": self.theme.band,
                "line": {"width": 0},
            }
            if not self.small:
                shape["label"] = {
                    "text": f"≀ {self.say(folded(fold.seconds))}",
                    "textposition": "middle right",
                    "font": {"size": 10.5, "color": self.theme.muted},
                }
            yield shape

    def _corner(self) -> Iterable[dict[str, Any]]:
        if self.timeline.ticks:
            first = self.timeline.ticks[0].time_ns
            zone = zone_name(first, self.zone, self.lang, self.timeline.zone_known)
            yield self._note(
                f"{day(first, self.zone)}<br>{zone}",
                x=0,
                y=1,
                xshift=-92,
                yshift=44,
                align="left",
                color=self.theme.muted,
            )

    def _notes(self) -> Iterable[dict[str, Any]]:
        for row, note in enumerate(self.timeline.notes):
            color = self.theme.amber if note is RAW_TIMES else self.theme.muted
            yield self._note(self.say(note, 160), x=0, y=0, xshift=0, yshift=-58 - 15 * row, align="left", color=color)

    def _note(
        self, text: str, *, x: float, y: float, xshift: float, yshift: float, align: str, color: str
    ) -> dict[str, Any]:
        return {
            "text": text,
            "xref": "paper",
            "yref": "paper",
            "x": x,
            "y": y,
            "xanchor": "left",
            "yanchor": "top",
            "xshift": xshift,
            "yshift": yshift,
            "showarrow": False,
            "align": align,
            "font": {"size": 11, "color": color},
        }

    # -------------------------------------------------- traces

    def _spans(self) -> Iterable[Trace]:
        styles = {
            SpanKind.CHECK: (self.theme.check_fill, "check"),
            SpanKind.WAIT: (self.theme.wait_fill, "wait"),
            SpanKind.GIVE_UP: (self.theme.wait_fill, "give_up"),
        }
        texts = {SpanKind.CHECK: self.theme.check, SpanKind.WAIT: self.theme.wait, SpanKind.GIVE_UP: self.theme.bad}
        for kind, (fill, key) in styles.items():
            spans = [span for span in self.timeline.spans if span.kind is kind]
            if not spans:
                continue
            points, words = _Points(), _Points()
            for span in spans:
                points.line(Piece(span.x, span.y0, span.x, span.y1, Stretch.SEEN))
                words.add(span.x, span.label_y, f"\u2002\u2002{self.say(span.text)}\u2002\u2002")
            yield {
                "type": "scatter",
                "mode": "lines",
                "x": points.x,
                "y": points.y,
                "name": self.legend(key),
                "line": {"color": fill, "width": 8, "dash": "4px,2px" if kind is SpanKind.GIVE_UP else "solid"},
                "hoverinfo": "skip",
            }
            if not self.small:
                right = [word.x < len(self.timeline.lanes) / 2 for word in spans]
                yield self._text(
                    words, texts[kind], 11, ["middle right" if is_right else "middle left" for is_right in right]
                )

    def _lines(self) -> Iterable[Trace]:
        width = 1.3 if self.small else 2
        for direction in Direction:
            color = self._color(direction)
            arrows = [arrow for arrow in self.timeline.arrows if arrow.direction is direction]
            for kind, dash, shown in (
                (Stretch.SEEN, "solid", color),
                (Stretch.UNSEEN, "dash", color),
                (Stretch.LOST, "solid", self.theme.lost),
                (Stretch.FADING, "dot", self.theme.unknown),
            ):
                pieces = [
                    piece for arrow in arrows for line in arrow.lines for piece in line.pieces if piece.kind is kind
                ]
                if not pieces:
                    continue
                points = _Points()
                for piece in pieces:
                    points.line(piece)
                key = {Stretch.UNSEEN: "unseen", Stretch.FADING: "fading"}.get(kind)
                yield {
                    "type": "scatter",
                    "mode": "lines",
                    "x": points.x,
                    "y": points.y,
                    "hoverinfo": "skip",
                    "line": {"color": shown, "width": width, "dash": dash},
                    "name": self.legend(key) if key else "",
                    "showlegend": key is not None and direction is Direction.TO_SERVER,
                    "opacity": 0.75 if kind is Stretch.FADING else 1,
                }

    def _heads(self) -> Iterable[Trace]:
        """Arrowheads: plotly turns the "arrow" sign along the line from the point before, in pixels, at any zoom."""
        for direction in Direction:
            heads = [
                line.head
                for arrow in self.timeline.arrows
                if arrow.direction is direction
                for line in arrow.lines
                if line.head is not None
            ]
            if direction.value in self.timeline.legend:
                yield self._direction_sign(direction)
            if not heads:
                continue
            points = _Points()
            for head in heads:
                points.line(head)
            sizes = [size for _ in heads for size in (0, 7 if self.small else 11, 0)]
            yield {
                "type": "scatter",
                "mode": "markers",
                "x": points.x,
                "y": points.y,
                "hoverinfo": "skip",
                "showlegend": False,
                "marker": {
                    "symbol": "arrow",
                    "angleref": "previous",
                    "size": sizes,
                    "standoff": 4,
                    "color": self._color(direction),
                    "line": {"width": 0},
                    "opacity": 1,
                },
            }

    def _direction_sign(self, direction: Direction) -> Trace:
        """An entry of the legend without points: the real heads are too small for it."""
        color = self._color(direction)
        symbol = "arrow-right" if direction is Direction.TO_SERVER else "arrow-left"
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [None],
            "y": [None],
            "name": self.legend(direction.value),
            "line": {"color": color, "width": 2},
            "marker": {"symbol": symbol, "size": 11, "color": color},
            "showlegend": True,
            "legendrank": 1,
            "hoverinfo": "skip",
        }

    def _dots(self) -> Iterable[Trace]:
        for direction in Direction:
            points = _Points()
            for arrow in self._arrows(direction):
                for line in arrow.lines:
                    for spot in line.seen:
                        at = f"<br>{moment(spot.time_ns, self.zone)}" if spot.time_ns is not None else ""
                        points.add(spot.x, spot.y, f"{self.say(spot.text)}{at}{self._sources(spot.refs)}", spot.refs)
            if points.x:
                yield self._marks(
                    points,
                    {
                        "symbol": "circle",
                        "size": 4 if self.small else 7,
                        "color": self.theme.background,
                        "line": {"color": self._color(direction), "width": 1.6},
                    },
                    None,
                )

    def _crosses(self) -> Iterable[Trace]:
        points, words, ends = _Points(), _Points(), _Points()
        for arrow in self.timeline.arrows:
            for line in arrow.lines:
                if line.cross is not None:
                    cross = line.cross
                    points.add(cross.x, cross.y, self.say(cross.text, 300) + self._sources(cross.refs), cross.refs)
            lost = [line.cross for line in arrow.lines if line.cross is not None]
            if lost:  # said once, below the lowest of a datagram's crosses
                lowest = max(lost, key=lambda cross: cross.y)
                words.add(lowest.x, lowest.y + 9, self.say(LOST))
            fading = [line.end for line in arrow.lines if line.end is not None]
            if fading:
                end = max(fading, key=lambda spot: spot.y)
                ends.add(end.x, end.y, f"? {self.say(UNKNOWN)}")
        if points.x:
            yield self._marks(
                points,
                {
                    "symbol": "x",
                    "size": 9 if self.small else 14,
                    "color": self.theme.lost,
                    "line": {"color": self.theme.background, "width": 1.5},
                },
                "lost",
            )
            if not self.small:
                yield self._text(words, self.theme.lost, 10.5, "bottom center")
        if ends.x and not self.small:
            yield self._text(ends, self.theme.unknown, 10.5, "bottom left")

    def _ties(self) -> Iterable[Trace]:
        points = _Points()
        for mark in self.timeline.marks:
            if mark.tie_x is not None and mark.tie_y is not None:
                points.line(Piece(mark.x, mark.y, mark.tie_x, mark.tie_y, Stretch.SEEN))
        if points.x:
            yield {
                "type": "scatter",
                "mode": "lines",
                "x": points.x,
                "y": points.y,
                "hoverinfo": "skip",
                "showlegend": False,
                "line": {"color": self.theme.log, "width": 1, "dash": "1px,3px"},
            }

    def _logs(self) -> Iterable[Trace]:
        styles = {
            MarkKind.LOG: ("diamond", self.theme.log, 8, "log"),
            MarkKind.NOTICE: ("diamond", self.theme.text, 8, None),
            MarkKind.BAD: ("circle-x", self.theme.bad, 15, "bad"),
            MarkKind.GOOD: ("circle", self.theme.good, 15, "good"),
        }
        for kind, (symbol, color, size, key) in styles.items():
            marks = [mark for mark in self.timeline.marks if mark.kind is kind]
            if not marks:
                continue
            points = _Points()
            for mark in marks:
                written = moment(mark.written_ns, UTC, 0)
                points.add(mark.x, mark.y, f"{self.say(mark.text)}<br>{written}{self._sources(mark.refs)}", mark.refs)
            yield self._marks(
                points,
                {
                    "symbol": symbol,
                    "size": size,
                    "color": color,
                    "line": {"color": self.theme.background, "width": 1.5},
                },
                key,
            )
            for side in ("client", "server"):
                if kind is not MarkKind.LOG or not self.small:
                    yield from self._log_words([mark for mark in marks if mark.side == side], kind, color, side)

    def _log_words(self, marks: list[Any], kind: MarkKind, color: str, side: str) -> Iterable[Trace]:
        if not marks:
            return
        words = _Points()
        for mark in marks:
            word = self.say(mark.brief if self.is_brief and mark.brief else mark.text, 60)
            gap = "\u2002\u2002" if kind is not MarkKind.LOG else "\u2002"
            tick = "✓ " if kind is MarkKind.GOOD else ""
            word = tick + word
            words.add(mark.x, mark.y, gap + word if side == "client" else word + gap)
        above = "top" if kind is MarkKind.LOG else "middle"
        yield self._text(
            words,
            self.theme.muted if kind is MarkKind.LOG else color,
            10.5 if kind is MarkKind.LOG else 12,
            f"{above} {'right' if side == 'client' else 'left'}",
            weight=700 if kind in (MarkKind.GOOD, MarkKind.BAD) else 400,
        )

    def _labels(self) -> Iterable[Trace]:
        for direction in Direction:
            right = direction is Direction.TO_SERVER
            titles, ranges = _Points(), _Points()
            for arrow in self._arrows(direction):
                title = self.say(arrow.title)
                titles.add(arrow.x, arrow.y - 1, f"\u2002{title}" if right else f"{title}\u2002", arrow.refs)
                for line in arrow.lines:
                    if line.label is not None:
                        word = self.say(line.label)
                        ranges.add(
                            line.label_x, line.label_y + 2, f"{word}\u2002\u2002" if right else f"\u2002\u2002{word}"
                        )
            if titles.x:
                place = "top right" if right else "top left"
                trace = self._text(titles, self._color(direction), 10 if self.small else 12, place, weight=700)
                yield trace | {"customdata": titles.refs, "hoverinfo": "text", "hovertext": titles.text}
            if ranges.x:
                yield self._text(ranges, self.theme.muted, 10, "bottom left" if right else "bottom right")

    # -------------------------------------------------- pieces

    def _arrows(self, direction: Direction) -> list[MessageArrow]:
        return [arrow for arrow in self.timeline.arrows if arrow.direction is direction]

    def _color(self, direction: Direction) -> str:
        return self.theme.to_server if direction is Direction.TO_SERVER else self.theme.to_client

    def _sources(self, refs: tuple[Ref, ...]) -> str:
        shown = [
            for_plotly(ref.source, 80) + (f":{ref.line}" if ref.line is not None else f" #{ref.frame}")
            for ref in refs[:4]
        ]
        return "<br>" + ", ".join(shown) if shown else ""

    def _marks(self, points: _Points, marker: dict[str, Any], key: str | None) -> Trace:
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
            "showlegend": key is not None,
        }

    def _text(self, points: _Points, color: str, size: float, place: str | list[str], *, weight: int = 400) -> Trace:
        return {
            "type": "scatter",
            "mode": "text",
            "x": points.x,
            "y": points.y,
            "text": points.text,
            "textposition": place,
            "textfont": {"color": color, "size": size, "weight": weight},
            "hoverinfo": "skip",
            "showlegend": False,
            "cliponaxis": True,
        }
