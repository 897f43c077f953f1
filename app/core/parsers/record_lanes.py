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

LANE_BYTES = 16 * 1024
LEAST_BYTES = 32 * LANE_BYTES  # with fewer lanes, link by link is as fast
LOOKED_AT_BYTES = 2 * 1024  # where no record begins within so many, a lane is left to the one before it
LOOKED_AT_ZEROS_BYTES = 64  # they are everywhere
STEPS_AT_ONCE = 8
NONE = np.empty(0, dtype=np.int64)


def words_at(block: bytes, shift: int, order: str) -> NDArray[np.uint32]:
    """The 32-bit words that begin `shift` bytes after every position of the block, aligned or not."""
    return np.ndarray((len(block) - shift - 3,), f"{order}u4", buffer=block, offset=shift, strides=(1,))


def lane_starts(
    block: bytes, start: int, end: int, mark: bytes, mark_at: int, are_records: Callable[[Positions], NDArray[np.bool_]]
) -> Positions:
    """`start`, and places about LANE_BYTES apart that look like records: they have `mark` at `mark_at`."""
    first = start + LANE_BYTES
    lanes = max((end - LANE_BYTES // 2 - first + LANE_BYTES - 1) // LANE_BYTES, 0)
    told_by = mark.index(max(mark))
    width = min(LOOKED_AT_BYTES if mark[told_by] else LOOKED_AT_ZEROS_BYTES, LANE_BYTES // 4)
    windows = np.ndarray(
        (lanes, width), np.uint8, buffer=block, offset=first + mark_at + told_by, strides=(LANE_BYTES, 1)
    )
    rows, columns = np.divmod(np.flatnonzero(windows == mark[told_by]), width)
    at = first + rows * LANE_BYTES + columns
    octets = np.frombuffer(block, dtype=np.uint8)
    for shift, octet in enumerate(mark, mark_at):
        right = octets[at + shift] == octet
        rows, at = rows[right], at[right]
    right = are_records(at)
    _, firsts = np.unique(rows[right], return_index=True)
    return np.concatenate((np.array([start]), at[right][firsts]))


def follow(starts: Positions, end: int, lengths: NDArray[np.uint32], header_bytes: int) -> Positions:
    """Positions of the records from `starts[0]`, in order, up to `end` or to the first lane that does not run into the
    next one. `lengths[at] + header_bytes` is the length of a record at that position."""
    ends = np.append(starts[1:], end)
    limit = len(lengths) - 1
    at = starts
    grid = [at]
    while (at < ends).any():
        for _ in range(STEPS_AT_ONCE):
            step = lengths[at]
            if not header_bytes:  # a damaged length of 0 must not stand still
                np.maximum(step, 1, out=step)
            at = at + step
            at += header_bytes
            np.minimum(at, limit, out=at)
            grid.append(at)
    places = np.stack(grid, axis=1)
    inside = places < ends[:, None]
    landings = places[np.arange(len(starts)), inside.sum(axis=1)]
    astray = np.flatnonzero(landings[:-1] != ends[:-1])
    lanes = int(astray[0]) + 1 if len(astray) else len(starts)
    return places[:lanes][inside[:lanes]]
