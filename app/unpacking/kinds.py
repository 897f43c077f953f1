"""What an archive or compressed file is, by its first bytes, never by its name."""

from __future__ import annotations

from enum import StrEnum

from app.core.records import Text

HEAD_BYTES = 1 << 10

CUT = Text(
    "The compressed file is cut off or damaged; everything before that point was used.",
    "压缩文件不完整或已损坏；已使用损坏点之前的全部内容。",
)


class Kind(StrEnum):
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    TAR = "tar"
    GZIP = "gz"
    BZIP2 = "bz2"
    XZ = "xz"
    ZSTD = "zst"
    RAR = "rar"


COMPRESSED = frozenset({Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD})


class BrokenArchive(Exception):
    """The archive cannot be read, or not from here on."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def sniff_archive(head: bytes) -> Kind | None:
    """What the first HEAD_BYTES of a file say; None for anything that is no archive."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Kind.ZIP
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return Kind.SEVEN_ZIP
    if head.startswith(b"Rar!\x1a\x07"):
        return Kind.RAR
    if head.startswith(b"\x1f\x8b\x08"):
        return Kind.GZIP
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return Kind.BZIP2
    if head.startswith(b"\xfd7zXZ\x00"):
        return Kind.XZ
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Kind.ZSTD
    return Kind.TAR if is_tar(head) else None


def is_tar(head: bytes) -> bool:
    """A tar header is known by its checksum: the sum of its bytes, with the checksum's own place read as spaces."""
    if len(head) < 512 or not head[0]:
        return False
    digits = head[148:156].strip(b" \0")
    if not digits or not set(digits) <= set(b"01234567"):
        return False
    return sum(head[:148]) + sum(head[156:512]) + 8 * 0x20 == int(digits, 8)
