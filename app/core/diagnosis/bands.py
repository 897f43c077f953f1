"""The interval of plaintext sizes in which sessions fail, found from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from app.core.diagnosis.case_view import Report


@dataclass(frozen=True, slots=True)
class Band:
    """Sizes from `low` to `high` fail (both were seen failing).

    `below`: the largest passing size under it; `above`: the smallest passing size over it; None: none was seen.
    `chance`: how likely failures would gather like this if size did not matter (Fisher, one-sided).
    """

    low: int
    high: int
    below: int | None
    above: int | None
    failing_in: tuple[Report, ...]
    passing_in: tuple[Report, ...]
    failing_out: tuple[Report, ...]
    passing_out: tuple[Report, ...]
    chance: float

    @property
    def exceptions(self) -> int:
        return len(self.passing_in) + len(self.failing_out)

    def contains(self, size: int) -> bool:
        return self.low <= size <= self.high


def find_band(reports: Sequence[Report]) -> Band | None:
    """The interval with the most failures over passes in it; None without both kinds of session."""
    judged = [r for r in reports if r.is_network_failure or r.has_passed]
    if not any(r.has_passed for r in judged) or not any(r.is_network_failure for r in judged):
        return None
    scores: dict[int, int] = {}
    for report in judged:
        scores[report.plain_bytes] = scores.get(report.plain_bytes, 0) + (1 if report.is_network_failure else -1)
    low, high, best = _best_run(sorted(scores.items()))
    if best <= 0:
        return None
    return _band(judged, low, high)


def _best_run(rows: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """Kadane: (first size, last size, sum) of the run with the largest sum; of equal ones the longest."""
    best = (rows[0][0], rows[0][0], rows[0][1])
    start, total = rows[0][0], -1
    for size, score in rows:
        if total < 0:
            start, total = size, 0
        total += score
        if total > best[2]:
            best = (start, size, total)
    return best


def _band(judged: Sequence[Report], low: int, high: int) -> Band:
    inside = [r for r in judged if low <= r.plain_bytes <= high]
    outside = [r for r in judged if not low <= r.plain_bytes <= high]
    failing_in = tuple(r for r in inside if not r.has_passed)
    passing_in = tuple(r for r in inside if r.has_passed)
    failing_out = tuple(r for r in outside if not r.has_passed)
    passing_out = tuple(r for r in outside if r.has_passed)
    return Band(
        low=low,
        high=high,
        below=max((r.plain_bytes for r in passing_out if r.plain_bytes < low), default=None),
        above=min((r.plain_bytes for r in passing_out if r.plain_bytes > high), default=None),
        failing_in=failing_in,
        passing_in=passing_in,
        failing_out=failing_out,
        passing_out=passing_out,
        chance=fisher(*(terminals(x) for x in (failing_in, passing_in, failing_out, passing_out))),
    )


def terminals(reports: Sequence[Report]) -> int:
    """Distinct terminals: twenty sessions of one terminal are one witness."""
    return len({r.terminal.key or r.terminal.mac or r.terminal.user or str(id(r.terminal)) for r in reports})


def fisher(fail_in: int, pass_in: int, fail_out: int, pass_out: int) -> float:
    """One-sided Fisher test: the probability of at least so many failures inside, margins given."""
    inside, failing = fail_in + pass_in, fail_in + fail_out
    total = inside + fail_out + pass_out
    all_ways = comb(total, inside)
    most = min(inside, failing)
    ways = sum(comb(failing, k) * comb(total - failing, inside - k) for k in range(fail_in, most + 1))
    return ways / all_ways
