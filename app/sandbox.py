"""What surrounds another program while it reads foreign bytes: limits always, and the strongest walls that this machine
allows.

Where bubblewrap can make namespaces, the program sees no network, no files but the system's own, and no other process,
and can write nowhere. Where it cannot (a container without user namespaces), it still can open no socket and gain no
privileges. Where we are root, it runs as `nobody` either way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
CLOSED_START = Path(__file__).with_name("closed_start.py")
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
    NO_SOCKETS = "no-sockets"
    LIMITS = "limits"


WEAKER = {
    Walls.NO_SOCKETS: Text(
        "tshark runs without namespaces of its own: bubblewrap is not installed, or the system does not permit user"
        " namespaces. It still runs within limits, can open no network connection and gain no privileges, but it can"
        " read what every account of the system may read. Install bubblewrap and permit user namespaces.",
        "tshark 未在独立命名空间中运行：未安装 bubblewrap，或系统不允许用户命名空间。"
        "其资源仍受限制，无法建立网络连接，也无法提升权限，但可读取系统中任何账户都可读取的文件。"
        "请安装 bubblewrap 并允许用户命名空间。",
    ),
    Walls.LIMITS: Text(
        "tshark runs within limits only: neither bubblewrap nor seccomp can be used here."
        " Install bubblewrap and permit user namespaces, or close the network to the workers.",
        "tshark 仅受资源限制：此处既不能使用 bubblewrap，也不能使用 seccomp。"
        "请安装 bubblewrap 并允许用户命名空间，或禁止 worker 访问网络。",
    ),
}


@cache
def walls() -> Walls:
    """The strongest walls of this machine, found out by trying."""
    if shutil.which("bwrap") and _works(_bubblewrap("true", ()), _nobody()):
        return Walls.BUBBLEWRAP
    if _works(_without_sockets(), {}):
        return Walls.NO_SOCKETS
    return Walls.LIMITS


def surrounded(program: str, arguments: Iterable[str], limits: ToolLimits, readable: Iterable[Path] = ()) -> list[str]:
    """The command that runs `program` (a full path) within limits and walls; `readable`: folders that it may read."""
    around = {
        Walls.BUBBLEWRAP: lambda: _bubblewrap(program, readable),
        Walls.NO_SOCKETS: _without_sockets,
        Walls.LIMITS: list,
    }[walls()]()
    return [*_limited(limits), *around, program, *arguments]


def identity() -> dict[str, Any]:
    """Arguments for Popen that give up root; the system's own right to read other people's files goes with it.

    What opens no socket gives it up itself, once its interpreter, which may lie in a folder of root's, is loaded.
    """
    return {} if walls() is Walls.NO_SOCKETS else _nobody()


def _nobody() -> dict[str, Any]:
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


def _without_sockets() -> list[str]:
    user = NOBODY if os.geteuid() == 0 else -1
    return [sys.executable, "-I", "-S", str(CLOSED_START), str(user)]


def _works(around: list[str], identity: dict[str, Any]) -> bool:
    try:
        ended = subprocess.run(
            [*around, "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=TRY_S, **identity
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return ended.returncode == 0
