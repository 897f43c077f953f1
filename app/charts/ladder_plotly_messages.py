"""Traces of the messages of a ladder: lines of fragments, arrowheads, sightings, losses, words."""

from __future__ import annotations

from collections.abc import Iterable

from app.charts.figures import Trace
from app.charts.ladder_plotly_drawing import Drawing, Points
from app.charts.writing import moment
from app.core.records import Direction
from app.core.timeline.model import Stretch
from app.core.timeline.texts import LOST, UNKNOWN


def lines(of: Drawing) -> Iterable[Trace]:
    width = 1.3 if of.small else 2
    for direction in Direction:
        color = of.color(direction)
        arrows = [arrow for arrow in of.timeline.arrows if arrow.direction is direction]
        for kind, dash, shown in (
            (Stretch.SEEN, "solid", color),
            (Stretch.UNSEEN, "dash", color),
            (Stretch.LOST, "solid", of.theme.lost),
            (Stretch.FADING, "dot", of.theme.unknown),
        ):
            pieces = [piece for arrow in arrows for line in arrow.lines for piece in line.pieces if piece.kind is kind]
            if not pieces:
                continue
            points = Points()
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
                "name": of.legend(key) if key else "",
                "opacity": 0.75 if kind is Stretch.FADING else 1,
            }


def heads(of: Drawing) -> Iterable[Trace]:
    """Arrowheads: plotly turns the "arrow" sign along the line from the point before, in pixels, at any zoom."""
    for direction in Direction:
        heads = [
            line.head
            for arrow in of.timeline.arrows
            if arrow.direction is direction
            for line in arrow.lines
            if line.head is not None
        ]
        if not heads:
            continue
        points = Points()
        for head in heads:
            points.line(head)
        sizes = [size for _ in heads for size in (0, 7 if of.small else 11, 0)]
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": points.x,
            "y": points.y,
            "hoverinfo": "skip",
            "marker": {
                "symbol": "arrow",
                "angleref": "previous",
                "size": sizes,
                "standoff": 4,
                "color": of.color(direction),
                "line": {"width": 0},
                "opacity": 1,
            },
        }


def dots(of: Drawing) -> Iterable[Trace]:
    for direction in Direction:
        points = Points()
        for arrow in of.arrows(direction):
            for line in arrow.lines:
                for spot in line.seen:
                    at = f"<br>{moment(spot.time_ns, of.zone)}" if spot.time_ns is not None else ""
                    points.add(spot.x, spot.y, f"{of.say(spot.text)}{at}{of.sources(spot.refs)}", spot.refs)
        if points.x:
            yield of.marks(
                points,
                {
                    "symbol": "circle",
                    "size": 4 if of.small else 7,
                    "color": of.theme.background,
                    "line": {"color": of.color(direction), "width": 1.6},
                },
                None,
            )


def crosses(of: Drawing) -> Iterable[Trace]:
    points, words, ends = Points(), Points(), Points()
    for arrow in of.timeline.arrows:
        for line in arrow.lines:
            if line.cross is not None:
                cross = line.cross
                points.add(cross.x, cross.y, of.say(cross.text, 300) + of.sources(cross.refs), cross.refs)
        lost = [line.cross for line in arrow.lines if line.cross is not None]
        if lost:  # said once, below the lowest of a datagram's crosses
            lowest = max(lost, key=lambda cross: cross.y)
            words.add(lowest.x, lowest.y + 9, of.say(LOST))
        fading = [line.end for line in arrow.lines if line.end is not None]
        if fading:
            end = max(fading, key=lambda spot: spot.y)
            ends.add(end.x, end.y, f"? {of.say(UNKNOWN)}")
    if points.x:
        yield of.marks(
            points,
            {
                "symbol": "x",
                "size": 9 if of.small else 14,
                "color": of.theme.lost,
                "line": {"color": of.theme.background, "width": 1.5},
            },
            "lost",
        )
        if not of.small:
            yield of.text(words, of.theme.lost, 10.5, "bottom center")
    if ends.x and not of.small:
        yield of.text(ends, of.theme.unknown, 10.5, "bottom left")


def labels(of: Drawing) -> Iterable[Trace]:
    for direction in Direction:
        right = direction is Direction.TO_SERVER
        titles, ranges = Points(), Points()
        for arrow in of.arrows(direction):
            title = of.say(arrow.title)
            titles.add(arrow.x, arrow.y - 1, f"\u2002{title}" if right else f"{title}\u2002", arrow.refs)
            for line in arrow.lines:
                if line.label is not None:
                    word = of.say(line.label)
                    ranges.add(
                        line.label_x, line.label_y + 2, f"{word}\u2002\u2002" if right else f"\u2002\u2002{word}"
                    )
        if titles.x:
            place = "top right" if right else "top left"
            trace = of.text(titles, of.color(direction), 10 if of.small else 12, place, weight=700)
            yield trace | {"customdata": titles.refs, "hoverinfo": "text", "hovertext": titles.text}
        if ranges.x:
            yield of.text(ranges, of.theme.muted, 10, "bottom left" if right else "bottom right")
