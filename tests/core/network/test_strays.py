"""Fragments that came without their first one, under another identification."""

from __future__ import annotations

from app.core.network.groups import Group, Level
from app.core.network.renaming import Names
from app.core.network.strays import join_strays, note_strays
from tests.core.net_world import PORT, SERVER, Sent, message
from tests.core.network.test_matching import OUTSIDE, capture, datagram
from tests.core.network.test_timed_matching import ONE_CLOCK, members, up


def single(number: int, sent: Sent) -> Group:
    (seen,) = capture(number, sent)
    return Group((seen,))


def stray(number: int, sent: Sent) -> Group:
    (seen,) = capture(number, sent, only=frozenset({1480}))
    return Group((seen,))


def joined(*groups: Group) -> list[Group]:
    """What is not joined is noted."""
    rest = join_strays(list(groups), ONE_CLOCK, 3, up, Names(up))
    note_strays(rest, ONE_CLOCK, 3, up, Names(up))
    return rest


def test_a_stray_is_joined_to_the_only_datagram_of_its_bytes_and_time() -> None:
    groups = joined(single(0, datagram(0, 7)), single(0, datagram(5, 8)), stray(1, datagram(5.01, 70)))
    assert members(groups) == [[0], [0, 1]]
    (whole,) = (group for group in groups if len(group.members) > 1)
    assert whole.level == Level.REWRITTEN and not whole.rivals
    assert whole.members[0].identification == 8


def test_strays_of_several_names_are_joined_to_one_datagram() -> None:
    (whole,) = joined(stray(2, datagram(0.02, 700)), stray(1, datagram(0.01, 70)), single(0, datagram(0, 7)))
    assert sorted(whole.members) == [0, 1, 2] and whole.has_head


def test_a_stray_of_two_datagrams_is_neithers() -> None:
    groups = joined(single(0, datagram(0, 7)), single(0, datagram(0.3, 8)), stray(1, datagram(0.31, 70)))
    assert members(groups) == [[0], [0], [1]] and all(group.rivals for group in groups)


def test_two_strays_of_one_datagram_are_not_joined_by_guess() -> None:
    groups = joined(single(0, datagram(0, 7)), stray(1, datagram(0.01, 70)), stray(1, datagram(0.3, 71)))
    assert members(groups) == [[0], [1], [1]] and all(group.rivals for group in groups)


def test_a_few_bytes_do_not_say_whose_a_stray_is() -> None:
    short, name = message(3, 1, 1480), 7
    whole = Sent(0, "10.1.1.1", SERVER, 40_001, PORT, short, name)
    cut = Sent(0.01, "10.1.1.1", SERVER, 40_001, PORT, short, 70)
    groups = joined(single(0, whole), stray(1, cut))
    assert members(groups) == [[0], [1]] and all(group.rivals for group in groups)


def test_a_stray_of_other_hosts_may_be_of_somebody_who_was_not_seen() -> None:
    groups = joined(single(0, datagram(0, 7)), stray(1, datagram(0.01, 70, source=OUTSIDE)))
    assert members(groups) == [[0], [1]] and all(group.rivals for group in groups)
