from __future__ import annotations

import numpy as np

from app.core.parsers.capture_file import walker_for
from app.core.parsers.census import PORTS_KEPT, QUIET_KEPT, Census
from app.core.parsers.sieve import port_roles, sift
from app.core.records import CaptureFacts
from tests import frames

PORTS = frozenset({9019})


def count(packets: list[bytes], **options: object) -> CaptureFacts:
    octets = frames.pcap(packets, **options)  # type: ignore[arg-type]
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
