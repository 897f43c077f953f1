"""A terminal of the lab: sends 1, waits for 2, sends 3, waits for the verdict, and writes an iNode log.

Says on standard output what it does, a line each, so that a test can act in the middle of it.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.demo import bodies, inode, wire

TIME_PORT = 37
IP_MTU_DISCOVER, NEVER = 10, 0  # as a Windows client sends: never with the don't-fragment flag


@dataclass
class Client:
    peer_ip: str
    identity: bodies.Identity
    resend_s: float
    sends: int
    ahead_s: float
    log: inode.InodeLog
    link: socket.socket
    message_id: int = 4_000

    def now(self) -> int:
        return time.time_ns() + round(self.ahead_s * inode.NS)

    def exchange(self, number: int, fields: bodies.Fields, port: int, coding: wire.Coding) -> bytes | None:
        """Send until an answer comes; None where none did."""
        self.message_id += 1
        payload = wire.datagram(number, self.message_id, bodies.one_line(fields), coding)
        for attempt in range(self.sends):
            self.log.sent(self.now(), "1394" if number == 1 else "9b8", number, fields, is_again=attempt > 0)
            with contextlib.suppress(PermissionError):  # A firewall on this host: the real client is not told either.
                self.link.sendto(payload, (self.peer_ip, port))
            say(f"sent {number} {attempt + 1}")
            answer = self.answer_to(number, time.monotonic() + self.resend_s)
            if answer is not None:
                return answer
        return None

    def answer_to(self, number: int, until: float) -> bytes | None:
        while (left_s := until - time.monotonic()) > 0:
            self.link.settimeout(left_s)
            try:
                payload, peer = self.link.recvfrom(65_535)
            except TimeoutError:
                return None
            header = wire.read_header(payload)
            if header[2] in ((2,) if number == 1 else (4, 6)):
                fields = wire.read_fields(payload)
                self.log.received(self.now(), "1b50", (peer[0], peer[1]), len(payload), header, fields)
                say(f"received {header[2]}")
                return payload
        return None


def say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def chat(peer_ip: str, ending: threading.Event) -> None:
    """What else a terminal does all the while: a capture without it could not show that it was still running."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        while not ending.wait(0.06):
            link.sendto(b"what time is it", (peer_ip, TIME_PORT))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer_ip")
    parser.add_argument("log", type=Path)
    parser.add_argument("mac")
    parser.add_argument("user")
    parser.add_argument("event_id")
    parser.add_argument("patches", type=int)
    parser.add_argument("--resend-s", type=float, default=0.3)
    parser.add_argument("--sends", type=int, default=4)
    parser.add_argument("--check-s", type=float, default=0.2)
    parser.add_argument("--linger-s", type=float, default=0.2)
    parser.add_argument("--ahead-s", type=float, default=0.0)
    chosen = parser.parse_args()
    identity = bodies.Identity(chosen.user, chosen.mac, chosen.event_id)
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, NEVER)
    link.bind(("0.0.0.0", 0))
    log = inode.InodeLog()
    client = Client(chosen.peer_ip, identity, chosen.resend_s, chosen.sends, chosen.ahead_s, log, link)
    ending = threading.Event()
    other = threading.Thread(target=chat, args=(chosen.peer_ip, ending))
    other.start()
    outcome = converse(client, chosen.patches, chosen.check_s)
    chosen.log.write_bytes(log.to_bytes())
    time.sleep(chosen.linger_s)
    ending.set()
    other.join()
    say(f"ended {outcome}")


def converse(client: Client, patches: int, check_s: float) -> str:
    log = client.log
    log.note(client.now(), "1394", "8021X authentication success, 身份认证成功")
    policy = client.exchange(1, bodies.start(client.identity), 9019, wire.Coding.PLAIN)
    if policy is None:
        log.result(client.now(), "13a8", 1, 4, inode.NO_ANSWER)
        return "failed"
    time.sleep(check_s)
    fields = bodies.check_result(client.identity, bodies.patch_list(patches, random.Random(patches)))
    coding = wire.coding_of_result(len(bodies.one_line(fields)), wire.Coding.ZLIB)
    verdict = client.exchange(3, fields, 9029, coding)
    if verdict is None:
        log.result(client.now(), "13a8", 3, 4, inode.NO_ANSWER)
        return "failed"
    is_passed = wire.read_header(verdict)[2] == 4
    log.result(client.now(), "13a8", 3, 0 if is_passed else 1, inode.PASSED if is_passed else inode.NOT_PASSED)
    return "passed" if is_passed else "failed"


if __name__ == "__main__":
    main()
