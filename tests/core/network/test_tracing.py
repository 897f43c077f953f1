"""Every scenario of the lab, on paper: what became of each fragment, and on which leg it was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from app.core.analysis import Fate, Role, Seen
from app.core.network.grounds import PRESUMED
from app.core.network.tracing import NetworkFacts, NetworkSettings, NoteCode, TracedDatagram, trace_network
from app.core.records import NS, Confidence, Direction, InterfaceFacts, Packet
from tests.core.net_world import (
    PORT,
    SERVER,
    SERVER_6,
    Sent,
    Tap,
    World,
    chain,
    drop_all,
    drop_first,
    drop_fragments,
    drop_later,
    drop_replies,
    errors_about,
    message,
    refragment,
    run_session,
    translate,
)

POINTS = ("client", "uplink", "fwout", "fwin", "server")


def five_points(**changes: dict[str, object]) -> World:
    """client – switch mirror (same TTL) – router – firewall – server next to the firewall's inner mirror."""
    plain: dict[str, dict[str, object]] = {
        "client": {"hops": 0, "role": Role.CLIENT},
        "uplink": {"hops": 0, "delay_s": 0.0002},
        "fwout": {"hops": 1, "delay_s": 0.0005},
        "fwin": {"hops": 2, "delay_s": 0.0008},
        "server": {"hops": 2, "delay_s": 0.001, "role": Role.SERVER},
    }
    return World(*(Tap(name, **{**known, **changes.get(name, {})}) for name, known in plain.items()))  # type: ignore[arg-type]


def trace(world: World, **settings: object) -> NetworkFacts:
    return trace_network(world.captures(), NetworkSettings(**settings))  # type: ignore[arg-type]


def numbered(facts: NetworkFacts, number: int) -> list[TracedDatagram]:
    return [one for one in facts.traced if one.message is not None and one.message.number == number]


def states(one: TracedDatagram, fragment: int) -> dict[str, str]:
    return {name: sighting.state.value for name, sighting in one.fate.fragments[fragment].sightings.items()}


def fates(one: TracedDatagram) -> dict[str, str]:
    return {name: fate.value for name, fate in one.fate.fate.items()}


def legs(traced: Iterable[TracedDatagram]) -> set[tuple[str, str] | None]:
    return {one.fate.lost_between for one in traced}


def has_no_loss(facts: NetworkFacts) -> bool:
    return all(
        sighting.state != Seen.MISSING
        for one in facts.traced
        for fragment in one.fate.fragments
        for sighting in fragment.sightings.values()
    )


def test_a_healthy_path_shows_every_datagram_whole_everywhere() -> None:
    world = five_points()
    run_session(world, attempts=1, is_answered=True)
    facts = trace(world)
    assert [point.name for point in facts.points] == list(POINTS)
    assert len(facts.traced) == 4
    assert all(set(one.fate.fate.values()) == {Fate.WHOLE} for one in facts.traced)
    assert legs(facts.traced) == {None}
    assert all(one.fate.match_confidence == Confidence.CERTAIN for one in facts.traced)
    assert [note.code for note in facts.notes] == []


@dataclass(frozen=True)
class Loss:
    """`device` behind `at`; `third` is what message 3 becomes at fwin, `leg` where its loss is told."""

    name: str
    at: str
    device: Callable[..., object]
    leg: tuple[str, str]
    lost: frozenset[int]


LOSSES = (
    Loss("later fragments", "fwout", drop_later, ("fwout", "fwin"), frozenset({1})),
    Loss("first fragments", "fwout", drop_first, ("fwout", "fwin"), frozenset({0})),
    Loss("all fragments", "fwout", drop_fragments, ("fwout", "fwin"), frozenset({0, 1})),
    Loss("later fragments at the access switch", "client", drop_later, ("client", "uplink"), frozenset({1})),
    Loss("later fragments before the server", "fwin", drop_later, ("fwin", "server"), frozenset({1})),
)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_a_lost_fragment_is_told_where_it_was_lost(loss: Loss) -> None:
    world = five_points().behind(loss.at, loss.device)  # type: ignore[arg-type]
    run_session(world)
    facts = trace(world)
    third = [one for one in facts.traced if one.fate.identification in range(1010, 1014)]
    assert len(third) == 4
    assert legs(third) == {loss.leg}
    behind = POINTS[POINTS.index(loss.leg[1]) :]
    for one in third:
        assert [(fragment.offset, fragment.length) for fragment in one.fate.fragments] == [(0, 1480), (1480, 1183)]
        for index in (0, 1):
            for name in POINTS:
                is_lost = index in loss.lost and name in behind
                assert states(one, index)[name] == ("missing" if is_lost else "seen")
        expected = "absent" if loss.lost == {0, 1} else "partial"
        assert {fates(one)[name] for name in behind} == {expected}
    assert all(one.fate.lost_between is None for one in facts.traced if one not in third)


def test_a_lost_reply_is_told_in_its_own_direction() -> None:
    world = five_points().behind("fwout", drop_replies)
    run_session(world, attempts=4)
    world.send(Sent(17.02, SERVER, "10.1.1.1", PORT, 40_001, message(4, 4, 76), 1050))
    facts = trace(world)
    (reply,) = numbered(facts, 4)
    assert reply.direction == Direction.TO_CLIENT
    assert reply.fate.lost_between == ("fwin", "fwout")
    assert fates(reply) == dict(zip(POINTS, ("absent", "absent", "absent", "whole", "whole"), strict=True))


def test_a_silent_server_received_everything() -> None:
    world = five_points()
    run_session(world)
    facts = trace(world)
    assert has_no_loss(facts)
    assert {one.fate.fate["server"] for one in numbered(facts, 3)} == {Fate.WHOLE}


def test_random_loss_is_told_datagram_by_datagram() -> None:
    lost = {(1011, 0), (1012, 1480), (1013, 0), (1013, 1480)}
    world = five_points().behind(
        "uplink",
        lambda packets, datagram: [
            packet for packet in packets if (packet.identification, packet.offset_bytes) not in lost
        ],
    )
    run_session(world)
    facts = trace(world)
    third = {one.fate.identification: one for one in facts.traced if one.fate.identification in range(1010, 1014)}
    assert third[1010].fate.lost_between is None
    assert [states(third[1011], index)["fwout"] for index in (0, 1)] == ["missing", "seen"]
    assert [states(third[1012], index)["fwout"] for index in (0, 1)] == ["seen", "missing"]
    assert fates(third[1013])["fwout"] == "absent"
    assert {third[name].fate.lost_between for name in (1011, 1012, 1013)} == {("uplink", "fwout")}


def test_a_client_that_never_sends_leaves_no_datagram_and_no_loss() -> None:
    world = five_points()
    run_session(world, attempts=0)
    facts = trace(world)
    assert len(facts.traced) == 2 and has_no_loss(facts)


def test_a_path_that_goes_down_is_told_for_a_terminal_seen_before() -> None:
    world = five_points()
    run_session(world, attempts=1, is_answered=True)
    run_session(world, client="10.1.1.2", serial=1, attempts=1, is_answered=True, start_s=30)
    world.behind("uplink", lambda packets, datagram: [] if datagram.source == "10.1.1.1" else packets)
    run_session(world, attempts=3, serial=2, start_s=10)
    facts = trace(world)
    down = [one for one in facts.traced if one.fate.identification in range(1200, 1300) and one.client.ip == "10.1.1.1"]
    ups = [one for one in down if one.direction == Direction.TO_SERVER]
    assert legs(ups) == {("uplink", "fwout")} and len(ups) == 4


def test_a_late_capture_says_unknown_and_not_lost() -> None:
    world = five_points(fwin={"starts_s": 9.0}, server={"starts_s": 9.0}).behind("fwout", drop_later)
    run_session(world)
    facts = trace(world)
    early = [one for one in numbered(facts, 3) if one.fate.identification in (1010, 1011)]
    assert {one.fate.fate["server"] for one in early} == {Fate.UNKNOWN}
    assert {one.fate.fragments[1].sightings["server"].reason_code for one in early} == {"not-capturing"}
    assert legs(early) == {None}
    late = [one for one in numbered(facts, 3) if one not in early]
    assert legs(late) == {("fwout", "fwin")}
    assert {note.point for note in facts.notes_of(NoteCode.GAP)} == {"fwin", "server"}


def test_clocks_apart_change_nothing_but_the_clocks() -> None:
    world = five_points(
        uplink={"offset_s": -86_400.5}, fwin={"offset_s": 3.25}, server={"offset_s": 37.0, "drift_ppm": 80.0}
    ).behind("fwout", drop_later)
    run_session(world)
    run_session(world, client="10.1.1.2", serial=1, size=700, attempts=1, is_answered=True, start_s=21)
    facts = trace(world)
    assert [point.name for point in facts.points] == list(POINTS)
    assert legs(one for one in numbered(facts, 3) if one.client.ip == "10.1.1.1") == {("fwout", "fwin")}
    server = next(tap for tap in world.taps if tap.name == "server")
    clock = facts.clocks["server.pcap"]
    middle_s = (clock.middle_ns - server.raw_ns(0.0)) / 1e9
    assert clock.lower_s is not None and clock.upper_s is not None
    assert clock.lower_s <= server.offset_at(middle_s) <= clock.upper_s
    assert abs(clock.offset_s - server.offset_at(middle_s)) < 0.001
    apart = {note.source for note in facts.notes_of(NoteCode.CLOCKS_APART)}
    assert apart == {"uplink.pcap", "fwin.pcap", "server.pcap"}


def test_translation_is_seen_through_and_told() -> None:
    world = five_points().behind("fwout", translate("10.1.1.1", "198.51.100.7", 61_002))
    run_session(world, attempts=2, is_answered=True, outside="198.51.100.7", outside_port=61_002)
    facts = trace(world)
    assert len(facts.traced) == 5 and has_no_loss(facts)
    third = numbered(facts, 3)[0]
    assert str(third.client) == "10.1.1.1:40001"
    assert third.fate.translations["server"] == ("198.51.100.7:61002", f"{SERVER}:{PORT}")
    assert "uplink" not in third.fate.translations
    assert third.fate.match_confidence == Confidence.CERTAIN
    (note,) = facts.notes_of(NoteCode.TRANSLATED)
    assert note.between == ("fwout", "fwin")


def test_loss_behind_a_translation_is_told() -> None:
    device = chain(translate("10.1.1.1", "198.51.100.7", 61_002), drop_later)
    world = five_points().behind("fwout", device)
    run_session(world, outside="198.51.100.7", outside_port=61_002)
    assert legs(numbered(trace(world), 3)) == {("fwout", "fwin")}


def test_further_fragmentation_on_the_way_loses_nothing() -> None:
    world = five_points().behind("uplink", refragment(1000))
    run_session(world, attempts=2)
    facts = trace(world)
    assert has_no_loss(facts)
    third = numbered(facts, 3)[0]
    assert [(fragment.offset, fragment.length) for fragment in third.fate.fragments] == [(0, 1480), (1480, 1183)]
    assert third.fate.split_at["server"] == ((0, 976), (976, 504), (1480, 976), (2456, 207))
    (note,) = facts.notes_of(NoteCode.REFRAGMENTED)
    assert note.between == ("uplink", "fwout") and note.details["mtu"] == 996


def test_a_lost_part_of_a_fragment_is_named_by_its_bytes() -> None:
    world = five_points()
    world.behind("uplink", refragment(1000))
    world.behind("fwout", lambda packets, datagram: [packet for packet in packets if packet.offset_bytes != 976])
    run_session(world)
    third = numbered(trace(world), 3)[0]
    sighting = third.fate.fragments[0].sightings["fwin"]
    assert sighting.state == Seen.MISSING and sighting.reason is not None and "976-1479" in sighting.reason.en
    assert third.fate.lost_between == ("fwout", "fwin")
    assert third.fate.fate["fwin"] == Fate.PARTIAL


def test_tags_and_double_mirrors_are_one_sighting() -> None:
    world = five_points(uplink={"mirrors": 2}, fwout={"mirrors": 2}).behind("fwout", drop_later)
    run_session(world)
    facts = trace(world)
    assert len(facts.traced) == 6
    assert legs(numbered(facts, 3)) == {("fwout", "fwin")}
    assert numbered(facts, 3)[0].fate.duplicates == {"uplink": 2, "fwout": 2}
    assert {note.point for note in facts.notes_of(NoteCode.MIRRORED)} == {"uplink", "fwout"}


def test_cut_frames_are_enough_to_follow_fragments() -> None:
    world = five_points(fwin={"snap": 96}, server={"snap": 64}).behind("fwout", drop_later)
    run_session(world)
    facts = trace(world)
    assert len(facts.traced) == 6
    assert legs(numbered(facts, 3)) == {("fwout", "fwin")}


def test_a_port_filter_that_hides_fragments_makes_no_loss() -> None:
    world = five_points(server={"is_port_filtered": True})
    run_session(world)
    facts = trace(world)
    third = numbered(facts, 3)
    assert states(third[0], 0)["server"] == "seen"
    sighting = third[0].fate.fragments[1].sightings["server"]
    assert (sighting.state, sighting.reason_code) == (Seen.UNKNOWN, "filtered")
    assert legs(third) == {None} and third[0].fate.fate["server"] == Fate.UNKNOWN
    (note,) = facts.notes_of(NoteCode.FILTERED)
    assert note.source == "server.pcap" and note.evidence


def test_a_loss_before_a_filtered_capture_is_still_told() -> None:
    world = five_points(server={"is_port_filtered": True}).behind("uplink", drop_later)
    run_session(world)
    assert legs(numbered(trace(world), 3)) == {("uplink", "fwout")}


def test_one_of_two_equal_paths_is_no_loss() -> None:
    world = five_points(fwout={"hides": lambda packet: packet.offset_bytes > 0})
    run_session(world)
    facts = trace(world)
    assert has_no_loss(facts)
    assert numbered(facts, 3)[0].fate.fragments[1].sightings["fwout"].reason_code == "off-path"
    assert [note.point for note in facts.notes_of(NoteCode.OFF_PATH)] == ["fwout"]


def test_a_point_on_one_of_two_equal_paths_proves_no_loss_either() -> None:
    """Two attempts pass, by the link that the mirror does not see; the others are lost behind it."""
    world = five_points(fwout={"hides": lambda packet: packet.offset_bytes > 0})
    world.behind(
        "fwout",
        lambda packets, datagram: drop_later(packets, datagram) if datagram.at_s > 10 else packets,
    )
    run_session(world)
    facts = trace(world)
    late = [one for one in numbered(facts, 3) if one.fate.identification in (1012, 1013)]
    assert {one.fate.fragments[1].sightings["fwout"].state for one in late} == {Seen.UNKNOWN}
    assert legs(late) == {("uplink", "fwin")}


def test_what_a_device_cuts_behind_a_point_was_no_fragment_there() -> None:
    """The mirror shows one link of two: answers of one port, and no later fragment. That it shows whole what the
    terminal has in fragments does not make it a witness of fragments."""
    world = five_points(fwout={"hides": lambda packet: packet.destination_ip != SERVER and packet.source_port != 9019})
    world.behind(
        "uplink",
        lambda packets, datagram: (
            [p for p in refragment(300)(packets, datagram) if p.more or len(datagram.body) < 1000]
            if not datagram.is_to_server
            else packets
        ),
    )
    run_session(world, is_answered=True)
    for number in range(2):
        world.send(Sent(40 + number, SERVER, "10.1.1.1", 9019, 40_001, message(2, 900 + number, 1900), 900 + number))
    facts = trace(world)
    long = [one for one in numbered(facts, 2) if one.fate.wire_bytes == 1900]
    assert [one.fate.fragments[1].sightings["fwout"].reason_code for one in long] == ["off-path"] * 2
    assert legs(long) == {("fwin", "uplink")}


def test_a_capture_that_lost_frames_itself_proves_no_loss() -> None:
    counters = {"interfaces": (InterfaceFacts(0, "eth0", 1, dropped=900),)}
    world = five_points(fwin={"facts": counters}).behind("fwout", drop_later)
    run_session(world)
    facts = trace(world)
    third = numbered(facts, 3)
    assert third[0].fate.fragments[1].sightings["fwin"].reason_code == "dropped"
    assert legs(third) == {("fwout", "server")}
    assert next(facts.notes_of(NoteCode.DROPPED)).source == "fwin.pcap"


def test_another_terminals_capture_says_nothing_of_this_one() -> None:
    world = five_points()
    other = Tap("client", 0, role=Role.CLIENT, source="terminal-2.pcap", offset_s=500.0)
    world.taps.insert(0, other)
    for tap in world.taps[:2]:
        own = "10.1.1.2" if tap is other else "10.1.1.1"
        tap.hides = lambda packet, own=own: own not in (packet.source_ip, packet.destination_ip)  # type: ignore[misc]
    world.behind("fwout", drop_later)
    run_session(world)
    run_session(world, client="10.1.1.2", serial=1, size=700, attempts=1, is_answered=True, start_s=1.5)
    facts = trace(world)
    assert [point.name for point in facts.points] == list(POINTS)
    assert facts.points[0].sources == ("terminal-2.pcap", "client.pcap")
    assert legs(one for one in facts.traced if one.client.ip == "10.1.1.2") == {None}
    assert {fates(one)["client"] for one in facts.traced} == {"whole"}
    assert abs(facts.clocks["terminal-2.pcap"].offset_s - facts.clocks["client.pcap"].offset_s - 500.0) < 0.001


def test_a_branch_that_a_terminal_does_not_cross_is_off_its_path() -> None:
    world = five_points()
    branch = Tap("branch2", 0, 0.0003)
    branch.hides = lambda packet: "10.1.2.9" not in (packet.source_ip, packet.destination_ip)
    world.taps.insert(2, branch)
    world.behind("fwout", drop_later)
    run_session(world)
    run_session(world, client="10.1.2.9", serial=1, size=700, attempts=1, is_answered=True, start_s=3)
    facts = trace(world)
    mine = [one for one in facts.traced if one.client.ip == "10.1.1.1"]
    assert {one.fate.fragments[0].sightings["branch2"].state for one in mine} == {Seen.UNKNOWN}
    assert legs(one for one in mine if one.message is not None and one.message.number == 3) == {("fwout", "fwin")}


def test_a_terminal_that_never_crosses_is_missing_where_its_neighbours_pass() -> None:
    world = five_points()
    run_session(world, client="10.1.1.2", serial=1, attempts=4, is_answered=True)
    world.behind("uplink", lambda packets, datagram: [] if datagram.source == "10.1.1.3" else packets)
    run_session(world, client="10.1.1.3", serial=2, attempts=2, start_s=1)
    facts = trace(world)
    lost = [one for one in facts.traced if one.client.ip == "10.1.1.3" and one.direction == Direction.TO_SERVER]
    assert len(lost) == 3 and legs(lost) == {("uplink", "fwout")}


def test_of_a_point_that_never_saw_anybody_a_loss_is_only_presumed() -> None:
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER))
    world.behind("client", drop_all)
    run_session(world)
    facts = trace(world)
    misses = [s for one in facts.traced for f in one.fate.fragments if (s := f.sightings["server"]).state != Seen.SEEN]
    assert {(s.state, s.reason_code) for s in misses if s.state == Seen.MISSING} == {(Seen.MISSING, PRESUMED)}


def test_a_point_that_saw_nothing_is_put_behind_those_that_saw_what_the_client_sent() -> None:
    world = World(*(Tap(name, hops, 0.001 * hops) for hops, name in enumerate(("zone", "yard", "attic"))))
    world.behind("yard", drop_all)
    run_session(world)
    facts = trace(world)
    assert [point.name for point in facts.points] == ["zone", "yard", "attic"]


def misses_of(facts: NetworkFacts, client: str, point: str) -> list[tuple[int | None, Seen, str]]:
    """(message number, state, reason) of the first piece of everything this terminal sent, at one point."""
    sent = [one for one in facts.traced if one.client.ip == client and one.direction == Direction.TO_SERVER]
    return [
        (one.message and one.message.number, one.fate.fragments[0].sightings[point].state,
         one.fate.fragments[0].sightings[point].reason_code)
        for one in sent
    ]  # fmt: skip


def test_where_only_its_neighbours_pass_a_terminals_miss_is_presumed() -> None:
    """Of two equal paths its flow takes the one that nobody captures, and is lost behind it."""
    world = five_points()
    world.taps[2].hides = lambda packet: "10.1.1.3" in (packet.source_ip, packet.destination_ip)
    world.behind("fwout", lambda packets, datagram: [] if datagram.source == "10.1.1.3" else packets)
    run_session(world, client="10.1.1.2", serial=1, is_answered=True)
    run_session(world, client="10.1.1.3", serial=2, attempts=3, start_s=1)
    run_session(world, client="10.1.1.4", serial=3, start_s=2, is_answered=True)
    misses = misses_of(trace(world), "10.1.1.3", world.taps[2].name)
    assert misses == [(number, Seen.MISSING, PRESUMED) for number in (1, 3, 3, 3)]


def test_where_another_datagram_of_the_terminal_passes_its_miss_is_proven() -> None:
    world = five_points()
    run_session(world, client="10.1.1.2", serial=1, is_answered=True)
    world.behind("uplink", lambda packets, sent: [] if sent.source == "10.1.1.3" and len(sent.body) > 1472 else packets)
    run_session(world, client="10.1.1.3", serial=2, attempts=3, start_s=1)
    misses = misses_of(trace(world), "10.1.1.3", "fwout")
    assert [code for number, _, code in misses if number == 3] == ["able"] * 3


def test_a_point_that_saw_nothing_stands_before_the_servers_own_wire() -> None:
    """What came to the server came by every point on the way; this one began too late to show it."""
    late = Tap("yard", 1, 0.001, starts_s=100.0)
    world = World(Tap("zone", 0), late, Tap("attic", 2, 0.002))
    run_session(world, is_answered=True)
    facts = trace(world)
    assert [(point.name, point.role) for point in facts.points] == [
        ("zone", Role.CLIENT), ("yard", Role.MIDDLE), ("attic", Role.SERVER)
    ]  # fmt: skip


def test_a_capture_that_falls_silent_is_presumed_to_run_as_long_as_it_was_silent_before() -> None:
    quiet = {"ends_s": 15.0, "facts": {"quiet_spans": ((NS, 7 * NS),)}}
    world = five_points(fwout=quiet)
    run_session(world, client="10.1.1.2", serial=1, attempts=1, is_answered=True)
    world.behind("uplink", lambda packets, datagram: [] if datagram.source == "10.1.1.3" else packets)
    run_session(world, client="10.1.1.3", serial=2, attempts=6, start_s=1)
    codes = [
        [one.fate.fragments[0].sightings["fwout"].reason_code, one.fate.fragments[0].sightings["fwout"].state]
        for one in trace(world).traced
        if one.client.ip == "10.1.1.3" and one.direction == Direction.TO_SERVER
    ]
    assert codes[1:] == [
        ["able", Seen.MISSING],
        ["able", Seen.MISSING],
        ["able", Seen.MISSING],
        [PRESUMED, Seen.MISSING],
        ["not-capturing", Seen.UNKNOWN],  # beyond its longest silence nobody knows whether the capture still ran
        ["not-capturing", Seen.UNKNOWN],
    ]


def test_a_datagram_whole_only_across_points_is_named() -> None:
    world = World(
        Tap("client", 0, role=Role.CLIENT, hides=lambda packet: packet.offset_bytes > 0),
        Tap("server", 2, 0.001, role=Role.SERVER, hides=lambda packet: packet.offset_bytes == 0 and packet.more),
    )
    run_session(world)
    facts = trace(world)
    assert [one.is_merged_only for one in facts.traced].count(True) == 4
    assert len(list(facts.notes_of(NoteCode.MERGED_ONLY))) == 1


def test_a_server_capture_alone_knows_what_is_missing_from_the_udp_length() -> None:
    world = World(Tap("server", 2, role=Role.SERVER)).behind("server", drop_later)
    world.taps.insert(0, Tap("ghost", 0))
    world.devices = {"ghost": drop_later}
    run_session(world)
    facts = trace_network(world.captures()[1:], NetworkSettings())
    third = numbered(facts, 3)[0]
    assert [(fragment.offset, fragment.length) for fragment in third.fate.fragments] == [(0, 1480), (1480, 1183)]
    assert states(third, 1) == {"server": "missing"} and third.fate.lost_between is None


def test_offloaded_frames_are_compared_by_bytes() -> None:
    world = five_points()
    run_session(world)
    captures = world.captures()
    whole = World(Tap("client", 0, role=Role.CLIENT))
    for at in (0, 2, 7, 12, 17):
        number = {0: 1}.get(at, 3)
        whole.send(
            Sent(at, "10.1.1.1", SERVER, 40_001, PORT if at else 9019, message(number, number, 2655 if at else 123),
                 1001 if at == 0 else 1010 + (at - 2) // 5, mtu=9000)
        )  # fmt: skip
    facts = trace_network([*whole.captures(), *captures[1:]], NetworkSettings())
    third = numbered(facts, 3)
    assert [(fragment.offset, fragment.length) for fragment in third[0].fate.fragments] == [(0, 1480), (1480, 1183)]
    assert all(set(one.fate.fate.values()) == {Fate.WHOLE} for one in third)
    assert [note.source for note in facts.notes_of(NoteCode.OFFLOAD)] == ["client.pcap"]


def test_unrelated_fragments_between_the_same_hosts_are_left_out() -> None:
    world = five_points().behind("fwout", drop_later)
    for number in range(100):
        world.send(Sent(0.1 * number, "10.1.1.1", SERVER, 50_000, 2049, bytes((number,)) * 3000, 30_000 + number))
    run_session(world, attempts=4)
    facts = trace(world)
    assert len(facts.traced) == 6
    assert legs(numbered(facts, 3)) == {("fwout", "fwin")}


def test_later_fragments_that_match_nothing_are_listed_as_a_guess() -> None:
    world = World(Tap("client", 0), Tap("server", 2, 0.001)).behind("client", drop_first)
    run_session(world, attempts=2)
    captures = world.captures()
    facts = trace_network(captures[1:], NetworkSettings())
    orphans = [one for one in facts.traced if one.is_orphan]
    assert len(orphans) == 2
    assert {one.fate.match_confidence for one in orphans} == {Confidence.POSSIBLE}


@pytest.mark.parametrize("version", [4, 6])
def test_loss_is_told_in_both_versions_of_ip(version: int) -> None:
    client, server = ("10.1.1.1", SERVER) if version == 4 else ("2001:db8::1", SERVER_6)
    world = five_points(server={"offset_s": 4000.0}).behind("fwout", drop_later)
    run_session(world, client=client, version=version, server=server)
    facts = trace(world)
    assert len(facts.traced) == 6
    assert legs(numbered(facts, 3)) == {("fwout", "fwin")}
    assert has_no_loss_but(facts, 3)


def has_no_loss_but(facts: NetworkFacts, number: int) -> bool:
    return all(one.fate.lost_between is None for one in facts.traced if one not in numbered(facts, number))


def test_retransmissions_without_identification_are_told_apart_by_time() -> None:
    """IPv6 that fits one packet: only payload, and four attempts with the same."""
    world = five_points(server={"offset_s": -7200.0})
    run_session(world, client="2001:db8::1", version=6, server=SERVER_6, size=900)
    facts = trace(world)
    third = numbered(facts, 3)
    assert len(third) == 4
    assert all(set(one.fate.fate.values()) == {Fate.WHOLE} for one in third)
    assert {one.fate.match_confidence for one in third} == {Confidence.LIKELY}


def test_lost_attempts_without_identification_are_not_confused_with_others() -> None:
    world = five_points(server={"offset_s": -7200.0})
    world.behind("fwout", lambda packets, datagram: [] if 6 < datagram.at_s < 13 else packets)
    run_session(world, client="2001:db8::1", version=6, server=SERVER_6, size=900)
    facts = trace(world)
    assert [one.fate.lost_between for one in numbered(facts, 3)] == [None, ("fwout", "fwin"), ("fwout", "fwin"), None]


def test_rewritten_identifications_are_matched_by_payload_and_time() -> None:
    world = five_points(server={"offset_s": 55.0}, fwin={"offset_s": 54.0})
    world.behind(
        "fwout",
        lambda packets, datagram: [
            replace(packet, identification=((packet.identification or 0) * 7919) & 0xFFFF) for packet in packets
        ],
    )
    run_session(world, attempts=3, is_answered=True)
    facts = trace(world)
    assert len(facts.traced) == 6 and has_no_loss(facts)
    third = numbered(facts, 3)[1]
    assert set(third.fate.fate.values()) == {Fate.WHOLE}
    assert third.fate.match_confidence == Confidence.LIKELY


def test_a_first_attempt_here_is_not_taken_for_a_later_one_there() -> None:
    """The captures do not overlap in time: equal payloads with other identifications are retransmissions."""
    world = World(
        Tap("client", 0, role=Role.CLIENT, ends_s=4.0), Tap("server", 2, 0.001, role=Role.SERVER, starts_s=5.0)
    )
    run_session(world)
    facts = trace(world)
    assert all(len(one.datagrams) == 1 for one in facts.traced)
    assert has_no_loss(facts)


def test_an_identification_used_again_is_another_datagram() -> None:
    world = five_points()
    world.behind("fwout", lambda packets, datagram: [] if 3000 < datagram.at_s < 4000 else packets)
    for hour in range(4):
        for number in range(3):
            world.send(Sent(hour * 3600 + number, "10.1.1.1", SERVER, 40_001, PORT, message(17, 5, 60), 700 + number))
        world.send(Sent(hour * 3600 + 0.1, SERVER, "10.1.1.1", PORT, 40_001, message(18, hour, 60), 800 + hour))
    facts = trace(world)
    ups = [one for one in facts.traced if one.direction == Direction.TO_SERVER]
    assert len(ups) == 12
    assert [one.fate.lost_between for one in ups] == [None] * 3 + [("fwout", "fwin")] * 3 + [None] * 6


def test_equal_source_ports_on_several_terminals_do_not_mix() -> None:
    world = five_points()
    for number in range(1, 6):
        run_session(world, client=f"10.1.1.{number}", serial=0, attempts=1, is_answered=True, start_s=0.001 * number)
    facts = trace(world)
    assert len(facts.traced) == 20 and has_no_loss(facts)


def test_errors_are_tied_to_the_datagram_that_they_quote() -> None:
    world = five_points()
    run_session(world)
    quoted = Sent(7, "10.1.1.1", SERVER, 40_001, PORT, b"", 1011)
    client, uplink = world.taps[:2]
    world.errors = {
        "client": [errors_about(client, quoted, 11, 1, 37.1)],
        "uplink": [errors_about(uplink, quoted, 11, 1, 37.09)],
    }
    facts = trace(world)
    (tie,) = facts.icmp
    assert tie.traced is not None and facts.traced[tie.traced].fate.identification == 1011
    assert tie.confidence == Confidence.CERTAIN and len(tie.copies) == 1


def test_an_error_about_something_else_is_tied_to_nothing() -> None:
    world = five_points()
    run_session(world)
    world.errors = {"client": [errors_about(world.taps[0], Sent(7, "10.1.1.1", "10.7.7.7", 1, 2, b"", 9), 3, 4, 8.0)]}
    assert [tie.traced for tie in trace(world).icmp] == [None]


def test_the_order_given_by_the_user_overrules() -> None:
    world = five_points()
    run_session(world, attempts=1)
    facts = trace(world, order=("client", "fwout", "uplink", "fwin", "server"))
    assert [point.name for point in facts.points] == ["client", "fwout", "uplink", "fwin", "server"]
    assert {point.order_by for point in facts.points} == {"given"}


def test_an_offset_by_hand_is_added() -> None:
    world = five_points()
    run_session(world, attempts=1)
    plain, moved = trace(world), trace(world, manual_offset_s={"fwin.pcap": 2.0})
    assert moved.clocks["fwin.pcap"].offset_s - plain.clocks["fwin.pcap"].offset_s == pytest.approx(2.0)
    assert moved.clocks["fwin.pcap"].manual_s == 2.0
    assert has_no_loss(moved)


def test_no_captures_give_empty_facts() -> None:
    assert trace_network([], NetworkSettings()) == NetworkFacts()


def test_captures_without_ead_give_points_and_nothing_else() -> None:
    facts = trace(five_points())
    assert facts.points[0].name == "client" and facts.traced == ()


def test_a_payload_changed_on_the_way_is_no_loss() -> None:
    def alter(packets: list[Packet], datagram: Sent) -> list[Packet]:
        return [
            replace(packet, payload=packet.payload[:200] + b"?" + packet.payload[201:]) if packet.more else packet
            for packet in packets
        ]

    world = five_points().behind("uplink", alter)
    run_session(world)
    facts = trace(world)
    assert has_no_loss(facts) and len(facts.traced) == 6
    assert {one.fate.match_confidence for one in numbered(facts, 3)} == {Confidence.LIKELY}
    (note,) = facts.notes_of(NoteCode.ALTERED)
    assert note.counts == {"datagrams": 4}


def test_a_clock_set_back_in_the_middle_makes_no_loss() -> None:
    world = five_points(uplink={"step": (9.0, -9.0), "offset_s": 12.0}).behind("fwout", drop_later)
    run_session(world)
    run_session(world, client="10.1.1.2", serial=1, size=700, is_answered=True, start_s=1.3)
    facts = trace(world)
    assert legs(facts.traced) == {None, ("fwout", "fwin")}
    assert {note.source for note in facts.notes_of(NoteCode.CLOCK_STEP)} == {"uplink.pcap"}
    for one in facts.traced:
        times = [sighting.time_ns for sighting in one.fate.fragments[0].sightings.values() if sighting.time_ns]
        assert max(times) - min(times) < 20_000_000


def test_a_clock_set_back_in_a_file_that_was_sorted_by_time_makes_no_loss_either() -> None:
    world = five_points(uplink={"step": (9.0, -9.0), "offset_s": 12.0, "is_sorted_by_stamp": True})
    world.behind("fwout", drop_later)
    run_session(world)
    run_session(world, client="10.1.1.2", serial=1, size=700, is_answered=True, start_s=1.3)
    assert legs(trace(world).traced) == {None, ("fwout", "fwin")}


def test_a_mirror_of_incoming_frames_only_is_off_the_way_of_answers() -> None:
    world = five_points(fwout={"hides": lambda packet: packet.destination_ip != SERVER})
    run_session(world, attempts=1, is_answered=True)
    facts = trace(world)
    assert has_no_loss(facts)


def test_rotated_files_of_one_point_are_one_point() -> None:
    world = five_points()
    world.taps[2].ends_s = 5.0
    rest = Tap("fwout", 1, 0.0005, source="fwout-2.pcap", starts_s=5.0)
    world.taps.insert(3, rest)
    world.behind("fwout", lambda packets, datagram: packets)
    run_session(world)
    facts = trace(world)
    assert next(point for point in facts.points if point.name == "fwout").sources == ("fwout.pcap", "fwout-2.pcap")
    assert all(set(one.fate.fate.values()) == {Fate.WHOLE} for one in facts.traced)
