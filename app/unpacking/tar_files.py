"""Tar archives as streams, entry by entry into a taker."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from app.unpacking.entries import BLOCK, LINK, Entry, Taker
from app.unpacking.entry_names import decode_name
from app.unpacking.kinds import CUT, BrokenArchive

MAX_TAR_HEADER_BYTES = 1 << 20


def walk_tar(blocks: Iterator[bytes], taker: Taker) -> None:
    """Hand every entry of a tar stream to the taker. A stream that ends early gives what came before."""
    stream = cast(BinaryIO, _BlockReader(blocks))  # all that stream mode calls is read()
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_BoundedTarInfo, encoding="utf-8") as archive:
            for member in archive:
                _take_tar_member(archive, member, taker)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BrokenArchive(CUT) from error


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
