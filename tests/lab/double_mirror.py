"""A mirror port in user space: every frame of one interface goes out of another once for each VLAN tag given."""

from __future__ import annotations

import signal
import socket
import struct
import sys

ALL_PROTOCOLS = 3


def main() -> None:
    watched, port, *tags = sys.argv[1:]
    source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    source.bind((watched, 0))
    target = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    target.bind((port, 0))
    source.settimeout(0.05)
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ending:
        try:
            frame = source.recv(65_535)
        except TimeoutError:
            continue
        for tag in tags:
            target.send(frame[:12] + struct.pack("!HH", 0x8100, int(tag)) + frame[12:])


if __name__ == "__main__":
    main()
