"""Long polling: a request that is answered when something ends, or after the seconds that it gave."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import to_thread
from fastapi import Request

LOOK_EVERY_S = 0.5
State = TypeVar("State")


async def wait_while(
    request: Request, look: Callable[[], State], goes_on: Callable[[State], bool], wait_s: int
) -> State:
    """What `look` (run in a thread) gives once `goes_on` is false of it, or the time is over, or the client is gone."""
    end = time.monotonic() + wait_s
    while True:
        state = await to_thread.run_sync(look)
        left = end - time.monotonic()
        if not goes_on(state) or left <= 0 or await request.is_disconnected():
            return state
        await anyio.sleep(min(LOOK_EVERY_S, left))
