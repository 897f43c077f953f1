"""What one bundle may unpack to, and the counting that stops a bomb while it unpacks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from app.core.records import Text

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one bundle may unpack to. The ratio counts unpacked bytes for each packed one, and only past a first amount:
    small files may be as regular as they like."""

    total_bytes: int = 40 * GIB
    files: int = 20_000
    depth: int = 5  # archives in archives
    ratio: int = 250
    ratio_from_bytes: int = 256 << 20
    free_bytes: int = 1 * GIB  # left on the disk


FULL = Text("The disk is full; free some space and upload it again.", "磁盘已满，请释放空间后重新上传。")


class Stop(Exception):
    """Nothing more is taken from this archive (`whole`: from any), and why."""

    def __init__(self, reason: Text, *, whole: bool = False) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.whole = whole


@dataclass(slots=True)
class Allowance:
    """How much of the limits is used up; every method raises Stop at its end."""

    limits: Limits
    written_bytes: int = 0
    seen: int = 0

    def count_file(self) -> None:
        self.seen += 1
        if self.seen > self.limits.files:
            raise Stop(
                Text(
                    f"More than {self.limits.files} files; the rest was not unpacked.",
                    f"文件超过 {self.limits.files} 个，其余未解压。",
                ),
                whole=True,
            )

    def count_bytes(self, length: int) -> None:
        self.written_bytes += length
        self.check_total(0)

    def check_total(self, more_bytes: int) -> None:
        if self.written_bytes + more_bytes > self.limits.total_bytes:
            limit = self.limits.total_bytes / GIB
            raise Stop(
                Text(
                    f"It unpacks to more than {limit:.3g} GiB; nothing more was unpacked.",
                    f"解压后超过 {limit:.3g} GiB，已停止解压。",
                ),
                whole=True,
            )

    def check_ratio(self, taken_bytes: int, packed_bytes: int) -> None:
        if taken_bytes > self.limits.ratio_from_bytes and taken_bytes > self.limits.ratio * packed_bytes:
            raise Stop(
                Text(
                    f"It unpacks to more than {self.limits.ratio} times its size, as decompression bombs do; refused.",
                    f"解压后超过自身大小的 {self.limits.ratio} 倍，疑似压缩炸弹，已拒绝。",
                )
            )

    def check_disk(self, folder: Path, declared_bytes: int) -> None:
        if shutil.disk_usage(folder).free - declared_bytes < self.limits.free_bytes:
            raise Stop(FULL, whole=True)
