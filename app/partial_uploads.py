"""Uploads that arrive in pieces, over broken links, restarts and several web processes.

What an upload is stands in the database; what has arrived of it lies in the storage, which alone tells how far it is.
So neither can claim more than there is, and any web process can go on where another one stopped.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db import bundle_queries
from app.db.models import PartialUpload
from app.db.quota import require_room
from app.errors import AppError, NotFound, Unavailable
from app.storage import Storage, Stored

KEPT = timedelta(days=7)  # an upload that nothing was added to for so long is given up
GONE = Text("There is no such upload; it was finished, given up or removed.", "没有此上传，可能已完成、放弃或删除。")


class Damaged(AppError):
    """What arrived is not what was sent."""

    status = 460  # as tus names it


class RunningHashes:
    """SHA-256 of what has arrived of uploads, where this process saw every byte: then nothing is read again at the
    end. Elsewhere, and after a restart, the whole is read once."""

    MOST = 256

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._lock = Lock()

    def at(self, upload_id: str, offset: int) -> Any:
        """The hash of the first `offset` bytes, to be added to; None where it is not known."""
        if offset == 0:
            return hashlib.sha256()
        with self._lock:
            end, digest = self._known.get(upload_id, (-1, None))
        return digest.copy() if end == offset else None

    def keep(self, upload_id: str, offset: int, digest: Any) -> None:
        with self._lock:
            self._known[upload_id] = (offset, digest)
            self._known.move_to_end(upload_id)
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        with self._lock:
            self._known.pop(upload_id, None)


class Receiver:
    """Writes one piece to the end of an upload, and hashes it. Every method waits for the storage."""

    def __init__(self, storage: Storage, hashes: RunningHashes, upload_id: str, offset: int) -> None:
        self._hashes, self._id = hashes, upload_id
        self._start = self.offset = offset
        self._place: AbstractContextManager[Any] = storage.pieces.appending(upload_id, offset)
        self._digest = hashes.at(upload_id, offset)

    def open(self) -> None:
        """Raises Busy, Moved, Unavailable."""
        self._end = self._place.__enter__()

    def write(self, content: bytes) -> None:
        self._end.write(content)
        if self._digest is not None:
            self._digest.update(content)
        self.offset += len(content)

    def undo(self) -> None:
        self._end.undo()
        self.offset, self._digest = self._start, None

    def close(self) -> None:
        """What was written is kept. Raises Unavailable."""
        if self._digest is None:
            self._hashes.forget(self._id)
        else:
            self._hashes.keep(self._id, self.offset, self._digest)
        self._place.__exit__(None, None, None)


def begin(session: Session, upload: PartialUpload) -> None:
    """Enter a new upload, in the place of an earlier one of the same id. Raises TooLarge where the quota ends."""
    session.execute(delete(PartialUpload).where(PartialUpload.id == upload.id))
    require_room(session, upload.user_id, upload.size_bytes)
    session.add(upload)
    session.flush()


def find(session: Session, upload_id: str) -> PartialUpload:
    """Raises NotFound."""
    upload = session.get(PartialUpload, upload_id)
    if upload is None:
        raise NotFound(GONE)
    return upload


def arrived(storage: Storage, upload: PartialUpload) -> int:
    return upload.size_bytes if upload.sha256 is not None else storage.pieces.arrived(upload.id)


def touch(session: Session, upload_id: str) -> None:
    """It is not given up for another while."""
    session.execute(update(PartialUpload).where(PartialUpload.id == upload_id).values(touched_at=datetime.now(UTC)))


def finish(session: Session, storage: Storage, hashes: RunningHashes, upload_id: str) -> PartialUpload:
    """Make a whole upload a file of its case, in the session's transaction; the caller commits, then `clear`s.

    Two that finish the same upload wait for each other. Raises NotFound, Damaged, Unavailable.
    """
    upload = session.get(PartialUpload, upload_id, with_for_update=True, populate_existing=True)
    if upload is None:
        raise NotFound(GONE)
    if upload.sha256 is not None:
        return upload
    sha256 = _hash(storage, hashes, upload)
    if upload.expected_sha256 not in (None, sha256):
        storage.pieces.remove(upload_id)
        hashes.forget(upload_id)
        raise Damaged(
            Text(
                "What arrived is not what was sent: the checksums differ. It was thrown away; send it again.",
                "收到的内容与发送的不一致：校验和不符。内容已丢弃，请重新上传。",
            )
        )
    bundle_id = upload.bundle_id
    if bundle_id is None or not bundle_queries.has_bundle(session, upload.case_id, bundle_id):
        bundle_id = bundle_queries.open_bundle(session, upload.case_id).id
    # The row first: whoever removes the last use of this content has either finished or waits for us.
    bundle_queries.add_upload(session, bundle_id, upload.path, sha256, upload.size_bytes, upload.user_id)
    session.flush()
    storage.finish(upload_id, Stored(sha256, upload.size_bytes))
    upload.sha256 = sha256
    session.flush()
    return upload


def clear(storage: Storage, hashes: RunningHashes, upload_id: str) -> None:
    """Remove the pieces of an upload that is whole or given up. What cannot be removed now, upkeep will."""
    hashes.forget(upload_id)
    with suppress(Unavailable):
        storage.pieces.remove(upload_id)


def _hash(storage: Storage, hashes: RunningHashes, upload: PartialUpload) -> str:
    digest = hashes.at(upload.id, upload.size_bytes)
    if digest is None:
        digest = hashlib.sha256()
        for block in storage.pieces.read(upload.id):
            digest.update(block)
    return str(digest.hexdigest())
