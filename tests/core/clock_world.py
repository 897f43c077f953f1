"""Two clocks and the datagrams that both saw, made by chance with a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from app.core.network.bands import Flags
from app.core.network.clock_pairs import Times

START_NS = 1_800_000_000_000_000_000


@dataclass(frozen=True)
class TwoClocks:
    first_ns: Times
    second_ns: Times
    is_forward: Flags
    offset_s: float
    drift: float
    first_s: float
    last_s: float
    smallest_round_trip_s: float
    step: tuple[float, float] | None = None
    slew_s: float = 0.0

    def true_offset(self, first_raw_ns: int) -> float:
        at_s = (first_raw_ns - START_NS) / 1e9
        return self.offset_s + self.drift * at_s + _set_by(self.step, self.slew_s, at_s)


def _set_by(step: tuple[float, float] | None, slew_s: float, at_s: float) -> float:
    if step is None or at_s < step[0]:
        return 0.0
    return step[1] if at_s >= step[0] + slew_s else step[1] * (at_s - step[0]) / slew_s


def two_clocks(
    seed: int,
    datagrams: int = 20,
    span_s: float = 20.0,
    offset_s: float = 37.25,
    drift: float = 0.0,
    delay_s: float = 0.0004,
    asymmetry: float = 1.0,
    queue_s: float = 0.0002,
    forward_share: float = 0.5,
    step: tuple[float, float] | None = None,
    slew_s: float = 0.0,
    resolution_ns: int = 1000,
) -> TwoClocks:
    """The first clock is true. `step` sets the second one at a time by so much, in a time of `slew_s`."""
    chance = random.Random(seed)
    times = sorted(chance.uniform(0, span_s) for _ in range(datagrams))
    forward = [chance.random() < forward_share for _ in times]
    if datagrams > 1 and 0 < forward_share < 1:
        forward[0], forward[-1] = True, False
    rows = []
    for at_s, is_forward in zip(times, forward, strict=True):
        delay = delay_s * (1 if is_forward else asymmetry) + (chance.expovariate(1 / queue_s) if queue_s else 0.0)
        first, second = (at_s, at_s + delay) if is_forward else (at_s + delay, at_s)
        shift = offset_s + drift * second + _set_by(step, slew_s, second)
        rows.append((_stamp(first, resolution_ns), _stamp(second + shift, resolution_ns)))
    return TwoClocks(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array(forward, dtype=bool),
        offset_s,
        drift,
        times[0],
        times[-1],
        delay_s * (1 + asymmetry),
        step,
        slew_s,
    )


def _stamp(time_s: float, resolution_ns: int) -> int:
    return START_NS + round(time_s * 1e9) // resolution_ns * resolution_ns


def any_two_clocks(
    seed: int,
    is_set: bool = False,
    is_one_way: bool = False,
    jump_s: float | None = None,
    slew_rate: float = 0.0,
    **given: float,
) -> TwoClocks:
    """From seconds to a day, from two datagrams to a thousand, from no offset to days, any drift of a crystal.

    `is_set`: one clock is set in the middle, by more than any queue, with traffic around it. `jump_s`: by so much or so
    much less, with any traffic; at once, or at a rate (s a s). `given`: of what `two_clocks` takes.
    """
    chance = random.Random(seed)
    span_s = chance.choice((5.0, 20.0, 90.0, 600.0, 28_800.0, 86_400.0))
    made: dict[str, object] = {
        "datagrams": chance.choice((2, 5, 10, 20, 50, 200, 1000)),
        "span_s": span_s,
        "offset_s": chance.choice((0.0, 0.001, -3.0, 37.0, 3600.0, -259_200.5)) * chance.choice((1.0, chance.random())),
        "drift": chance.uniform(-100e-6, 100e-6),
        "delay_s": chance.uniform(0.00005, 0.005),
        "asymmetry": chance.uniform(0.1, 3.0),
        "queue_s": chance.choice((0.0, 0.0002, 0.002, 0.05)),
        "forward_share": chance.choice((0.1, 0.3, 0.5, 0.9)),
        "resolution_ns": chance.choice((1, 1000)),
    }
    if is_set:
        size_s = chance.choice((-1, 1)) * chance.choice((1.0, 5.0, 60.0, 3600.0, 90_000.0)) * chance.uniform(0.7, 1.3)
        made["datagrams"] = chance.choice((20, 50, 200, 1000))
        made["forward_share"] = chance.choice((0.3, 0.5, 0.7))
        made["step"] = (span_s * chance.uniform(0.3, 0.7), size_s)
    if jump_s is not None:
        made["datagrams"] = chance.choice((5, 10, 20, 50, 200, 1000))
        made["step"] = (span_s * chance.uniform(0.3, 0.7), chance.choice((-1, 1)) * jump_s)
        made["slew_s"] = jump_s / slew_rate if slew_rate else 0.0
    if is_one_way:
        made["forward_share"] = 1.0
    return two_clocks(seed, **(made | given))  # type: ignore[arg-type]
