"""gz, bz2, xz and zst files as streams of blocks, in bounded memory, up to the point where they are damaged."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from app.core.records import Text
from app.unpacking.kinds import CUT, BrokenArchive, Kind

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCK = 1 << 20
MAX_WINDOW_LOG = 28  # 256 MiB of memory to look back into

WINDOW = Text(
    "Reading it would take too much memory; pack it again without --long.",
    "解压需要过多内存；请重新压缩且不使用 --long。",
)


def open_compressed(file: BinaryIO, kind: Kind) -> Iterator[bytes]:
    """The content of a compressed file, in blocks of at most BLOCK bytes. Raises BrokenArchive(CUT) at the damage."""
    try:
        yield from _members(file, kind)
    except (lzma.LZMAError, zstd.ZstdError) as error:
        raise BrokenArchive(WINDOW if "emory" in str(error) else CUT) from error
    except (zlib.error, OSError, EOFError) as error:
        raise BrokenArchive(CUT) from error


def _members(file: BinaryIO, kind: Kind) -> Iterator[bytes]:
    """A file may be several streams one after the other, and padding or a signature may follow the last."""
    waiting = file.read(BLOCK)
    is_first = True
    while waiting:
        decompressor = _decompressor(kind)
        try:
            while not decompressor.eof:
                block = decompressor.decompress(waiting, BLOCK)
                waiting = decompressor.unconsumed_tail if isinstance(decompressor, _Gzip) else b""
                if block:
                    yield block
                elif not decompressor.eof and not waiting:
                    waiting = file.read(BLOCK)
                    if not waiting:
                        raise EOFError
        except (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError):
            if is_first:
                raise
            return
        is_first = False
        waiting = decompressor.unused_data or file.read(BLOCK)


class _Gzip:
    """zlib's object with the interface of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def unconsumed_tail(self) -> bytes:
        return self._zlib.unconsumed_tail

    def decompress(self, block: bytes, limit: int) -> bytes:
        return self._zlib.decompress(block, limit)


Decompressor = _Gzip | bz2.BZ2Decompressor | lzma.LZMADecompressor | zstd.ZstdDecompressor


def _decompressor(kind: Kind) -> Decompressor:
    if kind is Kind.GZIP:
        return _Gzip()
    if kind is Kind.BZIP2:
        return bz2.BZ2Decompressor()
    if kind is Kind.XZ:
        return lzma.LZMADecompressor(memlimit=1 << MAX_WINDOW_LOG)
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG})
