from __future__ import annotations

import pytest

from app.core.fragmentation import retention
from app.core.fragmentation.retention import Retention
from app.core.records import NS, Packet

PORTS = frozenset({9019})
PACKETS = 1_000


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PACKETS", PACKETS)


def packet(frame: int, host: str, offset: int = 0, more: bool = True, port: int = 53, second: int = 0) -> Packet:
    return Packet(
        source="a.pcap", frame=frame, time_ns=second * NS, ip_version=4, source_ip=host, destination_ip="10.0.0.9",
        protocol=17, identification=frame // 2 % 65_536, offset_bytes=offset, length_bytes=800, more=more, ttl=64,
        payload=bytes(800), captured_bytes=800, source_port=None if offset else port,
        destination_port=None if offset else 40_000,
    )  # fmt: skip


def test_complete_datagrams_of_others_are_let_go_beyond_the_budget() -> None:
    kept = Retention(PORTS)
    for frame in range(0, 6 * PACKETS, 2):
        kept.add(packet(frame, "10.0.0.1", second=frame // 100))
        kept.add(packet(frame + 1, "10.0.0.1", 800, False, second=frame // 100))
    assert len(kept.packets()) < 2 * PACKETS
    assert kept.let_go + len(kept.packets()) == 6 * PACKETS
    assert kept.note is not None


def test_what_is_incomplete_or_between_ead_hosts_stays() -> None:
    kept = Retention(PORTS)
    kept.add(packet(0, "10.0.0.2", more=False, port=9019))
    wanted = [0]
    for frame in range(2, 4 * PACKETS, 2):
        second = frame // 100
        if frame % 100 == 0:
            kept.add(packet(frame, "10.0.0.2", second=second))
            kept.add(packet(frame + 1, "10.0.0.2", 800, False, second=second))
            wanted += [frame, frame + 1]
        elif frame % 100 == 2:
            kept.add(packet(frame, "10.0.0.3", second=second))
            wanted.append(frame)
        else:
            kept.add(packet(frame, "10.0.0.1", second=second))
            kept.add(packet(frame + 1, "10.0.0.1", 800, False, second=second))
    frames = {one.frame for one in kept.packets()}
    assert set(wanted) <= frames
    assert all(len(one.payload) == 800 for one in kept.packets() if one.source_ip == "10.0.0.2")


def test_payloads_of_others_are_shortened_when_they_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAYLOAD_BYTES", 100_000)
    kept = Retention(PORTS)
    for frame in range(0, 2000, 2):
        kept.add(packet(frame, "10.0.0.3", second=frame))
    assert sum(len(one.payload) for one in kept.packets()) < 400_000


def test_a_flood_of_lone_fragments_of_others_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FOREIGN_PACKETS", 500)
    kept = Retention(PORTS)
    kept.add(packet(0, "10.0.0.2", more=False, port=9019))
    kept.add(packet(1, "10.0.0.2"))
    for frame in range(2, 20_000, 2):
        kept.add(packet(frame, f"10.1.{frame % 250}.3", second=frame // 100))
    found = kept.packets()
    assert len(found) < 500 + 2 * PACKETS
    assert {one.frame for one in found} >= {0, 1, 19_998}
    assert kept.note is not None
