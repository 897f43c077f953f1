"""Follows a chain of records in many places of a block at once.

A record only says where the next one begins, so a chain has to be followed link by link, which is slow in Python. Here
a block is cut into lanes: each begins at a place that looks like a record, all of them are followed in step, and a
lane counts only if the one before it runs exactly into its beginning. A wrong guess costs time, never a frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

LANE_BYTES = 64 * 1024
LEAST_BYTES = 8 * LANE_BYTES  # with fewer lanes, link by link is as fast
TRIES = 40  # places looked at before a lane is left to the one before it
STEPS_AT_ONCE = 16
NONE = np.empty(0, dtype=np.int64)


def words_at(block: bytes, shift: int, order: str) -> NDArray[np.uint32]:
    """The 32-bit words that begin `shift` bytes after every position of the block, aligned or not."""
    return np.ndarray((len(block) - shift - 3,), f"{order}u4", buffer=block, offset=shift, strides=(1,))


def lane_starts(
    block: bytes, start: int, end: int, mark: bytes, mark_at: int, is_record: Callable[[int], bool]
) -> list[int]:
    """`start`, and places about LANE_BYTES apart that look like records: they have `mark` at `mark_at`."""
    starts = [start]
    for goal in range(start + LANE_BYTES, end - LANE_BYTES // 2, LANE_BYTES):
        at = goal
        for _ in range(TRIES):
            at = block.find(mark, at, goal + LANE_BYTES // 2)
            if at < 0:
                break
            if is_record(at - mark_at):
                starts.append(at - mark_at)
                break
            at += 1
    return starts


def follow(starts: list[int], end: int, lengths: NDArray[np.uint32], header_bytes: int) -> Positions:
    """Positions of the records from `starts[0]`, in order, up to `end` or to the first lane that does not run into the
    next one. `lengths[at] + header_bytes` is the length of a record at that position."""
    ends = np.array([*starts[1:], end], dtype=np.int64)
    at = np.array(starts, dtype=np.int64)
    limit = len(lengths) - 1
    least = max(header_bytes, 1)  # a damaged length of 0 must not stand still
    rows = []
    while (at < ends).any():
        for _ in range(STEPS_AT_ONCE):
            rows.append(at)
            at = at + np.maximum(lengths[at].astype(np.int64) + header_bytes, least)
            np.minimum(at, limit, out=at)
    rows.append(at)
    grid = np.stack(rows)
    counts = (grid < ends).sum(axis=0)
    landings = grid[counts, np.arange(len(starts))]
    astray = np.flatnonzero(landings[:-1] != ends[:-1])
    lanes = int(astray[0]) + 1 if len(astray) else len(starts)
    grid = grid[:, :lanes].T
    return grid[grid < ends[:lanes, None]]
