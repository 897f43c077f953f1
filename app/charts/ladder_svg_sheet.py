"""The sheet that a ladder is drawn on: where a lane and an instant lie on it, in which words, with which links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from app.charts.ladder_svg_legend import ROW, legend_rows
from app.charts.svg import Svg
from app.charts.theme import Theme
from app.charts.writing import moment, say, zone_of_times
from app.core.records import Direction, Text
from app.core.timeline.model import LaneKind, Ref, Timeline
from app.core.timeline.texts import SCHEMATIC

Link = Callable[[Ref], str]
TICKS, RIGHT, HEAD, FOOT = 110.0, 62.0, 66.0, 14.0
LABEL_ROOM = 84.0  # of a fragment's label, where no log lane lies beside
NOTE_ROW = 16.0


class Sheet:
    """`is_thumb` leaves out all small print."""

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
        self.legend = [] if is_thumb else legend_rows(timeline.legend, lang, width)
        self.bottom = HEAD + timeline.height + 8
        self.notes = () if is_thumb else (SCHEMATIC, *timeline.notes)
        height = self.bottom + ROW * len(self.legend) + NOTE_ROW * len(self.notes) + FOOT
        described = ". ".join(
            [say(timeline.summary, lang), *(say(arrow.title, lang) for arrow in timeline.arrows[:40])]
        )
        self.svg = Svg(width, height, theme, say(timeline.title, lang), described, name)

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

    def open_link(self, refs: tuple[Ref, ...]) -> None:
        if self.link is not None and refs:
            self.svg.begin("a", href=self.link(refs[0]))

    def close_link(self, refs: tuple[Ref, ...]) -> None:
        if self.link is not None and refs:
            self.svg.end()
