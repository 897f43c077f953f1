from __future__ import annotations

import os
import signal
from struct import pack

import pytest

from app.captures import dissector
from app.captures.dissector import Dissector
from app.core.parsers.ip_headers import RawFrame
from app.tools import ToolLimits
from tests import frames


def frame(number: int, size: int = 50) -> RawFrame:
    octets = frames.ethernet(frames.ipv4(frames.udp(bytes(size)), ident=number))
    return RawFrame(number, number * 10**9, 0, octets, len(octets))


def numbers(pairs: list[tuple[RawFrame, str]]) -> list[int]:
    return [pair[0].number for pair in pairs]


def test_rows_come_in_order_and_belong_to_their_frames() -> None:
    work = Dissector(ToolLimits())
    for number in range(1, 501):
        work.put(frames.ETHERNET, frame(number))
    pairs = list(work.finish())
    assert numbers(pairs) == list(range(1, 501))
    assert [int(line.split("\t")[0]) for _, line in pairs] == list(range(1, 501))
    assert work.failed == []


def test_a_new_run_begins_when_one_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissector, "FRAMES_PER_RUN", 100)
    work = Dissector(ToolLimits())
    pairs = []
    for number in range(1, 251):
        work.put(frames.ETHERNET, frame(number))
        if work.is_full:
            pairs += list(work.ready())
    pairs += list(work.finish())
    assert numbers(pairs) == list(range(1, 251))


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dissector, "IN_FLIGHT_BYTES", 100_000)
    work = Dissector(ToolLimits())
    pairs, most = [], 0
    for number in range(1, 301):
        work.put(frames.ETHERNET, frame(number, 1000))
        most = max(most, work._in_flight)
        if work.is_full:
            pairs += list(work.ready())
    pairs += list(work.finish())
    assert numbers(pairs) == list(range(1, 301))
    assert most < 105_000


def test_where_tshark_dies_the_other_frames_are_dissected_all_the_same() -> None:
    work = Dissector(ToolLimits())
    for number in range(1, 51):
        work.put(frames.ETHERNET, frame(number))
    assert work._process is not None
    os.killpg(work._process.pid, signal.SIGKILL)
    found = numbers(list(work.finish()))
    assert found == list(range(2, 51))
    assert work.failed == [1]


def test_rows_longer_than_a_column_are_whole() -> None:
    packet, addresses = frames.udp(b"x"), {"source": "2001:db8:1111:2222:3333:4444:5555:6661", "destination": "fd00::2"}
    for header in (17, *[41] * 59):
        packet = frames.ipv6(packet, header, **addresses)
    deep = (
        pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, 0x57) + packet
    )  # a PPPoE session: the one link type here that is not cut
    work = Dissector(ToolLimits())
    work.put(frames.ETHERNET, frame(1))
    work.put(frames.PPPOE, RawFrame(2, 0, 0, deep, len(deep)))
    work.put(frames.ETHERNET, frame(3))
    pairs = list(work.finish())
    assert numbers(pairs) == [1, 2, 3]
    assert [line.split("\t")[4].count(addresses["source"]) for _, line in pairs] == [0, 60, 0]
    assert work.failed == []


def test_one_that_is_kept_goes_on_with_the_next_capture() -> None:
    work = Dissector(ToolLimits(), is_kept=True)
    processes = set()
    for last in (3, 400, 1):
        work.begin()
        for number in range(1, last + 1):
            work.put(frames.ETHERNET, frame(number))
        assert numbers(list(work.finish())) == list(range(1, last + 1))
        work.abandon()
        processes.add(work._process)
    (process,) = processes
    assert process is not None
    assert process.poll() is None
    work.close()
    assert process.poll() is not None


def test_where_its_rows_came_only_with_the_end_of_its_input_the_next_capture_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a machine so busy that it does not start in time."""
    monkeypatch.setattr("app.captures.dissector.SETTLES_S", 0.0)
    work = Dissector(ToolLimits(), is_kept=True)
    for last in (3, 2):
        work.begin()
        for number in range(1, last + 1):
            work.put(frames.ETHERNET, frame(number))
        assert numbers(list(work.finish())) == list(range(1, last + 1))
        assert work.failed == []
    work.close()


def test_what_a_capture_taught_it_does_not_go_on_to_the_next() -> None:
    work = Dissector(ToolLimits(), is_kept=True)
    octets = frames.ethernet(frames.ipv4(frames.gre(frames.ipv4(frames.udp(b"x"))), 47))
    work.put(frames.ETHERNET, RawFrame(1, 0, 0, octets, len(octets)))
    assert numbers(list(work.finish())) == [1]
    assert work._process is None


def test_one_that_died_between_two_captures_is_started_anew() -> None:
    work = Dissector(ToolLimits(), is_kept=True)
    work.put(frames.ETHERNET, frame(1))
    assert numbers(list(work.finish())) == [1]
    assert work._process is not None
    os.killpg(work._process.pid, signal.SIGKILL)
    work._process.wait()
    work.begin()
    work.put(frames.ETHERNET, frame(2))
    assert numbers(list(work.finish())) == [2]
    assert work.failed == []
    work.close()


def test_work_can_be_given_up() -> None:
    work = Dissector(ToolLimits())
    work.put(frames.ETHERNET, frame(1))
    work.abandon()
    assert list(work.finish()) == []
