"""What facts of a log mean for people: the policy decoded, sizes judged, result codes and sentences explained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from app.core.policy_attributes import BY_NAME, VALUE_WORDS
from app.core.records import Text

COMPRESSION_THRESHOLD_BYTES = 3000  # of plaintext: only above it does the client compress, where the server asks for it
UDP_HEADER_BYTES = 8
_IP_HEADER_BYTES = {4: 20, 6: 40}
_FRAGMENT_HEADER_BYTES = {4: 0, 6: 8}
MIN_MTU = 68


@dataclass(frozen=True, slots=True)
class PolicyItem:
    """One attribute of a body. `meaning` is None where nobody knows it; `shown` is the value for people."""

    name: str
    value: str
    shown: Text
    meaning: Text | None
    is_from_name: bool = False


def describe_policy(fields: Iterable[tuple[str, str]]) -> tuple[PolicyItem, ...]:
    """The fields of a body in order, unknown ones as they are."""
    items = []
    for name, value in fields:
        attribute = BY_NAME.get(name)
        meaning = attribute.meaning if attribute is not None else None
        items.append(
            PolicyItem(name, value, _shown(name, value), meaning, attribute is not None and attribute.is_from_name)
        )
    return tuple(items)


def proxy_address(value: str) -> str | None:
    """`damProxyIp` as an address: "365969448" → "21.208.64.40"; None where it is no IPv4 address."""
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:11]) <= 0xFFFF_FFFF or len(value) > 10:
        return None
    return str(IPv4Address(int(value)))


def _shown(name: str, value: str) -> Text:
    if name == "damProxyIp":
        address = proxy_address(value)
        return Text(address, address) if address is not None else Text(value, value)
    if name in ("heartBeatInterval",) and value.isdigit():
        return Text(f"{value} s", f"{value} 秒")
    if name == "patchLevel":
        return _patch_levels(value)
    if name == "checkList":
        words = [_word(item) for item in value.split(";")]
        return Text(", ".join(word.en for word in words), "、".join(word.zh for word in words))
    return _word(value)


def _word(value: str) -> Text:
    return VALUE_WORDS.get(value, Text(value, value))


def _patch_levels(value: str) -> Text:
    english, chinese = [], []
    for item in filter(None, value.split(";")):
        level, _, action = item.partition(",")
        english.append(f"{_word(level).en}: {_word(action).en}")
        chinese.append(f"{_word(level).zh}：{_word(action).zh}")
    return Text("; ".join(english), "；".join(chinese))


# ---------------------------------------------------------------- sizes


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one message makes on a path of `mtu` bytes. Payload: of UDP, header of EAD included; fragments: IP
    payload bytes."""

    plain_bytes: int
    mtu: int
    unfragmented_limit_bytes: int  # the largest UDP payload in one packet: 1472 for IPv4 at 1500
    payload_bytes: int  # sent plain
    fragments: tuple[int, ...]
    compressed_payload_bytes: int | None  # what zlib would make of it; None where it was not tried
    compressed_fragments: tuple[int, ...]
    would_compress: bool  # above the threshold, if the server has compression on
    band: str  # "small" | "fragmented" | "compressed" | "compressed-fragmented" | "over-threshold"
    summary: Text

    @property
    def is_fragmented_plain(self) -> bool:
        return len(self.fragments) > 1


def fragment_sizes(payload_bytes: int, mtu: int = 1500, ip_version: int = 4) -> tuple[int, ...]:
    """The IP payloads (UDP header in the first) that a host makes of one UDP payload. Raises ValueError on an MTU
    below 68."""
    if mtu < MIN_MTU + _FRAGMENT_HEADER_BYTES[ip_version] + _IP_HEADER_BYTES[ip_version] - 20:
        raise ValueError(f"an MTU of {mtu} bytes carries no IP")
    whole = payload_bytes + UDP_HEADER_BYTES
    room = mtu - _IP_HEADER_BYTES[ip_version]
    if whole <= room:
        return (whole,)
    step = (room - _FRAGMENT_HEADER_BYTES[ip_version]) // 8 * 8
    return tuple(min(step, whole - at) for at in range(0, whole, step))


def describe_sizes(
    plain_bytes: int, deflated_bytes: int | None, mtu: int = 1500, header_bytes: int = 28, ip_version: int = 4
) -> Sizes:
    """`deflated_bytes` is what zlib makes of the body (None: not tried); `header_bytes` the EAD header before it."""
    limit = mtu - _IP_HEADER_BYTES[ip_version] - UDP_HEADER_BYTES
    payload = plain_bytes + header_bytes
    compressed = deflated_bytes + header_bytes if deflated_bytes is not None else None
    fragments = fragment_sizes(payload, mtu, ip_version)
    compressed_fragments = fragment_sizes(compressed, mtu, ip_version) if compressed is not None else ()
    would_compress = plain_bytes > COMPRESSION_THRESHOLD_BYTES
    band = _band(len(fragments), len(compressed_fragments), would_compress)
    return Sizes(
        plain_bytes=plain_bytes,
        mtu=mtu,
        unfragmented_limit_bytes=limit,
        payload_bytes=payload,
        fragments=fragments,
        compressed_payload_bytes=compressed,
        compressed_fragments=compressed_fragments,
        would_compress=would_compress,
        band=band,
        summary=_size_summary(plain_bytes, payload, limit, len(fragments), compressed, len(compressed_fragments), band),
    )


def _band(fragments: int, compressed_fragments: int, would_compress: bool) -> str:
    if not would_compress:
        return "fragmented" if fragments > 1 else "small"
    if not compressed_fragments:
        return "over-threshold"
    return "compressed-fragmented" if compressed_fragments > 1 else "compressed"


def _size_summary(
    plain: int, payload: int, limit: int, fragments: int, compressed: int | None, compressed_fragments: int, band: str
) -> Text:
    if band == "small":
        return Text(
            f"{payload} bytes of UDP payload fit one packet (limit {limit}).",
            f"UDP 载荷 {payload} 字节，不超过 {limit} 字节，单个报文即可发送。",
        )
    if band == "fragmented":
        tail = (
            (f" Compressed it would be {compressed} bytes.", f"若压缩则为 {compressed} 字节。")
            if compressed
            else ("", "")
        )
        return Text(
            f"{plain} bytes of plaintext are not over {COMPRESSION_THRESHOLD_BYTES}, so the client sends them "
            f"plain: {payload} bytes of "
            f"UDP payload are over {limit} and need {fragments} fragments.{tail[0]}",
            f"明文 {plain} 字节，未超过 {COMPRESSION_THRESHOLD_BYTES} 字节，客户端以明文发送：UDP 载荷 {payload} "
            f"字节超过 {limit} 字节，"
            f"需分为 {fragments} 片。{tail[1]}",
        )
    head = Text(
        f"{plain} bytes of plaintext are over {COMPRESSION_THRESHOLD_BYTES}: the client compresses them if the "
        f"server has that on",
        f"明文 {plain} 字节，超过 {COMPRESSION_THRESHOLD_BYTES} 字节：若服务器启用了加密压缩，客户端将压缩发送",
    )
    plain_tail = Text(f"without it, {fragments} fragments.", f"未启用时需分为 {fragments} 片。")
    if compressed is None:
        return Text(f"{head.en}; {plain_tail.en}", f"{head.zh}；{plain_tail.zh}")
    if band == "compressed":
        fit = Text(f"to {compressed} bytes, which fit one packet", f"压缩后为 {compressed} 字节，单个报文即可发送")
    else:
        fit = Text(
            f"to {compressed} bytes, still over {limit}: {compressed_fragments} fragments",
            f"压缩后为 {compressed} 字节，仍超过 {limit} 字节，需分为 {compressed_fragments} 片",
        )
    return Text(f"{head.en}, {fit.en}; {plain_tail.en}", f"{head.zh}，{fit.zh}；{plain_tail.zh}")


# ---------------------------------------------------------------- codes, types, sentences

MESSAGE_TYPES = {
    1: Text("start of the security check", "安全检查开始"),
    2: Text("policy", "策略下发"),
    3: Text("check result", "检查结果上报"),
    4: Text("passed", "检查通过"),
    6: Text("failed: isolate and repair", "检查未通过：隔离修复"),
    7: Text("monitoring report", "实时监控上报"),
    8: Text("answer to a monitoring report", "实时监控回应"),
    17: Text("heartbeat", "心跳"),
    18: Text("answer to a heartbeat", "心跳回应"),
    19: Text("going offline", "下线请求"),
    20: Text("answer to going offline", "下线回应"),
}

RESULT_CODES = {
    0: Text("The security check passed.", "安全检查通过。"),
    4: Text(
        "No answer from the policy server: every send of the message stayed unanswered, and the client gave up.",
        "未收到策略服务器回应：报文多次发送均无回应，客户端放弃。",
    ),
}


def explain_result(code: int) -> Text:
    """What `pushSecRslt` returned; codes that nobody documented are named as such."""
    known = RESULT_CODES.get(code)
    return known or Text(
        f"Code {code}: not documented; anything but 0 is a failure.", f"返回码 {code}：无公开说明；非 0 即为失败。"
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that the client shows: how to find it, what it means, and whether it says passed (True) or failed
    (False)."""

    pattern: re.Pattern[str]
    meaning: Text
    is_passed: bool | None


def _notice(pattern: str, is_passed: bool | None, en: str, zh: str) -> Notice:
    return Notice(re.compile(pattern, re.IGNORECASE), Text(en, zh), is_passed)


# The first that fits explains; the more telling ones stand first.
NOTICES = (
    _notice(
        r"未收到(?:安全)?策略服务器(?:的)?回应|no (?:response|reply|answer) from (?:the )?(?:security )?policy server",
        False,
        "The client sent a message several times and had no answer from the policy server; it is about to be logged "
        "off.",
        "客户端多次发送报文均未收到策略服务器回应，随后将被强制下线。",
    ),
    _notice(
        r"心跳.{0,12}(?:超时|无回应|未收到|失败)|heartbeat.{0,40}(?:time|no (?:response|answer)|fail)",
        False,
        "The heartbeats stayed unanswered: the path or the server failed after the check had passed.",
        "心跳报文无回应：安全检查通过之后，链路或服务器出现故障。",
    ),
    _notice(
        r"代理(?:服务器)?.{0,8}(?:地址|端口).{0,8}(?:无效|错误|不正确)|proxy.{0,20}(?:address|port).{0,20}invalid",
        False,
        "The address or port of the policy proxy that the server announced cannot be used.",
        "服务器下发的策略代理地址或端口无效。",
    ),
    _notice(
        r"(?:套接字|socket).{0,20}(?:失败|错误|fail|error)",
        False,
        "The client could not open or use its own socket: a local fault, nothing was sent.",
        "客户端本机套接字操作失败，属本地故障，报文未发出。",
    ),
    _notice(
        r"检查项.{0,8}(?:过多|超过|太多)|too many check items",
        False,
        "The policy holds more check items than the client takes.",
        "策略中的检查项过多，超出客户端支持的数量。",
    ),
    _notice(
        r"许可.{0,16}(?:不足|过期|无效|超过|失败)|licen[cs]e.{0,30}(?:expire|invalid|exceed|insufficient)",
        False,
        "The licence of the server does not allow the check.",
        "服务器许可不足或已失效。",
    ),
    _notice(
        r"安全检查(?:不合格|未通过|失败)|security check (?:failed|not passed)|fail(?:ed)? the security check",
        False,
        "The exchange worked; the check itself found something that the policy does not allow.",
        "报文交互正常，但检查结果不符合安全策略。",
    ),
    _notice(
        r"安全认证失败|security authentication fail",
        False,
        "The security check did not end well; the reason stands beside it.",
        "安全认证失败，原因见同一提示的其余部分。",
    ),
    _notice(
        r"(?:强行|强制)下线|forced? (?:to go )?off-?line|logged off",
        False,
        "The client is being logged off.",
        "客户端将被强制下线。",
    ),
    _notice(
        r"安全(?:检查|认证)(?:通过|成功|合格)|security (?:check|authentication) (?:passed|succe)"
        r"|passed the security check",
        True,
        "The security check passed.",
        "安全检查通过。",
    ),
    _notice(
        r"身份认证失败|identity authentication fail",
        False,
        "The identity authentication failed; the security check never began.",
        "身份认证失败，未进入安全检查。",
    ),
    _notice(
        r"身份认证成功|authentication succe",
        None,
        "The identity authentication succeeded; the security check begins.",
        "身份认证成功，即将开始安全检查。",
    ),
)


def explain_notice(text: str) -> Notice | None:
    """The first notice that fits a line, None for none. Only its first 500 characters count."""
    return next((notice for notice in NOTICES if notice.pattern.search(text[:500])), None)
