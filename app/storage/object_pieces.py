"""Uploads under way in an object store: `partial/ID/OFFSET` for each stretch, so any process of any machine goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import obstore

from app.storage.contract import BLOCK, Moved
from app.storage.object_errors import delete, store_errors

if TYPE_CHECKING:
    from obstore.store import S3Store

PIECE = 8 * BLOCK  # held in memory for each writer
LONGEST_S = 5.0  # what waits is lost with the process
FOLDER = "partial"


class ObjectPieces:
    """Nothing locks: two writers at one place write the same bytes of the same file, and the whole is hashed anew."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def arrived(self, upload_id: str) -> int:
        return sum(size for _, size in self._chain(upload_id))

    @contextmanager
    def appending(self, upload_id: str, offset: int) -> Iterator[_Stretches]:
        end = self.arrived(upload_id)
        if end != offset:
            raise Moved(end)
        stretches = _Stretches(self._store, upload_id, offset)
        try:
            yield stretches
        finally:
            stretches.flush()

    def read(self, upload_id: str) -> Iterator[bytes]:
        for start, _ in self._chain(upload_id):
            with store_errors():
                yield from cast(
                    "Iterator[bytes]", obstore.get(self._store, _key(upload_id, start)).stream(min_chunk_size=BLOCK)
                )

    def remove(self, upload_id: str) -> None:
        with store_errors():
            delete(self._store, [key for key, _, _ in self._listed(f"{FOLDER}/{upload_id}/")])

    def all(self) -> Iterator[tuple[str, float]]:
        newest: dict[str, float] = {}
        for key, _, modified in self._listed(f"{FOLDER}/"):
            upload_id = key.split("/")[1]
            newest[upload_id] = max(modified, newest.get(upload_id, 0.0))
        yield from newest.items()

    def _chain(self, upload_id: str) -> Iterator[tuple[int, int]]:
        """(start, size) of the stretches that follow each other from the beginning; what lies beyond a gap was
        written by somebody who was overtaken."""
        sizes = {int(key.rpartition("/")[2], 16): size for key, size, _ in self._listed(f"{FOLDER}/{upload_id}/")}
        end = 0
        while size := sizes.get(end, 0):
            yield end, size
            end += size

    def _listed(self, prefix: str) -> Iterator[tuple[str, int, float]]:
        with store_errors():
            for some in obstore.list(self._store, prefix):
                for found in some:
                    yield found["path"], found["size"], found["last_modified"].timestamp()


class _Stretches:
    def __init__(self, store: S3Store, upload_id: str, start: int) -> None:
        self._store, self._id = store, upload_id
        self._start = self._end = start  # of what is stored of this writer's
        self._waiting: list[bytes] = []
        self._size = 0
        self._since = time.monotonic()

    def write(self, content: bytes) -> None:
        self._waiting.append(content)
        self._size += len(content)
        if self._size >= PIECE or time.monotonic() - self._since > LONGEST_S:
            self.flush()

    def flush(self) -> None:
        if not self._size:
            return
        with store_errors():
            obstore.put(self._store, _key(self._id, self._end), b"".join(self._waiting), use_multipart=False)
        self._end += self._size
        self._waiting, self._size, self._since = [], 0, time.monotonic()

    def undo(self) -> None:
        self._waiting, self._size = [], 0
        with store_errors():
            stale = [
                key
                for some in obstore.list(self._store, f"{FOLDER}/{self._id}/")
                for key in (found["path"] for found in some)
                if int(key.rpartition("/")[2], 16) >= self._start
            ]
            delete(self._store, stale)
        self._end = self._start


def _key(upload_id: str, start: int) -> str:
    return f"{FOLDER}/{upload_id}/{start:016x}"
