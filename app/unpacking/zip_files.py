"""Zip archives, entry by entry into a taker."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from app.unpacking.entries import (
    BLOCK,
    BROKEN,
    DAMAGED,
    LINK,
    MAX_DIRECTORY_BYTES,
    MAX_MEMORY_BYTES,
    MEMORY,
    METHOD,
    PASSWORD,
    TOO_MANY,
    Entry,
    Taker,
)
from app.unpacking.entry_names import decode_name
from app.unpacking.kinds import BrokenArchive


def walk_zip(path: Path, taker: Taker) -> None:
    with path.open("rb") as file:
        if _zip_directory_bytes(file) > MAX_DIRECTORY_BYTES:
            raise BrokenArchive(TOO_MANY)
        try:
            with zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        _take_zip_entry(archive, info, taker)
        # The directory of a hostile zip can make zipfile fail in any of these ways.
        except (zipfile.BadZipFile, struct.error, EOFError, ValueError, NotImplementedError, OverflowError) as error:
            raise BrokenArchive(BROKEN) from error


def _take_zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, taker: Taker) -> None:
    mode = info.external_attr >> 16
    problem = None
    if info.flag_bits & 0x1:
        problem = PASSWORD
    elif mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        problem = LINK
    elif info.compress_type == zipfile.ZIP_LZMA and _dictionary_bytes(archive, info) > MAX_MEMORY_BYTES:
        problem = MEMORY
    write = taker.begin(Entry(_zip_name(info), info.file_size, problem))
    if write is None:
        return
    problem = None
    try:
        with archive.open(info) as file:
            while block := file.read(BLOCK):
                write(block)
    except NotImplementedError:
        problem = METHOD
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, struct.error):
        problem = DAMAGED
    taker.end(problem)


def _dictionary_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """How far an LZMA entry looks back: in the properties that stand before its data."""
    assert archive.fp is not None
    archive.fp.seek(info.header_offset + 26)
    name_bytes, extra_bytes = struct.unpack("<HH", archive.fp.read(4))
    archive.fp.seek(name_bytes + extra_bytes, 1)
    properties = archive.fp.read(9)
    return int.from_bytes(properties[5:9], "little")


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name in its own encoding: zipfile reads every name without the UTF-8 flag as code page 437."""
    unicode_name = _unicode_path(info.extra)
    if unicode_name is not None:
        return unicode_name
    if info.flag_bits & 0x800:
        return info.filename
    return decode_name(info.orig_filename.encode("cp437", "replace"))


def _unicode_path(extra: bytes) -> str | None:
    """Info-ZIP's Unicode path field (0x7075): version, CRC of the other name, then the name in UTF-8."""
    while len(extra) >= 4:
        number, length = struct.unpack_from("<HH", extra)
        if number == 0x7075 and length > 5:
            try:
                return extra[9 : 4 + length].decode("utf-8")
            except UnicodeDecodeError:
                return None
        extra = extra[4 + length :]
    return None


def _zip_directory_bytes(file: BinaryIO) -> int:
    """The size of the list of entries as the end record claims it; 0 where there is none (zipfile will complain)."""
    size = file.seek(0, 2)
    file.seek(max(0, size - (66 << 10)))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return 0
    claimed: int = struct.unpack_from("<I", tail, at + 12)[0]
    big = tail.rfind(b"PK\x06\x06", 0, at)
    if claimed == 0xFFFFFFFF and big >= 0 and len(tail) - big >= 56:
        claimed = struct.unpack_from("<Q", tail, big + 40)[0]
    return claimed
