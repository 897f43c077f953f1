"""Matched datagrams as arrays: a row for each piece that two captures or more saw, a column for each capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.groups import Group

NO_TIME = np.iinfo(np.int64).min
NO_TTL = -1


@dataclass(frozen=True, slots=True)
class MatchedTimes:
    """`times` raw ns (NO_TIME where not seen), `ttls` (NO_TTL), `directions` +1 to the server, -1 to the client, 0 not
    known; `rows` index of the group of each row."""

    times: NDArray[np.int64]
    ttls: NDArray[np.int16]
    directions: NDArray[np.int8]
    rows: NDArray[np.int64]

    def pair(self, first: int, second: int) -> NDArray[np.int64]:
        """Rows that both captures have."""
        return np.flatnonzero((self.times[:, first] != NO_TIME) & (self.times[:, second] != NO_TIME))


def tabulate(groups: Sequence[Group], directions: Sequence[int], captures: int) -> MatchedTimes:
    times: list[list[int]] = []
    ttls: list[list[int]] = []
    row_directions: list[int] = []
    rows: list[int] = []
    for index, group in enumerate(groups):
        if len(group.members) < 2:
            continue
        for seen_at in _common_pieces(group):
            time_row, ttl_row = [NO_TIME] * captures, [NO_TTL] * captures
            for capture, (time_ns, ttl) in seen_at.items():
                time_row[capture], ttl_row[capture] = time_ns, ttl
            times.append(time_row)
            ttls.append(ttl_row)
            row_directions.append(directions[index])
            rows.append(index)
    shape = (len(rows), captures)
    return MatchedTimes(
        np.array(times, dtype=np.int64).reshape(shape),
        np.array(ttls, dtype=np.int16).reshape(shape),
        np.array(row_directions, dtype=np.int8),
        np.array(rows, dtype=np.int64),
    )


def _common_pieces(group: Group) -> list[dict[int, tuple[int, int]]]:
    """Times and TTLs of the first piece where all members have it, else of every piece that two have.

    The same piece on both sides: the delay of another piece would not bound a clock.
    """
    heads = {
        capture: (seen.head.time_ns, seen.head.ttl) for capture, seen in group.members.items() if seen.head is not None
    }
    if len(heads) == len(group.members):
        return [heads]
    pieces: dict[int, dict[int, tuple[int, int]]] = {}
    for capture, seen in group.members.items():
        for packet in seen.packets:
            at = pieces.setdefault(packet.offset_bytes, {})
            if capture not in at or packet.time_ns < at[capture][0]:
                at[capture] = (packet.time_ns, packet.ttl)
    return [at for at in pieces.values() if len(at) > 1]
