from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.demo.frames import UDP, IpPacket, fragment, udp
from app.demo.network import BEGIN_NS, NS, Device, HostClock, Network
from app.demo.rules import DropFragments, DropOver, Going, LoseAtRandom, Rule, SplitTo, TranslateClients
from app.demo.taps import Recorder, Tap

CLIENT, SERVER = "10.1.1.1", "10.2.2.2"


def large(size: int = 2_500) -> tuple[IpPacket, ...]:
    return fragment(IpPacket(CLIENT, SERVER, UDP, udp(CLIENT, 50_000, SERVER, 9029, b"x" * size), 7), 1500)


def crossing(device: Device, *packets: IpPacket) -> list[IpPacket]:
    """What comes out behind the device, in order of arrival."""
    network = Network(("before", device, "after"), random.Random(1))
    heard: list[IpPacket] = []
    network.listen("after", lambda _time_ns, packet, _going, _lane: heard.append(packet))
    network.send(packets, Going.TO_SERVER)
    network.run(BEGIN_NS + NS)
    return heard


def test_a_router_takes_one_from_the_ttl_and_a_switch_does_not() -> None:
    (packet,) = large(10)
    assert [each.ttl for each in crossing(Device("router"), packet)] == [127]
    assert [each.ttl for each in crossing(Device("switch", is_routing=False), packet)] == [128]


def test_a_device_keeps_the_order_however_its_delay_varies() -> None:
    packets = [replace(large(10)[0], identification=number) for number in range(200)]
    passed = crossing(Device("slow", delay_s=0.001, jitter_s=0.5), *packets)
    assert [packet.identification for packet in passed] == list(range(200))


@pytest.mark.parametrize(
    ("rule", "offsets"),
    [
        (DropFragments("first"), [1480]),
        (DropFragments("later"), [0]),
        (DropFragments("all"), []),
        (DropFragments("all", Going.TO_CLIENT), [0, 1480]),
        (DropFragments("all", only=frozenset({"10.9.9.9", SERVER})), [0, 1480]),
        (DropOver(1_400), [1480]),
        (SplitTo(1_000), [0, 976, 1480, 2456]),
        (LoseAtRandom(1.0), []),
    ],
)
def test_a_rule_does_what_its_name_says(rule: Rule, offsets: list[int]) -> None:
    assert [packet.offset for packet in crossing(Device("device", (rule,)), *large())] == offsets


def test_translation_there_and_back_gives_the_same_packet() -> None:
    rule = TranslateClients((CLIENT,), ("172.31.0.1",), port_shift=63_000)
    there = rule.apply(large()[0], Going.TO_SERVER, random.Random(1))[0]
    assert there.source == "172.31.0.1"
    answer = IpPacket(SERVER, there.source, UDP, udp(SERVER, 9029, there.source, there.ports[0], b"yes"))  # type: ignore[index]
    back = rule.apply(answer, Going.TO_CLIENT, random.Random(1))[0]
    assert (back.destination, back.ports) == (CLIENT, (9029, 50_000))
    assert back.payload == udp(SERVER, 9029, CLIENT, 50_000, b"yes")


def test_what_may_not_be_split_is_answered_with_the_mtu_and_goes_no_further() -> None:
    device = Device("tunnel", mtu=600, address="10.1.1.254")
    network = Network(("before", device, "after"), random.Random(1))
    answers: list[IpPacket] = []
    network.receivers[CLIENT] = lambda _time_ns, packet: answers.append(packet)
    passed: list[IpPacket] = []
    network.listen("after", lambda _time_ns, packet, _going, _lane: passed.append(packet))
    network.send([replace(large(800)[0], do_not_fragment=True)], Going.TO_SERVER)
    network.run(BEGIN_NS + NS)
    assert passed == []
    assert [(packet.source, packet.payload[:2], packet.payload[6:8]) for packet in answers] == [
        ("10.1.1.254", bytes([3, 4]), (600).to_bytes(2, "big"))
    ]


def recorded(tap: Tap) -> Recorder:
    network = Network(("before", Device("router"), "after"), random.Random(1))
    recorder = Recorder(tap, network.path, {}, random.Random(1))
    recorder.attach(network)
    network.send(large(), Going.TO_SERVER)
    network.run(BEGIN_NS + NS)
    return recorder


def test_a_capture_by_port_holds_no_fragment_with_an_offset() -> None:
    assert len(recorded(Tap("after", "a.pcap")).records) == 2
    assert len(recorded(Tap("after", "a.pcap", ports=frozenset({9029}))).records) == 1


def test_a_capture_loses_frames_and_counts_them() -> None:
    recorder = recorded(Tap("after", "a.pcapng", loses=1.0, form="pcapng"))
    assert (recorder.records, recorder.dropped) == ([], 2)


def test_a_capture_outside_its_hours_holds_nothing() -> None:
    assert recorded(Tap("after", "a.pcap", starts_s=5)).records == []
    assert recorded(Tap("after", "a.pcap", ends_s=-1)).records == []


def test_a_clock_is_ahead_gains_and_jumps() -> None:
    clock = HostClock(2.0, 100.0, step=(10.0, -5.0))
    assert clock.show(BEGIN_NS) - BEGIN_NS == 2 * NS
    assert clock.show(BEGIN_NS + 9 * NS) - BEGIN_NS == 11 * NS + 900_000
    assert clock.show(BEGIN_NS + 10 * NS) - BEGIN_NS == 7 * NS + 1_000_000
