"""Uploads that arrive in pieces: what has arrived of each lies in a file of its own, and outlives links and servers.

An upload is known by an id; its description stands beside it. One writer at a time appends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from app.core.records import Text
from app.errors import AppError, NotFound, Unavailable
from app.storage import Storage, Stored

KEPT_S = 7 * 86400  # an upload that nothing was added to for so long is given up


class Busy(AppError):
    status = 423


@dataclass(frozen=True, slots=True)
class PartialUpload:
    """`size_bytes` is what shall arrive; `path` is the file's name within the case. `sha256` is known once it is all
    there."""

    id: str
    case_id: int
    bundle_id: int
    path: str
    size_bytes: int
    sha256: str | None = None


BUSY = Text("Another request is writing to this upload.", "另一个请求正在写入此上传。")
GONE = Text("There is no such upload; it was finished, given up or removed.", "没有此上传，可能已完成、放弃或删除。")


class PartialUploads:
    """All of them, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, upload: PartialUpload) -> None:
        """Keep a new upload. Raises Unavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._give_up_old()
            self._part(upload.id).touch()
            self._describe(upload)
        except OSError as error:
            raise _unavailable(error) from error

    def find(self, upload_id: str) -> tuple[PartialUpload, int]:
        """An upload and how much of it is there. Raises NotFound."""
        if len(upload_id) != 32 or not set(upload_id) <= set("0123456789abcdef"):
            raise NotFound(GONE)
        try:
            upload = PartialUpload(**json.loads(self._description(upload_id).read_bytes()))
            arrived = upload.size_bytes if upload.sha256 is not None else self._part(upload_id).stat().st_size
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise NotFound(GONE) from error
        except OSError as error:
            raise _unavailable(error) from error
        return upload, arrived

    @contextmanager
    def appending(self, upload_id: str) -> Iterator[BinaryIO]:
        """The file to append to, for one writer alone. Raises Busy, NotFound, Unavailable."""
        try:
            with self._part(upload_id).open("r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise Busy(BUSY) from error
                file.seek(0, os.SEEK_END)
                yield file
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError as error:
            raise NotFound(GONE) from error
        except OSError as error:
            raise _unavailable(error) from error

    def finish(self, upload: PartialUpload, storage: Storage) -> Stored:
        """Hand a whole upload over to the storage; its description stays for those who ask how far it is."""
        part = self._part(upload.id)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        stored = Stored(digest, upload.size_bytes)
        storage.adopt(part, stored)
        self._describe(PartialUpload(**{**asdict(upload), "sha256": digest}))
        part.unlink(missing_ok=True)
        return stored

    def remove(self, upload_id: str) -> None:
        self._part(upload_id).unlink(missing_ok=True)
        self._description(upload_id).unlink(missing_ok=True)

    def _describe(self, upload: PartialUpload) -> None:
        place = self._description(upload.id)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(upload)))
        fresh.replace(place)

    def _part(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.part"

    def _description(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"

    def _give_up_old(self) -> None:
        oldest = time.time() - KEPT_S
        for place in self._folder.iterdir():
            part = place.with_suffix(".part")
            if max((p.stat().st_mtime for p in (place, part) if p.exists()), default=oldest) < oldest:
                self.remove(place.stem)


def _unavailable(error: OSError) -> Unavailable:
    reason = error.strerror or str(error)
    return Unavailable(Text(f"The upload cannot be written: {reason}.", f"上传内容无法写入：{reason}。"))

