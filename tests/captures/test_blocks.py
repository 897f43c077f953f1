from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from app.captures.blocks import CutStream, read_ahead, read_blocks, read_head
from tests.frames import write

OCTETS = random.Random(2).randbytes(300_000)


@pytest.mark.parametrize("pack_whole", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_blocks_have_the_size_asked_for_and_nothing_is_lost(tmp_path: Path, pack_whole) -> None:
    blocks = list(read_blocks(write(tmp_path / "a", pack_whole(OCTETS)), 70_000))
    assert b"".join(blocks) == OCTETS
    assert max(map(len, blocks)) <= 70_000


def test_a_bomb_is_delivered_block_by_block(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", gzip.compress(bytes(80_000_000)))
    blocks = read_blocks(path, 1_000_000)
    assert [len(next(blocks)) for _ in range(5)] == [1_000_000] * 5


def test_zero_octets_behind_a_gzip_file_are_padding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", gzip.compress(b"content") + bytes(512))
    assert b"".join(read_blocks(path)) == b"content"


def test_the_head_of_a_damaged_file_is_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", gzip.compress(OCTETS)[:5000])
    assert OCTETS.startswith(read_head(path))
    assert read_head(path)


def test_reading_ahead_hands_over_the_error_in_its_place() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"one"
        raise CutStream("here")

    ahead = read_ahead(blocks())
    assert next(ahead) == b"one"
    with pytest.raises(CutStream):
        next(ahead)


def test_reading_ahead_can_be_given_up(tmp_path: Path) -> None:
    ahead = read_ahead(read_blocks(write(tmp_path / "a", OCTETS), 100))
    assert len(next(ahead)) == 100
    ahead.close()
