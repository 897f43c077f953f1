"""Makes capture files of any size for `packets.py`: a block of frames is laid out once and repeated with other times
and identifications, so that writing runs at the speed of the disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from struct import pack

import numpy as np

FRAMES_A_BLOCK = 10_000
FRAGMENT_PAIRS_A_BLOCK = 75  # 1.5 % of the frames
EAD_FRAMES_A_BLOCK = 20
FIRST_S = 1_700_000_000

Encapsulate = Callable[[bytes], bytes]


def _ipv4(
    payload: bytes, protocol: int, source: bytes, destination: bytes, offset: int = 0, more: bool = False
) -> bytes:
    word = (0x2000 if more else 0) | offset // 8
    head = pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, word, 63, protocol, 0)
    return head + source + destination + payload


def _host(dice: random.Random) -> bytes:
    return bytes((10, dice.randrange(4), dice.randrange(250), dice.randrange(1, 250)))


def _udp(payload: bytes, source: int, destination: int) -> bytes:
    return pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def packets(dice: random.Random) -> list[tuple[bytes, bool]]:
    """IPv4 packets of one block, and whether each begins a datagram: the second of a pair shares its identification."""
    made: list[list[tuple[bytes, bool]]] = []
    for _ in range(FRAGMENT_PAIRS_A_BLOCK):
        source, destination = _host(dice), _host(dice)
        whole = _udp(dice.randbytes(2000), dice.randrange(1024, 60_000), 5060)
        pieces = (
            _ipv4(whole[:1480], 17, source, destination, more=True),
            _ipv4(whole[1480:], 17, source, destination, 1480),
        )
        made.append([(pieces[0], True), (pieces[1], False)])
    for _ in range(EAD_FRAMES_A_BLOCK):
        body = pack(">IH", 0x000AD877, 131) + bytes(16) + pack(">IH", 7, 1) + b'<data><i n="userName">u</i></data>'
        made.append([(_ipv4(_udp(body, 40_000, 9019), 17, _host(dice), _host(dice)), True)])
    others = FRAMES_A_BLOCK - 2 * FRAGMENT_PAIRS_A_BLOCK - EAD_FRAMES_A_BLOCK
    for number in range(others):
        size = dice.choice((40, 80, 200, 560, 1000, 1400))
        if number % 10 < 7:
            segment = pack(">HHIIBBHHH", 443, 50_000, number, 0, 0x50, 0x10, 8192, 0, 0) + dice.randbytes(size)
            made.append([(_ipv4(segment, 6, _host(dice), _host(dice)), True)])
        else:
            made.append([(_ipv4(_udp(dice.randbytes(size), 49_000, 3478), 17, _host(dice), _host(dice)), True)])
    dice.shuffle(made)
    return [packet for group in made for packet in group]


def ethernet(packet: bytes) -> bytes:
    return b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00" + packet


def tagged(packet: bytes) -> bytes:
    return b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x00\x2a\x08\x00" + packet


def cooked(packet: bytes) -> bytes:
    return b"\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x02\x00\x00\x08\x00" + packet


def write_pcap(path: Path, blocks: int, wrap: Encapsulate = ethernet) -> None:
    head = pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)

    def record(number: int, frame: bytes) -> tuple[bytes, int]:
        return pack("<IIII", FIRST_S, number * 80, len(frame), len(frame)) + frame, 16

    _write(path, head, blocks, wrap, record, lambda seconds: seconds, 0)


def write_two_links(path: Path, blocks: int) -> None:
    """pcapng whose frames come from an Ethernet and a Linux cooked interface in turn."""
    head = pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    head += pack("<IIHHII", 1, 20, 1, 0, 0, 20) + pack("<IIHHII", 1, 20, 113, 0, 0, 20)

    def record(number: int, frame: bytes) -> tuple[bytes, int]:
        interface = number % 2
        if interface:
            frame = cooked(frame[14:])
        padding = -len(frame) % 4
        total = 32 + len(frame) + padding
        block = pack("<IIIIIII", 6, total, interface, 0, number * 80, len(frame), len(frame))
        return block + frame + bytes(padding) + pack("<I", total), 28

    # A step of 2**32 µs a block would be too long: the low word carries the time.
    _write(path, head, blocks, ethernet, record, lambda block: block * 1_000_000, 16)


def _write(
    path: Path,
    head: bytes,
    blocks: int,
    wrap: Encapsulate,
    record: Callable[[int, bytes], tuple[bytes, int]],
    time_word: Callable[[int], int],
    time_at: int,
) -> None:
    layout = bytearray()
    time_positions: list[int] = []
    ident_positions: list[int] = []
    ident_values: list[int] = []
    ident = 0
    for number, (packet, begins) in enumerate(packets(random.Random(1))):
        octets, header = record(number, wrap(packet))
        ident += begins
        time_positions.append(len(layout) + time_at)
        ident_positions.append(len(layout) + octets.index(packet[:4], header) + 4)
        ident_values.append(ident)
        layout += octets
    block = np.frombuffer(layout, dtype=np.uint8).copy()
    times = np.array(time_positions)
    first = _words(block, times)
    idents, values = np.array(ident_positions), np.array(ident_values)
    with path.open("wb") as file:
        file.write(head)
        for number in range(blocks):
            _set_words(block, times, first + time_word(number))
            value = (values + number * 9_973) & 0xFFFF
            block[idents], block[idents + 1] = value >> 8, value & 0xFF
            file.write(block.tobytes())


def _words(block: np.ndarray, at: np.ndarray) -> np.ndarray:
    return sum(block[at + byte].astype(np.int64) << (8 * byte) for byte in range(4))


def _set_words(block: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    for byte in range(4):
        block[at + byte] = (values >> (8 * byte)) & 0xFF


def frame_count(blocks: int) -> int:
    return blocks * FRAMES_A_BLOCK


def total_bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
