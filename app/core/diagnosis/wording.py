"""Small pieces of the sentences, in both languages."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.records import Text


def span(between: tuple[str, str] | None) -> Text:
    if between is None:
        return Text("before the first capture point that saw them", "第一个看到它们的抓包点之前")
    return Text(f"between {between[0]} and {between[1]}", f"{between[0]} 与 {between[1]} 之间")


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def share(part: int, whole: int) -> Text:
    """`4 of 4` / `4/4`"""
    return Text(f"{part} of {whole}", f"{part}/{whole}")


def listed(names: Iterable[str], most: int = 8) -> Text:
    """A list of names, cut with the number of those left out."""
    row = list(names)
    rest = len(row) - most
    en, zh = ", ".join(row[:most]), "、".join(row[:most])
    return Text(en, zh) if rest <= 0 else Text(f"{en} and {rest} more", f"{zh} 等 {len(row)} 个")


def joined(*texts: Text) -> Text:
    """Sentences after one another; Chinese ones need no space."""
    return Text(" ".join(t.en for t in texts if t.en), "".join(t.zh for t in texts if t.zh))


NO_CLIENT_LOG = Text("the iNode log of the terminal", "终端的 iNode 日志")
NO_SERVER_LOG = Text("the policy server's debug log", "策略服务器 debug 日志")
NO_CLIENT_CAPTURE = Text("a capture on the terminal", "终端侧抓包")
NO_SERVER_CAPTURE = Text("a capture on the policy server", "策略服务器侧抓包")
NO_TWO_CAPTURES = Text(
    "captures of this terminal's datagrams at two or more places, one of them on the client side",
    "该终端报文在两个及以上位置的抓包（其中一个靠近客户端）",
)
NO_SIZES = Text("plaintext sizes of message 3 (iNode logs)", "EAD 3 号报文的明文长度（iNode 日志）")
