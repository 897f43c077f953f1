"""A job's work in a process of its own: the worker stays free to say that it is alive, and what dies dies alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from app.config import ROOT, Settings
from app.core.records import Text
from app.jobs import TRY_AGAIN


class ProcessDied(Exception):
    """The process ended without a word: killed, out of memory, or the database was away."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


def describe_death(status: int) -> Text:
    """Why it is not tried again."""
    if status == TRY_AGAIN:
        return Text("The database was away for too long.", "数据库长时间不可用。")
    name = signal.Signals(-status).name if status < 0 else str(status)
    return Text(
        f"Its process was ended by the system several times ({name}); most likely there is not enough memory.",
        f"进程多次被系统终止（{name}），很可能是内存不足。",
    )


async def run_child(options: Settings, module: str, *numbers: int) -> int:
    """The exit status of `python -m module NUMBER…`; negative: a signal ended it. Canceled, it takes the process along.

    Its standard input is a pipe that only we hold, so that it can end when we do.
    """
    environment = {
        **os.environ,
        "DATABASE_URL": options.database_url or "",
        "EADSCOPE_VAR": str(options.var),
        "PYTHONPATH": str(ROOT),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", module, *map(str, numbers),
        stdin=asyncio.subprocess.PIPE, start_new_session=True, env=environment,
    )  # fmt: skip
    try:
        return await child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
