"""Uploads under way in a folder: one file each, which grows at its end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from app.storage.contract import BLOCK, Busy, Moved
from app.storage.errors import storage_errors
from app.storage.folder_mark import require_mark


class FolderPieces:
    """Several processes may share the folder, several machines too where it is a network file system with locks."""

    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, root / "partial"

    def arrived(self, upload_id: str) -> int:
        with storage_errors():
            try:
                return self.path(upload_id).stat().st_size
            except FileNotFoundError:
                require_mark(self._root)
                return 0

    @contextmanager
    def appending(self, upload_id: str, offset: int) -> Iterator[_End]:
        with storage_errors():
            require_mark(self._root)
            self._folder.mkdir(exist_ok=True)
            # Unbuffered: nothing is left to be written, and to fail, when it is closed.
            file = FileIO(os.open(self.path(upload_id), os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        with file:
            try:
                # The system lets go of it with the process, so a killed one locks nobody out.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy from error
            end = file.seek(0, os.SEEK_END)
            if end != offset:
                raise Moved(end)
            yield _End(file, offset)

    def read(self, upload_id: str) -> Iterator[bytes]:
        with storage_errors(), self.path(upload_id).open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block

    def remove(self, upload_id: str) -> None:
        with storage_errors():
            self.path(upload_id).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[str, float]]:
        with storage_errors():
            for path in self._folder.glob("*.part"):
                try:
                    yield path.stem, path.stat().st_mtime
                except FileNotFoundError:
                    continue

    def path(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.part"


class _End:
    def __init__(self, file: FileIO, start: int) -> None:
        self._file, self._start, self._end = file, start, start

    def write(self, content: bytes) -> None:
        with storage_errors():
            write_all(self._file, content)
            # Begins to write the pages out, without waiting: at the end there is little left to wait for.
            os.posix_fadvise(self._file.fileno(), self._end, len(content), os.POSIX_FADV_DONTNEED)
        self._end += len(content)

    def undo(self) -> None:
        with storage_errors():
            self._file.seek(self._file.truncate(self._start))
        self._end = self._start


def write_all(file: FileIO, block: bytes) -> None:
    """An unbuffered file may take a part only, just before the disk is full."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]
