"""Runs other programs: argument lists only, within limits and behind the walls of `sandbox`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.core.records import Text
from app.sandbox import LIMITS, ToolLimits, identity, surrounded


class ToolError(Exception):
    """A program is missing, failed or was stopped; `text` says so for people."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def start_tool(
    argv: Sequence[str], limits: ToolLimits, environment: Mapping[str, str] = {}, readable: Sequence[Path] = ()
) -> subprocess.Popen[bytes]:
    """Starts a program with pipes on stdin and stdout. It dies after `limits.seconds`, and with the thread that started
    it; end it with `end_tool`. It can read the system's own files and the folders `readable`, and nothing else.

    Raises ToolError where it is not installed.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(Text(f"{argv[0]} is not installed", f"未安装 {argv[0]}"))
    process = subprocess.Popen(
        surrounded(program, argv[1:], limits, readable),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**_environment(), **environment},
        cwd="/",
        start_new_session=True,  # so that its children die with it
        **identity(),
    )
    watchdog = threading.Timer(limits.seconds, end_tool, (process,))
    watchdog.daemon = True
    watchdog.start()
    process.watchdog = watchdog  # type: ignore[attr-defined]
    return process


def run_tool(
    argv: Sequence[str],
    limits: ToolLimits = LIMITS,
    stdin: bytes = b"",
    environment: Mapping[str, str] = {},
    readable: Sequence[Path] = (),
) -> bytes:
    """Standard output of a program. Raises ToolError where it is missing, was stopped or returned an error."""
    process = start_tool(argv, limits, environment, readable)
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
    """Nothing of the caller's settings, which may be secrets or change what a program does."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
