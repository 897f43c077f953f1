"""7z archives through py7zr, entry by entry into a taker, never by an entry's own name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import py7zr
from py7zr.archiveinfo import HeaderStreamsInfo
from py7zr.io import Py7zIO, WriterFactory
from py7zr.properties import COMPRESSION_METHOD, PROPERTY

from app.unpacking.entries import (
    BROKEN,
    DAMAGED,
    LINK,
    MAX_DIRECTORY_BYTES,
    MAX_MEMORY_BYTES,
    MEMORY,
    PASSWORD,
    TOO_MANY,
    Entry,
    Taker,
)
from app.unpacking.kinds import BrokenArchive

SIGNATURE_BYTES = 32


class TakerStops(Exception):
    """Carries what the taker raised through py7zr, so that it is not mistaken for damage."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def walk_seven_zip(path: Path, taker: Taker) -> None:
    """Hand every entry to the taker. Raises BrokenArchive where the archive's list cannot be read."""
    with path.open("rb") as file:
        try:
            if _header_bytes(file) > MAX_DIRECTORY_BYTES:
                raise BrokenArchive(TOO_MANY)
            file.seek(0)
            with py7zr.SevenZipFile(file) as archive:
                if archive.needs_password():
                    raise BrokenArchive(PASSWORD)
                if _memory_bytes(archive) > MAX_MEMORY_BYTES:
                    raise BrokenArchive(MEMORY)
                _take_all(archive, taker)
        except BrokenArchive:
            raise
        except TakerStops as stop:
            raise stop.cause from stop
        except py7zr.exceptions.PasswordRequired as error:
            raise BrokenArchive(PASSWORD) from error
        # A hostile header makes py7zr fail in ways that it does not document.
        except Exception as error:
            raise BrokenArchive(BROKEN) from error


def _header_bytes(file: BinaryIO) -> int:
    """The size of the list of entries in memory: as the signature header claims it, or, where the list is compressed
    itself, as that claims it."""
    signature = file.read(SIGNATURE_BYTES)
    if len(signature) < SIGNATURE_BYTES:
        return 0
    offset, size = struct.unpack_from("<QQ", signature, 12)
    if size > MAX_DIRECTORY_BYTES:
        return int(size)
    file.seek(SIGNATURE_BYTES + offset)
    header = file.read(size)
    if not header.startswith(PROPERTY.ENCODED_HEADER):
        return int(size)
    folders = HeaderStreamsInfo.retrieve(BytesIO(header[1:])).unpackinfo.folders
    return max((unpacked for folder in folders for unpacked in folder.unpacksizes), default=0)


def _memory_bytes(archive: Any) -> int:
    """The most that one of the archive's decompressors asks for: how far it looks back, or its model."""
    streams = archive.header.main_streams
    coders = [] if streams is None else [coder for folder in streams.unpackinfo.folders for coder in folder.coders]
    return max((_coder_bytes(coder["method"], coder.get("properties") or b"") for coder in coders), default=0)


def _coder_bytes(method: bytes, properties: bytes) -> int:
    if method == COMPRESSION_METHOD.LZMA and len(properties) >= 5:
        return int.from_bytes(properties[1:5], "little")
    if method == COMPRESSION_METHOD.PPMD and len(properties) >= 5:
        return int.from_bytes(properties[1:5], "little")
    if method == COMPRESSION_METHOD.LZMA2 and properties:
        return (2 | properties[0] & 1) << (properties[0] // 2 + 11)
    return 0


def _take_all(archive: Any, taker: Taker) -> None:
    factory = _Factory(taker)
    for number, info in enumerate(archive.files):
        if info.is_directory:
            continue
        is_file = not (info.is_symlink or info.is_junction or info.is_socket)
        factory.entries[str(number)] = Entry(info.filename, info.uncompressed or 0, None if is_file else LINK)
        # py7zr refuses a whole archive for one name that leads out of it; numbers lead nowhere.
        info.file_properties()["filename"] = str(number)
    try:
        archive.extractall(factory=factory)
    except TakerStops:
        raise
    except Exception:
        factory.finish(DAMAGED)


class _Factory(WriterFactory):
    """Asked by py7zr for a place to write each entry, by its number."""

    def __init__(self, taker: Taker) -> None:
        self.taker = taker
        self.entries: dict[str, Entry] = {}
        self._writing: _EntryWriter | None = None

    def create(self, filename: str) -> Py7zIO:
        entry = self.entries.pop(Path(filename).name)
        self._writing = _EntryWriter(self.taker, entry)
        return self._writing

    def finish(self, problem: Any) -> None:
        """End the entry that was being written when py7zr failed, and name those that it did not get to."""
        if self._writing is not None:
            self._writing.fail(problem)
        for entry in self.entries.values():
            self.taker.begin(Entry(entry.name, entry.size_bytes, entry.problem or problem))


class _EntryWriter(Py7zIO):
    def __init__(self, taker: Taker, entry: Entry) -> None:
        self._taker = taker
        self._size = 0
        self._write: Callable[[bytes], None] | None = self._guarded(lambda: taker.begin(entry))
        self._is_open = self._write is not None

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        write = self._write
        if write is not None:
            self._guarded(lambda: write(bytes(s)))
        return len(s)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._guarded(lambda: self._taker.end(None))

    def fail(self, problem: Any) -> None:
        if self._is_open:
            self._is_open = False
            self._taker.end(problem)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._size

    @staticmethod
    def _guarded(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            raise TakerStops(error) from error
