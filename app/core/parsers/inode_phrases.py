"""What the lines of an iNode log say, as expressions over bytes. A wrap may have eaten any space, so none is
required."""

from __future__ import annotations

import re

# Level (kept with its brackets) and thread of a record's first line; what follows is its text.
HEAD = re.compile(rb"[^\[]{0,12}\[[^\]]{8,40}\]\s{0,4}(\[[^\]\n]{0,24}\])\s{0,4}\[([^\]\n]{1,24})\]\s?")
TIME_ONLY = re.compile(rb"[^\[]{0,12}\[[^\]]{8,40}\]\s?")

_NUMBER = rb"((?:0x)?[0-9a-fA-F]{1,10}#?)"
EVENT = re.compile(
    rb"(?P<sent>out-?pkt\s*\[\s*" + _NUMBER + rb"\s*\])"
    rb"|(?P<received>\[\s*([0-9A-Fa-f.:]{2,45}?)\s*:\s*(\d{1,5})\s*\]\s*sent\s*me\s*(\d{1,9})\s*byte)"
    rb"|(?P<head>head\s*id\s*is\s*((?:0x)?[0-9a-fA-F]{1,8})(?![0-9a-fA-F]))"
    rb"|(?P<type>(?:The\s*type|Msg\s*TYPE)\s*is\s*" + _NUMBER + rb")"
    rb"|(?P<id>The\s*id\s*is\s*" + _NUMBER + rb")"
    rb"|(?P<hexid>Msg\s*ID\s*is\s*" + _NUMBER + rb")"
    rb"|(?P<transfer>transfer\s*\[\s*" + _NUMBER + rb"\s*\]\s*\[\s*" + _NUMBER + rb"\s*\])"
    rb"|(?P<result>pushSecRslt\s*\(\s*(\d{1,9})\s*\)\s*returned?\s*(-?\d{1,9}))"
    rb"|(?P<packet>packet\s*to\s*send\s*is\s*" + _NUMBER + rb"\s*,\s*length\s*is\s*(\d{1,9}))"
    rb"|(?P<error>send(?:to|To)\s?[^\n]{0,80}?(?:error|fail))"
)

# The phrases of the common dialect, undamaged, from the time on; `lastindex` says which it was.
PLAIN = re.compile(
    rb"\[[^\]\n]{19}\] (\[[^\]\n]{0,24}\]) \[([^\]\n]{1,24})\] SecPkt (?:\w{1,40}: ?(?:out-pkt \[(\d{1,5})\]"
    rb"|\[([\d.]{7,15}) : (\d{1,5})\] sent me (\d{1,9}) bytes\.?|The head id is ([0-9a-f]{1,8})|The type is (\d{1,5})"
    rb"|The id is (\d{1,9})|transfer \[(\d{1,5})\] \[(\d{1,9})\]|the state send before is \d{1,5})"
    rb"|pushSecRslt\((\d{1,9})\) returned (-?\d{1,9})\.?)(?=[\s<])"
)
PLAIN_STATE = 2  # nothing of interest, and nothing to look for
PLAIN_SENT, PLAIN_RECEIVED, PLAIN_HEAD, PLAIN_TYPE, PLAIN_ID = 3, 6, 7, 8, 9
PLAIN_TRANSFER, PLAIN_RESULT = 11, 13

# The three records that follow upon `sent me`, if nothing stands between them: same second, same thread.
_SAME = rb"\[\1\] \[[^\]\n]{0,24}\] \[\2\] SecPkt \w{1,40}: ?"
RECEIVED_REST = re.compile(
    rb"\[([^\]\n]{19})\] \[[^\]\n]{0,24}\] \[([^\]\n]{1,24})\] SecPkt \w{1,40}: ?The head id is ([0-9a-f]{1,8})\r?\n"
    + _SAME
    + rb"The type is (\d{1,5})\r?\n"
    + _SAME
    + rb"The id is (\d{1,9})\r?\n"
)

# Records that hold one of those all name the module, in the common dialect. Others (Linux clients: levels in
# capitals) are
# told by the first words of their text.
MODULE = b"SecPkt"
OPENING = re.compile(rb"<data>|out-pkt")
CANDIDATE = re.compile(
    rb"\n\[[-\d: ]{19}\] \[[^\]\n]{0,24}\] \[[^\]\n]{1,24}\] ?(?:[\w.:]{1,40}[ :]+){0,4}?"
    rb"(?:out-?pkt|\[[\dA-Fa-f.:]+ ?: ?\d|The (?:head|type|id|packet)|transfer|pushSecRslt|Msg|sendto|head id"
    rb"|packet to)"
)

# Sentences for the user, in both encodings of Chinese. Only lines with such bytes are looked at.
_NOTICE_WORDS = (
    "安全认证",
    "安全检查",
    "身份认证",
    "策略服务器",
    "强行下线",
    "强制下线",
    "策略代理",
    "心跳超时",
    "许可",
)
NOTICE = re.compile(
    b"|".join(re.escape(word.encode(codec)) for codec in ("utf-8", "gb18030") for word in _NOTICE_WORDS)
)
ENGLISH_NOTICES = (re.compile(rb"olicy server"), re.compile(rb"ecurity "))
ENGLISH_NOTICE = re.compile(
    rb"security (?:check|authentication)\b[^\n]{0,60}?(?:pass|succe|fail|not\b|unqualified)|"
    rb"no response from (?:the )?(?:policy|security) ?(?:policy)? server"
    rb"|policy server (?:did not|does not|not) (?:respond|answer)"
    rb"|fail[^\n]{0,40}? policy server",
    re.IGNORECASE,
)
BODY = re.compile(rb"<\s*d\s*a\s*t\s*a\s*>")
BODY_END = re.compile(rb"<\s*/\s*d\s*a\s*t\s*a\s*>")
BODY_PART = re.compile(rb'</?i\b|</?data|n="|>|KB\d|^\s*\d{1,7};')

TO_SERVER_TYPES = frozenset({1, 3, 7, 17, 19})
TO_CLIENT_TYPES = frozenset({2, 4, 5, 6, 8, 18, 20})


def number_of(raw: bytes, base: int = 10) -> int:
    """ "3", "0x3", "47#" (hexadecimal) → int; letters in it make it hexadecimal too."""
    if raw.startswith(b"0x"):
        return int(raw.rstrip(b"#"), 16)
    if raw.endswith(b"#"):
        return int(raw[:-1], 16)
    return int(raw, base) if base == 16 or raw.isdigit() else int(raw, 16)
