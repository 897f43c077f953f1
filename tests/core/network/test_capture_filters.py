from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.network.capture_filters import TOO_LITTLE, view_filter
from app.core.records import CaptureFacts, InterfaceFacts

PLAIN = CaptureFacts(
    "a.pcap", "pcap", (InterfaceFacts(0, "eth0", 1),), 40, 0, 10**9, udp_frames=40, udp_ports=(9019, 9029),
    first_fragments=4,
)  # fmt: skip


def recorded(expression: str) -> CaptureFacts:
    return replace(PLAIN, interfaces=(InterfaceFacts(0, "eth0", 1, recorded_filter=expression),))


def test_nothing_but_a_few_ports_and_no_later_fragment_is_a_port_filter() -> None:
    view = view_filter(PLAIN)
    assert view.hides_later and view.ports == {9019, 9029}


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_a_frame_or_two_do_not_tell_whether_there_was_a_filter(frames: int) -> None:
    view = view_filter(replace(PLAIN, frames=frames))
    assert view.is_open and not view.hides_later and view.reason == TOO_LITTLE
    assert "too little" in TOO_LITTLE.en and "太少" in TOO_LITTLE.zh
    assert not view_filter(replace(PLAIN, frames=3)).is_open


def test_a_recorded_filter_counts_in_the_shortest_capture() -> None:
    assert view_filter(replace(recorded("udp port 9029"), frames=1)).hides_later


@pytest.mark.parametrize(
    "change", [{"non_ip_frames": 1}, {"tcp_frames": 1}, {"other_frames": 1}, {"later_fragments": 1}]
)
def test_other_traffic_or_any_later_fragment_says_that_nothing_was_filtered(change: dict[str, int]) -> None:
    assert not view_filter(replace(PLAIN, **change)).hides_later  # type: ignore[arg-type]


def test_many_services_were_not_filtered_by_port() -> None:
    assert not view_filter(replace(PLAIN, udp_ports=(53, 67, 123, 161, 9029))).hides_later


@pytest.mark.parametrize(
    "expression",
    ["udp port 9029", "udp port 9019 or udp port 9029", "host 10.1.1.1 and dst port 9029", "udp.port == 9029",
     "portrange 9019-9029", "udp[8:4] = 0x000ad877"],
)  # fmt: skip
def test_recorded_filters_that_ask_for_ports_hide_later_fragments(expression: str) -> None:
    assert view_filter(recorded(expression)).hides_later


@pytest.mark.parametrize(
    "expression",
    ["udp", "host 10.1.1.1", "net 10.0.0.0/8", "not port 22", "udp port 9029 or (ip[6:2] & 0x1fff != 0)",
     "not tcp port 3389 and host 10.1.1.1", "vlan and ip"],
)  # fmt: skip
def test_recorded_filters_without_ports_let_fragments_in(expression: str) -> None:
    assert not view_filter(recorded(expression)).hides_later


def test_a_recorded_port_filter_that_let_fragments_in_did_not_hide_them() -> None:
    assert not view_filter(replace(recorded("udp port 9029"), later_fragments=3)).hides_later


def test_hosts_and_ports_of_a_recorded_filter_are_read() -> None:
    view = view_filter(recorded("host 10.1.1.1 and udp portrange 9019-9021"))
    assert view.hosts == {"10.1.1.1"} and view.ports == {9019, 9020, 9021}
