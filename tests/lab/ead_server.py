"""The policy server of the lab: two real sockets, answers 1 with 2 and 3 with 4, writes its log when told to end."""

from __future__ import annotations

import argparse
import random
import selectors
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.demo import bodies, wire
from app.demo.inode import NS
from app.demo.serverlog import ServerLog

FIRST_PORT, PROXY_PORT, TIME_PORT = 9019, 9029, 37


@dataclass
class Server:
    ip: str
    silent: frozenset[int]
    deaf: frozenset[int]
    ahead_s: float
    log: ServerLog = field(default_factory=ServerLog)
    message_id: int = 21_000

    def now(self) -> int:
        return time.time_ns() + round(self.ahead_s * NS)

    def take(self, link: socket.socket) -> None:
        payload, peer = link.recvfrom(65_535)
        if link.getsockname()[1] == TIME_PORT:
            link.sendto(struct.pack("!I", int(time.time()) + 2_208_988_800), peer)  # RFC 868: seconds since 1900
            return
        _head_id, message_id, number = wire.read_header(payload)
        values = dict(wire.read_fields(payload))
        if number in self.deaf:
            return
        thread = f"{4400 + random.randrange(8)}"
        identity = values["userName"], values["hwAddr"], values["eventSeqID"]
        self.log.received(self.now(), thread, number, message_id, peer, len(payload), identity)
        if number in self.silent:
            return
        if number == 1:
            kind, fields = 2, bodies.policy(identity[2], self.ip, PROXY_PORT)
        else:
            kind, fields = 4, bodies.verdict(identity[2], is_passed=True)
        self.message_id += 1
        answer = wire.datagram(kind, self.message_id, bodies.one_line(fields), wire.Coding.ZLIB)
        self.log.sent(self.now(), thread, kind, self.message_id, peer, len(answer), identity[2])
        link.sendto(answer, peer)


def numbers(text: str) -> frozenset[int]:
    return frozenset(int(part) for part in text.split(",") if part)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ip")
    parser.add_argument("log", type=Path)
    parser.add_argument("--silent", type=numbers, default=frozenset())
    parser.add_argument("--deaf", type=numbers, default=frozenset())
    parser.add_argument("--ahead-s", type=float, default=0.0)
    chosen = parser.parse_args()
    server = Server(chosen.ip, chosen.silent, chosen.deaf, chosen.ahead_s)
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    selector = selectors.DefaultSelector()
    for port in (FIRST_PORT, PROXY_PORT, TIME_PORT):
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind((chosen.ip, port))
        selector.register(link, selectors.EVENT_READ)
    server.log.note(server.now(), "4321", f"policy server started, listening {FIRST_PORT} {PROXY_PORT}", level="LINF")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ending:
        for key, _events in selector.select(timeout=0.05):
            server.take(key.fileobj)  # type: ignore[arg-type]
    chosen.log.write_bytes(server.log.to_bytes())


if __name__ == "__main__":
    main()
