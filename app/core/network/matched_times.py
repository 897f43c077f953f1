"""Matched datagrams as arrays: a row for each piece that two captures or more saw, a column for each capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    packets: list[Packet] = []
    columns: list[int] = []
    widths: list[int] = []  # of each row, how many captures have it
    rows: list[int] = []
    for index, group in enumerate(groups):
        if len(group.members) < 2:
            continue
        # The first piece where all members have it.
        heads = [seen.head for seen in group.members.values() if seen.head is not None]
        if len(heads) == len(group.members):
            packets += heads
            columns += group.members
            widths.append(len(heads))
            rows.append(index)
            continue
        for seen_at in _common_pieces(group):
            packets += seen_at.values()
            columns += seen_at
            widths.append(len(seen_at))
            rows.append(index)
    at = np.arange(len(rows)).repeat(np.array(widths, dtype=np.int64)), np.array(columns, dtype=np.int64)

    def table(values: list[int], absent: int, kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
        cells = np.full((len(rows), captures), absent, dtype=kind)
        cells[at] = values
        return cells

    return MatchedTimes(
        table([packet.time_ns for packet in packets], NO_TIME, np.int64),
        table([packet.ttl for packet in packets], NO_TTL, np.int16),
        np.array([directions[row] for row in rows], dtype=np.int8),
        np.array(rows, dtype=np.int64),
        table([packet.frame for packet in packets], 0, np.int64),
    )


def _common_pieces(group: Group) -> list[dict[int, Packet]]:
    """Every piece that two members have.

    The same piece on both sides: the delay of another piece would not bound a clock.
    """
    pieces: dict[int, dict[int, Packet]] = {}
    for capture, seen in group.members.items():
        for packet in seen.packets:
            at = pieces.setdefault(packet.offset_bytes, {})
            if capture not in at or packet.time_ns < at[capture].time_ns:
                at[capture] = packet
    return [at for at in pieces.values() if len(at) > 1]
