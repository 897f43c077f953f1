"""Files in a local folder, or in one that several machines share."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from app.storage.contract import BLOCK, Stored
from app.storage.errors import missing, place_of, storage_errors
from app.storage.folder_mark import mark, require_mark
from app.storage.folder_pieces import FolderPieces, write_all


class FolderStorage:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.pieces = FolderPieces(root)

    @property
    def place(self) -> str:
        return str(self.root.absolute())

    def prepare(self) -> None:
        mark(self.root)

    def put(self, blocks: Iterable[bytes]) -> Stored:
        digest, size = hashlib.sha256(), 0
        with self._temporary() as (file, path):
            # What the source of the blocks raises is not ours: a broken link is no broken storage.
            for block in blocks:
                digest.update(block)
                size += len(block)
                with storage_errors():
                    write_all(file, block)
            with storage_errors():
                os.fsync(file.fileno())
                self._keep(path, digest.hexdigest())
        return Stored(digest.hexdigest(), size)

    def adopt(self, path: Path, stored: Stored) -> None:
        if self.has(stored.sha256):
            return
        try:
            _sync(path)
            self._keep(path, stored.sha256)
        except OSError:  # on another file system, or not ours to move
            with path.open("rb") as file:
                self.put(iter(lambda: file.read(BLOCK), b""))

    def finish(self, upload_id: str, stored: Stored) -> None:
        """Pieces lie on the same file system: nothing is copied."""
        require_mark(self.root)
        path = self.pieces.path(upload_id)
        if not path.exists():
            if stored.size_bytes == 0:
                self.put([])
            elif not self.has(stored.sha256):
                raise missing(stored.sha256)
            return
        with storage_errors():
            _sync(path)
            self._keep(path, stored.sha256)

    def open(self, sha256: str) -> BinaryIO:
        return self.local(sha256).open("rb")

    def local(self, sha256: str) -> Path:
        path = self._place(sha256)
        if not path.is_file():
            require_mark(self.root)
            raise missing(sha256)
        return path

    def has(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def delete(self, sha256: str) -> None:
        with storage_errors():
            self._place(sha256).unlink(missing_ok=True)

    def contents(self) -> Iterator[tuple[str, float]]:
        with storage_errors():
            for path in self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
                try:
                    yield path.name, path.stat().st_ctime
                except FileNotFoundError:
                    continue

    def tidy(self, before: float) -> None:
        for path in (self.root / "incoming").glob("*"):
            with suppress(FileNotFoundError), storage_errors():
                if path.stat().st_mtime < before:
                    path.unlink()

    def check(self) -> None:
        with storage_errors(), self._temporary() as (file, _path):
            write_all(file, b"\0" * 4096)
            os.fsync(file.fileno())

    def _place(self, sha256: str) -> Path:
        return self.root / place_of(sha256)

    @contextmanager
    def _temporary(self) -> Iterator[tuple[FileIO, Path]]:
        """A file beside the stored ones, gone afterwards unless it was renamed."""
        folder = self.root / "incoming"
        with storage_errors():
            require_mark(self.root)
            folder.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder)
        path = Path(name)
        try:
            # Unbuffered: nothing is left to be written, and to fail, when it is closed.
            with FileIO(handle, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)

    def _keep(self, path: Path, sha256: str) -> None:
        place = self._place(sha256)
        if place.is_file():
            return
        require_mark(self.root)
        for folder in (place.parent.parent, place.parent):
            folder.mkdir(exist_ok=True)
        path.chmod(0o444)
        path.rename(place)
        _sync(place.parent)


def _sync(path: Path) -> None:
    """Make a file's content, or a rename in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
