from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Clock
from app.core.network.clocks import ClockNet
from app.core.network.groups import Group, Level
from app.core.network.lookalikes import note_lookalikes
from app.core.network.observations import Observation
from app.core.network.renaming import Names
from app.core.network.rewritten_matching import join_altered, join_rewritten, link_parts
from app.core.network.timed_matching import note_untimed, settle_crowd
from app.core.records import Confidence, Direction
from tests.core.net_world import PORT, SERVER, Sent, message
from tests.core.network.test_matching import capture, datagram

ONE_CLOCK = ClockNet((Clock(), Clock(), Clock()), (0, 0, 0), (), (None, 0, 0))
TWO_PARTS = ClockNet((Clock(), Clock(), Clock()), (0, 1, 1), (), (None, None, 1))


def members(groups: list[Group]) -> list[list[int]]:
    return sorted(sorted(group.members) for group in groups)


def up(group: Group) -> Direction | None:
    return Direction.TO_SERVER


def alike(number: int, *times_s: float) -> list[Observation]:
    """The same payload without identification, at these times."""
    return capture(number, *(Sent(at, "10.1.1.1", SERVER, 40_001, PORT, message(3, 1, 900), None) for at in times_s))


def test_alike_datagrams_are_told_apart_by_time() -> None:
    groups = settle_crowd(alike(0, 0, 5, 10) + alike(1, 0.01, 10.01), ONE_CLOCK)
    assert members(groups) == [[0], [0, 1], [0, 1]]
    assert {group.level for group in groups if len(group.members) == 2} == {Level.TIMED}


def test_alike_datagrams_at_one_time_are_told_apart_by_order_where_all_came() -> None:
    groups = settle_crowd(alike(0, 0, 0.15) + alike(1, 0.155, 0.3), ONE_CLOCK)
    assert members(groups) == [[0, 1], [0, 1]]


def test_alike_datagrams_of_which_one_was_lost_are_not_matched_by_guess() -> None:
    groups = settle_crowd(alike(0, 0, 0.15) + alike(1, 0.075), ONE_CLOCK)
    assert members(groups) == [[0], [0], [1]] and all(group.rivals for group in groups)


def test_without_a_common_clock_alike_datagrams_are_not_matched() -> None:
    groups = settle_crowd(alike(0, 0, 5) + alike(1, 0.01, 5.01), TWO_PARTS)
    assert members(groups) == [[0], [0], [1], [1]]


def single(number: int, at_s: float, name: int | None, serial: int = 1) -> Group:
    (seen,) = capture(number, datagram(at_s, name, serial=serial))
    return Group((seen,))


def test_a_rewritten_identification_is_seen_through_by_time() -> None:
    groups = [single(0, 0, 7), single(0, 5, 8), single(1, 0.01, 70), single(1, 5.01, 80)]
    joined = join_rewritten(groups, ONE_CLOCK, range(2), up, Names(up))
    assert members(joined) == [[0, 1], [0, 1]]
    assert {group.level for group in joined} == {Level.REWRITTEN}


def heartbeat(number: int, at_s: float, name: int, source: str = "10.1.1.1") -> Group:
    (seen,) = capture(number, Sent(at_s, source, SERVER, 40_001, PORT, message(17, 1, 60), name))
    return Group((seen,))


def test_what_is_sent_again_and_again_may_be_another_terminals() -> None:
    """Other addresses and another identification: the equal payload says little, as there are more of it."""
    outside = "198.51.100.7"
    groups = [heartbeat(0, 0, 7), heartbeat(1, 0.01, 70, outside), heartbeat(1, 9, 71, outside)]
    assert members(join_rewritten(groups, ONE_CLOCK, range(2), up, Names(up))) == [[0], [1], [1]]


def test_but_where_the_translation_is_known_it_is_joined() -> None:
    outside = "198.51.100.7"
    (inner,), (outer,) = (
        capture(number, Sent(20 + number / 100, source, SERVER, 40_001, PORT, message(3, 5, 900), 9 + number))
        for number, source in enumerate(("10.1.1.1", outside))
    )
    known = Group((inner,))
    known.take(Group((outer,)), Level.REWRITTEN, 900)
    groups = [known, heartbeat(0, 0, 7), heartbeat(1, 0.01, 70, outside), heartbeat(1, 9, 71, outside)]
    assert members(join_rewritten(groups, ONE_CLOCK, range(2), up, Names(up))) == [[0, 1], [0, 1], [1]]


def test_identifications_that_are_kept_elsewhere_are_not_taken_as_rewritten() -> None:
    kept = single(0, 30, 9)
    kept.take(single(1, 30.01, 9), Level.NAMED, 2655)
    groups = [kept, single(0, 0, 7), single(1, 0.01, 70)]
    assert members(join_rewritten(groups, ONE_CLOCK, range(2), up, Names(up))) == [[0], [0, 1], [1]]


def test_identifications_that_only_the_other_direction_keeps_may_be_rewritten_in_this_one() -> None:
    kept = single(0, 30, 9)
    kept.take(single(1, 30.01, 9), Level.NAMED, 2655)
    groups = [kept, single(0, 0, 7), single(1, 0.01, 70)]

    def way(group: Group) -> Direction | None:
        return Direction.TO_CLIENT if group is kept else Direction.TO_SERVER

    assert members(join_rewritten(groups, ONE_CLOCK, range(2), way, Names(way))) == [[0, 1], [0, 1]]


def test_alike_datagrams_that_were_not_joined_put_each_other_in_doubt() -> None:
    near, far = single(0, 0, 7), single(1, 3, 70)
    note_lookalikes([near, far], ONE_CLOCK, 2, up, Names(up))
    assert near.rivals and far.rivals


def test_equal_datagrams_of_two_terminals_that_are_seen_apart_are_no_translation_of_each_other() -> None:
    (here,) = capture(0, datagram(0, 7))
    before, there, after = capture(
        1, datagram(-5, 1, serial=2), datagram(0, 70, source="10.1.1.2"), datagram(5, 2, serial=3)
    )
    near, far = Group((here,)), Group((there,))
    note_lookalikes([near, far], ONE_CLOCK, 2, up, Names(up))
    assert near.rivals and far.rivals
    near, far = Group((here,)), Group((there,))
    note_lookalikes(
        [near, far, Group((before,)), Group((after,))], ONE_CLOCK, 2, up, Names(up)
    )  # the near one is seen there
    assert not near.rivals and not far.rivals


def test_alike_datagrams_of_another_time_are_others_where_the_clocks_were_held_against_each_other() -> None:
    """Beyond the last datagram that was matched, a clock may have been set."""
    first = capture(0, datagram(-10, 1, serial=2), datagram(0, 7), datagram(60, 3, serial=3))
    second = capture(1, datagram(-10, 1, serial=2), datagram(30, 70), datagram(60, 3, serial=3))
    around = [Group(pair) for pair in ((first[0], second[0]), (first[2], second[2]))]
    near, far = Group(first[1:2]), Group(second[1:2])
    note_lookalikes([*around, near, far], ONE_CLOCK, 2, of_their_own, Names(of_their_own))
    assert not near.rivals and not far.rivals
    note_lookalikes([around[0], near, far], ONE_CLOCK, 2, of_their_own, Names(of_their_own))
    assert near.rivals and far.rivals


def test_what_the_clocks_put_apart_verifies_no_clock() -> None:
    first = capture(0, datagram(-10, 1, serial=2), datagram(0, 7), datagram(60, 3, serial=3))
    second = capture(1, datagram(-10, 1, serial=2), datagram(30, 70), datagram(900, 3, serial=3))
    around = [Group(pair) for pair in ((first[0], second[0]), (first[2], second[2]))]
    near, far = Group(first[1:2]), Group(second[1:2])
    note_lookalikes([*around, near, far], ONE_CLOCK, 2, of_their_own, Names(of_their_own))
    assert near.rivals and far.rivals


def of_their_own(group: Group) -> Direction | None:
    """Another way for what was matched, so that names are not known to stay as they are on the way of the others."""
    return Direction.TO_CLIENT if len(group.members) > 1 else Direction.TO_SERVER


def test_one_equal_payload_does_not_link_two_clocks() -> None:
    groups = link_parts([single(0, 0, 7), single(1, 900, 70)], TWO_PARTS, range(3), up, Names(up))
    assert members(groups) == [[0], [1]] and all(group.rivals for group in groups)


def test_two_payloads_that_agree_on_a_shift_do() -> None:
    groups = [single(0, 0, 7, 1), single(0, 20, 8, 2), single(1, 900, 70, 1), single(1, 920, 80, 2)]
    assert members(link_parts(groups, TWO_PARTS, range(3), up, Names(up))) == [[0, 1], [0, 1]]


def test_two_payloads_that_disagree_on_a_shift_do_not() -> None:
    groups = [single(0, 0, 7, 1), single(0, 20, 8, 2), single(1, 900, 70, 1), single(1, 990, 80, 2)]
    assert members(link_parts(groups, TWO_PARTS, range(3), up, Names(up))) == [[0], [0], [1], [1]]


def by_name(group: Group) -> Direction | None:
    """The answers of these tests have odd identifications."""
    return Direction.TO_CLIENT if (group.any_member.identification or 0) % 2 else Direction.TO_SERVER


def of_two_eras(early_names: tuple[int, int]) -> list[Group]:
    """Three payloads agree on a shift of 900 s, two before them on one of 905 s."""
    first, second = early_names
    late = [single(0, 100 + at, 20 + at, 20 + at) for at in range(3)]
    late += [single(1, 1000 + at, 220 + at, 20 + at) for at in range(3)]
    early = [single(0, 0, first, 1), single(0, 20, second, 2)]
    return [*late, *early, single(1, 905, first + 200, 1), single(1, 925, second + 200, 2)]


def test_payloads_that_agree_on_another_shift_before_show_a_clock_that_was_set() -> None:
    groups = link_parts(of_two_eras((7, 8)), TWO_PARTS, range(3), by_name, Names(by_name))
    assert members(groups) == [[0, 1]] * 5


def test_of_one_direction_only_they_may_be_the_next_attempts() -> None:
    groups = link_parts(of_two_eras((6, 8)), TWO_PARTS, range(3), by_name, Names(by_name))
    assert members(groups) == [[0], [0], [0, 1], [0, 1], [0, 1], [1], [1]]


def altered(number: int, at_s: float) -> Group:
    (seen,) = capture(number, datagram(at_s))
    first = seen.datagrams[0].packets[0]
    changed = replace(first, payload=first.payload[:100] + b"?" + first.payload[101:])
    whole = replace(seen.datagrams[0], packets=(changed, *seen.datagrams[0].packets[1:]))
    return Group((Observation(number, whole, frozenset({PORT})),))


def test_a_payload_that_one_leg_changed_is_still_the_same_datagram() -> None:
    (joined,) = join_altered([single(0, 0, 7), altered(1, 0.01)], ONE_CLOCK, [0, 1, 2])
    assert sorted(joined.members) == [0, 1] and joined.level == Level.ALTERED


def test_other_bytes_under_one_name_hours_later_are_another_datagram() -> None:
    assert len(join_altered([single(0, 0, 7), altered(1, 9000)], ONE_CLOCK, [0, 1, 2])) == 2


def test_an_equal_payload_alone_is_not_certain_where_no_clock_speaks_for_it() -> None:
    """What one capture has of it may be the first attempt, and what the other has the second."""
    seen = (alike(0, 0)[0], alike(1, 0.01)[0])
    told, untold = (Group(seen, Level.CONTENT, 800) for _ in range(2))
    known = Clock(quality="both ways", matched=9)
    note_untimed([told], ClockNet((known, known), (0, 0), (), (None, 0)))
    note_untimed([untold], ClockNet((known, Clock()), (0, 1), (), (None, None)))
    assert (told.confidence(), untold.confidence()) == (Confidence.CERTAIN, Confidence.LIKELY)
