"""The way of one fragment over the lanes: where it was seen, where it ends, and what is only guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.core.analysis import FragmentFate, Seen, Sighting
from app.core.records import NS, Text
from app.core.timeline.model import FragmentLine, Lane, LaneKind, Piece, Ref, Spot, Stretch, refs_of
from app.core.timeline.texts import lost_between, never_left, unknown_after
from app.core.timeline.time_axis import AxisBuilder


@dataclass(frozen=True, slots=True)
class Station:
    """A lane on the way, in the direction of travel. `is_known`: a log proves that the fragment was here."""

    x: float
    place: str
    state: Seen
    is_known: bool = False
    handle: int | None = None  # of its instant, where it was seen
    time_ns: int | None = None
    refs: tuple[Ref, ...] = ()
    reason: Text | None = None

    @property
    def is_anchor(self) -> bool:
        return self.state is Seen.SEEN or self.is_known


@dataclass(frozen=True, slots=True)
class Way:
    """A fragment's stations before heights are known; `start` is the handle of the instant it set out."""

    offset: int
    length: int
    stations: tuple[Station, ...]
    start: int


def shown_time(sighting: Sighting, is_corrected: bool) -> int | None:
    return sighting.time_ns if is_corrected else sighting.raw_time_ns


def _no_earlier(time_ns: int, before: tuple[int, float] | None, band_s: float) -> int:
    if before is None or not 0 < before[0] - time_ns <= (before[1] + band_s) * NS:
        return time_ns
    return before[0]


def lay_stations(
    fragment: FragmentFate | None,
    lanes: Sequence[tuple[int, Lane]],
    axis: AxisBuilder,
    is_corrected: bool,
    known: frozenset[LaneKind],
) -> tuple[Station, ...]:
    """One station per lane of the network, in the order of travel; registers the instants of what was seen.

    Corrected clocks still err by a known band. Where a sighting lies before the one on the lane before it by no
    more than that, it is drawn no earlier: nothing arrives before it was sent. Beyond the band
    it is drawn as it stands.
    """
    stations = []
    before: tuple[int, float] | None = None
    for x, lane in lanes:
        sighting = fragment.sightings.get(lane.point) if fragment is not None and lane.point is not None else None
        place = lane.point or lane.name.en
        is_known = lane.kind in known
        if sighting is None:
            stations.append(Station(x, place, Seen.UNKNOWN, is_known))
            continue
        time_ns = shown_time(sighting, is_corrected) if sighting.state is Seen.SEEN else None
        handle = None
        if time_ns is not None:
            band = lane.clock_uncertainty_s or 0.0
            drawn = _no_earlier(time_ns, before, band) if is_corrected else time_ns
            handle, before = axis.instant(drawn), (drawn, band)
        refs = refs_of(sighting)
        # A log that proves the message outweighs a point that could not tell, never one that looked and saw nothing.
        stations.append(
            Station(
                x,
                place,
                sighting.state,
                is_known and sighting.state is Seen.UNKNOWN,
                handle,
                time_ns,
                refs,
                sighting.reason,
            )
        )
    return tuple(stations)


def reach_below(way: Way, drop: float) -> float:
    """How far a way goes on below the last station whose time is known."""
    timed = [at for at, station in enumerate(way.stations) if station.handle is not None]
    last = timed[-1] if timed else 0
    rest = way.stations[last + 1 :]
    missing = next((station for station in rest if station.state is Seen.MISSING), None)
    if missing is not None:
        return drop * abs(missing.x - way.stations[last].x) / 2 + drop / 4
    return drop * abs(rest[-1].x - way.stations[last].x) if rest else 0.0


def draw_way(
    way: Way, heights: Sequence[float], drop: float, label: Text | None, tell: Callable[[str], Text]
) -> FragmentLine:
    """Places the way. `drop`: how far a line falls on a leg that nobody timed; `tell(place)` names a sighting."""
    drawer = _Drawer(way, heights, drop, tell)
    drawer.pass_anchors()
    drawer.finish()
    first = way.stations[0]
    return FragmentLine(
        offset=way.offset,
        length=way.length,
        pieces=tuple(drawer.pieces),
        seen=tuple(drawer.seen),
        label=label,
        label_x=first.x,
        label_y=drawer.start_y,
        cross=drawer.cross,
        head=drawer.head,
        end=drawer.end,
    )


class _Drawer:
    def __init__(self, way: Way, heights: Sequence[float], drop: float, tell: Callable[[str], Text]) -> None:
        self.stations = way.stations
        self.heights = heights
        self.drop = drop
        self.tell = tell
        self.pieces: list[Piece] = []
        self.seen: list[Spot] = []
        self.cross: Spot | None = None
        self.head: Piece | None = None
        self.end: Spot | None = None
        anchors = [at for at, station in enumerate(self.stations) if station.is_anchor]
        self.last = anchors[-1] if anchors else -1
        timed = next((s.handle for s in self.stations if s.handle is not None), way.start)
        self.start_y = self.y = heights[timed]
        self.x = self.stations[0].x
        self.forward = 1.0 if self.stations[-1].x >= self.x else -1.0

    def pass_anchors(self) -> None:
        before = 0
        for at, station in enumerate(self.stations[: self.last + 1]):
            if not station.is_anchor:
                continue
            y = self._height(station, at)
            if at > 0:
                watched = at - before == 1 and station.state is Seen.SEEN and self.stations[before].state is Seen.SEEN
                self._piece(station.x, y, Stretch.SEEN if watched else Stretch.UNSEEN)
            if station.state is Seen.SEEN:
                self.seen.append(Spot(station.x, y, self.tell(station.place), station.time_ns, station.refs))
            self.x, self.y, before = station.x, y, at

    def finish(self) -> None:
        left = self.stations[self.last + 1 :]
        if not left:
            self.head = self.pieces[-1] if self.pieces else None
            return
        missing = next((station for station in left if station.state is Seen.MISSING), None)
        if missing is None:
            self._fade(left[-1])
        else:
            self._lose(missing, is_near=missing is left[0])

    def _height(self, station: Station, at: int) -> float:
        if station.handle is not None:
            return self.heights[station.handle]
        return self.y if at == 0 or not self.seen else self.y + self.drop * abs(station.x - self.x)

    def _piece(self, x: float, y: float, kind: Stretch) -> None:
        self.pieces.append(Piece(self.x, self.y, x, y, kind))

    def _fade(self, goal: Station) -> None:
        if goal.x == self.x:
            return
        y = self.y + self.drop * abs(goal.x - self.x)
        self._piece(goal.x, y, Stretch.FADING)
        self.end = Spot(goal.x, y, unknown_after(self.stations[max(self.last, 0)].place))

    def _lose(self, missing: Station, is_near: bool) -> None:
        if missing is self.stations[0]:
            x, text = self.x + 0.22 * self.forward, never_left(missing.place)
        else:
            x = (self.x + missing.x) / 2
            text = lost_between(self.stations[max(self.last, 0)].place, missing.place, is_near and self.last >= 0)
        if missing.reason is not None:
            text = Text(f"{text.en} ({missing.reason.en})", f"{text.zh}（{missing.reason.zh}）")
        y = self.y + self.drop * abs(x - self.x)
        self._piece(x, y, Stretch.LOST if is_near and self.last >= 0 else Stretch.UNSEEN)
        last = self.stations[self.last] if self.last >= 0 else None
        self.cross = Spot(x, y, text, None, last.refs if last else ())
