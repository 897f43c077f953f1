"""What a ladder consists of, with places but without colours: drawn by `app.charts` with plotly and as SVG.

`x` counts lanes from the left (0 is the first lane, 0.5 the middle of the first leg); `y` grows downward in units of
one pixel at normal size. Every mark carries the lines and frames behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.core.analysis import Outcome, Sighting
from app.core.records import Direction, Text
from app.core.timeline.time_axis import Fold


class LaneKind(StrEnum):
    CLIENT_LOG = "client_log"
    CLIENT = "client"
    POINT = "point"
    SERVER = "server"
    SERVER_LOG = "server_log"


class Density(StrEnum):
    FULL = "full"  # every fragment is labelled
    COMPACT = "compact"  # every attempt is labelled
    DENSE = "dense"  # hundreds of attempts: numbers only


class Stretch(StrEnum):
    """What is known of a piece of a fragment's way."""

    SEEN = "seen"  # seen at both ends
    UNSEEN = "unseen"  # it went this way, but was not watched at one of the ends
    FADING = "fading"  # nobody can tell how it went on
    LOST = "lost"  # the last piece before a loss, seen at its beginning


class MarkKind(StrEnum):
    LOG = "log"
    GOOD = "good"
    BAD = "bad"
    NOTICE = "notice"


class SpanKind(StrEnum):
    CHECK = "check"
    WAIT = "wait"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Ref:
    """The line or frame that a mark can be checked against."""

    source: str
    line: int | None = None
    frame: int | None = None

    @property
    def number(self) -> str:
        """As it is written behind the source: ":12" for a line, " #12" for a frame."""
        return f":{self.line}" if self.line is not None else f" #{self.frame}"


def refs_of(sighting: Sighting) -> tuple[Ref, ...]:
    """Every frame that shows it, or the line in which a device tells of it."""
    if sighting.source is None:
        return ()
    if sighting.line is not None:
        return (Ref(sighting.source, line=sighting.line),)
    return tuple(Ref(sighting.source, frame=frame) for frame in sighting.frames)


@dataclass(frozen=True, slots=True)
class Lane:
    name: Text
    kind: LaneKind
    point: str | None = None  # name of the capture point, None where nothing was captured
    clock_s: float | None = None  # offset taken out of (or, uncorrected, left in) its times
    clock_uncertainty_s: float | None = None
    is_reference: bool = False  # its clock is the one that all times are on

    @property
    def is_observed(self) -> bool:
        return self.point is not None or self.kind in (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)


@dataclass(frozen=True, slots=True)
class Piece:
    x0: float
    y0: float
    x1: float
    y1: float
    kind: Stretch


@dataclass(frozen=True, slots=True)
class Spot:
    """A fragment seen at a capture point, lost on a leg, or missing from sight. `time_ns` as drawn."""

    x: float
    y: float
    text: Text
    time_ns: int | None = None
    refs: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class FragmentLine:
    """One fragment over all capture points; a whole datagram is one with offset 0.

    `cross` is where it was lost; `head` is the piece that ends in the arrow's tip, where it arrived;
    `end` is where a line fades out. `label` stands at (`label_x`, `label_y`), behind the lane it sets out from.
    """

    offset: int
    length: int
    pieces: tuple[Piece, ...]
    seen: tuple[Spot, ...]
    label: Text | None
    label_x: float
    label_y: float
    cross: Spot | None = None
    head: Piece | None = None
    end: Spot | None = None


@dataclass(frozen=True, slots=True)
class MessageArrow:
    """One attempt of one message. `attempts` is how often it was sent in all."""

    number: int
    direction: Direction
    attempt: int
    attempts: int
    gap_s: float | None
    wire_bytes: int | None
    plain_bytes: int | None
    coding: str | None
    title: Text
    x: float
    y: float
    lines: tuple[FragmentLine, ...]
    refs: tuple[Ref, ...]
    is_lost: bool


@dataclass(frozen=True, slots=True)
class LogMark:
    """A log record. `tie_x` is the lane its tie leads to; `tie_y` differs from `y` where clocks are uncorrected.

    `brief` says less than `text`, for narrow lanes; None where there is nothing to leave out.
    """

    x: float
    y: float
    kind: MarkKind
    side: str  # "client" | "server"
    text: Text
    time_ns: int  # as drawn
    written_ns: int  # local time as written in the log, read as if it were UTC
    refs: tuple[Ref, ...]
    tie_x: float | None = None
    tie_y: float | None = None
    brief: Text | None = None


@dataclass(frozen=True, slots=True)
class Span:
    kind: SpanKind
    x: float
    y0: float
    y1: float
    seconds: float
    text: Text
    label_y: float


@dataclass(frozen=True, slots=True)
class Tick:
    y: float
    time_ns: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session as a ladder. `legend` names the signs that occur, in a fixed order."""

    title: Text
    summary: Text
    outcome: Outcome
    lanes: tuple[Lane, ...]
    arrows: tuple[MessageArrow, ...]
    marks: tuple[LogMark, ...]
    spans: tuple[Span, ...]
    folds: tuple[Fold, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[str, ...]
    height: float
    density: Density
    is_corrected: bool
    zone_known: bool
    notes: tuple[Text, ...] = ()
