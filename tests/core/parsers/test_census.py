from __future__ import annotations

from struct import pack

import numpy as np

from app.core.parsers.capture_file import walker_for
from app.core.parsers.census import PORTS_KEPT, QUIET_KEPT, Census
from app.core.parsers.port_roles import port_roles
from app.core.parsers.sieve import sift
from app.core.records import CaptureFacts
from tests import frames

PORTS = frozenset({9019})


def count(packets: list[bytes], **options: object) -> CaptureFacts:
    return count_file(frames.pcap(packets, **options))  # type: ignore[arg-type]


def count_file(octets: bytes) -> CaptureFacts:
    walker = walker_for(octets)
    assert walker is not None
    census = Census()
    for batch in walker.feed(octets):
        census.add(batch, sift(batch, np.array([1]), port_roles(PORTS)))
    return census.facts("a.pcap", walker.walk, PORTS, [])


def udp_to(port: int, size: int = 10) -> bytes:
    return frames.ethernet(frames.ipv4(frames.udp(bytes(size), 60_000, port)))


def test_packets_longer_than_the_mtu_are_counted_as_offload() -> None:
    facts = count([udp_to(53), udp_to(53, 1472), udp_to(53, 1473), udp_to(53, 9000)])
    assert facts.oversize_frames == 2


def test_a_length_that_segmentation_offload_left_at_zero_counts_too() -> None:
    assert count([frames.ethernet(frames.ipv4(bytes(4000), 6, total=0))]).oversize_frames == 1


def test_cut_frames_are_counted_with_the_shortest() -> None:
    facts = count([udp_to(53, 200), udp_to(53, 10), udp_to(53, 300)], snap=96)
    assert (facts.cut_frames, facts.shortest_cut_bytes) == (2, 96)


def test_of_many_ports_the_busiest_and_the_known_ones_stay() -> None:
    facts = count([udp_to(port) for port in range(1, 300)] + [udp_to(9019)] + [udp_to(200)] * 3)
    assert len(facts.udp_ports) == PORTS_KEPT
    assert {9019, 200} <= set(facts.udp_ports)


def test_only_the_longest_silences_are_kept() -> None:
    facts = count([udp_to(53)] * 200, step_us=1_000_000)
    assert len(facts.quiet_spans) == QUIET_KEPT
    assert list(facts.quiet_spans) == sorted(facts.quiet_spans)


def test_a_clock_that_was_set_back_makes_no_silence() -> None:
    facts = count([udp_to(53)] * 3, step_us=-5_000_000)
    assert facts.quiet_spans == ()
    assert facts.first_ns is not None
    assert facts.last_ns is not None
    assert facts.last_ns - facts.first_ns == 10 * 10**9


def statistics(start_s: int, end_s: int, received: int, number: int = 0) -> bytes:
    def ticks(second: int) -> bytes:
        return pack("<II", second * 10**6 >> 32, second * 10**6 & 0xFFFFFFFF)

    options = frames.option(2, ticks(start_s)) + frames.option(3, ticks(end_s)) + frames.option(4, pack("<Q", received))
    return frames.block(5, pack("<III", number, 0, 0) + options + frames.option(0, b""))


def span_s(octets: bytes) -> tuple[float, float]:
    facts = count_file(octets)
    assert facts.first_ns is not None
    assert facts.last_ns is not None
    return facts.first_ns / 10**9 - frames.START_S, facts.last_ns / 10**9 - frames.START_S


def test_a_capture_that_notes_its_end_was_capturing_until_then() -> None:
    whole = frames.pcapng([udp_to(53)] * 3, step_us=10**6)
    assert span_s(whole) == (0, 2)
    assert span_s(whole + statistics(frames.START_S - 5, frames.START_S + 90, 3)) == (-5, 90)


def test_statistics_of_a_capture_from_which_frames_were_taken_prove_nothing() -> None:
    part = frames.pcapng([udp_to(53)] * 3, step_us=10**6) + statistics(frames.START_S - 5, frames.START_S + 90, 400)
    assert span_s(part) == (0, 2)


def test_of_several_interfaces_all_must_have_been_capturing() -> None:
    octets = frames.section() + frames.interface() + frames.interface()
    octets += frames.enhanced(udp_to(53), frames.START_S * 10**6) + frames.enhanced(udp_to(53), frames.START_S * 10**6)
    both = statistics(frames.START_S - 5, frames.START_S + 90, 2) + statistics(
        frames.START_S - 9, frames.START_S + 30, 0, 1
    )
    assert span_s(octets + both) == (-5, 30)
    assert span_s(octets + statistics(frames.START_S - 5, frames.START_S + 90, 2)) == (0, 0)


def test_an_empty_capture_may_say_that_it_ran() -> None:
    facts = count_file(frames.section() + frames.interface() + statistics(frames.START_S, frames.START_S + 60, 0))
    assert (facts.frames, facts.first_ns, facts.last_ns) == (0, frames.START_S * 10**9, (frames.START_S + 60) * 10**9)


def test_statistics_in_microseconds_on_an_interface_in_nanoseconds_are_understood() -> None:
    """As dumpcap writes them."""
    fine = frames.interface(options=frames.option(9, b"\x09"))
    facts = count_file(frames.section() + fine + statistics(frames.START_S, frames.START_S + 60, 0))
    assert (facts.first_ns, facts.last_ns) == (frames.START_S * 10**9, (frames.START_S + 60) * 10**9)
