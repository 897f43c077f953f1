"""What an archive lists, who takes it, and what can be wrong with it. Readers of archives and takers meet here.

The taker decides what becomes of an entry's bytes and stops a bomb by raising; no reader writes files, and no entry is
ever extracted by its own name. Readers raise `BrokenArchive` with a sentence for what they cannot go on from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.core.records import Text

BLOCK = 1 << 20
# A directory of this size lists about a million entries, each of which costs a kilobyte of memory to know of.
MAX_DIRECTORY_BYTES = 48 << 20
MAX_MEMORY_BYTES = 256 << 20  # what a decompressor may ask for to look back into

LINK = Text(
    "A link or a device, not a file; links in archives are not followed.",
    "这是链接或设备而非文件；不跟随压缩包内的链接。",
)
MEMORY = Text(
    "Reading it would take too much memory; pack it again with an ordinary dictionary size.",
    "解压需要过多内存；请使用常规字典大小重新压缩。",
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
