"""The folder storage: whole or not at all, once for each content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import NotFound, Unavailable
from app.storage import FolderStorage, Stored


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


def files(storage: FolderStorage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file()]


def test_what_was_put_is_read_back_by_its_hash(storage: FolderStorage) -> None:
    stored = storage.put([b"ab", b"", b"c"])
    assert stored == Stored(hashlib.sha256(b"abc").hexdigest(), 3)
    with storage.open(stored.sha256) as file:
        assert file.read() == b"abc"


def test_the_same_content_is_stored_once(storage: FolderStorage) -> None:
    assert storage.put([b"abc"]) == storage.put([b"a", b"bc"])
    assert len(files(storage)) == 1


def test_an_upload_that_breaks_off_leaves_nothing(storage: FolderStorage) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        storage.put(breaking())
    assert files(storage) == []


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


def test_adopting_a_file_that_is_there_already_changes_nothing(storage: FolderStorage, tmp_path: Path) -> None:
    stored = storage.put([b"abc"])
    (tmp_path / "loose").write_bytes(b"abc")
    storage.adopt(tmp_path / "loose", stored)
    assert len(files(storage)) == 1


def test_what_is_not_there_is_not_found(storage: FolderStorage) -> None:
    with pytest.raises(NotFound):
        storage.open("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63 + "/", "0" * 65])
def test_a_name_that_is_no_hash_reaches_no_file(storage: FolderStorage, name: str) -> None:
    with pytest.raises(NotFound):
        storage.local(name)


def test_deleting_twice_is_as_good_as_once(storage: FolderStorage) -> None:
    stored = storage.put([b"abc"])
    storage.delete(stored.sha256)
    storage.delete(stored.sha256)
    assert not storage.has(stored.sha256)


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
    assert "No space" in caught.value.text.en
    assert files(storage) == []
