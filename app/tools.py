"""Runs other programs: argument lists only, with limits on time, memory and what they write."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.core.records import Text

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ToolLimits:
    seconds: float = 900.0  # wall clock; then it and its children are killed
    cpu_seconds: int = 900
    memory_bytes: int = 2048 * MIB  # address space
    file_bytes: int = 1024 * MIB  # each file that it writes


class ToolError(Exception):
    """A program is missing, failed or was stopped; `text` says so for people."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def start_tool(argv: Sequence[str], limits: ToolLimits) -> subprocess.Popen[bytes]:
    """Starts a program with pipes on stdin and stdout. It dies after `limits.seconds`; end it with `end_tool`.

    Raises ToolError where it is not installed.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(Text(f"{argv[0]} is not installed", f"未安装 {argv[0]}"))
    process = subprocess.Popen(
        [program, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,  # so that its children die with it
    )
    _limit(process.pid, limits)
    watchdog = threading.Timer(limits.seconds, end_tool, (process,))
    watchdog.daemon = True
    watchdog.start()
    process.watchdog = watchdog  # type: ignore[attr-defined]
    return process


def run_tool(argv: Sequence[str], limits: ToolLimits = ToolLimits(), stdin: bytes = b"") -> bytes:
    """Standard output of a program. Raises ToolError where it is missing, was stopped or returned an error."""
    process = start_tool(argv, limits)
    try:
        output, _ = process.communicate(stdin)
    finally:
        end_tool(process)
    if process.returncode != 0:
        name = Path(argv[0]).name
        raise ToolError(Text(f"{name} ended with {process.returncode}", f"{name} 异常结束（{process.returncode}）"))
    return output


def end_tool(process: subprocess.Popen[bytes]) -> None:
    """Kills the program and its children if they still run."""
    watchdog: threading.Timer | None = getattr(process, "watchdog", None)
    if watchdog is not None:
        watchdog.cancel()
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """Nothing of the caller's settings: a user's Wireshark preferences would change what is dissected."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "WIRESHARK_CONFIG_DIR": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _limit(pid: int, limits: ToolLimits) -> None:
    """Set from outside: code between fork and exec is unsafe where threads run."""
    pairs = (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in pairs:
        try:
            resource.prlimit(pid, kind, (value, value))
        except (ProcessLookupError, PermissionError):  # already over, or a container that forbids it
            return
