"""Python's cycle collector, out of the way of work that makes many objects and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Hundreds of thousands of small frozen facts are made in an analysis; walking them again and again in search of
    cycles that cannot be there would take half of its time. Reference counts go on freeing memory."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def collector_rare() -> Iterator[None]:
    """Setting pages makes objects by the hundred thousand that all stay until the end: looking among them for cycles
    every few hundred would take a sixth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
