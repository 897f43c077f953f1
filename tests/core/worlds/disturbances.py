"""What may happen on the way and at a capture, each by itself.

A world must stay possible: one in which an all-knowing reader of the captures could tell a loss from what only looks
like one. So a capture that drops frames counts them, and a point on one of several equal paths has a point behind it
that shows what passed by the others before anything is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from zlib import crc32

from app.core.analysis import Role
from app.core.fragmentation.byte_ranges import merged
from app.core.records import InterfaceFacts, Packet
from tests.core.net_world import PORT, SERVER, SERVER_6, Device, Sent, Tap, cut
from tests.core.worlds.traffic import Traffic
from tests.core.worlds.true_world import Loss, TrueWorld

OUTSIDE = "198.51.100.7"
SERVICE_PORTS = frozenset({9019, 9029})


@dataclass
class Making:
    """A world before its traffic."""

    names: frozenset[str]
    world: TrueWorld
    traffic: Traffic

    @property
    def gates(self) -> list[str]:
        names = list(dict.fromkeys(tap.name for tap in self.world.taps))
        return names[:-1]

    def hide(self, tap: Tap, is_hidden: Callable[[Packet], bool]) -> None:
        self.world.hidden[tap.file].append(is_hidden)

    def lose(self, gate: str, loses: Loss) -> None:
        traffic = self.traffic
        self.world.losses[gate].append(
            lambda packet, datagram: datagram.at_s >= traffic.healthy_until_s and loses(packet, datagram)
        )

    def finish(self) -> None:
        """What depends on several disturbances."""
        if self.traffic.foreign_per_s:
            for tap in self.world.taps:
                if tap.is_port_filtered:
                    self.hide(tap, lambda packet: not SERVICE_PORTS & {packet.source_port, packet.destination_port})


def _is_lucky(seed: int, share: float, *what: object) -> bool:
    """A chance that is the same for the same packet, whether it is asked of what came or of what would have come."""
    return crc32(repr((seed, what)).encode()) < share * 2**32


# ---------------------------------------------------------------- clocks and times


def set_offsets(making: Making, chance: Random) -> None:
    for tap in making.world.taps:
        tap.offset_s = chance.choice((0.0, 0.3, -2.0, 37.25, 3600.5, -86_400.0)) * chance.uniform(0.5, 1.0)


def let_drift(making: Making, chance: Random) -> None:
    for tap in making.world.taps:
        tap.drift_ppm = chance.uniform(-100, 100)


def step_a_clock(making: Making, chance: Random) -> None:
    tap = chance.choice(making.world.taps)
    jump_s = chance.choice((0.05, 0.6, 5.0, 60.0, 3600.0)) * chance.uniform(0.7, 1.3)
    if making.names & {"ipv6", "no identifications"} and 3.0 < jump_s < 7.0:
        jump_s += 50.0  # set by the time between two attempts, what has no name is the other attempt
    tap.step = (chance.uniform(3.0, 40.0), chance.choice((-1, 1)) * jump_s)


def let_queue(making: Making, chance: Random) -> None:
    mean_s = chance.choice((0.0002, 0.002, 0.01))
    making.world.queue_s = lambda: min(chance.expovariate(1 / mean_s), 0.08)


def reorder(making: Making, chance: Random) -> None:
    seed, share = chance.getrandbits(32), chance.choice((0.1, 1.0))
    making.world.is_reordered = lambda datagram: _is_lucky(seed, share, datagram.at_s)


# ---------------------------------------------------------------- traffic


def use_ipv6(making: Making, chance: Random) -> None:
    traffic = making.traffic
    traffic.version = 6
    for terminal in traffic.terminals:
        terminal.address = terminal.address.replace("10.1.1.", "2001:db8::")
        terminal.seen_as = terminal.address, terminal.port


def reuse_identifications(making: Making, chance: Random) -> None:
    making.traffic.modulus = 64


def leave_whole_unnamed(making: Making, chance: Random) -> None:
    making.traffic.is_whole_unnamed = True


def add_foreign_fragments(making: Making, chance: Random) -> None:
    making.traffic.foreign_per_s = chance.choice((1.0, 10.0, 40.0))
    making.traffic.foreign_s = min(25.0, 100 / making.traffic.foreign_per_s)


def silence_the_server(making: Making, chance: Random) -> None:
    making.traffic.is_silent = True


# ---------------------------------------------------------------- devices that change packets


def translate(making: Making, chance: Random) -> None:
    """Addresses and ports of all terminals, or of all but one, behind one address or behind one each."""
    if making.traffic.version == 6:
        return
    is_shared = chance.random() < 0.5
    inside: dict[tuple[str, int], tuple[str, int]] = {}
    for number, terminal in enumerate(making.traffic.terminals):
        if number and chance.random() < 0.2:
            continue
        address = OUTSIDE if is_shared else f"198.51.100.{number + 10}"
        port = terminal.port if chance.random() < 0.2 and not is_shared else 61_000 + number
        inside[address, port] = terminal.address, terminal.port
        terminal.seen_as = address, port
    outside = {own: seen for seen, own in inside.items()}
    making.world.changes[chance.choice(making.gates)].append(_translation(inside, outside))


def _translation(
    inside: dict[tuple[str, int], tuple[str, int]], outside: dict[tuple[str, int], tuple[str, int]]
) -> Device:
    def device(packets: list[Packet], datagram: Sent) -> list[Packet]:
        if datagram.is_to_server:
            seen = outside.get((datagram.source, datagram.source_port)) or _seen_as(datagram.source, outside)
            if seen is None:
                return packets
            return [replace(p, source_ip=seen[0], source_port=p.source_port and seen[1]) for p in packets]
        own = inside.get((datagram.destination, datagram.destination_port))
        if own is None:
            own = next((own for seen, own in inside.items() if seen[0] == datagram.destination), None)
        if own is None:
            return packets
        return [replace(p, destination_ip=own[0], destination_port=p.destination_port and own[1]) for p in packets]

    return device


def _seen_as(address: str, outside: dict[tuple[str, int], tuple[str, int]]) -> tuple[str, int] | None:
    """Another application of a translated terminal: another port of the same address."""
    seen = next((seen for own, seen in outside.items() if own[0] == address), None)
    return None if seen is None else (seen[0], 62_000 + seen[1] % 1000)


def rewrite(making: Making, chance: Random) -> None:
    """A device gives identifications of its own, to all or in one direction."""
    if making.traffic.version == 6:
        return
    ways = chance.choice(({True}, {False}, {True, False}))
    modulus = chance.choice((64, 65_535, 65_535))
    given: dict[int, int] = {}

    def device(packets: list[Packet], datagram: Sent) -> list[Packet]:
        if datagram.is_to_server not in ways:
            return packets
        for packet in packets:
            given.setdefault(packet.frame, 1 + (777 + 11 * len(given)) % modulus)
        return [replace(packet, identification=given[packet.frame]) for packet in packets]

    making.world.changes[chance.choice(making.gates)].append(device)


def refragment(making: Making, chance: Random) -> None:
    mtu = chance.choice((1400, 1280, 576))
    making.world.changes[chance.choice(making.gates)].append(lambda packets, datagram: cut(packets, mtu))


def rejoin(making: Making, chance: Random) -> None:
    """A device puts fragments together and cuts them anew; what is not whole it drops."""
    mtu = chance.choice((1500, 1400))
    making.world.changes[chance.choice(making.gates)].append(lambda packets, datagram: cut(_joined(packets), mtu))


def _joined(packets: list[Packet]) -> list[Packet]:
    pieces = sorted(packets, key=lambda packet: packet.offset_bytes)
    if (
        not pieces
        or pieces[-1].more
        or merged((p.offset_bytes, p.end_bytes) for p in pieces) != [(0, pieces[-1].end_bytes)]
    ):
        return []
    payload = b"".join(piece.payload for piece in pieces)
    first = pieces[0]
    return [replace(first, more=False, length_bytes=len(payload), payload=payload, captured_bytes=len(payload))]


# ---------------------------------------------------------------- losses


def _is_later(packet: Packet, datagram: Sent) -> bool:
    return packet.offset_bytes > 0


def _is_first(packet: Packet, datagram: Sent) -> bool:
    return packet.more and not packet.offset_bytes


def _is_fragment(packet: Packet, datagram: Sent) -> bool:
    return packet.is_fragment


def _is_answer(packet: Packet, datagram: Sent) -> bool:
    return not datagram.is_to_server and datagram.source_port == PORT


def lose_at_a_device(making: Making, chance: Random) -> None:
    kind = chance.choice((_is_later, _is_later, _is_first, _is_fragment, _is_answer))
    is_one_way = chance.random() < 0.5

    def loses(packet: Packet, datagram: Sent) -> bool:
        return kind(packet, datagram) and (kind is _is_answer or not is_one_way or datagram.is_to_server)

    making.lose(chance.choice(making.gates), loses)


def lose_at_random(making: Making, chance: Random) -> None:
    for gate in chance.sample(making.gates, chance.randint(1, 2)):
        share, seed = chance.choice((0.02, 0.1, 0.3, 0.6)), chance.getrandbits(32)
        making.lose(gate, _random_loss(share, seed))


def _random_loss(share: float, seed: int) -> Loss:
    return lambda packet, datagram: _is_lucky(seed, share, packet.frame, packet.offset_bytes)


# ---------------------------------------------------------------- captures that do not show all


def _middle(making: Making, chance: Random) -> Tap:
    """A mirror with points before and behind it, whatever terminal's traffic it is."""
    return chance.choice([tap for tap in making.world.taps[:-1] if tap.name not in ("client", "point-1")])


def hash_over_equal_paths(making: Making, chance: Random) -> None:
    """A point sees one of two links; the hash is over what routers take: ports where there are any, or each packet."""
    making.traffic.is_healthy_first = True
    seed, is_by_packet = chance.getrandbits(32), chance.random() < 0.4

    def is_on_other(packet: Packet) -> bool:
        what: Iterable[object] = (packet.source_ip, packet.destination_ip)
        if is_by_packet:
            what = (*what, packet.frame, packet.offset_bytes)
        elif not packet.offset_bytes:
            what = (*what, packet.source_port, packet.destination_port)
        return _is_lucky(seed, 0.5, *what)

    tap = _middle(making, chance)
    if is_by_packet:
        making.world.dropped[tap.file].append(is_on_other)
    else:
        making.hide(tap, is_on_other)


def mirror_twice(making: Making, chance: Random) -> None:
    chance.choice(making.world.taps).mirrors = chance.choice((2, 3))


def mirror_one_way(making: Making, chance: Random) -> None:
    is_up = chance.random() < 0.5
    making.hide(_middle(making, chance), lambda packet: (packet.destination_ip in (SERVER, SERVER_6)) != is_up)


def cut_frames(making: Making, chance: Random) -> None:
    for tap in chance.sample(making.world.taps, chance.randint(1, 2)):
        tap.snap = chance.choice((64, 96, 128))


def filter_ports(making: Making, chance: Random) -> None:
    tap = chance.choice(making.world.taps)
    tap.is_port_filtered = True


def start_late(making: Making, chance: Random) -> None:
    chance.choice(making.world.taps).starts_s = chance.uniform(0.0, 30.0)


def end_early(making: Making, chance: Random) -> None:
    chance.choice(making.world.taps).ends_s = chance.uniform(5.0, 40.0)


def drop_frames(making: Making, chance: Random) -> None:
    """The capture loses frames by itself and counts them."""
    tap, seed, share = chance.choice(making.world.taps), chance.getrandbits(32), chance.choice((0.02, 0.1, 0.4))

    def is_dropped(packet: Packet) -> bool:
        is_lost = _is_lucky(seed, share, packet.frame, packet.offset_bytes)
        before = tap.facts.get("interfaces", (InterfaceFacts(0, "eth0", 1, dropped=0),))
        tap.facts["interfaces"] = (replace(before[0], dropped=before[0].dropped + is_lost),)
        return is_lost

    making.world.dropped[tap.file].append(is_dropped)


def damage_a_file(making: Making, chance: Random) -> None:
    """Frames of some seconds are lost with the part of the file that is broken."""
    tap = chance.choice(making.world.taps)
    start_s = chance.uniform(0.0, 30.0)
    end_s = start_s + chance.choice((0.5, 5.0))
    sent = making.world.sent
    making.hide(tap, lambda packet: start_s <= sent[packet.frame].at_s <= end_s)
    stamps = sorted((tap.raw_ns(start_s - 0.2), tap.raw_ns(end_s + 0.5)))
    if tap.step is not None and start_s - 0.2 <= tap.step[0] <= end_s + 0.5:
        stamps = sorted((*stamps, tap.raw_ns(tap.step[0]), tap.raw_ns(tap.step[0] - 1e-6)))
    tap.facts["unread_spans"] = ((stamps[0], stamps[-1]),)


def capture_on_a_terminal(making: Making, chance: Random) -> None:
    """A capture on the first terminal itself, and perhaps one on another."""
    for number, terminal in enumerate(making.traffic.terminals[: chance.randint(1, 2)]):
        own = terminal.address
        tap = Tap("client", 0, -0.0003, role=Role.CLIENT, source=f"terminal-{number + 1}.pcap")
        tap.offset_s = chance.choice((0.0, 12.0, -500.0))
        making.hide(tap, lambda packet, own=own: own not in (packet.source_ip, packet.destination_ip))
        making.world.add_tap(number, tap)


def leave_points_out(making: Making, chance: Random) -> None:
    """Nobody captured there."""
    names = list(dict.fromkeys(tap.name for tap in making.world.taps))
    making.world.left_out.update(chance.sample(names, min(chance.randint(1, 2), len(names) - 2)))
