"""What the drawings of a whole case show, made of few numbers so that 5,000 terminals can come out of a database.

Size plot: did a terminal pass, by how many bytes its message 3 had. Time plot: when sessions ran and how they ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from app.core.analysis import CaseAnalysis, Outcome
from app.core.records import NS, Text


class Edges(NamedTuple):
    """Plaintext sizes of message 3, bytes: above `lower` it is fragmented, above `upper` it may be compressed.

    On the wire, `header` bytes come before the plaintext.
    """

    lower: int
    upper: int
    header: int = 0


# Without a finding that computed them: an MTU of 1500, and the plaintext from which the client compresses.
DEFAULT_EDGES = Edges(1472, 3000)
OUTCOME_ORDER = (Outcome.FAILED, Outcome.INCOMPLETE, Outcome.UNKNOWN, Outcome.PASSED)
STEPS_S = (1, 5, 15, 60, 300, 900, 1800, 3600)
MOST_BINS = 72
DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SizeDot:
    """One terminal. `plain_bytes` is its largest message 3, before compression."""

    key: str
    name: str
    plain_bytes: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PlacedDot:
    dot: SizeDot
    row: int  # 0 is nearest the lane's base


@dataclass(frozen=True, slots=True)
class SizeLane:
    outcome: Outcome
    dots: tuple[PlacedDot, ...]

    @property
    def rows(self) -> int:
        return 1 + max((placed.row for placed in self.dots), default=0)


@dataclass(frozen=True, slots=True)
class SizeEdge:
    at_bytes: int
    text: Text


@dataclass(frozen=True, slots=True)
class SizePlot:
    """Lanes from the top: failed, incomplete, unknown, passed; those without terminals are left out."""

    lanes: tuple[SizeLane, ...]
    edges: tuple[SizeEdge, ...]
    low_bytes: int
    high_bytes: int
    without_size: int = 0


@dataclass(frozen=True, slots=True)
class TimeBin:
    """`start_s` since the plot's begin (or since midnight, in a daily plot); counts by outcome."""

    start_s: int
    counts: tuple[tuple[Outcome, int], ...]

    @property
    def total(self) -> int:
        return sum(number for _, number in self.counts)


@dataclass(frozen=True, slots=True)
class TimePlot:
    """Either one stretch of time (`begin_ns` is its first bin's start) or, over several days, the time of day."""

    bins: tuple[TimeBin, ...]
    step_s: int
    is_daily: bool
    begin_ns: int
    days: int = 1

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        used = {outcome for item in self.bins for outcome, _ in item.counts}
        return tuple(outcome for outcome in OUTCOME_ORDER if outcome in used)


def size_dots(analysis: CaseAnalysis) -> tuple[SizeDot, ...]:
    """One dot a terminal that reported a size."""
    dots = []
    for terminal in analysis.terminals:
        sizes = [
            size
            for session in terminal.sessions
            for message in session.messages
            if message.number == 3
            for size in (message.plain_bytes, *(attempt.plain_bytes for attempt in message.attempts))
            if size
        ]
        if sizes:
            dots.append(
                SizeDot(terminal.key, terminal.user or terminal.mac or terminal.key, max(sizes), terminal.outcome)
            )
    return tuple(dots)


def size_edges(analysis: CaseAnalysis) -> Edges:
    """The edges that a finding computed for this path, else the usual ones."""
    findings = [*analysis.findings, *(finding for terminal in analysis.terminals for finding in terminal.findings)]
    for finding in findings:
        for names in (("computed_low", "computed_high"), ("lower_edge", "upper_edge")):
            lower, upper = (finding.details.get(name) for name in names)
            if isinstance(lower, int) and isinstance(upper, int):
                header = finding.details.get("header_bytes")
                return Edges(lower, upper, header if isinstance(header, int) else 0)
    return DEFAULT_EDGES


def plot_sizes(
    dots: Sequence[SizeDot], edges: Edges = DEFAULT_EDGES, *, without_size: int = 0, columns: int = 150
) -> SizePlot:
    """Stacks terminals of about the same size (one of `columns` equal columns) on each other: no chance, no overlap."""
    sizes = [dot.plain_bytes for dot in dots]
    high = _round_up(max([*sizes, round(edges.upper * 1.15)]))
    column = max(high / columns, 1.0)
    lanes = []
    for outcome in OUTCOME_ORDER:
        filled: dict[int, int] = {}
        placed = []
        # By key, not by size: a stack sorted by size would lean.
        for dot in sorted((dot for dot in dots if dot.outcome is outcome), key=lambda dot: (dot.key, dot.plain_bytes)):
            at = int(dot.plain_bytes / column)
            placed.append(PlacedDot(dot, filled.get(at, 0)))
            filled[at] = filled.get(at, 0) + 1
        if placed:
            lanes.append(SizeLane(outcome, tuple(placed)))
    lower, upper, header = edges
    wire_en = f" ({lower + header:,} on the wire)" if header else ""
    wire_zh = f"（线路上 {lower + header:,}）" if header else ""
    signs = (
        SizeEdge(
            lower, Text(f"{lower:,} B{wire_en}: larger ones are fragmented", f"{lower:,} 字节{wire_zh}：超过则分片")
        ),
        SizeEdge(upper, Text(f"{upper:,} B: larger ones may be compressed", f"{upper:,} 字节：超过则可压缩加密")),
    )
    return SizePlot(tuple(lanes), signs, 0, high, without_size)


def _round_up(value: int) -> int:
    step = 250 if value < 10_000 else 2_500
    return -(-value // step) * step


def session_times(analysis: CaseAnalysis) -> tuple[tuple[int, Outcome], ...]:
    return tuple(
        (session.start_ns, session.outcome)
        for terminal in analysis.terminals
        for session in terminal.sessions
        if session.start_ns is not None
    )


def plot_times(moments: Iterable[tuple[int, Outcome]], zone: tzinfo = UTC) -> TimePlot:
    """Counts sessions per step, which suits the period. More than 26 hours are laid over one another by time of day."""
    known = sorted(moments)
    if not known:
        return TimePlot((), STEPS_S[0], False, 0)
    first, last = known[0][0] // NS, known[-1][0] // NS
    is_daily = last - first > 26 * 3600
    if is_daily:
        places = [(_second_of_day(at_ns, zone), outcome) for at_ns, outcome in known]
        step, begin = 1800, 0
    else:
        step = next((step for step in STEPS_S if (last - first) / step <= MOST_BINS), STEPS_S[-1])
        begin = first - first % step
        places = [(at_ns // NS - begin, outcome) for at_ns, outcome in known]
    counts: dict[int, dict[Outcome, int]] = {}
    for second, outcome in places:
        bin_counts = counts.setdefault(second - second % step, {})
        bin_counts[outcome] = bin_counts.get(outcome, 0) + 1
    bins = tuple(
        TimeBin(
            start, tuple((outcome, counts[start][outcome]) for outcome in OUTCOME_ORDER if outcome in counts[start])
        )
        for start in sorted(counts)
    )
    return TimePlot(bins, step, is_daily, begin * NS, (last - first) // DAY_S + 1)


def _second_of_day(at_ns: int, zone: tzinfo) -> int:
    try:
        clock = (EPOCH + timedelta(seconds=at_ns // NS)).astimezone(zone)
    except OverflowError:  # a capture may claim any time, also one outside the calendar
        return at_ns // NS % DAY_S
    return clock.hour * 3600 + clock.minute * 60 + clock.second
