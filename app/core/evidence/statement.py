"""A neutral statement for whoever made the device: what was present on one side and absent on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.core.analysis import Attempt, CapturePoint, DatagramFate, Fate, Message, Seen, Terminal
from app.core.records import Text
from app.core.verdict import iso

MOST_ROWS = 20
Leg = tuple[str, str]


@dataclass(slots=True)
class LegLoss:
    """Datagrams of one shape over one leg while both of its ends could see them."""

    between: Leg
    number: int
    shape: str  # "1480+1183" the fragments that did not arrive, or "" for the whole datagram
    lost: list[tuple[Attempt, DatagramFate]] = field(default_factory=list)
    watched: int = 0


def write_statement(
    terminals: Sequence[Terminal], points: Sequence[CapturePoint], lang: str, title: str, command: str
) -> str:
    """One page of Markdown. `command` repeats the analysis."""
    zh = lang.startswith("zh")
    legs = tally(terminals)
    lines = [f"# {_say(TITLE, zh)}", ""]
    if title:
        lines += [f"{_say(CASE, zh)}: {title}", ""]
    lines += [_say(WHAT, zh), ""]
    if not legs:
        lines += [_say(NOTHING, zh), ""]
    for leg in legs:
        lines += [*_leg(leg, zh), ""]
    lines += [*_controls(terminals, legs, zh), *_clocks(points, zh), f"## {_say(REPEAT, zh)}", "", f"    {command}", ""]
    return "\n".join([*lines, _say(LIMITS, zh), ""])


def tally(terminals: Sequence[Terminal]) -> list[LegLoss]:
    """Losses by leg, message and what of the datagram was lost; most frequent first."""
    legs: dict[tuple[Leg, int, str], LegLoss] = {}
    for message, attempt, fate in _datagrams(terminals):
        if fate.lost_between is None:
            continue
        key = (fate.lost_between, message.number, _missing(fate, fate.lost_between[1]))
        legs.setdefault(key, LegLoss(*key)).lost.append((attempt, fate))
    for leg in legs.values():
        leg.watched = sum(
            1
            for message, _, fate in _datagrams(terminals)
            if message.number == leg.number and _is_watched(fate, leg.between) and _is_as_large(fate, leg)
        )
    return sorted(legs.values(), key=lambda leg: (-len(leg.lost), leg.between, leg.number))


def _datagrams(terminals: Sequence[Terminal]) -> Iterator[tuple[Message, Attempt, DatagramFate]]:
    for terminal in terminals:
        for session in terminal.sessions:
            for message in session.messages:
                for attempt in message.attempts:
                    if attempt.datagram is not None:
                        yield message, attempt, attempt.datagram


def _is_watched(fate: DatagramFate, between: Leg) -> bool:
    """Something of it left through the near end, and the far end could have seen it."""
    near, far = (fate.fate.get(point) for point in between)
    return near in (Fate.WHOLE, Fate.PARTIAL) and far in (Fate.WHOLE, Fate.PARTIAL, Fate.ABSENT)


def _is_as_large(fate: DatagramFate, leg: LegLoss) -> bool:
    return (len(fate.fragments) > 1) == any(len(lost.fragments) > 1 for _, lost in leg.lost)


def _missing(fate: DatagramFate, point: str) -> str:
    gone = [f for f in fate.fragments if (s := f.sightings.get(point)) is not None and s.state is Seen.MISSING]
    if len(gone) == len(fate.fragments):
        return ""
    return ", ".join(f"{fragment.offset}+{fragment.length}" for fragment in gone)


def _leg(leg: LegLoss, zh: bool) -> list[str]:
    near, far = leg.between
    times = sorted(attempt.time_ns for attempt, _ in leg.lost if attempt.time_ns is not None)
    first, last = (iso(times[0]), iso(times[-1])) if times else ("?", "?")
    sizes = sorted({fate.wire_bytes for _, fate in leg.lost if fate.wire_bytes is not None})
    size = "" if not sizes else f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]}–{sizes[-1]}"
    n, of = len(leg.lost), max(leg.watched, len(leg.lost))
    what_en = f"the fragment at {leg.shape} (offset+length, bytes)" if leg.shape else "the datagram"
    what_zh = f"分片 {leg.shape}（偏移+长度，字节）" if leg.shape else "整个数据报"
    if zh:
        text = f"报文 {leg.number}（UDP 载荷 {size or '未知'} 字节）：{what_zh}在 {near} 侧存在，在 {far} 侧不存在；"
        text += f"{of} 个中有 {n} 个，时间 {first} 至 {last}。"
        header = "| IP 标识 | 源 | 目的 | 时间 | 存在处（文件 帧） | 不存在处 |"
    else:
        text = f"Message {leg.number} ({size or 'unknown'} bytes of UDP payload): {what_en} is present on the side of "
        text += f"{near}, absent on the side of {far}, {n} of {of}, between {first} and {last}."
        header = "| IP id | Source | Destination | Time | Present (file, frame) | Absent |"
    rows = [_row(attempt, fate, leg) for attempt, fate in leg.lost[:MOST_ROWS]]
    more = [f"\n+ {n - MOST_ROWS}"] if n > MOST_ROWS else []
    return [f"## {near} → {far}", "", text, "", header, "|---|---|---|---|---|---|", *rows, *more]


def _row(attempt: Attempt, fate: DatagramFate, leg: LegLoss) -> str:
    near, far = leg.between
    seen = []
    for fragment in fate.fragments:
        sighting = fragment.sightings.get(near)
        if sighting is not None and sighting.frames:
            seen.append(f"{fragment.offset}+{fragment.length}: {sighting.source} {sighting.frames[0]}")
    cells = (
        "" if fate.identification is None else f"0x{fate.identification:04x}",
        fate.source, fate.destination, iso(attempt.time_ns) or "", "; ".join(seen), leg.shape or far,
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _controls(terminals: Sequence[Terminal], legs: Sequence[LegLoss], zh: bool) -> list[str]:
    """What did pass over the same leg: it shows that the path was up and both sides were watching."""
    lines = []
    for between in dict.fromkeys(leg.between for leg in legs):
        small = [f for _, _, f in _datagrams(terminals) if len(f.fragments) == 1 and _is_watched(f, between)]
        passed = sum(1 for fate in small if fate.fate.get(between[1]) is Fate.WHOLE)
        if zh:
            lines.append(
                f"对照：同一路段 {between[0]} → {between[1]} 上未分片的报文 {len(small)} 个中有 {passed} 个两侧均存在。"
            )
        else:
            lines.append(
                f"For comparison: of {len(small)} unfragmented datagrams over {between[0]} → {between[1]}, "
                f"{passed} are present on both sides."
            )
        lines.append("")
    return lines


def _clocks(points: Sequence[CapturePoint], zh: bool) -> list[str]:
    lines = []
    for point in points:
        clock = point.clock
        if clock.quality in ("reference", "unknown"):
            continue
        around = "" if clock.uncertainty_s is None else f" ±{clock.uncertainty_s:.6f}"
        lines.append(f"- {point.name}: {clock.offset_s:+.6f}{around} s")
    if not lines:
        return []
    return [_say(CLOCKS, zh), "", *lines, ""]


def _say(text: Text, zh: bool) -> str:
    return text.zh if zh else text.en


TITLE = Text("Statement of what was observed", "观测情况说明")
CASE = Text("Case", "案例")
WHAT = Text(
    "This page states what captures on both sides of a part of the network show. It names no cause. Times are UTC on "
    "one clock; the frames are in this packet, each with a comment that says what it is.",
    "本页仅陈述网络某一段两侧的抓包所显示的事实，不判断原因。时间为统一时钟下的 UTC；"
    "所涉及的帧均在本证据包内，每帧带有说明其内容的注释。",
)
NOTHING = Text(
    "No datagram of the chosen terminals is present on one side of a leg and absent on the other.",
    "所选终端的报文中，没有在某段一侧存在而在另一侧不存在的情况。",
)
CLOCKS = Text("Clocks against the reference clock:", "各抓包点时钟相对基准时钟的偏差：")
REPEAT = Text("How to repeat it", "如何复现")
LIMITS = Text(
    "Absent means: that capture was running and could have seen the fragment by its filter, its counters and its "
    "other traffic. Where that was not certain, the datagram is not counted here.",
    "“不存在”是指：该抓包当时正在进行，且按其过滤条件、丢包计数和其他流量判断本应能看到该分片。不能确定的报文未计入。",
)
