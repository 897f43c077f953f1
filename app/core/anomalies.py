"""The names of odd traffic, one line each. An anomaly is a fact on a datagram, never an error."""

from __future__ import annotations

from app.core.records import Text

OVERLAP = "overlap"
OVERLAP_CONFLICT = "overlap-conflict"
DUPLICATE = "duplicate"
TINY_FRAGMENT = "tiny-fragment"
ATOMIC_FRAGMENT = "atomic-fragment"
OUT_OF_ORDER = "out-of-order"
HOLE = "hole"
TOO_LONG = "too-long"
ZERO_LENGTH = "zero-length"
ODD_LENGTH = "odd-length"
CUT = "cut"
TWO_ENDS = "two-ends"
BEYOND_END = "beyond-end"
BAD_UDP_LENGTH = "bad-udp-length"
BAD_UDP_CHECKSUM = "bad-udp-checksum"
LATE_PIECE = "late-piece"

ANOMALIES: dict[str, Text] = {
    OVERLAP: Text("pieces overlap, with the same bytes", "分片有重叠，重叠部分内容相同"),
    OVERLAP_CONFLICT: Text(
        "pieces overlap, with different bytes: an attack, or two datagrams under one identification",
        "分片有重叠且内容不同：可能是攻击，或两个报文使用了同一标识",
    ),
    DUPLICATE: Text("a piece was captured more than once", "同一分片被抓到多次"),
    TINY_FRAGMENT: Text("a piece other than the last is shorter than 400 bytes", "非最后分片短于 400 字节"),
    ATOMIC_FRAGMENT: Text("an IPv6 fragment header on a whole datagram", "完整报文带有 IPv6 分片头（原子分片）"),
    OUT_OF_ORDER: Text("pieces were captured in another order than their offsets", "分片抓到的顺序与偏移不一致"),
    HOLE: Text("a part of the datagram was not captured", "报文有一部分没有抓到"),
    TOO_LONG: Text("a piece ends beyond the 65,535 bytes that a datagram can have", "分片末端超出报文上限 65535 字节"),
    ZERO_LENGTH: Text("a piece carries no bytes", "分片不含任何数据"),
    ODD_LENGTH: Text("a piece other than the last is no multiple of eight bytes long", "非最后分片的长度不是 8 的倍数"),
    CUT: Text("a frame was cut by the snap length, so not all bytes are in the capture", "帧被抓包长度截断，内容不全"),
    TWO_ENDS: Text("two last pieces name different total lengths", "两个末尾分片给出的总长度不同"),
    BEYOND_END: Text("a piece lies beyond the last one", "有分片超出了末尾分片"),
    BAD_UDP_LENGTH: Text("the UDP length is not that of the datagram", "UDP 长度与报文长度不符"),
    BAD_UDP_CHECKSUM: Text("the UDP checksum is wrong", "UDP 校验和错误"),
    LATE_PIECE: Text(
        "pieces are more than 30 seconds apart: a host would have given up by then",
        "分片之间相隔超过 30 秒，主机早已放弃重组",
    ),
}  # fmt: skip
