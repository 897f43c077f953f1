"""Moves the timestamps of a finished capture, as if another clock had written them."""

from __future__ import annotations

import struct
from pathlib import Path

GLOBAL_HEADER_BYTES, RECORD_HEADER = 24, struct.Struct("<IIII")


def shift_capture(path: Path, offset_s: float, drift_ppm: float) -> None:
    """In place, for the little-endian pcap in microseconds that tcpdump writes; drift counts from the first frame."""
    content = bytearray(path.read_bytes())
    assert content[:4] == bytes.fromhex("d4c3b2a1"), "not a little-endian pcap in microseconds"
    at, first_us = GLOBAL_HEADER_BYTES, None
    while at + RECORD_HEADER.size <= len(content):
        seconds, microseconds, kept, full = RECORD_HEADER.unpack_from(content, at)
        true_us = seconds * 1_000_000 + microseconds
        first_us = true_us if first_us is None else first_us
        shown_us = true_us + round(offset_s * 1e6 + (true_us - first_us) * drift_ppm * 1e-6)
        RECORD_HEADER.pack_into(content, at, *divmod(shown_us, 1_000_000), kept, full)
        at += RECORD_HEADER.size + kept
    path.write_bytes(content)
