"""A forked process that works for this one, and ends with the `with` statement that it is in."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Self

_FORKS = get_context("fork")


class Fork:
    """`work` is called in it with its end of the connection, and the other arguments."""

    def __init__(self, work: Callable[..., None], *arguments: object, is_duplex: bool = True) -> None:
        """`is_duplex`: whether this process says something, too."""
        self.connection, theirs = _FORKS.Pipe(is_duplex)
        self._process = _FORKS.Process(target=_begin, args=(work, theirs, self.connection, arguments))
        with warnings.catch_warnings():
            # A job's process has a second thread, which holds nothing: it waits for the worker to end (`jobs/child`).
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _begin(work: Callable[..., None], own: Connection, theirs: Connection, arguments: tuple[object, ...]) -> None:
    theirs.close()  # or nobody would see that the other process died
    gc.freeze()  # what was there before stays shared
    work(own, *arguments)
