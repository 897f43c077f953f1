"""A log's time zone out of two related lines: one of the log, and a line or a frame elsewhere whose time is known."""

from __future__ import annotations

from collections.abc import Sequence

from app.blocks import CutStream, read_blocks
from app.capture import frame_time_ns
from app.core.parsers.log_format import LogFormat
from app.core.parsers.log_times import TimeReader
from app.core.records import NS, Text
from app.db.results import SourceRow
from app.errors import Rejected
from app.storage import Storage
from app.web.log_window import read_window

QUARTER_S = 900
# Two related moments may lie this far apart, and clocks be wrong by it; more is no time zone.
TOLERANCE_S = 120
FIRST_S, LAST_S = -12 * 3600, 14 * 3600
HEAD_CHARACTERS = 80


def zone_from_pair(
    storage: Storage, formats: Sequence[LogFormat], log: SourceRow, line: int, other: SourceRow, number: int
) -> int:
    """Seconds east of UTC, a quarter of an hour. Raises Rejected, or CaptureError where a capture lacks the frame."""
    if log.kind not in ("inode_log", "server_log"):
        raise Rejected(Text("Only a log has a time zone to set.", "只有日志才有可设置的时区。"))
    difference_s = (_written_ns(storage, formats, log, line) - _utc_ns(storage, formats, other, number)) / NS
    zone_s = round(difference_s / QUARTER_S) * QUARTER_S
    rest_s = difference_s - zone_s
    if abs(rest_s) > TOLERANCE_S or not FIRST_S <= zone_s <= LAST_S:
        raise Rejected(
            Text(
                f"The two are {difference_s:.0f} s apart. That is no zone (a quarter of an hour between -12:00 and "
                f"+14:00, give or take {TOLERANCE_S} s), so nothing was changed.",
                f"两者相差 {difference_s:.0f} 秒，不是时区偏移（-12:00 至 +14:00 之间的整刻钟，误差最多 {TOLERANCE_S} "
                f"秒），未作任何更改。",
            )
        )
    return zone_s


def _utc_ns(storage: Storage, formats: Sequence[LogFormat], source: SourceRow, number: int) -> int:
    if source.kind == "capture":
        raw_ns = frame_time_ns(storage.local(source.sha256), number)
        return raw_ns - round((source.clock_offset_s or 0.0) * NS)
    if source.zone_offset_s is None:
        raise Rejected(
            Text("The time zone of the other file is not known either.", "另一个文件的时区也未知，无法据此设置。")
        )
    return _written_ns(storage, formats, source, number) - source.zone_offset_s * NS


def _written_ns(storage: Storage, formats: Sequence[LogFormat], source: SourceRow, line: int) -> int:
    """The local time that a line begins with, as if it were UTC."""
    try:
        shown, _ = read_window(read_blocks(storage.local(source.sha256)), line, 0)
    except (OSError, CutStream):
        shown = []
    time = _time_of(formats, source, shown[0].text) if shown else None
    if time is None:
        raise Rejected(
            Text(f"Line {line} of {source.path} does not begin with a time.",
                 f"{source.path} 第 {line} 行开头没有时间。")
        )  # fmt: skip
    return time


def _time_of(formats: Sequence[LogFormat], source: SourceRow, text: str) -> int | None:
    log_format = next((item for item in formats if item.name == source.log_format), None)
    if log_format is not None:
        reader = log_format.reader()
        begin = reader.match(text)
        found = None if begin is None else reader.time(begin)
    else:
        found = TimeReader().read(text[:HEAD_CHARACTERS])
    return None if found is None else found[0]
