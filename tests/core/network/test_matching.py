from __future__ import annotations

from dataclasses import replace

from app.core.fragmentation.reassembly import reassemble
from app.core.network.groups import Group, Level
from app.core.network.matching import group_unique, join_translated
from app.core.network.observations import Observation, observe
from tests.core.net_world import PORT, SERVER, Sent, fragments_of, message

PORTS = frozenset({9019, 9029})
OUTSIDE = "198.51.100.7"


def capture(number: int, *sent: Sent, only: frozenset[int] | None = None, ttl: int = 64) -> list[Observation]:
    """What one capture saw; `only` are the offsets that reached it."""
    packets = [
        replace(packet, source=f"{number}.pcap", time_ns=round(one.at_s * 1e9), ttl=ttl)
        for one in sent
        for packet in fragments_of(one)
        if only is None or packet.offset_bytes in only
    ]
    return observe(number, reassemble(replace(p, frame=n) for n, p in enumerate(packets, 1)), PORTS)


def datagram(
    at_s: float = 0.0, name: int | None = 7, source: str = "10.1.1.1", port: int = 40_001, serial: int = 1
) -> Sent:
    return Sent(at_s, source, SERVER, port, PORT, message(3, serial, 2655), name)


def members(groups: list[Group]) -> list[list[int]]:
    return sorted(sorted(group.members) for group in groups)


def test_one_name_and_content_is_one_datagram() -> None:
    groups, crowds = group_unique([capture(0, datagram()), capture(1, datagram(99.0))])
    assert members(groups) == [[0, 1]] and crowds == []


def test_one_name_and_other_content_are_two_datagrams() -> None:
    groups, _ = group_unique([capture(0, datagram()), capture(1, datagram(serial=2))])
    assert members(groups) == [[0], [1]]


def test_fragments_without_ports_belong_by_their_name() -> None:
    groups, _ = group_unique([capture(0, datagram()), capture(1, datagram(), only=frozenset({1480}))])
    assert members(groups) == [[0, 1]] and groups[0].agreed > 1000


def test_a_name_used_again_for_other_contents_is_told_apart() -> None:
    both = (datagram(), datagram(7000.0, serial=2))
    groups, crowds = group_unique([capture(0, *both), capture(1, *both)])
    assert members(groups) == [[0, 1], [0, 1]] and crowds == []


def test_a_name_used_again_for_the_same_content_waits_for_the_clocks() -> None:
    both = (datagram(), datagram(7000.0))
    groups, crowds = group_unique([capture(0, *both), capture(1, *both)])
    assert groups == [] and len(crowds) == 1 and len(crowds[0]) == 4


def test_a_translated_datagram_is_found_by_name_size_and_payload() -> None:
    inside, outside = datagram(), datagram(source=OUTSIDE, port=61_001)
    groups = join_translated(group_unique([capture(0, inside), capture(1, outside, ttl=63)])[0])
    assert members(groups) == [[0, 1]] and groups[0].level == Level.TRANSLATED


def test_two_translations_in_a_row_are_one_datagram() -> None:
    sent = [datagram(), datagram(source=OUTSIDE, port=61_001), datagram(source="203.0.113.9", port=5)]
    groups = join_translated(group_unique([capture(number, one) for number, one in enumerate(sent)])[0])
    assert members(groups) == [[0, 1, 2]]


def test_a_translated_last_fragment_is_found_by_its_bytes() -> None:
    inside, outside = datagram(), datagram(source=OUTSIDE, port=61_001)
    groups = join_translated(group_unique([capture(0, inside), capture(1, outside, only=frozenset({1480}))])[0])
    assert members(groups) == [[0, 1]]


def test_the_same_payload_under_another_name_is_not_translated() -> None:
    inside, outside = datagram(), datagram(name=8, source=OUTSIDE, port=61_001)
    assert members(join_translated(group_unique([capture(0, inside), capture(1, outside)])[0])) == [[0], [1]]


def test_two_candidates_behind_a_translation_are_written_down_and_none_is_taken() -> None:
    outside = datagram(source=OUTSIDE, port=61_001)
    inside = (datagram(), datagram(0.001, source="10.1.1.2"))
    groups = join_translated(group_unique([capture(0, *inside), capture(1, outside)])[0])
    assert members(groups) == [[0], [0], [1]]
    assert all(group.rivals for group in groups if 1 in group.members)


def test_a_capture_on_the_translating_device_sees_one_datagram_on_both_sides() -> None:
    both = capture(0, datagram()) + capture(0, datagram(0.0001, source=OUTSIDE, port=61_001), ttl=63)
    groups = join_translated(group_unique([both, capture(1, datagram())])[0])
    assert members(groups) == [[0, 1]]


def test_equal_terminals_at_one_capture_stay_apart() -> None:
    both = (datagram(), datagram(0.001, source="10.1.1.2"))
    groups = join_translated(group_unique([capture(0, *both), capture(1, *both)])[0])
    assert members(groups) == [[0, 1], [0, 1]]


def test_two_terminals_that_a_capture_shows_are_no_translation_of_each_other() -> None:
    """Equal heartbeats that got one identification by chance, each seen where the other was lost."""
    here, there = datagram(), datagram(3, source="10.1.1.2")
    around = (datagram(0.5, 9, serial=2), datagram(9, 10, serial=3))
    groups = join_translated(group_unique([capture(0, here, *around), capture(1, there, *around)])[0])
    assert members(groups) == [[0], [0, 1], [0, 1], [1]]


def test_an_identification_that_everything_carries_names_nothing() -> None:
    sent = [Sent(n, "10.1.1.1", SERVER, 40_001, PORT, message(17, n, 300), 7) for n in range(400)]
    groups, crowds = group_unique([capture(0, *sent), capture(1, *sent)])
    assert members(groups) == [[0, 1]] * 400 and crowds == []


def test_members_of_one_name_ports_and_pieces_are_alike_until_another_joins() -> None:
    (group,), _ = group_unique([capture(0, datagram()), capture(1, datagram(99.0))])
    assert group.is_alike and group.is_fragmented and group.has_head
    (other,), _ = group_unique([capture(2, datagram(source=OUTSIDE, port=61_000))])
    group.take(other, Level.TRANSLATED, 2655)
    assert not group.is_alike


def test_members_that_show_other_pieces_are_not_alike() -> None:
    (group,), _ = group_unique([capture(0, datagram()), capture(1, datagram(99.0), only=frozenset({0}))])
    assert members([group]) == [[0, 1]] and not group.is_alike
