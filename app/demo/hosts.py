"""The two ends of the exchange: terminals with an iNode client, and the policy server, each with its own log."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from app.demo import bodies, inode, wire
from app.demo.frames import UDP, IpPacket, checksum, fragment, icmp_error, pseudo_header, udp
from app.demo.inode import InodeLog
from app.demo.network import RIGHT_CLOCK, HostClock, Network
from app.demo.rules import Going
from app.demo.serverlog import ServerLog

SENDS = 4
RESEND_S = 5.0
REASSEMBLY_S = 30.0


@dataclass(frozen=True, slots=True)
class TerminalPlan:
    """One terminal and how it shall behave.

    `patches` KB entries go into message 3. `blocked` are message numbers that a firewall on the terminal itself
    swallows after the client logged them. `is_compliant` False: the policy check says no.
    """

    user: str
    mac: str
    ip: str
    patches: int
    begin_s: float
    event_id: str
    port: int = 50_000
    mtu: int = 1500
    check_s: float = 6.0
    repeated: int = 0
    blocked: frozenset[int] = frozenset()
    is_compliant: bool = True
    do_not_fragment: bool = False
    clock: HostClock = RIGHT_CLOCK
    style: inode.InodeStyle = inode.PLAIN_STYLE


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """The policy server. `silent` are message numbers it does not answer; those in `deaf` do not even reach its log.

    `answers_from` is another address of the same host that its answers leave from. `coding` is what clients shall use
    over 3000 bytes, and what the server itself uses: PLAIN means encryption is off.
    """

    ip: str = "10.208.64.40"
    first_port: int = 9019
    proxy_port: int = 9029
    mtu: int = 1500
    coding: wire.Coding = wire.Coding.ZLIB
    policy_padding: int = 0
    silent: frozenset[int] = frozenset()
    deaf: frozenset[int] = frozenset()
    reports_timeout: bool = False
    answers_from: str = ""
    clock: HostClock = RIGHT_CLOCK


@dataclass(slots=True)
class Arrivals:
    """Puts fragments together at a receiving host; `add` gives the UDP payload once a datagram is whole."""

    _parts: dict[tuple[str, int], dict[int, IpPacket]] = field(default_factory=dict)

    def add(self, packet: IpPacket) -> bytes | None:
        if not packet.is_fragment:
            return packet.payload
        key = packet.source, packet.identification
        parts = self._parts.setdefault(key, {})
        parts[packet.offset] = packet
        end = 0
        while end in parts:
            end, more = parts[end].end, parts[end].more
            if not more:
                del self._parts[key]
                return b"".join(parts[offset].payload for offset in sorted(parts))
        return None

    def waiting(self, packet: IpPacket) -> bool:
        return (packet.source, packet.identification) in self._parts


def is_intact(packet: IpPacket, segment: bytes) -> bool:
    """Does the UDP checksum of a datagram that arrived in `packet` hold?"""
    return checksum(pseudo_header(packet.source, packet.destination, UDP, len(segment)), segment) == 0


class Terminal:
    """Runs one session: 1, 2, local check, 3, verdict; each message sent again up to four times."""

    def __init__(self, plan: TerminalPlan, server: ServerPlan, network: Network, rng: random.Random) -> None:
        self.plan, self.server, self.network, self.rng = plan, server, network, rng
        self.identity = bodies.Identity(plan.user, plan.mac, plan.event_id)
        self.log = InodeLog(plan.style)
        self.identification = rng.randrange(1, 40_000)
        self.message_id = rng.randrange(1_000, 60_000)
        self.sends: dict[int, int] = {}
        self.sizes: dict[int, tuple[int, int]] = {}  # message → plain and wire bytes
        self.outcome = "incomplete"
        self._answered: set[int] = set()
        self._arrivals = Arrivals()
        network.receivers[plan.ip] = self._receive
        network.after(plan.begin_s, self._begin)

    def _now(self) -> int:
        return self.plan.clock.show(self.network.now_ns)

    def _begin(self) -> None:
        self.log.note(self._now(), "1394", "8021X authentication success, 身份认证成功")
        self._send(1, bodies.start(self.identity), self.server.first_port, wire.Coding.PLAIN)

    def _send(self, number: int, fields: bodies.Fields, port: int, coding: wire.Coding) -> None:
        body = bodies.one_line(fields)
        self.message_id += 1
        payload = wire.datagram(number, self.message_id, body, coding)
        self.sizes[number] = len(body.encode()), len(payload)

        def attempt() -> None:
            if number in self._answered or self.outcome != "incomplete":
                return
            sent = self.sends.get(number, 0)
            if sent == SENDS:
                self.log.result(self._now(), "13a8", number, 4, inode.NO_ANSWER)
                self.outcome = "failed"
                return
            self.sends[number] = sent + 1
            self.log.sent(self._now(), "1394" if number == 1 else "9b8", number, fields, is_again=sent > 0)
            if number not in self.plan.blocked:
                self.network.send(self._packets(port, payload), Going.TO_SERVER)
            self.network.after(RESEND_S + self.rng.random() * 0.004, attempt)

        attempt()

    def _packets(self, port: int, payload: bytes) -> tuple[IpPacket, ...]:
        self.identification = (self.identification + self.rng.randrange(1, 4)) & 0xFFFF
        segment = udp(self.plan.ip, self.plan.port, self.server.ip, port, payload)
        whole = IpPacket(
            self.plan.ip, self.server.ip, UDP, segment, self.identification, do_not_fragment=self.plan.do_not_fragment
        )
        return (whole,) if self.plan.do_not_fragment else fragment(whole, self.plan.mtu)

    def _receive(self, _time_ns: int, packet: IpPacket) -> None:
        segment = self._arrivals.add(packet) if packet.protocol == UDP else None
        if segment is None or self.outcome != "incomplete" or packet.source != self.server.ip:
            return
        header = wire.read_header(segment[8:])
        number = header[2]
        peer = packet.source, int.from_bytes(segment[:2], "big")
        if number == 2 and 1 not in self._answered:
            self._answered.add(1)
            self.log.received(self._now(), "1b50", peer, len(segment) - 8, header, self._policy())
            self.network.after(self.plan.check_s, self._report)
        elif number in (4, 6) and 3 not in self._answered:
            self._answered.add(3)
            is_passed = number == 4
            fields = bodies.verdict(self.plan.event_id, is_passed)
            self.log.received(self._now(), "1b50", peer, len(segment) - 8, header, fields)
            self.log.result(
                self._now(), "13a8", 3, 0 if is_passed else 1, inode.PASSED if is_passed else inode.NOT_PASSED
            )
            self.outcome = "passed" if is_passed else "failed"

    def _policy(self) -> bodies.Fields:
        return policy_of(self.server, self.plan.event_id)

    def _report(self) -> None:
        listed = bodies.patch_list(self.plan.patches, random.Random(f"patches {self.plan.mac}"), self.plan.repeated)
        fields = bodies.check_result(self.identity, listed)
        coding = wire.coding_of_result(len(bodies.one_line(fields).encode()), self.server.coding)
        self._send(3, fields, self.server.proxy_port, coding)


def policy_of(server: ServerPlan, event_id: str) -> bodies.Fields:
    proxy_ip = None if ":" in server.ip else server.ip
    return bodies.policy(event_id, proxy_ip, server.proxy_port, server.policy_padding)


class PolicyServer:
    """Answers 1 with 2 and 3 with 4 or 6, logs what it takes and sends."""

    def __init__(
        self, plan: ServerPlan, terminals: tuple[TerminalPlan, ...], network: Network, rng: random.Random
    ) -> None:
        self.plan, self.network, self.rng = plan, network, rng
        self.log = ServerLog()
        self.identification = rng.randrange(1, 60_000)
        self.message_id = 21_000
        self._by_mac = {terminal.mac: terminal for terminal in terminals}
        self._arrivals = Arrivals()
        network.receivers[plan.ip] = self._receive
        self.log.note(
            self._now(), "4321", f"policy server started, listening {plan.first_port} {plan.proxy_port}", level="LINF"
        )

    def _now(self) -> int:
        return self.plan.clock.show(self.network.now_ns)

    def _receive(self, _time_ns: int, packet: IpPacket) -> None:
        if packet.protocol != UDP:
            return
        segment = self._arrivals.add(packet)
        if segment is None:
            if self.plan.reports_timeout and packet.offset == 0:
                self.network.after(REASSEMBLY_S, lambda: self._report_timeout(packet))
            return
        if not is_intact(packet, segment):
            return
        port, reached_port = int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")
        if reached_port in (self.plan.first_port, self.plan.proxy_port):
            self.network.after(0.0004, lambda: self._take((packet.source, port), reached_port, segment[8:]))

    def _report_timeout(self, first: IpPacket) -> None:
        if self._arrivals.waiting(first):
            kind = 3 if first.version == 6 else 11
            self.network.send([icmp_error(kind, 1, self.plan.ip, first)], Going.TO_CLIENT)

    def _take(self, peer: tuple[str, int], reached_port: int, payload: bytes) -> None:
        _head_id, message_id, number = wire.read_header(payload)
        terminal = self._sender(number, payload, peer)
        if number in self.plan.deaf or terminal is None:
            return
        thread = f"{4400 + self.rng.randrange(8)}"
        identity = terminal.user, terminal.mac, terminal.event_id
        self.log.received(self._now(), thread, number, message_id, peer, len(payload), identity)
        if number in self.plan.silent:
            return
        self.network.after(0.0012, lambda: self._answer(number, terminal, peer, reached_port, thread))

    def _sender(self, number: int, payload: bytes, peer: tuple[str, int]) -> TerminalPlan | None:
        """Whose message it is: read where it is plain, known by its port where it is not."""
        plain = next((each for mac, each in self._by_mac.items() if mac.encode() in payload), None)
        return plain or next(
            (each for each in self._by_mac.values() if each.ip == peer[0] or each.port == peer[1]), None
        )

    def _answer(self, number: int, terminal: TerminalPlan, peer: tuple[str, int], port: int, thread: str) -> None:
        if number == 1:
            kind, fields = 2, policy_of(self.plan, terminal.event_id)
        else:
            kind = 4 if terminal.is_compliant else 6
            fields = bodies.verdict(terminal.event_id, terminal.is_compliant)
        self.message_id += 1
        payload = wire.datagram(kind, self.message_id, bodies.one_line(fields), self.plan.coding)
        self.log.sent(self._now(), thread, kind, self.message_id, peer, len(payload), terminal.event_id)
        self.identification = (self.identification + self.rng.randrange(1, 9)) & 0xFFFF
        source = self.plan.answers_from or self.plan.ip
        segment = udp(source, port, peer[0], peer[1], payload)
        whole = IpPacket(source, peer[0], UDP, segment, self.identification, ttl=64)
        self.network.send(fragment(whole, self.plan.mtu), Going.TO_CLIENT)
