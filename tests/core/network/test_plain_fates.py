"""The usual datagrams are told fast, and just as they would be told with care."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.core.network import fates
from app.core.network.tracing import NetworkSettings, TracedDatagram, trace_network
from tests.core.worlds.plan import make, plan_of


def without_times(traced: Sequence[TracedDatagram]) -> list[TracedDatagram]:
    """Told fast, all pieces of a datagram have one conversion of their times: some differ by a nanosecond."""
    return [
        one._replace(
            fate=one.fate._replace(
                fragments=tuple(
                    piece._replace(sightings={at: seen._replace(time_ns=None) for at, seen in piece.sightings.items()})
                    for piece in one.fate.fragments
                )
            )
        )
        for one in traced
    ]


@pytest.mark.parametrize("seed", range(6))
def test_told_fast_or_with_care_is_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(plan_of(seed, None))
    settings = NetworkSettings(order=made.order)
    fast = trace_network(made.world.captures(), settings)
    monkeypatch.setattr(fates, "seen_alike", lambda group, places: None)
    careful = trace_network(made.world.captures(), settings)
    assert without_times(careful.traced) == without_times(fast.traced)
    assert careful.notes == fast.notes
