"""A log's clock out of two related lines: one of the log, and a line or frame elsewhere that tells of the same moment.

What lies between the two is a zone (quarters of an hour) and an error of the clock (anything); where the zone is known,
all the rest is error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.captures.blocks import CutStream, read_blocks
from app.captures.frames import frame_time_ns
from app.core.parsers.log_format import LogFormat
from app.core.parsers.log_lines import LineReader
from app.core.parsers.log_times import Moment, TimeReader
from app.core.records import NS, Text
from app.db.results import SourceRow
from app.errors import Rejected
from app.storage import Storage
from app.web.log_window import read_window

QUARTER_S = 900
FIRST_S, LAST_S = -12 * 3600, 14 * 3600
HEAD_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class PairedClock:
    """What two lines say of a log's clock. `zone_offset_s` is None where it cannot be told from the error; `error_s` is
    the log's clock minus the reference clock."""

    zone_offset_s: int | None
    error_s: float


def clock_from_pair(
    storage: Storage,
    formats: Sequence[LogFormat],
    log: SourceRow,
    line: int,
    other: SourceRow,
    number: int,
    zone_offset_s: int | None = None,
) -> PairedClock:
    """`zone_offset_s`: the log's zone where a person knows it. Raises Rejected, or CaptureError where a capture lacks
    the frame."""
    if log.kind not in ("inode_log", "server_log"):
        raise Rejected(Text("Only a log's clock is set so.", "只有日志的时钟才能这样设定。"))
    written = _written(storage, formats, log, line)
    reference_ns, is_utc = _reference_ns(storage, formats, other, number)
    # A line of a whole second was written somewhere within it.
    difference_s = (written.time_ns + written.resolution_ns // 2 - reference_ns) / NS
    clock = split_difference(difference_s, zone_offset_s, is_utc)
    is_exact = abs(clock.error_s) * NS <= written.resolution_ns // 2
    return PairedClock(clock.zone_offset_s, 0.0) if is_exact else clock


def split_difference(difference_s: float, zone_offset_s: int | None, is_utc: bool) -> PairedClock:
    """How far the log is ahead → zone and error. `is_utc` is False where the other side's zone is not known: then both
    are taken to be of one zone, and which one stays open."""
    if not is_utc:
        return PairedClock(None, round(difference_s, 6))
    if zone_offset_s is None:
        nearest_s = round(difference_s / QUARTER_S) * QUARTER_S
        zone_offset_s = nearest_s if FIRST_S <= nearest_s <= LAST_S else 0
    return PairedClock(zone_offset_s, round(difference_s - zone_offset_s, 6))


def _reference_ns(storage: Storage, formats: Sequence[LogFormat], source: SourceRow, number: int) -> tuple[int, bool]:
    """When the other line or frame was, on the reference clock, and whether that is UTC."""
    error_ns = round((source.clock_offset_s or 0.0) * NS)
    if source.kind == "capture":
        return frame_time_ns(storage.local(source.sha256), number) - error_ns, True
    written, zone_s = _written(storage, formats, source, number), source.zone_offset_s
    return written.time_ns + written.resolution_ns // 2 - (zone_s or 0) * NS - error_ns, zone_s is not None


def _written(storage: Storage, formats: Sequence[LogFormat], source: SourceRow, line: int) -> Moment:
    """The local time that a line begins with, as if it were UTC."""
    try:
        shown, _ = read_window(read_blocks(storage.local(source.sha256)), line, 0)
    except (OSError, CutStream):
        shown = []
    there_ns = storage.local(source.sha256).stat().st_mtime_ns if shown else None
    time = _time_of(formats, source, shown[0].text, there_ns) if shown else None
    if time is None:
        raise Rejected(
            Text(f"Line {line} of {source.path} does not begin with a time.",
                 f"{source.path} 第 {line} 行开头没有时间。")
        )  # fmt: skip
    return time


def _time_of(formats: Sequence[LogFormat], source: SourceRow, text: str, there_ns: int | None) -> Moment | None:
    log_format = next((item for item in formats if item.name == source.log_format), None)
    if log_format is not None:
        reader = LineReader(log_format, there_ns)
        begin = reader.match(text)
        return None if begin is None else reader.time(begin)
    return TimeReader(not_after_ns=there_ns).read(text[:HEAD_CHARACTERS])
