"""Reads a file as a stream of blocks, decompressing on the way: nothing is unpacked to disk or held whole."""

from __future__ import annotations

import bz2
import lzma
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Protocol

import zstandard

BLOCK_BYTES = 4 * 1024 * 1024
PACKED_BYTES = 1024 * 1024


class CutStream(Exception):
    """A compressed file ends too early or is damaged; what came before it was delivered."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Gzip:
    """zlib's object behind the interface that lzma and bz2 have."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


PACKERS: tuple[tuple[bytes, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b", _Gzip),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
    (b"BZh", bz2.BZ2Decompressor),
)
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def read_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Blocks of up to `size` bytes of the (uncompressed) content.

    Raises OSError as `open` does, and CutStream after the last good block of a damaged compressed file.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(ZSTD_MAGIC):
            yield from _zstandard(file, size)
            return
        for magic, make in PACKERS:
            if head.startswith(magic):
                yield from _packed(file, make, size)
                return
        while block := file.read(size):
            yield block


def read_ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks; while one is used, another thread reads the next. Errors come through in place."""
    waiting: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
    room = threading.Semaphore()  # there are two blocks at a time, no more
    stopped = threading.Event()

    def fetch() -> None:
        try:
            while room.acquire() and not stopped.is_set():
                block = next(blocks, None)
                waiting.put(block)
                if block is None:
                    break
        except Exception as error:  # handed over to whoever takes the blocks
            waiting.put(error)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        while isinstance(block := waiting.get(), bytes):
            room.release()
            yield block
        if block is not None:
            raise block
    finally:
        stopped.set()
        room.release()
        thread.join()


def read_head(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of the (uncompressed) content; as many as a damaged file gives."""
    head = b""
    try:
        for block in read_blocks(path, size):
            head += block
            if len(head) >= size:
                break
    except CutStream:
        pass
    return head[:size]


def _zstandard(file: BinaryIO, size: int) -> Iterator[bytes]:
    # The window decides how much memory a frame can ask for.
    reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file, read_across_frames=True)
    try:
        while block := reader.read(size):
            yield block
    except zstandard.ZstdError as error:
        raise CutStream(str(error)) from error


def _packed(file: BinaryIO, make: Callable[[], _Decompressor], size: int) -> Iterator[bytes]:
    inflater, packed = make(), b""
    whole = bytearray()
    try:
        while True:
            if not packed and inflater.needs_input:
                packed = file.read(PACKED_BYTES)
                if not packed:
                    break
            whole += inflater.decompress(packed, size - len(whole))
            packed = b""
            if len(whole) >= size:
                yield bytes(whole)
                whole.clear()
            if inflater.eof:
                packed = inflater.unused_data or file.read(PACKED_BYTES)
                if not packed.strip(b"\0"):
                    break
                inflater = make()
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        if whole:
            yield bytes(whole)
        raise CutStream(str(error)) from error
    if whole:
        yield bytes(whole)
    if not inflater.eof:
        raise CutStream("unexpected end")
