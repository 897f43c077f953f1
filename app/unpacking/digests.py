"""What identifies the files of a bundle, found out on all cores ahead of whoever asks for it in turn."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from app.unpacking.kinds import HEAD_BYTES, sniff_archive
from app.unpacking.on_disk import content_of, is_plain_file, size_of

SMALL_BYTES = 1 << 20  # to hand over such a file costs as much as to read it


class Digests:
    """Sizes and SHA-256 of files on disk. Leave it when nothing more will be asked for."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count())
        self._ahead: dict[Path, Future[tuple[int, str] | None]] = {}

    def __enter__(self) -> Digests:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def look_ahead(self, paths: Iterable[Path]) -> None:
        """Files that will be asked for, in this order."""
        for path in paths:
            if size_of(path) >= SMALL_BYTES and is_plain_file(path):
                self._ahead[path] = self._threads.submit(_content_of_file, path)

    def of(self, path: Path) -> tuple[int, str]:
        """Raises OSError where the file cannot be read."""
        ahead = self._ahead.pop(path, None)
        return (ahead.result() if ahead is not None else None) or content_of(path)


def _content_of_file(path: Path) -> tuple[int, str] | None:
    """None for an archive: it will be opened instead."""
    with path.open("rb") as file:
        kind = sniff_archive(file.read(HEAD_BYTES))
    return content_of(path) if kind is None else None
