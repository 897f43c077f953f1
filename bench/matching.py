"""How long matching, clocks and fates take for many datagrams at several capture points.

    python bench/matching.py [--datagrams 100000] [--points 5] [--lost 0.02]

Makes its input in memory: a fifth of the datagrams is fragmented, both directions, five thousand terminals, clocks that
disagree, and some loss at the third leg. Prints seconds and the peak of memory; the limit is 10 s for 100,000 over 5.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.collector import collector_paused
from app.core.analysis import Role
from app.core.network.tracing import CaptureInput, NetworkSettings, trace_network
from app.core.records import CaptureFacts, Datagram, InterfaceFacts, Packet

START_NS = 1_800_000_000_000_000_000
SERVER = "10.9.0.40"


def build(datagrams: int, points: int, lost: float) -> list[CaptureInput]:
    chance = random.Random(7)
    names = [f"point{number}" for number in range(points)]
    offsets = [chance.randint(-(10**10), 10**10) for _ in names]
    seen: list[list[Datagram]] = [[] for _ in names]
    for serial in range(datagrams):
        client = f"10.{serial % 5000 // 250}.1.{serial % 250 + 1}"
        is_up = serial % 5 != 0
        source, destination = (client, SERVER) if is_up else (SERVER, client)
        ports = (40_001, 9029) if is_up else (9029, 40_001)
        size = 2663 if serial % 5 == 1 else 831
        body = ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big") + size.to_bytes(2, "big") + b"\0\0"
        body += serial.to_bytes(8, "big") * (size // 8)
        body = body[:size]
        at_ns = START_NS + serial * 3_000_000
        is_lost = chance.random() < lost
        order = range(points) if is_up else range(points - 1, -1, -1)
        for step, point in enumerate(order):
            at_ns += chance.randint(50_000, 400_000)
            pieces = [(0, min(size, 1480))] + ([(1480, size)] if size > 1480 else [])
            if is_lost and step > 2:
                pieces = pieces[:1]
            packets = tuple(
                Packet(
                    source=names[point],
                    frame=len(seen[point]) + 1,
                    time_ns=at_ns + offsets[point] + index * 20_000,
                    ip_version=4,
                    source_ip=source,
                    destination_ip=destination,
                    protocol=17,
                    identification=serial % 65_535 + 1,
                    offset_bytes=start,
                    length_bytes=end - start,
                    more=end < size,
                    ttl=64 - step,
                    payload=body[start:end],
                    captured_bytes=end - start,
                    source_port=ports[0] if start == 0 else None,
                    destination_port=ports[1] if start == 0 else None,
                    udp_length=size if start == 0 else None,
                )
                for index, (start, end) in enumerate(pieces)
            )
            holes = () if pieces[-1][1] == size else ((pieces[-1][1], None),)
            seen[point].append(Datagram(names[point], packets, (), size if not holes else None, holes))
    return [
        CaptureInput(
            CaptureFacts(
                name, "pcap", (InterfaceFacts(0, "eth0", 1),), len(mine) + 1000, START_NS + offset - 10**9,
                START_NS + offset + datagrams * 3_000_000 + 10**10, non_ip_frames=100,
                later_fragments=datagrams // 5,
            ),
            tuple(mine), (), name, Role.CLIENT if name == names[0] else None,
        )
        for name, offset, mine in zip(names, offsets, seen, strict=True)
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datagrams", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=5)
    parser.add_argument("--lost", type=float, default=0.02)
    options = parser.parse_args()
    captures = build(options.datagrams, options.points, options.lost)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    with collector_paused():  # as intake does
        facts = trace_network(captures, NetworkSettings())
    took, worked = time.perf_counter() - started, time.process_time() - worked
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lost = sum(one.fate.lost_between is not None for one in facts.traced)
    print(f"{len(facts.traced)} datagrams over {len(facts.points)} points, {lost} lost on the way")
    print(f"{took:.2f} s ({worked:.2f} s of processor)")
    print(f"memory: {before // 1024} MB for the input, {(after - before) // 1024} MB more at the peak")


if __name__ == "__main__":
    main()
