from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from app.unpacking import digests
from app.unpacking.digests import Digests
from tests.frames import write


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SMALL_BYTES", 1)


def test_files_looked_at_ahead_are_told_as_any_others(tmp_path: Path) -> None:
    contents = {
        write(tmp_path / str(number), bytes([number]) * 70_000): bytes([number]) * 70_000 for number in range(9)
    }
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("log", "x")
    contents[archive] = archive.read_bytes()
    ahead, later = list(contents)[:5], list(contents)[5:]
    with Digests() as found:
        found.look_ahead([*ahead, archive, tmp_path])
        for path in (*ahead, *later):
            assert found.of(path) == (len(contents[path]), hashlib.sha256(contents[path]).hexdigest())


def test_a_file_that_cannot_be_read_says_so_when_it_is_its_turn(tmp_path: Path) -> None:
    path = write(tmp_path / "a", b"there")
    with Digests() as found:
        found._threads.submit(path.unlink).result()
        found._ahead[path] = found._threads.submit(digests._content_of_file, path)
        with pytest.raises(FileNotFoundError):
            found.of(path)
