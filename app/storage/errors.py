"""What the operating system says of a storage, as a sentence for people."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.records import Text
from app.errors import NotFound, Unavailable

FULL = Text(
    "The server's disk is full. What has arrived is safe; the upload goes on once there is space.",
    "服务器磁盘已满。已收到的内容不会丢失，腾出空间后会继续上传。",
)
NOT_THERE = Text(
    "The file storage is away: its folder is missing, or another one lies in its place; is its disk mounted?"
    " What was stored is not lost. If a new folder is meant, make an empty file eadscope-storage in it.",
    "文件存储不可用：其目录不存在，或该位置是另一个目录；请检查磁盘是否已挂载。已存储的内容没有丢失。"
    "如确需启用新目录，请在其中创建空文件 eadscope-storage。",
)


def away(reason: str) -> Unavailable:
    return Unavailable(Text(f"The file storage cannot be used: {reason}.", f"文件存储无法使用：{reason}。"))


def missing(sha256: str) -> NotFound:
    return NotFound(Text(f"The stored file {sha256[:12]}… is missing.", f"存储中缺少文件 {sha256[:12]}…。"))


def place_of(sha256: str) -> str:
    """`ab/cd/abcd…`, two levels so that no folder grows past what file systems like. Raises NotFound."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise NotFound(Text("This is not the name of a stored file.", "这不是存储文件的名称。"))
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


@contextmanager
def storage_errors() -> Iterator[None]:
    """OSError becomes Unavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(FULL) from error
        raise away(error.strerror or str(error)) from error
