"""A timeline as SVG, for the PDF and for pages without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo

from app.charts.svg import Svg
from app.charts.theme import Theme, theme_of
from app.charts.writing import clean, day, moment, say, shorten, signed_seconds, width_of, zone_name, zone_of_times
from app.core.records import Direction, Text
from app.core.timeline.model import (
    Density,
    FragmentLine,
    Lane,
    LaneKind,
    LogMark,
    MarkKind,
    MessageArrow,
    Piece,
    Ref,
    Span,
    SpanKind,
    Spot,
    Stretch,
    Timeline,
)
from app.core.timeline.texts import LEGEND, LOST, NO_CAPTURE, RAW_TIMES, REFERENCE_CLOCK, SCHEMATIC, UNKNOWN, folded

Link = Callable[[Ref], str]
TICKS, RIGHT, HEAD, FOOT = 110.0, 62.0, 66.0, 14.0
LABEL_ROOM = 84.0  # of a fragment's label, where no log lane lies beside
LEGEND_ROW = 20.0


def ladder_svg(
    timeline: Timeline,
    lang: str = "en",
    theme: str = "light",
    width: float = 1000,
    *,
    zone: tzinfo = UTC,
    link: Link | None = None,
    name: str = "ladder",
    is_thumb: bool = False,
) -> str:
    """The whole ladder. `link` turns a reference into an address, then every mark becomes a link.

    `name` must differ between drawings on one page (it makes the ids). `is_thumb` leaves out all small print.
    """
    drawing = _Ladder(timeline, lang, theme_of(theme), width, zone, link, name, is_thumb)
    return drawing.draw()


class _Ladder:
    def __init__(
        self,
        timeline: Timeline,
        lang: str,
        theme: Theme,
        width: float,
        zone: tzinfo,
        link: Link | None,
        name: str,
        is_thumb: bool,
    ) -> None:
        self.timeline, self.lang, self.theme, self.link = timeline, lang, theme, link
        self.zone = zone_of_times(zone, timeline.zone_known)
        self.is_thumb = is_thumb
        self.ticks = 24.0 if is_thumb else TICKS
        self.left = self.ticks + (LABEL_ROOM if self._labels_beside(LaneKind.CLIENT_LOG) else 0)
        right = 24.0 if is_thumb else LABEL_ROOM if self._labels_beside(LaneKind.SERVER_LOG) else RIGHT
        self.leg = (width - self.left - right) / max(len(timeline.lanes) - 1, 1)
        self.legend = [] if is_thumb else self._legend_rows(width)
        self.bottom = HEAD + timeline.height + 8
        notes = () if is_thumb else (SCHEMATIC, *timeline.notes)
        height = self.bottom + LEGEND_ROW * len(self.legend) + 16 * len(notes) + FOOT
        self.notes = notes
        described = ". ".join(
            [say(timeline.summary, lang), *(say(arrow.title, lang) for arrow in timeline.arrows[:40])]
        )
        self.svg = Svg(width, height, theme, say(timeline.title, lang), described, name)

    def draw(self) -> str:
        self._folds()
        self._lanes()
        for span in self.timeline.spans:
            self._span(span)
        for mark in self.timeline.marks:
            self._tie(mark)
        if not self.is_thumb:
            self._ticks()
            for arrow in self.timeline.arrows:
                self._labels(arrow)
        for arrow in self.timeline.arrows:
            for line in arrow.lines:
                self._line(arrow, line)
            self._unknown_end(arrow)
        for mark in self.timeline.marks:
            self._mark(mark)
        self._legend()
        return self.svg.finish()

    def _labels_beside(self, log: LaneKind) -> bool:
        """Whether labels of fragments stand outside of the outermost host lane."""
        direction = Direction.TO_SERVER if log is LaneKind.CLIENT_LOG else Direction.TO_CLIENT
        if self.is_thumb or any(lane.kind is log for lane in self.timeline.lanes):
            return False
        return any(line.label for arrow in self.timeline.arrows if arrow.direction is direction for line in arrow.lines)

    def x(self, lane: float) -> float:
        return self.left + lane * self.leg

    def y(self, y: float) -> float:
        return HEAD + y

    def say(self, text: Text) -> str:
        return say(text, self.lang)

    def at(self, time_ns: int | None) -> str:
        return "" if time_ns is None else f" · {moment(time_ns, self.zone)}"

    # -------------------------------------------------- ground

    def _folds(self) -> None:
        svg, theme = self.svg, self.theme
        right = svg.width - 8
        for fold in self.timeline.folds:
            top, bottom = self.y(fold.y0), self.y(fold.y1)
            if bottom - top < 3:
                continue
            middle, inset = (top + bottom) / 2, min(6.0, (bottom - top) / 4)
            svg.rect(8, top + inset, right - 8, bottom - top - 2 * inset, fill=theme.band, rx=3)
            if not self.is_thumb and bottom - top > 9:
                svg.text(
                    self.ticks - 14,
                    middle + 3.5,
                    f"≀ {self.say(folded(fold.seconds))}",
                    size=10,
                    fill=theme.muted,
                    anchor="end",
                )

    def _lanes(self) -> None:
        svg, theme = self.svg, self.theme
        for index, lane in enumerate(self.timeline.lanes):
            x = self.x(index)
            is_log = lane.kind in (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
            dash = "2 4" if is_log else None if lane.is_observed else "7 5"
            svg.line(
                x,
                HEAD - 10,
                x,
                self.bottom - 8,
                stroke=theme.lane,
                stroke_width=1 if is_log else 1.6,
                stroke_dasharray=dash,
            )
            room = self.leg - 8
            name = shorten(clean(self.say(lane.name), 80), 12, room)
            half = max(width_of(name, 12) / 2 + 7, 24)
            svg.rect(
                x - half,
                8,
                half * 2,
                22,
                fill=theme.band if lane.is_observed else theme.background,
                rx=5,
                stroke=theme.lane,
                stroke_dasharray=None if lane.is_observed else "4 3",
            )
            svg.text(x, 23, name, size=12, anchor="middle", weight="600")
            if not self.is_thumb:
                svg.text(
                    x, 44, shorten(self._below(lane), 9.5, self.leg - 4), size=9.5, fill=theme.muted, anchor="middle"
                )

    def _below(self, lane: Lane) -> str:
        if not lane.is_observed:
            return self.say(NO_CAPTURE)
        if lane.is_reference:
            return self.say(REFERENCE_CLOCK)
        if lane.clock_s is None:
            return ""
        band = f" ±{signed_seconds(lane.clock_uncertainty_s)[1:]}" if lane.clock_uncertainty_s else ""
        word = "时钟" if self.lang.startswith("zh") else "clock"
        return f"{word} {signed_seconds(lane.clock_s)}{band}"

    def _ticks(self) -> None:
        timeline, theme = self.timeline, self.theme
        if timeline.ticks:
            first = timeline.ticks[0].time_ns
            shown = zone_name(first, self.zone, self.lang, timeline.zone_known)
            self.svg.text(8, 23, day(first, self.zone), size=10, fill=theme.muted)
            self.svg.text(8, 37, shown, size=10, fill=theme.muted)
        for tick in timeline.ticks:
            y = self.y(tick.y)
            self.svg.text(
                self.ticks - 28, y + 3.5, moment(tick.time_ns, self.zone, 3), size=10, fill=theme.text, anchor="end"
            )
            self.svg.line(self.ticks - 24, y, self.ticks - 17, y, stroke=theme.muted)

    def _span(self, span: Span) -> None:
        theme = self.theme
        fill, color = {
            SpanKind.CHECK: (theme.check_fill, theme.check),
            SpanKind.WAIT: (theme.wait_fill, theme.wait),
            SpanKind.GIVE_UP: (theme.wait_fill, theme.bad),
        }[span.kind]
        x, top, bottom = self.x(span.x), self.y(span.y0), self.y(span.y1)
        self.svg.rect(
            x - 4,
            top,
            8,
            bottom - top,
            fill=fill,
            rx=3,
            stroke=color,
            stroke_width=0.8,
            stroke_dasharray="3 2" if span.kind is SpanKind.GIVE_UP else None,
            hover=self.say(span.text),
        )
        if self.is_thumb or self.timeline.density is Density.DENSE:
            return
        is_left = x < self.svg.width / 2
        self.svg.text(
            x + (11 if is_left else -11),
            self.y(span.label_y) + 3.5,
            self.say(span.text),
            size=10.5,
            fill=color,
            anchor="start" if is_left else "end",
            weight="600" if span.kind is SpanKind.GIVE_UP else None,
        )

    # -------------------------------------------------- messages

    def _color(self, arrow: MessageArrow) -> str:
        return self.theme.to_server if arrow.direction is Direction.TO_SERVER else self.theme.to_client

    def _line(self, arrow: MessageArrow, line: FragmentLine) -> None:
        color = self._color(arrow)
        for piece in line.pieces:
            self._piece(piece, color)
        if line.head is not None:
            head = line.head
            self.svg.arrowhead(self.x(head.x0), self.y(head.y0), self.x(head.x1), self.y(head.y1), color, short=3.5)
        for spot in line.seen:
            self._dot(spot, color)
        is_full = self.timeline.density is Density.FULL and not self.is_thumb
        if line.cross is not None:
            self._open_link(line.cross.refs)
            x, y = self.x(line.cross.x), self.y(line.cross.y)
            self.svg.cross(x, y, 6 if is_full else 4, self.theme.lost, hover=self.say(line.cross.text))
            if is_full and line.cross == max((way.cross for way in arrow.lines if way.cross), key=lambda spot: spot.y):
                self.svg.text(x, y + 17, self.say(LOST), size=10, fill=self.theme.lost, anchor="middle", weight="600")
            self._close_link(line.cross.refs)

    def _unknown_end(self, arrow: MessageArrow) -> None:
        ends = [line.end for line in arrow.lines if line.end is not None]
        if not ends or self.is_thumb or self.timeline.density is not Density.FULL:
            return
        end = max(ends, key=lambda spot: spot.y)
        side = -6.0 if end.x >= arrow.x else 6.0
        self.svg.text(
            self.x(end.x) + side,
            self.y(end.y) + 12,
            f"? {self.say(UNKNOWN)}",
            size=10,
            fill=self.theme.unknown,
            anchor="end" if side < 0 else "start",
        )

    def _piece(self, piece: Piece, color: str) -> None:
        x0, y0, x1, y1 = self.x(piece.x0), self.y(piece.y0), self.x(piece.x1), self.y(piece.y1)
        dense = self.timeline.density is Density.DENSE
        width = 1.2 if dense else 1.8
        if piece.kind is Stretch.FADING:
            for part, opacity in enumerate((1.0, 0.75, 0.5, 0.3)):
                a, b = part / 4, (part + 1) / 4
                self.svg.line(
                    x0 + (x1 - x0) * a,
                    y0 + (y1 - y0) * a,
                    x0 + (x1 - x0) * b,
                    y0 + (y1 - y0) * b,
                    stroke=self.theme.unknown,
                    stroke_width=width,
                    stroke_dasharray="1.5 5",
                    stroke_linecap="round",
                    stroke_opacity=opacity,
                )
            return
        self.svg.line(
            x0,
            y0,
            x1,
            y1,
            stroke=self.theme.lost if piece.kind is Stretch.LOST else color,
            stroke_width=width,
            stroke_dasharray="6 4" if piece.kind is Stretch.UNSEEN else None,
        )

    def _dot(self, spot: Spot, color: str) -> None:
        self._open_link(spot.refs)
        frames = ", ".join(f"{ref.source} #{ref.frame}" for ref in spot.refs[:4])
        radius = {Density.FULL: 3.1, Density.COMPACT: 2.4, Density.DENSE: 1.7}[self.timeline.density]
        self.svg.circle(
            self.x(spot.x),
            self.y(spot.y),
            radius,
            fill=self.theme.background,
            stroke=color,
            stroke_width=1.5,
            hover=f"{self.say(spot.text)}{self.at(spot.time_ns)} · {frames}",
        )
        self._close_link(spot.refs)

    def _labels(self, arrow: MessageArrow) -> None:
        right = arrow.direction is Direction.TO_SERVER
        x = self.x(arrow.x) + (9 if right else -9)
        behind = self.x(arrow.x) + (-9 if right else 9)
        anchor = "start" if right else "end"
        size = 9.5 if self.timeline.density is Density.DENSE else 11.5
        self._open_link(arrow.refs)
        self.svg.text(
            x,
            self.y(arrow.y) - 5,
            self.say(arrow.title),
            size=size,
            fill=self._color(arrow),
            anchor=anchor,
            weight="600",
            backed=True,
        )
        self._close_link(arrow.refs)
        for line in arrow.lines:
            if line.label is not None:
                self.svg.text(
                    behind,
                    self.y(line.label_y) + 10,
                    self.say(line.label),
                    size=9.5,
                    fill=self.theme.muted,
                    anchor="end" if right else "start",
                )

    # -------------------------------------------------- logs

    def _tie(self, mark: LogMark) -> None:
        if mark.tie_x is None or mark.tie_y is None:
            return
        self.svg.line(
            self.x(mark.x),
            self.y(mark.y),
            self.x(mark.tie_x),
            self.y(mark.tie_y),
            stroke=self.theme.log,
            stroke_width=0.9,
            stroke_dasharray="1 3",
        )

    def _mark(self, mark: LogMark) -> None:
        svg, theme = self.svg, self.theme
        x, y = self.x(mark.x), self.y(mark.y)
        # The time as the log wrote it: what a reader searches for in the file.
        written = moment(mark.written_ns, UTC, 0)
        self._open_link(mark.refs)
        hover = f"{self.say(mark.text)} · {written}"
        reach = 3.0 if self.timeline.density is Density.DENSE else 4.0
        if mark.kind is MarkKind.BAD:
            svg.circle(x, y, 8, fill=theme.bad, hover=hover)
            svg.path(f"M{x - 3:.2f} {y - 3:.2f}l6 6m0 -6l-6 6", stroke=theme.background, stroke_width=2, fill="none")
        elif mark.kind is MarkKind.GOOD:
            svg.circle(x, y, 8, fill=theme.good, hover=hover)
            svg.path(f"M{x - 4:.2f} {y:.2f}l3 3l5 -6", stroke=theme.background, stroke_width=2, fill="none")
        else:
            svg.path(
                f"M{x:.2f} {y - reach:.2f}l{reach:.2f} {reach:.2f}l{-reach:.2f} {reach:.2f}l{-reach:.2f} {-reach:.2f}z",
                fill=theme.log,
                hover=hover,
            )
        if not self.is_thumb:
            self._mark_label(mark, x, y, written)
        self._close_link(mark.refs)

    def _mark_label(self, mark: LogMark, x: float, y: float, written: str) -> None:
        theme = self.theme
        is_left = mark.side == "client"
        anchor, side = ("start", 1) if is_left else ("end", -1)
        if mark.kind is MarkKind.LOG:
            if self.timeline.density is Density.DENSE:
                return
            text = shorten(self.say(mark.text), 9.5, self.leg - 22)
            self.svg.text(x + side * 9, y - 3, text, size=9.5, fill=theme.muted, anchor=anchor)
            return
        color = {MarkKind.BAD: theme.bad, MarkKind.GOOD: theme.good}.get(mark.kind, theme.text)
        weight = None if mark.kind is MarkKind.NOTICE else "700"
        self.svg.text(
            x + side * 14, y + 4, self.say(mark.text), size=11.5, fill=color, anchor=anchor, weight=weight, backed=True
        )

    # -------------------------------------------------- links, legend

    def _open_link(self, refs: tuple[Ref, ...]) -> None:
        if self.link is not None and refs:
            self.svg.begin("a", href=self.link(refs[0]))

    def _close_link(self, refs: tuple[Ref, ...]) -> None:
        if self.link is not None and refs:
            self.svg.end()

    def _legend_rows(self, width: float) -> list[list[tuple[str, float]]]:
        rows: list[list[tuple[str, float]]] = [[]]
        x = 16.0
        for key in self.timeline.legend:
            room = 34 + width_of(say(LEGEND[key], self.lang), 10.5) + 22
            if x + room > width - 10 and rows[-1]:
                rows.append([])
                x = 16.0
            rows[-1].append((key, x))
            x += room
        return [row for row in rows if row]

    def _legend(self) -> None:
        y = self.bottom + 8
        for row in self.legend:
            for key, x in row:
                self._sign(key, x, y)
                self.svg.text(x + 34, y + 4, self.say(LEGEND[key]), size=10.5)
            y += LEGEND_ROW
        for note in self.notes:
            color = self.theme.amber if note is RAW_TIMES else self.theme.muted
            self.svg.text(16, y + 4, self.say(note), size=10, fill=color)
            y += 16

    def _sign(self, key: str, x: float, y: float) -> None:
        svg, theme = self.svg, self.theme
        if key in ("to_server", "to_client"):
            color = theme.to_server if key == "to_server" else theme.to_client
            ends = (x, x + 26) if key == "to_server" else (x + 26, x)
            svg.line(ends[0], y, ends[1], y, stroke=color, stroke_width=1.8)
            svg.arrowhead(ends[0], y, ends[1], y, color)
        elif key == "seen":
            svg.line(x, y, x + 26, y, stroke=theme.to_server, stroke_width=1.8)
            svg.circle(x + 5, y, 3.1, fill=theme.background, stroke=theme.to_server, stroke_width=1.5)
            svg.circle(x + 21, y, 3.1, fill=theme.background, stroke=theme.to_server, stroke_width=1.5)
        elif key == "lost":
            svg.line(x, y, x + 14, y, stroke=theme.lost, stroke_width=1.8)
            svg.cross(x + 18, y, 5, theme.lost)
        elif key in ("unseen", "fading"):
            self._piece_sign(key, x, y)
        elif key == "log":
            svg.line(x + 4, y, x + 26, y, stroke=theme.log, stroke_width=0.9, stroke_dasharray="1 3")
            svg.path(f"M{x + 4:.2f} {y - 4:.2f}l4 4l-4 4l-4 -4z", fill=theme.log)
        elif key == "fold":
            svg.rect(x, y - 7, 26, 14, fill=theme.band, rx=3, stroke=theme.lane)
            svg.text(x + 13, y + 4, "≀", anchor="middle", fill=theme.muted)
        elif key in ("good", "bad"):
            svg.circle(x + 13, y, 7, fill=theme.good if key == "good" else theme.bad)
            d = f"M{x + 9:.2f} {y:.2f}l3 3l5 -6" if key == "good" else f"M{x + 10:.2f} {y - 3:.2f}l6 6m0 -6l-6 6"
            svg.path(d, stroke=theme.background, stroke_width=2, fill="none")
        else:
            fill, color = (
                (theme.check_fill, theme.check)
                if key == "check"
                else (theme.wait_fill, theme.wait if key == "wait" else theme.bad)
            )
            svg.rect(
                x + 9,
                y - 8,
                8,
                16,
                fill=fill,
                rx=3,
                stroke=color,
                stroke_width=0.8,
                stroke_dasharray="3 2" if key == "give_up" else None,
            )

    def _piece_sign(self, key: str, x: float, y: float) -> None:
        if key == "unseen":
            self.svg.line(x, y, x + 26, y, stroke=self.theme.to_server, stroke_width=1.8, stroke_dasharray="6 4")
            return
        for part, opacity in enumerate((1.0, 0.75, 0.5, 0.3)):
            self.svg.line(
                x + part * 7,
                y,
                x + part * 7 + 6,
                y,
                stroke=self.theme.unknown,
                stroke_width=1.8,
                stroke_dasharray="1.5 5",
                stroke_linecap="round",
                stroke_opacity=opacity,
            )
