"""The false-loss guard: damaged evidence may weaken an answer, never make a wrong one."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.analysis import Role, Seen
from app.core.fragmentation.reassembly import reassemble
from app.core.network.tracing import CaptureInput, NetworkFacts, NetworkSettings, TracedDatagram, trace_network
from app.core.records import Packet
from tests.core.net_world import (
    Device,
    Tap,
    World,
    chain,
    drop_first,
    drop_fragments,
    drop_later,
    drop_replies,
    read,
    refragment,
    run_session,
    translate,
)

NAMES = ("client", "one", "two", "three", "server")
DEVICES: dict[str, Device] = {
    "later": drop_later,
    "first": drop_first,
    "fragments": drop_fragments,
    "replies": drop_replies,
}


@dataclass(frozen=True)
class Damage:
    """`lose`: share of frames that a capture misses; `cut`: the part of its frames that is left, from either end."""

    device: str | None
    at: int
    removed: frozenset[int]
    cut: tuple[int, float, bool] | None
    lossy: tuple[int, float] | None
    filtered: int | None
    offsets: tuple[float, float, float, float]
    seed: int


damages = st.builds(
    Damage,
    device=st.sampled_from((None, *DEVICES)),
    at=st.integers(0, 3),
    removed=st.frozensets(st.integers(0, 4), max_size=3),
    cut=st.none() | st.tuples(st.integers(0, 4), st.floats(0.1, 0.9), st.booleans()),
    lossy=st.none() | st.tuples(st.integers(0, 4), st.sampled_from((0.05, 0.2, 0.5))),
    filtered=st.none() | st.integers(0, 4),
    offsets=st.tuples(*[st.floats(-5000, 5000)] * 4),
    seed=st.integers(0, 1000),
)


def build(damage: Damage) -> list[CaptureInput]:
    chance = random.Random(damage.seed)
    taps = [Tap("client", 0, role=Role.CLIENT)] + [
        Tap(name, number, 0.0005 * number, damage.offsets[number - 1], role=Role.SERVER if name == "server" else None)
        for number, name in enumerate(NAMES) if number
    ]  # fmt: skip
    world = World(*taps)
    if damage.device is not None:
        world.behind(NAMES[damage.at], DEVICES[damage.device])
    if damage.lossy is not None:
        lossy, share = damage.lossy
        taps[lossy].hides = lambda packet: chance.random() < share
    if damage.filtered is not None:
        taps[damage.filtered].is_port_filtered = True
    for serial in range(6):
        client = f"10.1.1.{serial % 3 + 1}"
        run_session(world, client, 2655 if serial % 2 else 700, 4 if serial % 2 else 1, serial * 23.0, serial, True)
    captures = world.captures()
    if damage.cut is not None:
        index, share, is_end_cut = damage.cut
        captures[index] = cut_capture(captures[index], share, is_end_cut)
    return [capture for index, capture in enumerate(captures) if index not in damage.removed]


def cut_capture(capture: CaptureInput, share: float, is_end_cut: bool) -> CaptureInput:
    """The file as it is when only a part of its frames is left."""
    packets = sorted((p for d in capture.datagrams for p in (*d.packets, *d.duplicates)), key=lambda p: p.frame)
    size = int(len(packets) * share)
    left: list[Packet] = packets[:size] if is_end_cut else packets[size:]
    if not left:
        return replace(capture, datagrams=(), facts=replace(capture.facts, first_ns=None, last_ns=None, frames=0))
    facts = replace(
        capture.facts,
        frames=len(left),
        first_ns=capture.facts.first_ns if is_end_cut else left[0].time_ns,
        last_ns=left[-1].time_ns if is_end_cut else capture.facts.last_ns,
        later_fragments=sum(packet.offset_bytes > 0 for packet in left),
        first_fragments=sum(packet.more and not packet.offset_bytes for packet in left),
    )
    datagrams = tuple(replace(each, message=read(each.packets[0])) for each in reassemble(left))
    return replace(capture, facts=facts, datagrams=datagrams)


def is_truly_lost(damage: Damage, direction: str, name: str, is_fragmented: bool, offset: int) -> bool:
    """Whether that fragment never came to that point."""
    at = NAMES.index(name)
    if damage.device == "replies":
        return direction == "to_client" and at <= damage.at
    if damage.device is None or not is_fragmented or direction == "to_client" or at <= damage.at:
        return False
    return damage.device == "fragments" or (offset > 0) == (damage.device == "later")


def false_losses(damage: Damage, facts: NetworkFacts) -> list[str]:
    wrong = []
    for one in facts.traced:
        is_fragmented = one.fate.wire_bytes != 700 and (one.fate.wire_bytes or 9999) > 1472
        for fragment in one.fate.fragments:
            for name, sighting in fragment.sightings.items():
                is_reply = one.direction.value == "to_client" and ":9019" not in one.fate.source
                way = "to_client" if is_reply else "to_server" if one.direction.value == "to_server" else "other"
                if sighting.state == Seen.MISSING and not is_truly_lost(
                    damage, way, name, is_fragmented, fragment.offset
                ):
                    wrong.append(f"{one.fate.identification} {fragment.offset} at {name}: {sighting.reason}")
    return wrong


@settings(max_examples=40)
@given(damages)
def test_damaged_evidence_makes_no_false_loss(damage: Damage) -> None:
    facts = trace_network(build(damage), NetworkSettings())
    if damage.lossy is None:
        assert false_losses(damage, facts) == []


@settings(max_examples=30)
@given(damages)
def test_a_loss_is_never_told_on_a_leg_that_is_whole(damage: Damage) -> None:
    facts = trace_network(build(replace(damage, lossy=None)), NetworkSettings())
    for one in facts.traced:
        if one.fate.lost_between is not None:
            first, second = sorted(NAMES.index(name) for name in one.fate.lost_between)
            assert first <= damage.at < second


def test_evidence_that_is_whole_tells_every_loss_on_its_own_leg() -> None:
    for device in DEVICES:
        for at in range(4):
            damage = Damage(device, at, frozenset(), None, None, None, (5.0, -7.0, 900.0, 0.5), 1)
            facts = trace_network(build(damage), NetworkSettings())
            legs = {one.fate.lost_between for one in facts.traced} - {None}
            expected = (NAMES[at], NAMES[at + 1])
            assert legs == {expected[::-1] if device == "replies" else expected}


def test_a_first_frame_of_the_answer_is_no_proof_of_a_capture_that_ended() -> None:
    """The server's file ends with the first fragment of the only message 3: nothing can be said of the rest."""
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER, ends_s=2.00101))
    run_session(world, attempts=1)
    facts = trace_network(world.captures(), NetworkSettings())
    (third,) = [one for one in facts.traced if one.message is not None and one.message.number == 3]
    assert third.fate.fragments[1].sightings["server"].state == Seen.UNKNOWN


def test_a_capture_with_a_hole_that_later_points_fill_proves_nothing_by_missing() -> None:
    chance = random.Random(3)
    world = World(
        Tap("client", 0, role=Role.CLIENT),
        Tap("one", 1, 0.0005, hides=lambda packet: chance.random() < 0.3),
        Tap("server", 2, 0.001, role=Role.SERVER),
    )
    lost = {1010, 1011}
    world.behind("one", lambda packets, datagram: [] if datagram.identification in lost else packets)
    for serial in range(4):
        run_session(world, serial=serial, start_s=serial * 30.0, size=700)
    facts = trace_network(world.captures(), NetworkSettings())
    states = {one.fate.fragments[0].sightings["one"].state for one in facts.traced if one.fate.identification in lost}
    assert Seen.MISSING not in states


def test_a_file_that_is_damaged_at_that_moment_proves_nothing_by_missing() -> None:
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER))
    world.behind("client", drop_later)
    run_session(world)
    client, server = world.captures()
    whole = trace_network([client, server], NetworkSettings())
    thirds = [one for one in whole.traced if one.message is not None and one.message.number == 3]
    assert len(thirds) == 4
    assert {one.fate.fragments[1].sightings["server"].state for one in thirds} == {Seen.MISSING}
    second = thirds[1].fate.fragments[0].sightings["server"]
    assert second.time_ns is not None
    span = (second.time_ns - 10**8, second.time_ns + 10**8)
    damaged = replace(server, facts=replace(server.facts, unread_spans=(span,)))
    facts = trace_network([client, damaged], NetworkSettings())
    thirds = [one for one in facts.traced if one.message is not None and one.message.number == 3]
    states = [one.fate.fragments[1].sightings["server"].state for one in thirds]
    assert states == [Seen.MISSING, Seen.UNKNOWN, Seen.MISSING, Seen.MISSING]


def thirds(world: World) -> list[TracedDatagram]:
    facts = trace_network(world.captures(), NetworkSettings())
    return [one for one in facts.traced if one.message is not None and one.message.number == 3]


def states_of(one: TracedDatagram, point: str) -> list[tuple[Seen, str]]:
    return [(f.sightings[point].state, f.sightings[point].reason_code) for f in one.fate.fragments]


def test_a_port_filter_hides_what_a_device_before_it_cut_further() -> None:
    """One piece as sent, three behind the device: only the first of them has ports."""
    server = Tap("server", 2, 0.001, role=Role.SERVER, is_port_filtered=True)
    world = World(Tap("client", 0, role=Role.CLIENT), server).behind("client", refragment(576))
    run_session(world, size=1400, is_answered=True)
    for one in thirds(world):
        assert Seen.MISSING not in {state for state, _ in states_of(one, "server")}
        assert one.fate.lost_between is None


def test_too_few_frames_make_a_missing_fragment_unknown_and_no_filter_of_it() -> None:
    server = Tap("server", 2, 0.001, role=Role.SERVER, is_port_filtered=True, facts={"frames": 2})
    world = World(Tap("client", 0, role=Role.CLIENT), server)
    run_session(world, is_answered=True)
    for one in thirds(world):
        assert states_of(one, "server")[1] == (Seen.UNKNOWN, "too-little")
        assert one.fate.lost_between is None


def test_a_lone_later_fragment_behind_address_translation_is_nobodys_loss() -> None:
    """Its one byte says nothing of whose it is: it may belong to any that lacks it there."""
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER))
    world.behind("client", chain(translate("10.1.1.1", "203.0.113.9", 50_001), drop_first))
    run_session(world, size=1473, outside="203.0.113.9", outside_port=50_001)
    for one in thirds(world):
        assert states_of(one, "server")[1] == (Seen.UNKNOWN, "ambiguous")


def test_a_clock_that_was_set_back_makes_no_before_and_after() -> None:
    """The client's capture starts late; by the server's clock, set back meanwhile, the answer that it has not lies in
    the middle of what both have."""
    client = Tap("client", 0, role=Role.CLIENT, starts_s=1.0)
    server = Tap("server", 2, 0.001, role=Role.SERVER, step=(4.0, -60.0))
    world = World(client, server)
    for serial in range(60):
        run_session(world, serial=serial, start_s=serial * 5.0, size=700, attempts=1, is_answered=True)
    facts = trace_network(world.captures(), NetworkSettings())
    answers = [one for one in facts.traced if one.message is not None and one.message.number == 2]
    assert len(answers) == 60
    assert Seen.MISSING not in {one.fate.fragments[0].sightings["client"].state for one in answers}
