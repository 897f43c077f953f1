"""Matched datagrams as arrays: a row for each piece that two captures or more saw, a column for each capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.network.groups import Group
from app.core.records import Packet

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
    frames: NDArray[np.int64]  # 0 where not seen

    def pair(self, first: int, second: int) -> NDArray[np.int64]:
        """Rows that both captures have."""
        return np.flatnonzero((self.times[:, first] != NO_TIME) & (self.times[:, second] != NO_TIME))


def tabulate(groups: Sequence[Group], directions: Sequence[int], captures: int) -> MatchedTimes:
    times: list[list[int]] = []
    ttls: list[list[int]] = []
    frames: list[list[int]] = []
    row_directions: list[int] = []
    rows: list[int] = []
    for index, group in enumerate(groups):
        if len(group.members) < 2:
            continue
        for seen_at in _common_pieces(group):
            time_row, ttl_row, frame_row = [NO_TIME] * captures, [NO_TTL] * captures, [0] * captures
            for capture, packet in seen_at.items():
                time_row[capture], ttl_row[capture], frame_row[capture] = packet.time_ns, packet.ttl, packet.frame
            frames.append(frame_row)
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
        np.array(frames, dtype=np.int64).reshape(shape),
    )


def _common_pieces(group: Group) -> list[dict[int, Packet]]:
    """The first piece where all members have it, else of every piece that two have.

    The same piece on both sides: the delay of another piece would not bound a clock.
    """
    heads = {capture: seen.head for capture, seen in group.members.items() if seen.head is not None}
    if len(heads) == len(group.members):
        return [heads]
    pieces: dict[int, dict[int, Packet]] = {}
    for capture, seen in group.members.items():
        for packet in seen.packets:
            at = pieces.setdefault(packet.offset_bytes, {})
            if capture not in at or packet.time_ns < at[capture].time_ns:
                at[capture] = packet
    return [at for at in pieces.values() if len(at) > 1]
