"""The clocks of the eras of one capture as one clock that was set between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.core.analysis import Clock
from app.core.network.clock_links import total


@dataclass(frozen=True, slots=True)
class Setting:
    """The first datagram that surely came after the clock was set: its raw time and frame."""

    raw_ns: int
    frame: int
    is_sure: bool  # not perhaps another's clock


def whole_clock(main: Clock, eras: Sequence[Clock | None], settings: Sequence[Setting]) -> Clock:
    """`eras` in order of frames, None where one has no link to the main one; `settings` lie between them.

    The offset is told for the time before the first setting, and settings come on top of it.
    """
    runs: list[tuple[int, Clock]] = []  # (number of the first era, the clock) between settings
    for number, clock in enumerate(eras):
        if clock is not None:
            era = _as_of(clock, main)
            is_set = number > 0 and settings[number - 1].is_sure
            if not runs or is_set or not _may_be_equal(runs[-1][1], era):
                runs.append((number, era))
            elif clock is main:
                runs[-1] = (runs[-1][0], era)
    told = [settings[number - 1] for number, _ in runs[1:]]
    if not told:
        return main
    first_s = runs[0][1].offset_s
    stepped = main.offset_s - first_s
    jumps = [after.offset_s - before.offset_s for (_, before), (_, after) in pairwise(runs)]
    return replace(
        main,
        offset_s=first_s,
        lower_s=total(main.lower_s, -stepped),
        upper_s=total(main.upper_s, -stepped),
        steps=tuple((setting.raw_ns, jump) for setting, jump in zip(told, jumps, strict=True)),
        step_frames=tuple(setting.frame for setting in told),
    )


def _as_of(era: Clock, main: Clock) -> Clock:
    """The clock of another era with the offset that it had at the middle of the main one, by the drift of that."""
    if not era.middle_ns or not main.middle_ns:
        return era
    return replace(era, offset_s=era.offset_s - (era.middle_ns - main.middle_ns) * main.drift_ppm * 1e-15)


def _may_be_equal(before: Clock, after: Clock) -> bool:
    """Whether the bands of both bear that the clock was not set: then it is not told."""
    if before.uncertainty_s is None or after.uncertainty_s is None:
        return False
    return abs(after.offset_s - before.offset_s) <= before.uncertainty_s + after.uncertainty_s
