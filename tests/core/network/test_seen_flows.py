"""Which addresses are surely two terminals', and which may be one behind a translation."""

from __future__ import annotations

from app.core.network.groups import Group
from app.core.network.seen_flows import SeenFlows
from tests.core.net_world import Sent
from tests.core.network.test_matching import OUTSIDE, capture, datagram

OTHER = "10.1.1.2"


def single(number: int, sent: Sent, ttl: int = 64) -> Group:
    (seen,) = capture(number, sent, ttl=ttl)
    return Group((seen,))


def test_two_that_a_capture_shows_side_by_side_are_two() -> None:
    here, there = single(0, datagram(5)), single(1, datagram(5, source=OTHER))
    shown = [single(2, datagram(0, source=OTHER)), single(2, datagram(1)), single(2, datagram(9, source=OTHER))]
    assert SeenFlows([here, there, *shown], []).are_apart(here, there)


def test_what_no_capture_shows_together_may_be_one() -> None:
    here, there = single(0, datagram(5)), single(1, datagram(5, source=OUTSIDE))
    more = [single(0, datagram(9)), single(1, datagram(9, source=OUTSIDE))]
    assert not SeenFlows([here, there, *more], []).are_apart(here, there)


def test_a_capture_on_the_translating_device_shows_one_terminal_twice() -> None:
    here, there = single(0, datagram(5)), single(1, datagram(5, source=OUTSIDE))
    both = [single(2, datagram(5)), single(2, datagram(5.001, source=OUTSIDE), ttl=63)]
    assert not SeenFlows([here, there, *both], [both]).are_apart(here, there)


def test_what_was_translated_from_some_time_on_is_not_shown_side_by_side() -> None:
    here, there = single(0, datagram(50)), single(1, datagram(50, source=OUTSIDE))
    before = [single(1, datagram(0)), single(1, datagram(10))]
    assert not SeenFlows([here, there, *before], []).are_apart(here, there)
