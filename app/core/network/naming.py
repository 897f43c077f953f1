"""What a path inside a bundle says about a capture: its point's name, and which end of the way it was taken at.

Names only hint; what a file is, its content decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from app.core.analysis import Role

CLIENT_POINT = "client"

_CLIENT = re.compile(r"client|terminal|终端|客户端|客户机|inode|(?<![a-z])(?:pc|host|laptop|notebook|user)(?![a-z])")
_SERVER = re.compile(r"server|服务器|服务端|策略|(?<![a-z])(?:srv|eia|imc|ead|uam|policy)(?![a-z])")
_MIDDLE = re.compile(
    r"uplink|mirror|镜像|switch|交换|router|路由|firewall|防火墙|core|核心|汇聚|接入|aggregation|access|gateway|网关"
    r"|(?<![a-z])(?:fw|sw|rt|gw|wan|lan|span|tap|dist|port)(?:in|out|[-_ ]?\d*)(?![a-z])"
)
_MIRROR = re.compile(r"mirror|镜像|(?<![a-z])span(?![a-z])")  # a folder of mirror-port captures
_SUFFIXES = re.compile(r"\.(?:gz|zst|xz|bz2|pcapng|pcap|cap|dmp|ntar|trc)\d*$", re.IGNORECASE)
_RING = re.compile(r"_\d{5}_\d{14}$")  # dumpcap's ring buffer: NAME_00001_20261123091500


def stem(path: str) -> str:
    """The file's name without its extensions and without a ring buffer's counter."""
    name = PurePosixPath(path).name
    while True:
        shorter = _SUFFIXES.sub("", name)
        if shorter == name or not shorter:
            break
        name = shorter
    return _RING.sub("", name) or name


def role_of(path: str) -> Role | None:
    """The end of the way that a path names, its file's name first, then its folders from the inside out."""
    folders = PurePosixPath(path).parent.parts
    if folders and _MIRROR.search(folders[-1].lower()):
        return Role.MIDDLE
    parts = [stem(path), *reversed(folders)]
    for part in parts:
        text = part.lower()
        if _MIDDLE.search(text):
            return Role.MIDDLE
        client, server = bool(_CLIENT.search(text)), bool(_SERVER.search(text))
        if client != server:
            return Role.CLIENT if client else Role.SERVER
    return None


def name_points(
    captures: Sequence[str], log_folders: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, tuple[str, Role | None]]:
    """Capture path → (point name, role hint).

    `log_folders` says which folder holds which kind of log ("inode_log" | "server_log" | "both"); `given` is what the
    user said. A capture taken on a terminal belongs to the point "client", one for all terminals. Equal stems in
    different folders are different places unless they are the client's, and are told apart by their folder.
    """
    roles = {path: _hint(path, captures, log_folders) for path in captures}
    names = {path: CLIENT_POINT if roles[path] is Role.CLIENT else stem(path) for path in captures}
    folders: dict[str, set[str]] = {}
    for path, name in names.items():
        folders.setdefault(name, set()).add(str(PurePosixPath(path).parent))
    for path, name in names.items():
        if name != CLIENT_POINT and len(folders[name]) > 1:
            parent = PurePosixPath(path).parent
            names[path] = f"{parent.name}/{name}" if parent.name else name
    return {path: (given.get(path, names[path]), roles[path]) for path in captures}


def _hint(path: str, captures: Sequence[str], log_folders: Mapping[str, str]) -> Role | None:
    named = role_of(path)
    if named is not None:
        return named
    folder = str(PurePosixPath(path).parent)
    alone = sum(str(PurePosixPath(other).parent) == folder for other in captures) == 1
    if alone and len(log_folders) > 1:
        return {"inode_log": Role.CLIENT, "server_log": Role.SERVER}.get(log_folders.get(folder, ""))
    return None
