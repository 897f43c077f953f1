"""A deterministic network: devices and places on a line, packets that travel it, and taps that record them.

A path is a tuple of places (names where a tap may listen) and devices, client end first. Time is integer nanoseconds
of true time; a tap writes what its own clock shows. Every random choice comes from one generator seeded by the
scenario.
"""

from __future__ import annotations

import heapq
import random
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from app.demo.frames import ICMP, ICMPV6, IpPacket, fragment, icmp_error
from app.demo.rules import Going, Rule

NS = 1_000_000_000
BEGIN_NS = 1_773_018_740 * NS  # 2026-03-09 01:12:20 UTC: a Monday morning, 09:12 in China


@dataclass(frozen=True, slots=True)
class HostClock:
    """How a clock errs: ahead by `offset_s` at the beginning, gaining `drift_ppm`; `step` is (seconds in, jump)."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    step: tuple[float, float] | None = None

    def show(self, true_ns: int) -> int:
        elapsed_ns = true_ns - BEGIN_NS
        jump_s = self.step[1] if self.step and elapsed_ns >= self.step[0] * NS else 0.0
        return true_ns + round((self.offset_s + jump_s) * NS + elapsed_ns * self.drift_ppm * 1e-6)


RIGHT_CLOCK = HostClock()


@dataclass(frozen=True, slots=True)
class Device:
    """A device on the line. A switch does not route: it leaves the TTL alone and sends no ICMP.

    Packets over `mtu` are split, or answered with "too big" where their sender forbids it. With `is_balancing` what
    leaves it takes one of two equal paths until the next device, chosen by ports where there are any, by addresses
    where not.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    is_routing: bool = True
    mtu: int = 1500
    delay_s: float = 0.000_25
    jitter_s: float = 0.000_1
    address: str = ""
    is_balancing: bool = False


Path = tuple[str | Device, ...]
Listener = Callable[[int, IpPacket, Going, int], None]  # true time, packet, direction, which of equal paths
Receiver = Callable[[int, IpPacket], None]


@dataclass(slots=True)
class Network:
    """Runs events in order of time. `listeners` hear what passes a place, `receivers` get what arrives for an
    address.
    """

    path: Path
    rng: random.Random
    listeners: dict[str, list[Listener]] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    now_ns: int = BEGIN_NS
    _free_ns: dict[tuple[str, Going], int] = field(default_factory=dict)

    def at(self, time_ns: int, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(time_ns, self.now_ns), self._count, action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.at(self.now_ns + round(delay_s * NS), action)

    def run(self, until_ns: int) -> None:
        while self._events and self._events[0][0] <= until_ns:
            self.now_ns, _, action = heapq.heappop(self._events)
            action()

    def listen(self, place: str, listener: Listener) -> None:
        self.listeners.setdefault(place, []).append(listener)

    def send(self, packets: Iterable[IpPacket], going: Going, place: str | None = None) -> None:
        """Put packets on the line back to back, at its end or at `place`."""
        index = 0 if going is Going.TO_SERVER else len(self.path) - 1
        if place is not None:
            index = self.path.index(place)
        for number, packet in enumerate(packets):
            self.at(self.now_ns + number * 12_000, self._step(index, packet, going, 0))

    def _step(self, index: int, packet: IpPacket, going: Going, lane: int) -> Callable[[], None]:
        def arrive() -> None:
            if not 0 <= index < len(self.path):
                receiver = self.receivers.get(packet.destination)
                if receiver is not None:
                    receiver(self.now_ns, packet)
                return
            here = self.path[index]
            if isinstance(here, Device):
                self._forward(here, index, packet, going)
                return
            for listener in self.listeners.get(here, ()):
                listener(self.now_ns, packet, going, lane)
            self.after(0.000_002, self._step(index + going.value, packet, going, lane))

        return arrive

    def _forward(self, device: Device, index: int, packet: IpPacket, going: Going) -> None:
        if device.is_routing:
            packet = replace(packet, ttl=packet.ttl - 1)
        passing: tuple[IpPacket, ...] = (packet,)
        for rule in device.rules:
            passing = tuple(out for each in passing for out in rule.apply(each, going, self.rng))
        for each in passing:
            if len(each.to_bytes()) > device.mtu and (each.do_not_fragment or each.version == 6):
                self._report_too_big(device, index, each, going)
                continue
            for piece in fragment(each, device.mtu):
                self._queue(device, index, piece, going)

    def _queue(self, device: Device, index: int, packet: IpPacket, going: Going) -> None:
        """Delay it, but never past what came before it: a device keeps the order of one direction."""
        leave_ns = self.now_ns + round((device.delay_s + self.rng.random() * device.jitter_s) * NS)
        leave_ns = max(leave_ns, self._free_ns.get((device.name, going), 0) + 1_500)
        self._free_ns[device.name, going] = leave_ns
        lane = lane_of(packet) if device.is_balancing else 0
        self.at(leave_ns, self._step(index + going.value, packet, going, lane))

    def _report_too_big(self, device: Device, index: int, packet: IpPacket, going: Going) -> None:
        if not device.address or packet.protocol in (ICMP, ICMPV6):
            return
        kind, code = (2, 0) if packet.version == 6 else (3, 4)
        error = icmp_error(kind, code, device.address, packet, device.mtu)
        back = Going.TO_CLIENT if going is Going.TO_SERVER else Going.TO_SERVER
        self.at(self.now_ns + 50_000, self._step(index + back.value, error, back, 0))


def lane_of(packet: IpPacket) -> int:
    """Which of two equal paths: later fragments have no ports, so they may take another one than the first."""
    flow = f"{packet.source} {packet.destination} {packet.ports or ''}"
    return zlib.crc32(flow.encode()) & 1
