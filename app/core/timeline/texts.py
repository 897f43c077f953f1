"""Every sentence of a ladder, in both languages. Numbers are written the same way in both."""

from __future__ import annotations

import re

from app.core.analysis import Outcome, Role
from app.core.records import Direction, Text
from app.core.timeline.model import LaneKind

HEAD = re.compile(r"^(?:\[[^\[\]]*\]\s*)+")  # of a log line: its module and thread, which no user sees
MESSAGE_NAMES: dict[int, Text] = {
    1: Text("start", "发起"),
    2: Text("policy", "策略"),
    3: Text("check result", "检查结果"),
    4: Text("passed", "通过"),
    6: Text("failed: isolate", "未通过：隔离"),
    7: Text("monitor report", "监控上报"),
    8: Text("monitor answer", "监控应答"),
    17: Text("heartbeat", "心跳"),
    18: Text("heartbeat answer", "心跳应答"),
    19: Text("offline", "下线"),
    20: Text("offline answer", "下线应答"),
}

CODINGS: dict[str, Text] = {
    "plain": Text("plain", "明文"),
    "zlib": Text("compressed", "压缩"),
    "encrypted": Text("encrypted", "加密"),
}

LANE_NAMES: dict[LaneKind, Text] = {
    LaneKind.CLIENT_LOG: Text("iNode log", "iNode 日志"),
    LaneKind.CLIENT: Text("client", "客户端"),
    LaneKind.SERVER: Text("server", "服务器"),
    LaneKind.SERVER_LOG: Text("server log", "服务器日志"),
}

REFERENCE_CLOCK = Text("reference clock", "基准时钟")
NO_CAPTURE = Text("no capture here", "此处无抓包")

OUTCOMES: dict[Outcome, Text] = {
    Outcome.PASSED: Text("passed", "通过"),
    Outcome.FAILED: Text("failed", "失败"),
    Outcome.INCOMPLETE: Text("incomplete", "未完成"),
    Outcome.UNKNOWN: Text("unknown", "未知"),
}

ROLES: dict[Role, Text] = {
    Role.CLIENT: Text("client", "客户端"),
    Role.MIDDLE: Text("on the way", "途中"),
    Role.SERVER: Text("server", "服务器"),
}

LEGEND: dict[str, Text] = {
    "to_server": Text("to the server", "发往服务器"),
    "to_client": Text("to the client", "发往客户端"),
    "seen": Text("fragment or packet, seen at the dots", "分片或报文，圆点处见到"),
    "lost": Text("lost on this leg", "在此段丢失"),
    "unseen": Text("went this way, not watched", "经过此处，但未观测"),
    "fading": Text("unknown from here on", "此后情况未知"),
    "log": Text("log line, tied to its packet", "日志行，与报文对应"),
    "check": Text("local check", "本地检查"),
    "wait": Text("waits for an answer", "等待应答"),
    "give_up": Text("gives up", "超时放弃"),
    "fold": Text("quiet time, folded", "静默时段（已折叠）"),
    "good": Text("result: good", "结果：成功"),
    "bad": Text("result: bad", "结果：失败"),
}

LOST = Text("lost", "丢失")
UNKNOWN = Text("unknown", "未知")


def count(number: int) -> str:
    """Thousands with a thin sign that both languages read."""
    return f"{number:,}"


def seconds(value: float) -> str:
    """A length of time with as many digits as tell something: "180 µs", "4.3 ms", "5.005 s", "12 min 30 s"."""
    size = abs(value)
    if size < 1e-3:
        return f"{value * 1e6:.0f} µs"
    if size < 0.1:
        return f"{value * 1e3:.1f} ms"
    if size < 60:
        return f"{value:.3f} s".replace(".000 s", " s")
    minutes, rest = divmod(round(size), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if value < 0 else ""
    return f"{sign}{hours} h {minutes} min" if hours else f"{sign}{minutes} min {rest} s"


def message_name(number: int) -> Text:
    return MESSAGE_NAMES.get(number, Text(f"type {number}", f"类型 {number}"))


def arrow_title(
    number: int,
    attempt: int,
    attempts: int,
    wire_bytes: int | None,
    plain_bytes: int | None,
    coding: str | None,
    gap_s: float | None,
) -> Text:
    """ "3 check result · send 2 of 4, 5.005 s later · 2,655 B plain"."""
    name = message_name(number)
    en, zh = [f"{number} {name.en}"], [f"{number} {name.zh}"]
    if attempts > 1:
        later = f", {seconds(gap_s)} later" if gap_s is not None else ""
        after = f"，隔 {seconds(gap_s)}" if gap_s is not None else ""
        en.append(f"send {attempt} of {attempts}{later}")
        zh.append(f"第 {attempt}/{attempts} 次{after}")
    code = CODINGS.get(coding or "")
    if wire_bytes is not None:
        en.append(f"{count(wire_bytes)} B{' ' + code.en if code else ''}")
        zh.append(f"{count(wire_bytes)} 字节{' ' + code.zh if code else ''}")
    elif plain_bytes is not None:
        en.append(f"{count(plain_bytes)} B of text")
        zh.append(f"正文 {count(plain_bytes)} 字节")
    return Text(" · ".join(en), " · ".join(zh))


def short_title(number: int, attempt: int, attempts: int, wire_bytes: int | None) -> Text:
    size = f" · {count(wire_bytes)} B" if wire_bytes is not None else ""
    times = f" ×{attempt}" if attempts > 1 else ""
    return Text(f"{number}{times}{size}", f"{number}{times}{size}")


def byte_range(offset: int, length: int) -> Text:
    text = f"{count(offset)} + {count(length)} B"
    return Text(text, text)


def fragment_at(number: int, attempt: int, offset: int, length: int, identification: int | None, place: str) -> Text:
    ident = f" 0x{identification:04x}" if identification is not None else ""
    end = count(offset + max(length - 1, 0))
    return Text(
        f"{place}: message {number}, send {attempt}, datagram{ident}, bytes {count(offset)}–{end}",
        f"{place}：报文 {number}，第 {attempt} 次，数据报{ident}，字节 {count(offset)}–{end}",
    )


def lost_between(before: str, after: str, is_near: bool) -> Text:
    if is_near:
        return Text(f"lost between {before} and {after}", f"在 {before} 与 {after} 之间丢失")
    return Text(f"lost somewhere between {before} and {after}", f"在 {before} 与 {after} 之间某处丢失")


def never_left(place: str) -> Text:
    return Text(f"not in the capture of {place}: did not leave it", f"{place} 的抓包中没有：未发出")


def unknown_after(place: str) -> Text:
    return Text(f"after {place}: nobody could see how it went on", f"{place} 之后：无法得知去向")


def logged(direction: Direction, side: str, number: int, line: int | None) -> Text:
    sent = (direction is Direction.TO_SERVER) == (side == "client")
    at_en, at_zh = (f" · line {line}", f" · 第 {line} 行") if line is not None else ("", "")
    return Text(f"{'sent' if sent else 'received'} {number}{at_en}", f"{'发出' if sent else '收到'} {number}{at_zh}")


def checked_for(value: float) -> Text:
    return Text(f"checks itself: {seconds(value)}", f"本地检查：{seconds(value)}")


def waited_for(value: float) -> Text:
    return Text(f"no answer for {seconds(value)}, sends again", f"{seconds(value)} 无应答，重发")


def gave_up_after(value: float, sends: int) -> Text:
    times = f"{sends} sends" if sends > 1 else "1 send"
    return Text(
        f"gives up: {times}, {seconds(value)} without an answer", f"放弃：共发 {sends} 次，{seconds(value)} 无应答"
    )


def folded(value: float) -> Text:
    return Text(seconds(value), seconds(value))


def mark_text(kind: str, code: int | None, text: str) -> Text:
    """What stands beside a log record; sentences that the log or the user's screen had are quoted, never translated."""
    if kind == "result" and code is not None:
        meaning = {0: Text("passed", "通过"), 4: Text("no answer from the policy server", "未收到策略服务器回应")}.get(
            code
        )
        return (
            Text(f"result {code}: {meaning.en}", f"结果 {code}：{meaning.zh}")
            if meaning
            else Text(f"result {code}", f"结果 {code}")
        )
    if kind == "notice":
        shown = HEAD.sub("", text)
        return Text(f"user reads: {shown}", f"用户看到：{shown}")
    return Text(text, text)


def title(user: str | None, mac: str | None, event_id: str | None) -> Text:
    who = user or mac or "?"
    also = f" · {event_id}" if event_id else ""
    return Text(f"Terminal {who}{also}", f"终端 {who}{also}")


def outcome_sentence(outcome: Outcome) -> Text:
    name = OUTCOMES[outcome]
    return Text(f"Security check: {name.en}", f"安全检查：{name.zh}")


def blind_point(name: str) -> Text:
    return Text(
        f"Capture point {name} is left out: it cannot tell anything about this session.",
        f"抓包点 {name} 未画出：它对本次会话无法提供任何信息。",
    )


def left_out(number: int) -> Text:
    return Text(f"{number} sends in the middle are left out here.", f"此处省略中间的 {number} 次发送。")


def without_time(number: int) -> Text:
    return Text(f"{number} messages have no time and are not drawn.", f"{number} 个报文没有时间，未画出。")


RAW_TIMES = Text(
    "Clocks are not corrected: every lane shows the time of its own clock.", "时钟未校正：每一列显示其自身时钟的时间。"
)
SCHEMATIC = Text(
    "The order is true; short times are stretched and quiet ones folded, as the times at the left tell.",
    "先后顺序真实；短时间被拉长，静默时段被折叠，实际时间见左侧刻度。",
)
