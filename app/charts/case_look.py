"""Signs of the case charts that plotly and SVG share: a colour, a shape and a word for every outcome."""

from __future__ import annotations

from dataclasses import dataclass

from app.charts.theme import Theme
from app.core.analysis import Outcome
from app.core.drawings.case_charts import TimePlot
from app.core.drawings.path_drawing import LegCount
from app.core.records import Text

TERMINALS = Text("terminals", "个终端")
SIZE_AXIS = Text("plaintext of message 3, bytes", "3 号报文明文字节数")
SIZE_TITLE = Text("Plaintext size against outcome", "明文大小与结果")
TIME_TITLE = Text("Sessions over time", "会话时间分布")
DAILY_TITLE = Text("Sessions by time of day", "会话在一天中的分布")
SESSIONS_AXIS = Text("sessions", "会话数")
BAND = Text("fragmented and plain", "分片且为明文")
PATH_TITLE = Text("The path and what it lost", "路径与丢失情况")
PATH_KEY = Text(
    "message number: packets, fragments counted one by one; → to the server, ← to the client",
    "报文号：包数（分片逐个计数）；→ 发往服务器，← 发往客户端",
)
NOTHING = Text("Nothing to draw.", "没有可绘制的内容。")


@dataclass(frozen=True, slots=True)
class OutcomeLook:
    color: str
    symbol: str  # of plotly
    pattern: str  # of plotly, in bars


def look_of(outcome: Outcome, theme: Theme) -> OutcomeLook:
    return {
        Outcome.FAILED: OutcomeLook(theme.lost, "x", "x"),
        Outcome.INCOMPLETE: OutcomeLook(theme.wait, "triangle-up", "/"),
        Outcome.UNKNOWN: OutcomeLook(theme.unknown, "square", "."),
        Outcome.PASSED: OutcomeLook(theme.to_server, "circle", ""),
    }[outcome]


def without_size(number: int) -> Text:
    return Text(f"{number} terminals without a known size are not drawn.", f"{number} 个终端大小未知，未画出。")


def bin_label(plot: TimePlot, start_s: int) -> str:
    """ "08:30" of a daily plot."""
    return f"{start_s // 3600:02d}:{start_s % 3600 // 60:02d}"


def leg_line(count: LegCount) -> Text:
    """ "3: 4 of 8 lost". Most important first: sure loss, then suspicion, then passage."""
    number = count.number
    if count.lost:
        return Text(
            f"{number}: {count.lost:,} of {count.offered:,} lost", f"{number}：丢失 {count.lost:,}/{count.offered:,}"
        )
    if count.maybe_lost:
        return Text(
            f"{number}: {count.maybe_lost:,} lost here or beside", f"{number}：{count.maybe_lost:,} 在此或相邻段丢失"
        )
    if count.crossed:
        return Text(f"{number}: {count.crossed:,} passed", f"{number}：通过 {count.crossed:,}")
    return Text(f"{number}: unknown", f"{number}：未知")


def leg_lines(counts: tuple[LegCount, ...], most: int = 4) -> tuple[LegCount, ...]:
    """The rows that fit: those with losses first, then in order of message number."""
    worst = sorted(counts, key=lambda count: (not count.lost, not count.maybe_lost, count.number))[:most]
    return tuple(sorted(worst, key=lambda count: count.number))
