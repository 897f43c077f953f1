"""Damage in the middle of a capture costs the frames that it hits, not those behind it."""

from __future__ import annotations

import random

import pytest

from app.core.parsers.capture_file import walker_for
from app.core.parsers.capture_records import Walk, gap_text
from tests import frames

WRITERS = {"pcap": frames.pcap, "pcapng": frames.pcapng}
FRAMES = [number.to_bytes(4, "big") + random.Random(number).randbytes(60 + number * 7 % 400) for number in range(120)]


def read(octets: bytes, step: int = 3000) -> tuple[Walk, list[bytes]]:
    walker = walker_for(octets)
    assert walker is not None
    batches = [batch for at in range(0, len(octets), step) for batch in walker.feed(octets[at : at + step])]
    batches += walker.finish()
    numbers = [batch.first_frame + at for batch in batches for at in range(len(batch))]
    assert numbers == list(range(1, walker.walk.frames + 1))
    return walker.walk, [batch.frame_bytes(at) for batch in batches for at in range(len(batch))]


def record_start(octets: bytes, number: int, name: str, order: str) -> int:
    return octets.index(FRAMES[number]) - (28 if name == "pcapng" else 16)


def missing(found: list[bytes]) -> set[int]:
    return {number for number, frame in enumerate(FRAMES) if frame not in found}


DAMAGES = {
    "a length too long": lambda octets, at: octets[: at + 4] + b"\xff" * 12 + octets[at + 16 :],
    "zeros": lambda octets, at: octets[:at] + bytes(700) + octets[at + 700 :],
    "noise": lambda octets, at: octets[:at] + random.Random(at).randbytes(900) + octets[at + 900 :],
    "bytes that are gone": lambda octets, at: octets[: at + 9] + octets[at + 333 :],
    "bytes too many": lambda octets, at: octets[: at + 5] + b"\r" + octets[at + 5 :],
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_lies_behind_damage_is_read(damage: str, name: str, order: str) -> None:
    whole = WRITERS[name](FRAMES, order=order)
    for number in (1, 37, 90):
        octets = DAMAGES[damage](whole, record_start(whole, number, name, order))
        walk, found = read(octets)
        lost = missing(found)
        assert lost <= set(range(number - 1, number + 12)), f"{damage} at {number}"
        assert number in lost
        assert len(walk.gaps) == 1
        gap = walk.gaps[0]
        assert gap.until_ns is not None
        assert gap.skipped_bytes < 5000
        assert "everything behind them was read" in gap_text(gap).en
        assert not walk.is_truncated


def test_a_length_that_swallows_records_is_noticed_and_they_are_found() -> None:
    octets = bytearray(frames.pcap(FRAMES))
    at = record_start(bytes(octets), 50, "pcap", "<")
    octets[at + 8 : at + 12] = (2_000).to_bytes(4, "little")
    walk, found = read(bytes(octets))
    assert missing(found) <= {50}
    assert len(walk.gaps) == 1


def test_a_length_that_runs_over_the_end_is_damage_where_records_follow_it() -> None:
    octets = bytearray(frames.pcap(FRAMES))
    at = record_start(bytes(octets), 110, "pcap", "<")
    octets[at + 8 : at + 12] = (200_000).to_bytes(4, "little")
    walk, found = read(bytes(octets))
    assert missing(found) == {110}
    assert not walk.is_truncated


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_just_ends_has_no_damage(name: str) -> None:
    octets = WRITERS[name](FRAMES)
    walk, found = read(octets[:-33])
    assert missing(found) == {len(FRAMES) - 1}
    assert walk.is_truncated
    assert not walk.gaps


@pytest.mark.parametrize("name", WRITERS)
def test_noise_without_end_ends_the_reading(name: str) -> None:
    whole = WRITERS[name](FRAMES)
    at = record_start(whole, 60, name, "<")
    walk, found = read(whole[:at] + random.Random(3).randbytes(2_000_000), 250_000)
    assert found == FRAMES[:60]
    assert walk.is_truncated
    assert walk.gaps[-1].until_ns is None


def test_damage_again_and_again_is_given_up_in_the_end() -> None:
    whole = frames.pcap(FRAMES[:6])
    piece = whole[24:]
    octets = whole + b"".join(b"\xff" * 40 + piece for _ in range(300))
    walk, found = read(octets)
    assert len(walk.gaps) == 100
    assert len(found) >= 600
    assert walk.is_truncated
