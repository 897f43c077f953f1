"""Local copies: limited, oldest first, never one that is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.storage.file_cache import IN_USE_S, FileCache

NAMES = [f"{number:064x}" for number in range(4)]


def add(cache: FileCache, name: str, age_s: float = 0) -> Path:
    path = cache.add(name, 10, [b"12345", b"67890"])
    state = path.stat()
    os.utime(path, (state.st_atime, state.st_mtime - age_s))
    return path


def test_the_copy_that_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 25)
    oldest, older = add(cache, NAMES[0], 3 * IN_USE_S), add(cache, NAMES[1], 2 * IN_USE_S)
    newest = add(cache, NAMES[2])
    assert not oldest.exists() and older.exists() and newest.exists()


def test_using_a_copy_keeps_it(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 25)
    first, second = add(cache, NAMES[0], 3 * IN_USE_S), add(cache, NAMES[1], 2 * IN_USE_S)
    assert cache.find(NAMES[0]) == first
    add(cache, NAMES[2])
    assert first.exists() and not second.exists()


def test_copies_in_use_are_not_removed_for_another_one(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 25)
    kept = [add(cache, NAMES[0]), add(cache, NAMES[1])]
    with pytest.raises(Unavailable, match="EADSCOPE_CACHE_BYTES"):
        add(cache, NAMES[2])
    assert all(path.exists() for path in kept)


def test_a_copy_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 25)

    def breaking() -> object:
        yield b"12345"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.add(NAMES[0], 10, breaking())  # type: ignore[arg-type]
    assert cache.find(NAMES[0]) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
