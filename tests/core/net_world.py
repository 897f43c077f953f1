"""A network on paper for the tests of the network part: points in a row, datagrams that cross them, and captures of it.

Times in seconds from `START`. Nothing here is random unless a test passes a `Random`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from app.core.analysis import Role
from app.core.fragmentation.reassembly import reassemble
from app.core.network.tracing import CaptureInput
from app.core.records import CaptureFacts, InterfaceFacts, Packet, Quote, WireMessage

START_NS = 1_800_000_000_000_000_000
SERVER = "10.9.0.40"
SERVER_6 = "2001:db8:9::40"
PORT = 9029


@dataclass
class Tap:
    """A capture point: what it is called, how many routers lie between it and the client, and how its clock goes."""

    name: str
    hops: int
    delay_s: float = 0.0  # from the client
    offset_s: float = 0.0
    drift_ppm: float = 0.0
    step: tuple[float, float] | None = None  # (true time, jump)
    role: Role | None = None
    source: str = ""
    terminal: frozenset[str] = frozenset()
    starts_s: float = -10.0
    ends_s: float = 1e9
    snap: int | None = None
    is_port_filtered: bool = False
    mirrors: int = 1  # how often every frame shows
    facts: dict[str, object] = field(default_factory=dict)
    hides: Callable[[Packet], bool] = lambda packet: False
    packets: list[Packet] = field(default_factory=list)
    shown_s: list[float] = field(default_factory=list)  # true time of each packet
    is_sorted_by_stamp: bool = False  # as some tools rewrite a file; frames come in true order otherwise

    @property
    def file(self) -> str:
        return self.source or f"{self.name}.pcap"

    def raw_ns(self, true_s: float) -> int:
        shift = self.offset_s + self.drift_ppm * 1e-6 * true_s
        if self.step is not None and true_s >= self.step[0]:
            shift += self.step[1]
        return START_NS + round((true_s + shift) * 1e9)

    def in_order(self) -> list[Packet]:
        """Its frames as the file has them, not numbered yet."""
        times = [packet.time_ns for packet in self.packets] if self.is_sorted_by_stamp else self.shown_s
        return [self.packets[index] for index in sorted(range(len(times)), key=lambda index: times[index])]

    def offset_at(self, true_s: float) -> float:
        return (self.raw_ns(true_s) - START_NS) / 1e9 - true_s


@dataclass
class Sent:
    """One datagram as its sender makes it. `at_s` true time; `body` the UDP payload."""

    at_s: float
    source: str
    destination: str
    source_port: int
    destination_port: int
    body: bytes
    identification: int | None
    ttl: int = 64
    version: int = 4
    mtu: int = 1500

    @property
    def is_to_server(self) -> bool:
        return self.destination in (SERVER, SERVER_6)


Device = Callable[[list[Packet], Sent], list[Packet]]


class World:
    """Taps from client to server, and devices between them (by the name of the tap before, nearer the client)."""

    def __init__(self, *taps: Tap) -> None:
        self.taps = list(taps)
        self.devices: dict[str, Device] = {}
        self.errors: dict[str, list[Packet]] = {}

    def behind(self, name: str, device: Device) -> World:
        self.devices[name] = device
        return self

    def send(self, datagram: Sent, skip: Iterable[str] = (), jitter_s: Callable[[], float] = lambda: 0.0) -> None:
        packets = fragments_of(datagram)
        taps = self.taps if datagram.is_to_server else self.taps[::-1]
        first = taps[0]
        waited, last_name = 0.0, None
        for tap in taps:
            gate = last_name if datagram.is_to_server else tap.name
            if last_name is not None and gate in self.devices:
                packets = self.devices[gate](packets, datagram)
            if last_name is not None:
                waited += jitter_s()
            last_name = tap.name
            if tap.name in skip or tap.file in skip:
                continue
            passed = abs(tap.hops - first.hops)
            when = datagram.at_s + abs(tap.delay_s - first.delay_s) + waited
            for number, packet in enumerate(packets):
                self._show(tap, replace(packet, ttl=datagram.ttl - passed), when + number * 20e-6)

    def _show(self, tap: Tap, packet: Packet, when: float) -> None:
        if not tap.starts_s <= when <= tap.ends_s or tap.hides(packet):
            return
        if tap.is_port_filtered and packet.offset_bytes:
            return
        payload = packet.payload if tap.snap is None else packet.payload[: max(0, tap.snap - 34)]
        for copy in range(tap.mirrors):
            tap.shown_s.append(when + copy * 4e-6)
            tap.packets.append(
                replace(
                    packet,
                    source=tap.file,
                    time_ns=tap.raw_ns(when + copy * 4e-6),
                    payload=payload,
                    captured_bytes=len(payload),
                    vlans=(copy * 10,) if copy else (),
                    ttl=packet.ttl - copy,
                )
            )

    def captures(self) -> list[CaptureInput]:
        return [self._capture(tap) for tap in self.taps]

    def _capture(self, tap: Tap) -> CaptureInput:
        packets = [replace(packet, frame=number) for number, packet in enumerate(tap.in_order(), 1)]
        known: dict[str, object] = {
            "source": tap.file,
            "format": "pcap",
            "interfaces": (InterfaceFacts(0, "eth0", 1),),
            "frames": len(packets),
            "first_ns": tap.raw_ns(max(tap.starts_s, -10.0)),
            "last_ns": tap.raw_ns(min(tap.ends_s, self.end_s + 10.0)),
            "udp_frames": sum(packet.offset_bytes == 0 for packet in packets),
            "udp_ports": tuple(sorted({9019, 9029})),
            "non_ip_frames": 0 if tap.is_port_filtered else 12,
            "first_fragments": sum(packet.more and not packet.offset_bytes for packet in packets),
            "later_fragments": sum(packet.offset_bytes > 0 for packet in packets),
        }
        facts = CaptureFacts(**{**known, **tap.facts})  # type: ignore[arg-type]
        datagrams = tuple(replace(datagram, message=read(datagram.packets[0])) for datagram in reassemble(packets))
        errors = tuple(self.errors.get(tap.name, ()))
        return CaptureInput(facts, datagrams, errors, tap.name, tap.role, tap.terminal)

    @property
    def end_s(self) -> float:
        shown = [(packet.time_ns - START_NS) / 1e9 - tap.offset_s for tap in self.taps for packet in tap.packets]
        return max(shown, default=0.0)


def read(packet: Packet) -> WireMessage | None:
    if packet.offset_bytes == 0 and packet.payload[8:10] == b"M\x00":
        return WireMessage(number=packet.payload[10])
    return None


def message(number: int, serial: int, size: int) -> bytes:
    """An EAD-like payload of `size` bytes; the serial makes it unlike others."""
    filling = bytes((serial + index) % 251 for index in range(size))
    return (b"M\x00" + bytes((number,)) + serial.to_bytes(4, "big") + filling)[:size]


def fragments_of(datagram: Sent) -> list[Packet]:
    body = (
        datagram.source_port.to_bytes(2, "big")
        + datagram.destination_port.to_bytes(2, "big")
        + (len(datagram.body) + 8).to_bytes(2, "big")
        + b"\x12\x34"
        + datagram.body
    )
    whole = Packet(
        "", 0, 0, datagram.version, datagram.source, datagram.destination, 17, datagram.identification, 0, len(body),
        False, datagram.ttl, body, len(body), datagram.source_port, datagram.destination_port, len(body),
    )  # fmt: skip
    return cut([whole], datagram.mtu)


def cut(packets: list[Packet], mtu: int) -> list[Packet]:
    """Fragment as a router does: pieces of a multiple of eight bytes."""
    header = 20 if packets and packets[0].ip_version == 4 else 48
    step = (mtu - header) // 8 * 8
    result: list[Packet] = []
    for packet in packets:
        if packet.length_bytes + header <= mtu:
            result.append(packet)
            continue
        for start in range(0, packet.length_bytes, step):
            end = min(start + step, packet.length_bytes)
            offset = packet.offset_bytes + start
            is_first = offset == 0
            result.append(
                replace(
                    packet,
                    offset_bytes=offset,
                    length_bytes=end - start,
                    more=packet.more or end < packet.length_bytes,
                    payload=packet.payload[start:end],
                    captured_bytes=end - start,
                    source_port=packet.source_port if is_first else None,
                    destination_port=packet.destination_port if is_first else None,
                    udp_length=packet.udp_length if is_first else None,
                    has_fragment_header=packet.ip_version == 6,
                )
            )
    return result


# ---------------------------------------------------------------- devices


def drop_later(packets: list[Packet], datagram: Sent) -> list[Packet]:
    return [packet for packet in packets if packet.offset_bytes == 0]


def drop_first(packets: list[Packet], datagram: Sent) -> list[Packet]:
    return [packet for packet in packets if not packet.more or packet.offset_bytes]


def drop_fragments(packets: list[Packet], datagram: Sent) -> list[Packet]:
    return [packet for packet in packets if not packet.is_fragment]


def drop_replies(packets: list[Packet], datagram: Sent) -> list[Packet]:
    return packets if datagram.is_to_server or datagram.source_port != PORT else []


def drop_all(packets: list[Packet], datagram: Sent) -> list[Packet]:
    return []


def refragment(mtu: int) -> Device:
    return lambda packets, datagram: cut(packets, mtu)


def translate(inside: str, outside: str, outside_port: int) -> Device:
    """Source translation of one client, both ways."""

    def device(packets: list[Packet], datagram: Sent) -> list[Packet]:
        if datagram.is_to_server and datagram.source == inside:
            return [
                replace(packet, source_ip=outside, source_port=outside_port if packet.offset_bytes == 0 else None)
                for packet in packets
            ]
        if datagram.destination == outside:
            return [
                replace(packet, destination_ip=inside, destination_port=40_001 if packet.offset_bytes == 0 else None)
                for packet in packets
            ]
        return packets

    return device


def chain(*devices: Device) -> Device:
    def device(packets: list[Packet], datagram: Sent) -> list[Packet]:
        for one in devices:
            packets = one(packets, datagram)
        return packets

    return device


# ---------------------------------------------------------------- a session


def run_session(
    world: World,
    client: str = "10.1.1.1",
    size: int = 2655,
    attempts: int = 4,
    start_s: float = 0.0,
    serial: int = 0,
    is_answered: bool = False,
    outside: str | None = None,
    outside_port: int = 40_001,
    version: int = 4,
    server: str = SERVER,
) -> None:
    """Message 1, its answer, message 3 so often, and its answer if any. Identifications count up from the serial."""
    base = 1000 + serial * 100
    port = 40_001
    reply_to, reply_port = (outside, outside_port) if outside else (client, port)

    def name(number: int, length: int) -> int | None:
        return base + number if version == 4 or length > 1452 else None

    def up(at_s: float, number: int, to_port: int, body: bytes) -> None:
        world.send(Sent(at_s, client, server, port, to_port, body, name(number, len(body)), version=version))

    def down(at_s: float, number: int, from_port: int, body: bytes) -> None:
        world.send(Sent(at_s, server, reply_to, from_port, reply_port, body, name(number, len(body)), version=version))

    up(start_s, 1, 9019, message(1, serial * 100 + 1, 123))
    down(start_s + 0.05, 2, 9019, message(2, serial * 100 + 2, 413))
    for attempt in range(attempts):
        up(start_s + 2 + 5 * attempt, 10 + attempt, PORT, message(3, serial * 100 + 3, size))
    if is_answered:
        down(start_s + 2.02 + 5 * (attempts - 1), 50, PORT, message(4, serial * 100 + 4, 76))


def errors_about(tap: Tap, datagram: Sent, kind: int, code: int, at_s: float, mtu: int | None = None) -> Packet:
    quote = Quote(
        kind, code, datagram.source, datagram.destination, 17, datagram.identification, 0, datagram.source_port,
        datagram.destination_port, mtu,
    )  # fmt: skip
    return Packet(
        tap.file, 9000, tap.raw_ns(at_s), datagram.version, "10.5.5.5", datagram.source, 1, 7, 0, 60, False, 60,
        quote=quote,
    )  # fmt: skip
