"""Where uploaded files lie: by their content's SHA-256, never by their name."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Protocol

from app.core.records import Text
from app.errors import NotFound, Unavailable

BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    sha256: str
    size_bytes: int


class Storage(Protocol):
    """What the product needs of a place for files. Contents are immutable: the same content is stored once."""

    def put(self, blocks: Iterable[bytes]) -> Stored:
        """Store the blocks' content; whole or not at all. Raises Unavailable when the place is full or away."""
        ...

    def adopt(self, path: Path, stored: Stored) -> None:
        """Store a local file whose content is known to be `stored`; it is moved where that is possible."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading, seekable. Raises NotFound."""
        ...

    def local(self, sha256: str) -> Path:
        """A path where tools such as tshark can read the content; read-only. Raises NotFound."""
        ...

    def has(self, sha256: str) -> bool: ...

    def delete(self, sha256: str) -> None:
        """Forget the content; nothing happens where there is none."""
        ...

    def check(self) -> None:
        """Raise Unavailable unless a file can be stored now."""
        ...


class FolderStorage:
    """A local folder: `ab/cd/abcd…`, two levels so that no folder grows past what file systems like."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, blocks: Iterable[bytes]) -> Stored:
        digest, size = hashlib.sha256(), 0
        with self._temporary() as (file, path):
            # What the source of the blocks raises is not ours: a broken link is no broken storage.
            for block in blocks:
                digest.update(block)
                size += len(block)
                with _storage_errors():
                    _write_all(file, block)
            with _storage_errors():
                os.fsync(file.fileno())
                self._keep(path, digest.hexdigest())
        return Stored(digest.hexdigest(), size)

    def adopt(self, path: Path, stored: Stored) -> None:
        if self.has(stored.sha256):
            return
        try:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            self._keep(path, stored.sha256)
        except OSError:  # on another file system, or not ours to move
            with path.open("rb") as file:
                self.put(iter(lambda: file.read(BLOCK), b""))

    def open(self, sha256: str) -> BinaryIO:
        return self.local(sha256).open("rb")

    def local(self, sha256: str) -> Path:
        path = self._place(sha256)
        if not path.is_file():
            raise NotFound(Text(f"The stored file {sha256[:12]}… is missing.", f"存储中缺少文件 {sha256[:12]}…。"))
        return path

    def has(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def delete(self, sha256: str) -> None:
        with _storage_errors():
            self._place(sha256).unlink(missing_ok=True)

    def check(self) -> None:
        with _storage_errors(), self._temporary() as (file, _path):
            _write_all(file, b"\0" * 4096)
            os.fsync(file.fileno())

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise NotFound(Text("This is not the name of a stored file.", "这不是存储文件的名称。"))
        return self.root / sha256[:2] / sha256[2:4] / sha256

    @contextmanager
    def _temporary(self) -> Iterator[tuple[FileIO, Path]]:
        """A file beside the stored ones, gone afterwards unless it was renamed."""
        folder = self.root / "incoming"
        with _storage_errors():
            folder.mkdir(parents=True, exist_ok=True)
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
        place.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o444)
        path.rename(place)
        _sync_folder(place.parent)


def clear_incoming(storage: FolderStorage) -> None:
    """Remove what writers left that were killed; call only while none is writing."""
    shutil.rmtree(storage.root / "incoming", ignore_errors=True)


def _write_all(file: FileIO, block: bytes) -> None:
    """An unbuffered file may take a part only, just before the disk is full."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(
            Text(f"The file storage cannot be written: {reason}.", f"文件存储无法写入：{reason}。")
        ) from error
