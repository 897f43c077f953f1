"""File names and names of capture points → others of the same length; what says where something was captured stays.

"Contoso-Shenzhen/fw2-inside.pcap" → "Aaaaaab-Aaaaaaab/fw2-inside.pcap": the words of networking stay, since they are
what an analysis takes as a hint and what a reader goes by.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Words that name a place or a kind of file, and nobody.
PLACES = frozenset((
    "client", "clients", "terminal", "terminals", "inode", "server", "servers", "policyserver", "policy",
    "ead", "eia", "imc", "uam", "srv", "mirror", "span", "tap", "uplink", "downlink", "switch", "sw",
    "router", "rt", "gateway", "gw", "firewall", "fw", "fwin", "fwout", "core", "access", "aggregation",
    "dist", "wan", "lan", "port", "pc", "host", "laptop", "notebook", "user", "users", "in", "out", "inside",
    "outside", "inner", "outer", "before", "after", "near", "far", "left", "right", "north", "south",
    "capture", "captures", "cap", "pcap", "pcapng", "log", "logs", "debug", "evidence", "device", "output",
    "display", "merged", "raw", "new", "old", "first", "last", "a", "b", "c", "secpkt", "secpktdtl", "dtl",
    "cmn", "dtlcmn", "dbg", "json", "csv", "txt", "toml", "gz", "zst", "xz", "bz2", "md", "pdf", "zip", "tar",
    "ring", "the", "of", "and", "at", "on", "side",
))  # fmt: skip
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[\W_]", re.UNICODE)
_KEPT_HAN = re.compile(
    "终端|客户端|客户机|服务器|服务端|策略|镜像|交换机?|路由器?|防火墙|核心|汇聚|接入|网关|日志|抓包|内侧|外侧|设备|输出"
)
LONGEST_NUMBER = 3  # of a device or a terminal; longer ones may be somebody's


def masked_path(path: str, replace: Callable[[str], str]) -> str:
    """The path with every word that is not one of PLACES given to `replace`."""
    return "".join(_token(token, replace) for token in _TOKEN.findall(path))


def _token(token: str, replace: Callable[[str], str]) -> str:
    if token.isdigit():
        return token if len(token) <= LONGEST_NUMBER else replace(token)
    if not token.isalpha() or len(token) == 1 or token.lower() in PLACES:
        return token
    if token.isascii():
        return replace(token)
    pieces = _KEPT_HAN.split(token)
    kept = [*_KEPT_HAN.findall(token), ""]
    return "".join((replace(piece) if piece else "") + place for piece, place in zip(pieces, kept, strict=True))
