"""What surrounds another program while it reads foreign bytes: limits always, and the strongest walls that this machine
allows.

Where bubblewrap can make namespaces, the program sees no network, no files but the system's own, and no other process,
and can write nowhere. Where it cannot (a container without user namespaces), it at least can gain no privileges. Where
we are root, it runs as `nobody` either way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from app.core.records import Text

MIB = 1024 * 1024
NOBODY = 65534
TRY_S = 10.0
SYSTEM = (Path("/usr"), Path("/bin"), Path("/sbin"), Path("/lib"), Path("/lib32"), Path("/lib64"))
LOADER = ("/etc/ld.so.cache", "/etc/alternatives")
OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class ToolLimits:
    seconds: float = 900.0  # wall clock; then it and its children are killed
    cpu_seconds: int = 900
    memory_bytes: int = 2048 * MIB  # address space
    file_bytes: int = 64 * MIB  # each file that it writes


LIMITS = ToolLimits()


class Walls(StrEnum):
    """From strong to weak."""

    BUBBLEWRAP = "bubblewrap"
    NO_NEW_PRIVILEGES = "no-new-privileges"
    LIMITS = "limits"


WEAKER = {
    Walls.NO_NEW_PRIVILEGES: Text(
        "tshark runs without namespaces of its own: bubblewrap is not installed, or the system does not permit user"
        " namespaces. It still runs within limits and can gain no privileges, but the network is not closed to it."
        " Install bubblewrap and permit user namespaces, or close the network to the workers.",
        "tshark 未在独立命名空间中运行：未安装 bubblewrap，或系统不允许用户命名空间。"
        "其资源仍受限制且无法提升权限，但未与网络隔离。"
        "请安装 bubblewrap 并允许用户命名空间，或禁止 worker 访问网络。",
    ),
    Walls.LIMITS: Text(
        "tshark runs within limits only: neither bubblewrap nor setpriv can be used here."
        " Install bubblewrap and permit user namespaces; or install setpriv (util-linux) and close the network to the"
        " workers.",
        "tshark 仅受资源限制：此处既不能使用 bubblewrap，也不能使用 setpriv。"
        "请安装 bubblewrap 并允许用户命名空间；或安装 setpriv（util-linux）并禁止 worker 访问网络。",
    ),
}


@cache
def walls() -> Walls:
    """The strongest walls of this machine, found out by trying."""
    if shutil.which("bwrap") and _works(_bubblewrap("true", ())):
        return Walls.BUBBLEWRAP
    if shutil.which("setpriv") and _works(_without_privileges()):
        return Walls.NO_NEW_PRIVILEGES
    return Walls.LIMITS


def surrounded(program: str, arguments: Iterable[str], limits: ToolLimits, readable: Iterable[Path] = ()) -> list[str]:
    """The command that runs `program` (a full path) within limits and walls; `readable`: folders that it may read."""
    around = {
        Walls.BUBBLEWRAP: lambda: _bubblewrap(program, readable),
        Walls.NO_NEW_PRIVILEGES: _without_privileges,
        Walls.LIMITS: list,
    }[walls()]()
    return [*_limited(limits), *around, program, *arguments]


def identity() -> dict[str, Any]:
    """Arguments for Popen that give up root; the system's own right to read other people's files goes with it."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _limited(limits: ToolLimits) -> list[str]:
    """Set by a shell that then becomes the program: code between fork and exec is unsafe where threads run, and limits
    that are set afterwards come too late for what the program has started by then."""
    numbers = (
        ("t", limits.cpu_seconds), ("v", limits.memory_bytes // 1024), ("f", limits.file_bytes // 512),
        ("c", 0), ("n", OPEN_FILES),
    )  # fmt: skip
    # A limit that is lower already stays.
    script = "".join(f"ulimit -{letter} {number} 2>/dev/null; " for letter, number in numbers)
    return ["/bin/sh", "-c", f'{script}exec "$@"', "sh"]


def _bubblewrap(program: str, readable: Iterable[Path]) -> list[str]:
    command = [
        "bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL",
        "--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "sandbox", "--dev", "/dev",
    ]  # fmt: skip
    for folder in SYSTEM:
        if folder.is_symlink():
            command += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            command += ["--ro-bind", str(folder), str(folder)]
    for file in LOADER:
        command += ["--ro-bind-try", file, file]
    for folder in (*_elsewhere(program), *readable):
        command += ["--ro-bind", str(folder), str(folder)]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _elsewhere(program: str) -> list[Path]:
    """Where a program is installed that is none of the system's, such as /opt/wireshark."""
    place = Path(program).resolve()
    if not place.is_absolute() or any(place.is_relative_to(folder) for folder in SYSTEM):
        return []
    return [place.parent.parent]


def _without_privileges() -> list[str]:
    return ["setpriv", "--no-new-privs", "--pdeathsig", "KILL"]


def _works(around: list[str]) -> bool:
    try:
        ended = subprocess.run(
            [*around, "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=TRY_S, **identity()
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return ended.returncode == 0
