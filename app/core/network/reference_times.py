"""Many raw times of one clock on the reference clock at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.core.analysis import Clock
from app.core.network.matched_times import NO_TIME


def reference_times(clock: Clock, raw_ns: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """`Clock.to_reference` for an array; NO_TIME stays."""
    drift = clock.drift_ppm if clock.middle_ns else 0.0
    shift = clock.offset_s * 1e9 + (raw_ns - clock.middle_ns) * drift * 1e-6
    for (at_ns, jump), first in zip(clock.steps, clock.step_frames, strict=True):
        shift = shift + ((frames >= first) if first else (raw_ns >= at_ns)) * (jump * 1e9)
    return np.where(raw_ns == NO_TIME, NO_TIME, raw_ns - np.rint(shift).astype(np.int64))
