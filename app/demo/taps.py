"""Capture points of the demo network: what a tap records of what passes, and the file that it writes."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.demo.frames import UDP, IpPacket, arp, fragment, ip_frame, neighbour
from app.demo.network import BEGIN_NS, NS, RIGHT_CLOCK, Device, HostClock, Network, Path
from app.demo.pcap import ETHERNET, FULL_SNAP, RAW_IP, Interface, Recorded, write_pcap, write_pcapng
from app.demo.rules import Going
from app.demo.tunnels import Tunnel, encapsulate

Form = Literal["pcap", "pcap-ns", "pcap-be", "pcapng"]


@dataclass(frozen=True, slots=True)
class Tap:
    """One capture.

    `place` is where on the path, `file` where in the bundle; the point takes the file's name. `host`: a capture on a
    host's own card sees that address only. `ports`: taken through the filter "udp port …", which fragments with an
    offset do not pass. `vlans`: the tags of each copy of a frame, so two entries are a mirror that shows every frame
    twice. `loses`: share of frames lost by the capture itself, counted in a pcapng. `lane`: sees one of two equal
    paths only. `tunnel`: a remote mirror, which carries frames here in packets of its own, split where they get long.
    """

    place: str
    file: str
    host: str | None = None
    clock: HostClock = RIGHT_CLOCK
    form: Form = "pcap"
    snap: int = FULL_SNAP
    ports: frozenset[int] = frozenset()
    starts_s: float = -5.0
    ends_s: float = 1e9
    vlans: tuple[tuple[int, ...], ...] = ((),)
    loses: float = 0.0
    lane: int | None = None
    is_raw: bool = False
    tunnel: Tunnel | None = None

    @property
    def point(self) -> str:
        return self.file.rsplit("/", 1)[-1].split(".")[0]

    @property
    def filter_text(self) -> str:
        return " or ".join(f"udp port {port}" for port in sorted(self.ports))


def invented_mac(name: str) -> str:
    """A locally administered MAC address for a device or a host that has no other."""
    return "02:1e:" + zlib.crc32(name.encode()).to_bytes(4, "big").hex(":")


@dataclass(slots=True)
class Recorder:
    """Listens at a tap's place. `macs` are the addresses of hosts, for links without a router on that side."""

    tap: Tap
    path: Path
    macs: Mapping[str, str]
    rng: random.Random
    records: list[Recorded] = field(default_factory=list)
    dropped: int = 0
    sequence: int = 0

    def attach(self, network: Network) -> None:
        network.listen(self.tap.place, self.hear)

    def hear(self, time_ns: int, packet: IpPacket, going: Going, lane: int) -> None:
        tap = self.tap
        if tap.host is not None and tap.host not in (packet.source, packet.destination):
            return
        if tap.lane is not None and tap.lane != lane:
            return
        if tap.ports and not (packet.protocol == UDP and packet.ports and tap.ports & set(packet.ports)):
            return
        near, far = self._ends(packet, going)
        sender, receiver = (near, far) if going is Going.TO_SERVER else (far, near)
        for number, tags in enumerate(tap.vlans):
            frame = packet.to_bytes() if tap.is_raw else ip_frame(packet, receiver, sender, tags)
            pieces = self._tunnelled(tap.tunnel, packet, frame) if tap.tunnel else (frame,)
            for place, piece in enumerate(pieces):
                self._record(time_ns + number * 7_000 + place * 1_000, piece)

    def _tunnelled(self, tunnel: Tunnel, packet: IpPacket, frame: bytes) -> tuple[bytes, ...]:
        self.sequence += 1
        outer = encapsulate(tunnel, packet, frame, self.sequence)
        sink, source = invented_mac("mirror sink"), invented_mac("mirror source")
        return tuple(ip_frame(piece, sink, source) for piece in fragment(outer, 1500))

    def ask_who_has(self, time_ns: int, mac: str, address: str, target_mac: str, target: str) -> None:
        """The question for an address and its answer on this link: ARP, or neighbour discovery for IPv6."""
        if self.tap.ports or self.tap.is_raw:
            return
        ask, answer = (neighbour(mac, address, target_mac, target), neighbour(target_mac, target, mac, address, True))
        if ":" not in address:
            ask, answer = arp(1, mac, address, target_mac, target), arp(2, target_mac, target, mac, address)
        self._record(time_ns, ask)
        self._record(time_ns + 90_000, answer)

    def _record(self, time_ns: int, frame: bytes) -> None:
        if not self.tap.starts_s * NS <= time_ns - BEGIN_NS <= self.tap.ends_s * NS:
            return
        if self.tap.loses and self.rng.random() < self.tap.loses:
            self.dropped += 1
            return
        self.records.append(Recorded(self.tap.clock.show(time_ns), frame))

    def _ends(self, packet: IpPacket, going: Going) -> tuple[str, str]:
        """MAC addresses of this link: towards the clients, towards the server."""
        client, server = packet.source, packet.destination
        if going is Going.TO_CLIENT:
            client, server = server, client
        at = self.path.index(self.tap.place)
        before = [each.name for each in self.path[:at] if isinstance(each, Device) and each.is_routing]
        after = [each.name for each in self.path[at:] if isinstance(each, Device) and each.is_routing]
        near = invented_mac(before[-1]) if before else self.macs.get(client, invented_mac(client))
        far = invented_mac(after[0]) if after else self.macs.get(server, invented_mac(server))
        return near, far

    def to_bytes(self) -> bytes:
        tap = self.tap
        records = sorted(self.records, key=lambda record: record.time_ns) if tap.clock.step is None else self.records
        link_type = RAW_IP if tap.is_raw else ETHERNET
        if tap.form == "pcapng":
            received = len(records) + self.dropped
            interface = Interface("eth0", link_type, tap.snap, tap.filter_text, received, self.dropped, True)
            return write_pcapng(records, [interface])
        return write_pcap(
            records, tap.snap, link_type, ">" if tap.form == "pcap-be" else "<", has_nanoseconds=tap.form == "pcap-ns"
        )
