"""When a capture was running: its smallest and largest stamp say it, unless its clock was set back."""

from __future__ import annotations

from dataclasses import replace

from app.core.analysis import Clock
from app.core.network.hours import running_ns
from app.core.network.traces import CaptureInput
from app.core.records import NS
from tests.core.net_world import PORT, SERVER, Sent, Tap, World, message

BACK_S = 60.0


def capture(first_s: float, last_s: float, *sent: tuple[float, float]) -> CaptureInput:
    """`sent`: when, and what the clock showed then; `first_s` and `last_s` are the smallest and the largest stamp."""
    world = World(Tap("client", 0))
    for number, (at_s, _) in enumerate(sent):
        world.send(Sent(at_s, "10.1.1.1", SERVER, 40_001, PORT, message(1, number, 300), 7 + number))
    (made,) = world.captures()
    stamped = tuple(
        replace(datagram, packets=tuple(replace(packet, time_ns=round(raw_s * NS)) for packet in datagram.packets))
        for datagram, (_, raw_s) in zip(made.datagrams, sent, strict=True)
    )
    facts = replace(made.facts, first_ns=round(first_s * NS), last_ns=round(last_s * NS))
    return replace(made, facts=facts, datagrams=stamped)


def set_back(at_s: float, frame: int) -> Clock:
    return Clock(steps=((round(at_s * NS), -BACK_S),), step_frames=(frame,))


def test_a_capture_runs_from_its_smallest_stamp_to_its_largest() -> None:
    assert running_ns(capture(-5, 99, (0, 0), (50, 50)), Clock()) == (-5 * NS, 99 * NS)


def test_the_smallest_stamp_of_a_clock_that_was_set_back_is_not_when_the_capture_began() -> None:
    """38 s was read on it at 98 s, after it was set; of what came before nothing is known but the frame of 90 s."""
    made = capture(38, 140, (90, 90), (100, 40), (190, 130))
    assert running_ns(made, set_back(40, 2)) == (90 * NS, 200 * NS)


def test_nor_is_its_largest_stamp_when_it_ended() -> None:
    made = capture(0, 100, (10, 10), (99, 99), (102, 42), (110, 50))
    assert running_ns(made, set_back(42, 3)) == (0, 110 * NS)


def test_a_stamp_that_only_one_side_of_a_setting_can_have_is_told_by_it() -> None:
    made = capture(5, 200, (10, 10), (99, 99), (102, 42), (250, 190))
    assert running_ns(made, set_back(42, 3)) == (5 * NS, 260 * NS)


def test_where_nothing_tells_when_a_clock_was_set_back_only_frames_do() -> None:
    made = capture(-40, 99, (10, 10), (50, 50))
    set_back_at_the_end = replace(made, facts=replace(made.facts, steps_back=1))
    assert running_ns(set_back_at_the_end, Clock()) == (10 * NS, 50 * NS)


def test_a_capture_without_frames_runs_at_no_time() -> None:
    (made,) = World(Tap("client", 0)).captures()
    assert running_ns(replace(made, facts=replace(made.facts, first_ns=None, last_ns=None)), Clock()) is None
