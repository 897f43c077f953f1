"""A job's work in a process of its own: the worker stays free to say that it is alive, and what dies dies alone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
import os
import signal
import sys
import threading
from multiprocessing import connection, forkserver, get_context, parent_process

from app.config import Settings, settings
from app.core.records import Text
from app.jobs.asking import TRY_AGAIN

MODULES = (
    "app.jobs.end_with_parent", "app.jobs.analysis_run", "app.jobs.document_run", "app.captures.frames",
    "app.unpacking.seven_zip", "typer",
)  # fmt: skip
_FORKS = get_context("forkserver")
_PR_SET_NAME = 15
# Somebody looks while a page is made: an analysis takes what pages leave, and as much as ever where none is open.
NICENESS = 10


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
    """The exit status of `module.main(NUMBER…)` in a process of its own; negative: a signal ended it.

    Canceled, it takes the process along, and whatever that one started. The process ends when we do.
    """
    process = _FORKS.Process(target=_be_child, args=(options, module, numbers))
    # In a thread: the first one waits until the server has loaded everything.
    starting = asyncio.create_task(asyncio.to_thread(process.start))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        await asyncio.shield(starting)
        loop.add_reader(process.sentinel, ended.set)
        await ended.wait()
    finally:
        await starting
        loop.remove_reader(process.sentinel)
        assert process.pid is not None
        _kill(process.pid)
        await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode


def prepare_children() -> None:
    """Load what children need once, in a server that forks them: loading takes longer than analysing a small bundle."""
    _FORKS.set_forkserver_preload(list(MODULES))
    forkserver.ensure_running()


def _be_child(options: Settings, module: str, numbers: tuple[int, ...]) -> None:
    os.setpgid(0, 0)
    os.nice(NICENESS)  # what it starts, such as tshark, inherits it
    ctypes.CDLL(None).prctl(_PR_SET_NAME, module.rpartition(".")[2].encode())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    os.environ["DATABASE_URL"] = options.database_url or ""
    os.environ["EADSCOPE_VAR"] = str(options.var)
    settings.cache_clear()
    sys.exit(importlib.import_module(module).main(*numbers))


def _end_with_worker() -> None:
    """Wait for the worker's end of a pipe to close, then end this whole process group."""
    worker = parent_process()
    assert worker is not None
    connection.wait([worker.sentinel])
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _kill(pid: int) -> None:
    """The process and its group; it may die before it has made one."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
