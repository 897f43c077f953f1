from __future__ import annotations

import random
from struct import pack

import pytest

from app.core.parsers.capture_file import PcapngWalker, PcapWalker, sniff_capture, walker_for
from app.core.parsers.capture_records import FrameBatch, gap_text
from tests import frames

FRAMES = [bytes([number]) * random.Random(number).randrange(1, 400) for number in range(60)]
VARIANTS = {
    "pcap": frames.pcap(FRAMES),
    "pcap-big-endian": frames.pcap(FRAMES, order=">"),
    "pcap-nanoseconds": frames.pcap(FRAMES, nanoseconds=True),
    "pcap-modified": frames.pcap(FRAMES, modified=True),
    "pcapng": frames.pcapng(FRAMES),
    "pcapng-big-endian": frames.pcapng(FRAMES, order=">"),
}


def walk(octets: bytes, step: int | None = None) -> tuple[PcapWalker | PcapngWalker, list[FrameBatch]]:
    walker = walker_for(octets)
    assert walker is not None
    batches = []
    for at in range(0, len(octets), step or len(octets)):
        batches += list(walker.feed(octets[at : at + (step or len(octets))]))
    batches += list(walker.finish())
    return walker, batches


def contents(batches: list[FrameBatch]) -> list[tuple[int, int, bytes]]:
    return [
        (batch.first_frame + at, int(batch.time_ns[at]), batch.frame_bytes(at))
        for batch in batches
        for at in range(len(batch))
    ]


EXPECTED = [(number + 1, frames.START_S * 10**9 + number * 10**6, frame) for number, frame in enumerate(FRAMES)]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("step", [None, 24, 61, 100, 1000])
def test_frames_do_not_depend_on_where_blocks_end(name: str, step: int | None) -> None:
    _, batches = walk(VARIANTS[name], step)
    assert contents(batches) == EXPECTED


@pytest.mark.parametrize("name", VARIANTS)
def test_whatever_is_cut_off_the_frames_before_it_stay(name: str) -> None:
    octets = VARIANTS[name]
    for cut in range(1, 600, 7):
        walker, batches = walk(octets[:-cut])
        found = contents(batches)
        assert found == EXPECTED[: len(found)]
        assert walker.walk.is_truncated or len(octets) - cut == len(walk_again(octets, len(found)))


def walk_again(octets: bytes, count: int) -> bytes:
    """The file with just so many frames: a cut between two records leaves no trace."""
    for name, whole in VARIANTS.items():
        if whole is octets:
            kept = FRAMES[:count]
            order = ">" if "big" in name else "<"
            if name.startswith("pcapng"):
                return frames.pcapng(kept, order=order)
            return frames.pcap(kept, order=order, nanoseconds="nano" in name, modified="modified" in name)
    raise AssertionError


def test_a_second_section_numbers_its_interfaces_anew() -> None:
    first = frames.section("<") + frames.interface(frames.ETHERNET) + frames.enhanced(b"a", 1)
    second = frames.section(">") + frames.interface(frames.RAW_IP, order=">") + frames.enhanced(b"b", 2, order=">")
    walker, batches = walk(first + second)
    assert [int(batch.interface[0]) for batch in batches] == [0, 1]
    assert [interface.link_type for interface in walker.walk.interfaces] == [1, 101]


def test_old_and_simple_packet_blocks_are_frames_too() -> None:
    octets = frames.section() + frames.interface(snap=3) + frames.enhanced(b"abcd", 7_000_000)
    octets += frames.block(3, pack("<I", 4) + b"wxy\0")
    octets += frames.block(2, pack("<HHIIII", 0, 5, 0, 9_000_000, 2, 60) + b"hi\0\0")
    walker, batches = walk(octets)
    assert [frame for _, _, frame in contents(batches)] == [b"abcd", b"wxy", b"hi"]
    assert [time for _, time, _ in contents(batches)] == [7 * 10**9, 7 * 10**9, 9 * 10**9]
    assert [int(batch.original[0]) for batch in batches] == [4, 4, 60]
    assert walker.walk.has_untimed
    assert walker.walk.interfaces[0].facts(0).dropped == 5


def test_blocks_that_mean_nothing_here_are_passed_over() -> None:
    octets = frames.section() + frames.block(4, b"\0\0\0\0") + frames.interface() + frames.block(0x0BAD, b"\0" * 40)
    _, batches = walk(octets + frames.enhanced(b"frame", 5))
    assert [frame for _, _, frame in contents(batches)] == [b"frame"]


@pytest.mark.parametrize(
    "damage",
    [
        pack("<III", 6, 8, 8),
        pack("<III", 6, 0x7FFF_FFFC, 0),
        pack("<II", 6, 36) + pack("<IIIII", 0, 0, 0, 900, 900) + bytes(8),
        pack("<II", 6, 36) + pack("<IIIII", 9, 0, 0, 4, 4) + bytes(8),
    ],
)
def test_a_damaged_block_ends_the_reading_with_a_reason(damage: bytes) -> None:
    octets = frames.section() + frames.interface() + frames.enhanced(b"good", 5) + damage + bytes(64)
    walker, batches = walk(octets)
    assert [frame for _, _, frame in contents(batches)] == [b"good"]
    assert walker.walk.is_truncated
    assert [gap.after_frame for gap in walker.walk.gaps] == [1]
    assert "after frame 1" in gap_text(walker.walk.gaps[0]).en


def test_formats_are_told_by_their_first_bytes() -> None:
    assert {name: sniff_capture(octets) for name, octets in VARIANTS.items()} == {
        name: name.split("-")[0] for name in VARIANTS
    }
    assert sniff_capture(b"\x1f\x8b\x08\0") is None
    assert sniff_capture(b"\xd4") is None
