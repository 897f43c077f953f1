"""A request's body into an upload, in constant memory: one batch is written and hashed while the next one arrives."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread

from app.partial_uploads import Receiver
from app.storage import BLOCK

BATCH = 4 * BLOCK  # one hand-over to another thread costs as much as copying some hundred kilobytes
LONGEST_S = 0.5  # what waits in memory is lost with the process: on a slow link, too, not much of the sender's time


class TooLong(Exception):
    """More arrived than the upload has room for."""


class WrongPiece(Exception):
    """The piece does not have the checksum that came with it."""


async def receive(
    stream: AsyncIterator[bytes], receiver: Receiver, room_bytes: int, checksum: tuple[str, bytes] | None = None
) -> None:
    """Write the stream. What arrived before a link broke stays, unless it had a checksum, which is of the whole piece.

    Raises TooLong and WrongPiece (nothing of the piece stays), Busy, Moved, Unavailable, or what the stream raises.
    """
    await to_thread.run_sync(receiver.open)
    try:
        await _write_all(stream, receiver, room_bytes, checksum)
    finally:
        await to_thread.run_sync(receiver.close)


async def _write_all(
    stream: AsyncIterator[bytes], receiver: Receiver, room: int, checksum: tuple[str, bytes] | None
) -> None:
    digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    batches = _Batches(receiver, digest)
    try:
        async for block in stream:
            room -= len(block)
            if room < 0:
                raise TooLong
            await batches.add(block)
        await batches.end()
        if checksum is not None and digest is not None and digest.digest() != checksum[1]:
            raise WrongPiece
    except (TooLong, WrongPiece):
        await batches.end()
        await to_thread.run_sync(receiver.undo)
        raise
    except BaseException:
        await batches.end()
        if digest is not None:
            await to_thread.run_sync(receiver.undo)
        raise


class _Batches:
    def __init__(self, receiver: Receiver, digest: Any) -> None:
        self._receiver, self._digest = receiver, digest
        self._waiting: list[bytes] = []
        self._size = 0
        self._since = time.monotonic()
        self._writing: asyncio.Future[None] | None = None

    async def add(self, block: bytes) -> None:
        self._waiting.append(block)
        self._size += len(block)
        if self._size >= BATCH or time.monotonic() - self._since > LONGEST_S:
            await self._hand_over()

    async def end(self) -> None:
        """Everything that was added is written, or an error was raised; nothing is under way any more."""
        if self._waiting:
            await self._hand_over()
        await self._written()

    async def _hand_over(self) -> None:
        await self._written()
        batch, self._waiting, self._size, self._since = self._waiting, [], 0, time.monotonic()
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._write, batch))

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _write(self, batch: list[bytes]) -> None:
        # In one piece: writing and hashing let the interpreter's lock go, and get it back from a busy loop only after
        # some milliseconds, each time.
        whole = b"".join(batch)
        self._receiver.write(whole)
        if self._digest is not None:
            self._digest.update(whole)
