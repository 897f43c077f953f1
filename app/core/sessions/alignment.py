"""Which log line tells of which datagram: two rows of times, laid side by side.

A log truncates its times to its resolution, so a datagram of a line written at L lies in [L, L + resolution) on the
log's clock, give or take the work between writing and sending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.core.records import NS

Pair = tuple[int | None, int | None]

QUARTER_HOUR_NS = 15 * 60 * NS
SLACK_NS = NS * 6 // 10  # a line is written a little before or after the datagram leaves


def align(lines_ns: Sequence[int], wire_ns: Sequence[int], resolution_ns: int = NS) -> list[Pair]:
    """Pairs of indices (line, datagram) in order of time; None where one side lacks its partner.

    Both rows ascend and are on one clock. Rows of equal length are paired in order when no pair is impossible; else the
    pairing with the most, then the closest, pairs wins (Needleman–Wunsch over at most a few hundred entries).
    """
    late_ns = resolution_ns + SLACK_NS
    if len(lines_ns) == len(wire_ns) and all(
        -SLACK_NS <= wire - line <= late_ns for line, wire in zip(lines_ns, wire_ns, strict=True)
    ):
        return [(index, index) for index in range(len(lines_ns))]
    rows, columns = len(lines_ns), len(wire_ns)
    best = [[(0, 0)] * (columns + 1) for _ in range(rows + 1)]  # (pairs, -total distance): larger is better
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            gap = wire_ns[j] - lines_ns[i]
            if -SLACK_NS <= gap <= late_ns:
                pairs, cost = best[i + 1][j + 1]
                best[i][j] = max(best[i][j], (pairs + 1, cost - abs(gap - resolution_ns // 2)))
    return _walk(best, lines_ns, wire_ns, late_ns, resolution_ns)


def _walk(
    best: list[list[tuple[int, int]]], lines_ns: Sequence[int], wire_ns: Sequence[int], late_ns: int, resolution_ns: int
) -> list[Pair]:
    pairs: list[Pair] = []
    i = j = 0
    while i < len(lines_ns) and j < len(wire_ns):
        gap = wire_ns[j] - lines_ns[i]
        count, cost = best[i + 1][j + 1]
        if -SLACK_NS <= gap <= late_ns and best[i][j] == (count + 1, cost - abs(gap - resolution_ns // 2)):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j] and (best[i][j] != best[i][j + 1] or lines_ns[i] <= wire_ns[j]):
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    pairs.extend((rest, None) for rest in range(i, len(lines_ns)))
    pairs.extend((None, rest) for rest in range(j, len(wire_ns)))
    return pairs


def log_offset(differences_ns: Sequence[int], resolution_ns: int = NS) -> int | None:
    """The offset that turns log time into packet time, from differences (datagram time minus log time).

    The true offset lies in (difference - resolution, difference]; the interval that most differences share wins, and
    its middle is returned. None without differences.
    """
    if not differences_ns:
        return None
    edges: list[tuple[int, int]] = []
    for difference in differences_ns:
        edges.append((difference - resolution_ns, 1))
        edges.append((difference, -1))
    edges.sort(key=lambda edge: (edge[0], -edge[1]))
    depth = best_depth = 0
    low = high = differences_ns[0]
    for index, (at_ns, step) in enumerate(edges):
        depth += step
        if step > 0 and depth > best_depth:
            best_depth, low = depth, at_ns
            high = edges[index + 1][0]
    return (low + high) // 2


def split_zone(offset_ns: int) -> tuple[int, int]:
    """(zone in seconds east of UTC, what is left in ns) of an offset from log time to UTC.

    Zones are multiples of a quarter of an hour between -12 h and +14 h; anything else is the clock's own error.
    """
    quarters = round(-offset_ns / QUARTER_HOUR_NS)
    if not -48 <= quarters <= 56:
        return 0, offset_ns
    return quarters * 900, offset_ns + quarters * QUARTER_HOUR_NS


def likely_offset(lines_ns: Sequence[int], wire_ns: Sequence[int], resolution_ns: int = NS) -> int | None:
    """The offset under which most lines have a datagram, where nothing but the rhythm ties them together.

    None unless at least two lines agree and no other whole offset does as well.
    """
    votes: Counter[int] = Counter()
    for line in set(lines_ns):
        for difference in {(wire - line) // resolution_ns for wire in wire_ns}:
            votes[difference] += 1
    # A true offset falls on two neighbouring whole seconds; count them together.
    pooled = {at: count + votes.get(at + 1, 0) for at, count in votes.items()}
    ranked = sorted(pooled.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or ranked[0][1] < 2:
        return None
    at, count = ranked[0]
    if any(other_count >= count and abs(other - at) > 1 for other, other_count in ranked[1:]):
        return None
    return log_offset(
        [wire - line for line in lines_ns for wire in wire_ns if at <= (wire - line) // resolution_ns <= at + 1],
        resolution_ns,
    )
