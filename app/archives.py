"""What an archive is by its content, and one walk through it that hands every entry to a taker.

The taker decides what becomes of an entry's bytes and stops a bomb by raising; nothing here writes files, and no entry
is ever extracted by its own name. Readers raise `BrokenArchive` with a sentence for what they cannot go on from.
"""

from __future__ import annotations

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from app.archive_kinds import CUT, BrokenArchive, Kind
from app.core.records import Text
from app.entry_names import decode_name

BLOCK = 1 << 20
# A directory of this size lists about a million entries, each of which costs a kilobyte of memory to know of.
MAX_DIRECTORY_BYTES = 48 << 20
MAX_TAR_HEADER_BYTES = 1 << 20


LINK = Text(
    "A link or a device, not a file; links in archives are not followed.",
    "这是链接或设备而非文件；不跟随压缩包内的链接。",
)
PASSWORD = Text(
    "Protected by a password. Unpack it and upload the files, or pack them again without a password.",
    "有密码保护。请解压后上传文件，或重新打包且不加密码。",
)
METHOD = Text(
    "Compressed by a method that cannot be read here. Pack it again as an ordinary zip.",
    "采用了无法识别的压缩方法。请重新打包为普通 zip。",
)
DAMAGED = Text("Damaged in the archive: its checksum does not match.", "压缩包内该文件已损坏：校验和不符。")
BROKEN = Text("The archive is broken and cannot be opened.", "压缩包已损坏，无法打开。")
TOO_MANY = Text("The archive lists too many files.", "压缩包内文件数量过多。")
RAR_NOT_READ = Text(
    "RAR archives cannot be read. Unpack it and upload the files, or pack them as zip or 7z.",
    "无法读取 RAR 压缩包。请解压后上传文件，或打包为 zip 或 7z。",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that an archive lists. `problem` says why its content cannot be had at all."""

    name: str
    size_bytes: int | None = None  # as declared: a claim
    problem: Text | None = None


class Taker(Protocol):
    """Who gets the entries, one after the other."""

    def begin(self, entry: Entry) -> Callable[[bytes], None] | None:
        """Called for each entry; the answer gets its blocks, or None: the content is not wanted."""
        ...

    def end(self, problem: Text | None) -> None:
        """Called after the last block of an entry that was wanted."""
        ...


def walk(path: Path, kind: Kind, taker: Taker) -> None:
    """Hand every entry of the zip, 7z or tar archive at `path` to the taker."""
    if kind is Kind.ZIP:
        _walk_zip(path, taker)
    elif kind is Kind.SEVEN_ZIP:
        from app.seven_zip import walk_seven_zip

        walk_seven_zip(path, taker)
    elif kind is Kind.TAR:
        with path.open("rb") as file:
            walk_tar(iter(lambda: file.read(BLOCK), b""), taker)
    else:
        raise BrokenArchive(RAR_NOT_READ)


def walk_tar(blocks: Iterator[bytes], taker: Taker) -> None:
    """Hand every entry of a tar stream to the taker. A stream that ends early gives what came before."""
    stream = cast(BinaryIO, _BlockReader(blocks))  # all that stream mode calls is read()
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_BoundedTarInfo, encoding="utf-8") as archive:
            for member in archive:
                _take_tar_member(archive, member, taker)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BrokenArchive(CUT) from error


# ---------------------------------------------------------------- zip


def _walk_zip(path: Path, taker: Taker) -> None:
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


# ---------------------------------------------------------------- tar


class _BoundedTarInfo(tarfile.TarInfo):
    """tarfile reads a long name or a PAX header whole into memory; a hostile one is as long as it likes."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        special = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, b"X")
        if self.type in special and self.size > MAX_TAR_HEADER_BYTES:
            raise tarfile.ReadError("header too long")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


class _BlockReader:
    """File-like reading from blocks, for tarfile's stream mode."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._waiting = b""

    def read(self, size: int) -> bytes:
        while not self._waiting:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._waiting = block
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken


def _take_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, taker: Taker) -> None:
    if member.isdir():
        return
    problem = None if member.isreg() else LINK
    write = taker.begin(Entry(_tar_name(member.name), member.size, problem))
    if write is None:
        return
    problem = None
    try:
        file = archive.extractfile(member)
        assert file is not None, "extractfile() opens every regular member"
        while block := file.read(BLOCK):
            write(block)
    except (tarfile.TarError, EOFError, ValueError):
        problem = CUT
    except BrokenArchive as error:
        taker.end(error.text)
        raise
    taker.end(problem)


def _tar_name(name: str) -> str:
    return decode_name(name.encode("utf-8", "surrogateescape"))
