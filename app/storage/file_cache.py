"""Local copies of stored files, for tools that read paths. Its size is limited: what was not used for longest goes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from app.core.records import Text
from app.errors import Unavailable
from app.storage.errors import place_of, storage_errors

IN_USE_S = 3600  # a copy that was asked for so recently may be open, or about to be


class FileCache:
    """Several processes of one machine may share the folder."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes

    def find(self, sha256: str) -> Path | None:
        path = self._folder / place_of(sha256)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def add(self, sha256: str, size_bytes: int, blocks: Iterable[bytes]) -> Path:
        """A copy with the blocks' content. Raises Unavailable where it does not fit beside what is in use."""
        path = self._folder / place_of(sha256)
        with storage_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.make_room(size_bytes)
            handle, name = tempfile.mkstemp(dir=self._folder, prefix="incoming-")
            try:
                with os.fdopen(handle, "wb") as file:
                    for block in blocks:
                        file.write(block)
                Path(name).chmod(0o444)
                Path(name).rename(path)
            finally:
                Path(name).unlink(missing_ok=True)
        return path

    def adopt(self, sha256: str, size_bytes: int, file: Path) -> None:
        """Move a local file in where that is possible; a copy is only a convenience."""
        path = self._folder / place_of(sha256)
        with suppress(OSError, Unavailable):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.make_room(size_bytes)
            file.chmod(0o444)
            file.rename(path)
            os.utime(path)

    def remove(self, sha256: str) -> None:
        with suppress(OSError):
            (self._folder / place_of(sha256)).unlink(missing_ok=True)

    def make_room(self, size_bytes: int) -> None:
        """Remove old copies until `size_bytes` more fit."""
        copies = sorted(self._copies())
        surplus = sum(size for _, size, _ in copies) + size_bytes - self._limit
        oldest_in_use = time.time() - IN_USE_S
        for used, size, path in copies:
            if surplus <= 0 or used > oldest_in_use:
                break
            with suppress(FileNotFoundError):
                path.unlink()
            surplus -= size
        if surplus > 0:
            raise Unavailable(
                Text(
                    "The local copies of the files that are in use fill the limit set for them "
                    f"({self._limit:,} bytes); try again later, or raise EADSCOPE_CACHE_BYTES.",
                    f"正在使用的本地副本已达到上限（{self._limit:,} 字节）；请稍后重试，或调大 EADSCOPE_CACHE_BYTES。",
                )
            )

    def _copies(self) -> Iterable[tuple[float, int, Path]]:
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                state = path.stat()
                if path.is_file():
                    yield state.st_mtime, state.st_size, path
