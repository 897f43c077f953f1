"""What is particular to a folder: rights, moving instead of copying, a full disk, one writer at a time."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.storage import Busy, FolderStorage, Stored
from app.storage.folder_mark import MARK


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    made = FolderStorage(tmp_path / "storage")
    made.prepare()
    return made


def files(storage: FolderStorage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file() and path.name != MARK]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_disk_that_is_not_mounted_is_said_and_nothing_is_written_in_its_place(
    storage: FolderStorage, tmp_path: Path, is_there: bool
) -> None:
    kept = storage.put([b"abc"])
    with storage.pieces.appending("up", 0) as end:
        end.write(b"abc")
    away = storage.root.rename(tmp_path / "away")
    if is_there:  # the empty folder on which it is mounted
        storage.root.mkdir()
    loose = tmp_path / "loose"
    loose.write_bytes(b"abcd")

    def append() -> None:
        with storage.pieces.appending("new", 0):
            pass

    for attempt in (
        storage.check,
        append,
        lambda: storage.put([b"new"]),
        lambda: storage.adopt(loose, Stored(hashlib.sha256(b"abcd").hexdigest(), 4)),
        lambda: storage.finish("up", kept),
        lambda: storage.local(kept.sha256),
        lambda: storage.pieces.arrived("up"),
    ):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert "mounted" in caught.value.text.en and "挂载" in caught.value.text.zh
    assert not storage.root.exists() or not list(storage.root.iterdir())
    if is_there:
        storage.root.rmdir()
    away.rename(storage.root)
    storage.check()
    assert storage.pieces.arrived("up") == 3
    assert storage.local(kept.sha256).read_bytes() == b"abc"


def test_a_folder_of_an_earlier_version_is_marked_at_the_start(storage: FolderStorage) -> None:
    kept = storage.put([b"abc"])
    (storage.root / MARK).unlink()
    with pytest.raises(Unavailable):
        storage.check()
    storage.prepare()
    storage.check()
    assert storage.local(kept.sha256).read_bytes() == b"abc"


def test_a_stored_file_cannot_be_written_to_by_accident(storage: FolderStorage) -> None:
    path = storage.local(storage.put([b"abc"]).sha256)
    assert path.stat().st_mode & 0o222 == 0


def test_adopting_a_file_moves_it(storage: FolderStorage, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.write_bytes(b"abc")
    stored = Stored(hashlib.sha256(b"abc").hexdigest(), 3)
    storage.adopt(loose, stored)
    assert not loose.exists()
    assert storage.local(stored.sha256).read_bytes() == b"abc"


def test_a_storage_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file where the folder should be")
    with pytest.raises(Unavailable) as caught:
        FolderStorage(tmp_path / "storage").check()
    assert "存储" in caught.value.text.zh


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_unavailable_storage(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full refuses every write as a full disk does."""
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(os, "fsync", lambda _handle: os.write(full, b"x"))
    with pytest.raises(Unavailable) as caught:
        storage.put([b"abc"])
    os.close(full)
    assert "full" in caught.value.text.en
    assert files(storage) == []


def test_two_cannot_write_to_one_upload(storage: FolderStorage) -> None:
    with storage.pieces.appending("up", 0) as end:
        end.write(b"abc")
        with pytest.raises(Busy), FolderStorage(storage.root).pieces.appending("up", 3):
            pass
    with storage.pieces.appending("up", 3):
        pass


def test_finishing_moves_the_pieces(storage: FolderStorage) -> None:
    with storage.pieces.appending("up", 0) as end:
        end.write(b"abc")
    before = storage.pieces.path("up").stat().st_ino
    stored = Stored(hashlib.sha256(b"abc").hexdigest(), 3)
    storage.finish("up", stored)
    assert storage.local(stored.sha256).stat().st_ino == before


def test_what_killed_writers_left_is_tidied_up(storage: FolderStorage) -> None:
    (storage.root / "incoming").mkdir()
    left = storage.root / "incoming" / "left"
    left.write_bytes(b"x")
    storage.tidy(left.stat().st_mtime - 1)
    assert left.exists()
    storage.tidy(left.stat().st_mtime + 1)
    assert not left.exists()
