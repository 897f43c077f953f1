"""Other people's traffic, so that a capture holds more than the exchange: ARP, DNS, a web session, large UDP.

What large UDP there is meets the same devices as the exchange does.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from app.demo.frames import TCP, UDP, IpPacket, fragment, tcp, udp
from app.demo.hosts import ServerPlan, TerminalPlan
from app.demo.network import BEGIN_NS, NS, Network
from app.demo.rules import Going
from app.demo.taps import Recorder, invented_mac

MONITOR = "10.20.0.9"  # sends long reports to the server by UDP, fragmented
RESOLVER = "10.208.64.53"
NAMES = ("wsus.corp.example", "mail.corp.example", "time.corp.example", "portal.corp.example")


def add_background(
    network: Network,
    terminals: Sequence[TerminalPlan],
    server: ServerPlan,
    recorders: Sequence[Recorder],
    seconds: float,
    rng: random.Random,
    report_bytes: int,
) -> None:
    """Schedules it over `seconds`; `report_bytes` is the UDP payload of the monitor's reports, 0 for none."""
    for terminal in terminals:
        if ":" not in terminal.ip:
            _resolve(network, terminal, seconds, rng)
        _browse(network, terminal, server, rng)
    if report_bytes:
        _report(network, server, seconds, rng, report_bytes)
    for recorder in recorders:
        _ask(recorder, seconds, rng)


def _resolve(network: Network, terminal: TerminalPlan, seconds: float, rng: random.Random) -> None:
    for _ in range(3):
        at_ns = BEGIN_NS + round(rng.uniform(0, seconds * 0.9) * NS)
        port, number, name = rng.randrange(52_000, 60_000), rng.randrange(65_536), rng.choice(NAMES)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
        question = labels + struct.pack("!HH", 1, 1)
        query = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question
        answer = struct.pack("!6H", number, 0x8180, 1, 1, 0, 0) + question
        answer += struct.pack("!HHHIH4B", 0xC00C, 1, 1, 300, 4, 10, 208, 64, rng.randrange(60, 99))
        there = IpPacket(
            terminal.ip, RESOLVER, UDP, udp(terminal.ip, port, RESOLVER, 53, query), rng.randrange(40_000, 50_000)
        )
        back = IpPacket(
            RESOLVER, terminal.ip, UDP, udp(RESOLVER, 53, terminal.ip, port, answer), rng.randrange(65_536), ttl=64
        )
        _send(network, at_ns, there, Going.TO_SERVER)
        _send(network, at_ns + 3_000_000, back, Going.TO_CLIENT)


def _browse(network: Network, terminal: TerminalPlan, server: ServerPlan, rng: random.Random) -> None:
    """A short web session with the portal on the server's own address."""
    at_ns = BEGIN_NS + round(rng.uniform(0, 3) * NS)
    port, ours, theirs = rng.randrange(60_000, 64_000), rng.randrange(2**31), rng.randrange(2**31)
    request, page = b"GET / HTTP/1.1\r\nHost: portal.corp.example\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"
    steps: tuple[tuple[Going, int, int, int, bytes], ...] = (
        (Going.TO_SERVER, 0x02, ours, 0, b""),
        (Going.TO_CLIENT, 0x12, theirs, ours + 1, b""),
        (Going.TO_SERVER, 0x10, ours + 1, theirs + 1, b""),
        (Going.TO_SERVER, 0x18, ours + 1, theirs + 1, request),
        (Going.TO_CLIENT, 0x18, theirs + 1, ours + 1 + len(request), page),
        (Going.TO_SERVER, 0x11, ours + 1 + len(request), theirs + 1 + len(page), b""),
        (Going.TO_CLIENT, 0x11, theirs + 1 + len(page), ours + 2 + len(request), b""),
    )
    client_end, server_end = (terminal.ip, port), (server.ip, 8080)
    for number, (going, flags, sequence, acknowledged, payload) in enumerate(steps):
        source, destination = (client_end, server_end) if going is Going.TO_SERVER else (server_end, client_end)
        segment = tcp(*source, *destination, sequence, acknowledged, flags, payload)
        packet = IpPacket(source[0], destination[0], TCP, segment, rng.randrange(65_536), ttl=64, do_not_fragment=True)
        _send(network, at_ns + number * 4_000_000, packet, going)


def _report(network: Network, server: ServerPlan, seconds: float, rng: random.Random, size: int) -> None:
    if ":" in server.ip:
        return
    at_s = 0.7
    while at_s < seconds:
        payload = rng.randbytes(size // 2).hex().encode()
        segment = udp(MONITOR, 40_514, server.ip, 5140, payload)
        packet = IpPacket(MONITOR, server.ip, UDP, segment, rng.randrange(65_536), ttl=64)
        for number, piece in enumerate(fragment(packet, 1500)):
            _send(network, BEGIN_NS + round(at_s * NS) + number * 12_000, piece, Going.TO_SERVER)
        at_s += rng.uniform(3, 6)


def _send(network: Network, at_ns: int, packet: IpPacket, going: Going) -> None:
    network.at(at_ns, lambda: network.send([packet], going))


def _ask(recorder: Recorder, seconds: float, rng: random.Random) -> None:
    """ARP, or neighbour discovery, on the tap's own link, every ten seconds or so; it never leaves it."""
    here = recorder.tap.host or f"10.9.{rng.randrange(250)}.2"
    gateway = here.rsplit(":", 1)[0] + ":fe" if ":" in here else here.rsplit(".", 1)[0] + ".254"
    mac = recorder.macs.get(here, invented_mac(here))
    at_s = rng.uniform(-2, 2)
    while at_s < seconds:
        at_ns = BEGIN_NS + round(at_s * NS)
        recorder.ask_who_has(at_ns, mac, here, invented_mac(gateway), gateway)
        at_s += rng.uniform(6, 12)
