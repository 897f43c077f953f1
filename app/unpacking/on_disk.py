"""Files on disk as an unpacker may look at them: never through a link, and not opened before they are known."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.unpacking.entries import BLOCK
from app.unpacking.kinds import HEAD_BYTES, Kind


def files_below(folder: Path) -> Iterator[Path]:
    """Every entry below a folder that is no folder, in a stable order; links are listed, never followed."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(root) / name


def is_plain_file(path: Path) -> bool:
    """Asked without following links: opening a pipe or a device would hang."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def content_of(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def is_office_document(path: Path, kind: Kind) -> bool:
    """A .docx or .xlsx is a zip too, but one document to its owner, not a bundle of forty files."""
    if kind is not Kind.ZIP:
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    name_bytes = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + name_bytes] in (b"[Content_Types].xml", b"mimetype")
