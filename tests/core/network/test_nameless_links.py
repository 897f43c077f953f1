"""One payload without a name links no captures; two that agree do."""

from __future__ import annotations

from app.core.network.groups import Group, Level
from app.core.network.nameless_links import split_lone
from tests.core.net_world import PORT, SERVER, Sent, message
from tests.core.network.test_matching import capture, datagram
from tests.core.network.test_timed_matching import members


def nameless(serial: int, *times_s: float) -> Group:
    """Seen by the captures 0, 1 … at these times."""
    seen = [
        one
        for number, at_s in enumerate(times_s)
        for one in capture(number, Sent(at_s, "10.1.1.1", SERVER, 40_001, PORT, message(1, serial, 300), None))
    ]
    return Group(seen, Level.CONTENT, 300)


def named(*captures: int) -> Group:
    return Group([seen for number in captures for seen in capture(number, datagram(9.0, 7))], Level.NAMED, 2655)


def test_one_alone_may_be_two_attempts() -> None:
    first, second = split_lone([nameless(1, 0.0, 15.0)], 2)
    assert members([first, second]) == [[0], [1]] and first.rivals and second.rivals


def test_two_that_agree_on_a_shift_are_believed() -> None:
    groups = [nameless(1, 0.0, 15.0), nameless(2, 30.0, 45.01)]
    assert split_lone(groups, 2) == groups


def test_two_that_disagree_are_not() -> None:
    groups = split_lone([nameless(1, 0.0, 15.0), nameless(2, 30.0, 40.0)], 2)
    assert members(groups) == [[0], [0], [1], [1]]


def test_what_names_join_is_not_parted() -> None:
    """A third capture that nothing but one payload joins to the others is."""
    groups = split_lone([nameless(1, 0.0, 0.01, 15.0), named(0, 1)], 3)
    assert members(groups) == [[0, 1], [0, 1], [2]]
