"""What the terminals and the server of a random world say: exchanges sent again until the answer comes, heartbeats of
equal content, and fragments that are none of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.core.net_world import PORT, SERVER, SERVER_6, Sent, message
from tests.core.worlds.true_world import TrueWorld

FIRST_PORT = 9019
RETRY_S = 5.0
ATTEMPTS = 4
WHOLE_BYTES = {4: 1472, 6: 1452}


@dataclass
class Terminal:
    """`seen_as`: address and port as the server sees them."""

    address: str
    port: int
    seen_as: tuple[str, int]


@dataclass
class Traffic:
    chance: Random
    terminals: list[Terminal] = field(default_factory=list)
    version: int = 4
    modulus: int = 65_536
    is_whole_unnamed: bool = False
    is_silent: bool = False
    foreign_per_s: float = 0.0
    foreign_s: float = 0.0  # how long the foreign fragments last
    is_healthy_first: bool = False
    healthy_until_s: float = 0.0  # losses begin then
    counters: dict[str, int] = field(default_factory=dict)
    serial: int = 0

    def __post_init__(self) -> None:
        for number in range(self.chance.randint(1, 3)):
            address, port = f"10.1.1.{number + 1}", self.chance.choice((40_001, 50_000 + number))
            self.terminals.append(Terminal(address, port, (address, port)))

    @property
    def server(self) -> str:
        return SERVER if self.version == 4 else SERVER_6

    def identification(self, host: str, size: int) -> int | None:
        if size <= WHOLE_BYTES[self.version]:
            if self.version == 6:
                return None
            if self.is_whole_unnamed:
                return 0
        counter = self.counters.setdefault(host, self.chance.randrange(self.modulus))
        self.counters[host] = counter + 1
        return 1 + counter % self.modulus if self.modulus < 65_536 else 1 + counter % 65_535

    def fresh(self) -> int:
        self.serial += 1
        return self.serial


Script = Iterator[tuple[float, Sent | None]]


def run_traffic(world: TrueWorld, traffic: Traffic) -> None:
    """All scripts at once, in the order of time, so that counters of identifications run as they would."""
    waiting: list[tuple[float, int, Iterator[float]]] = []
    for number, script in enumerate(_scripts(world, traffic)):
        heapq.heappush(waiting, (next(script), number, script))
    while waiting:
        _, number, script = heapq.heappop(waiting)
        then = next(script, None)
        if then is not None:
            heapq.heappush(waiting, (then, number, script))


def _scripts(world: TrueWorld, traffic: Traffic) -> Iterator[Iterator[float]]:
    chance = traffic.chance
    start_s = 0.0
    if traffic.is_healthy_first:
        for terminal in traffic.terminals:
            for _ in range(2):
                yield _exchange(world, traffic, terminal, start_s, 2000 + chance.randrange(1000), is_answered=True)
                start_s += chance.uniform(2.0, 4.0)
        traffic.healthy_until_s = start_s + 2.0
        start_s = traffic.healthy_until_s
    for terminal in traffic.terminals:
        at_s = start_s + chance.uniform(0.0, 10.0)
        for _ in range(chance.randint(1, 3)):
            size = chance.choice((300, 900, 1473, 2655, 2655, 4200, chance.randrange(200, 7000)))
            yield _exchange(world, traffic, terminal, at_s, size, not traffic.is_silent)
            at_s += chance.uniform(1.0, 35.0)
        if chance.random() < 0.4:
            yield _heartbeats(world, traffic, terminal, start_s, chance.uniform(1.0, 9.0), chance.randint(2, 8))
    if traffic.foreign_per_s:
        yield _foreign(world, traffic, traffic.terminals[0], start_s)


def _up(world: TrueWorld, traffic: Traffic, terminal: Terminal, at_s: float, port: int, body: bytes) -> bool:
    name = traffic.identification(terminal.address, len(body))
    return world.transmit(
        Sent(at_s, terminal.address, traffic.server, terminal.port, port, body, name, version=traffic.version)
    )


def _down(world: TrueWorld, traffic: Traffic, terminal: Terminal, at_s: float, port: int, body: bytes) -> bool:
    address, to_port = terminal.seen_as
    name = traffic.identification(traffic.server, len(body))
    return world.transmit(Sent(at_s, traffic.server, address, port, to_port, body, name, version=traffic.version))


def _exchange(
    world: TrueWorld, traffic: Traffic, terminal: Terminal, start_s: float, size: int, is_answered: bool
) -> Iterator[float]:
    """Messages 1 to 4; each of the client's is sent again, unchanged, until its answer comes."""
    serial = traffic.fresh()
    policy = traffic.chance.choice((413, 569, 1900))
    at_s = start_s
    for number, port, length, reply in ((1, FIRST_PORT, 123, policy), (3, PORT, size, 76)):
        for _ in range(ATTEMPTS):
            yield at_s
            came = _up(world, traffic, terminal, at_s, port, message(number, serial * 4 + number, length))
            is_told = False
            if came and (number == 1 or is_answered):
                yield at_s + 0.06
                answer = message(number + 1, serial * 4 + number + 1, reply)
                is_told = _down(world, traffic, terminal, at_s + 0.06, port, answer)
            if is_told:
                break
            at_s += RETRY_S
        else:
            return
        at_s += 1.0


def _heartbeats(
    world: TrueWorld, traffic: Traffic, terminal: Terminal, start_s: float, every_s: float, count: int
) -> Iterator[float]:
    """Every one has the same content."""
    for number in range(count):
        at_s = start_s + 0.5 + number * every_s
        yield at_s
        if _up(world, traffic, terminal, at_s, PORT, message(17, 1, 60)):
            yield at_s + 0.05
            _down(world, traffic, terminal, at_s + 0.05, PORT, message(18, 1, 60))


def _foreign(world: TrueWorld, traffic: Traffic, terminal: Terminal, start_s: float) -> Iterator[float]:
    """Fragments of another application between the same hosts: they use up identifications."""
    address, _ = terminal.seen_as
    at_s = start_s
    while at_s < start_s + traffic.foreign_s:
        yield at_s
        is_up = traffic.chance.random() < 0.7
        source, destination = (terminal.address, traffic.server) if is_up else (traffic.server, address)
        size = traffic.chance.choice((2000, 4000))
        body = traffic.chance.randbytes(64) * (size // 64)
        name = traffic.identification(source, len(body))
        world.transmit(Sent(at_s, source, destination, 700, 2049, body, name, version=traffic.version))
        at_s += traffic.chance.expovariate(traffic.foreign_per_s)
