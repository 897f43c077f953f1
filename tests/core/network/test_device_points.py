"""Lines of a firewall that tell of fragments make it a point on the path."""

from __future__ import annotations

from app.core.analysis import Fate, Role, Seen
from app.core.network.device_points import TOLD, with_device_points
from app.core.network.grounds import PRESUMED
from app.core.network.tracing import NetworkFacts
from app.core.parsers.devices import DeviceFacts, parse_device_output
from app.device_formats import load_device_formats
from tests.core.net_world import SERVER, Tap, World, drop_all, drop_later, run_session
from tests.core.network.test_tracing import five_points, numbered, trace

CLIENT = "10.1.1.1"
# run_session's third message is sent with these identifications.
SENT = range(1010, 1014)


def lines(*pieces: tuple[int, int, int], device: str = "FW1") -> tuple[DeviceFacts, ...]:
    """`pieces`: identification, offset, length with the IP header."""
    text = "".join(
        f"*Nov 23 16:52:{31 + number:02d}:000 2026 {device} VFR/7/IPVFR_DEBUG_COMMON:\n"
        f"vfr_rcv: fragment, target_ip_addr: {SERVER}, sender_ip_addr: {CLIENT}, id: {identification}, "
        f"offset: {offset}, len: {length}.\n"
        for number, (identification, offset, length) in enumerate(pieces)
    )
    return parse_device_output([text.encode()], "fw1.txt", load_device_formats())


def both(identification: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    return (identification, 0, 1500), (identification, 1480, 1203)


def later_lost_behind(point: str) -> NetworkFacts:
    world = five_points()
    world.behind(point, drop_later)
    run_session(world)
    return trace(world)


def test_what_the_device_had_and_the_next_point_lacks_puts_the_loss_behind_the_device() -> None:
    facts = with_device_points(later_lost_behind("fwout"), lines(*(piece for sent in SENT for piece in both(sent))), ())
    assert [point.name for point in facts.points] == ["client", "uplink", "fwout", "FW1", "fwin", "server"]
    assert [point.order for point in facts.points] == list(range(6))
    assert {one.fate.lost_between for one in numbered(facts, 3)} == {("FW1", "fwin")}
    seen = numbered(facts, 3)[0].fate.fragments[1].sightings["FW1"]
    assert (seen.state, seen.source, seen.reason_code, seen.frames) == (Seen.SEEN, "fw1.txt", TOLD, ())
    assert seen.line == 4  # each record has two lines, and its facts are in the second


def test_what_the_device_lacks_is_missing_there_only_by_presumption() -> None:
    facts = with_device_points(later_lost_behind("fwout"), lines(*((sent, 0, 1500) for sent in SENT)), ())
    missed = numbered(facts, 3)[0].fate
    assert missed.fragments[1].sightings["FW1"].reason_code == PRESUMED
    assert missed.fate["FW1"] is Fate.PARTIAL
    assert missed.lost_between == ("fwout", "FW1")


def test_it_says_nothing_of_unfragmented_datagrams_nor_of_those_it_does_not_name() -> None:
    facts = with_device_points(later_lost_behind("fwout"), lines(*both(SENT[0])), ())
    assert numbered(facts, 1)[0].fate.fragments[0].sightings["FW1"].state is Seen.UNKNOWN
    assert numbered(facts, 3)[1].fate.fate["FW1"] is Fate.UNKNOWN
    assert numbered(facts, 3)[1].fate.lost_between == ("fwout", "fwin")


def test_the_user_says_where_it_stands() -> None:
    facts = with_device_points(
        later_lost_behind("fwin"), lines(*both(SENT[0])), ("client", "uplink", "FW1", "fwout", "fwin", "server")
    )
    assert [point.name for point in facts.points][2] == "FW1"


def test_a_device_of_other_traffic_is_no_point() -> None:
    facts = later_lost_behind("fwout")
    assert with_device_points(facts, lines((7, 0, 1500)), ()) is facts


def test_between_the_two_ends_alone_it_halves_the_leg() -> None:
    world = World(Tap("client", 0, role=Role.CLIENT), Tap("server", 2, 0.001, role=Role.SERVER))
    world.behind("client", drop_later)
    run_session(world)
    facts = with_device_points(trace(world), lines(*((sent, 0, 1500) for sent in SENT)), ())
    assert {one.fate.lost_between for one in numbered(facts, 3)} == {("client", "FW1")}


def test_without_captures_there_is_nothing_to_stand_between() -> None:
    world = World(Tap("client", 0, role=Role.CLIENT))
    world.behind("client", drop_all)
    assert with_device_points(NetworkFacts(), lines(*both(SENT[0])), ()) == NetworkFacts()
