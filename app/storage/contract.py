"""What the product needs of a place for files, whatever kind of place it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from app.core.records import Text
from app.errors import AppError, Conflict

BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    sha256: str
    size_bytes: int


class Busy(AppError):
    """Somebody else writes to this upload now."""

    status = 423

    def __init__(self) -> None:
        super().__init__(Text("Another request is writing to this upload.", "另一个请求正在写入此上传。"))


class Moved(Conflict):
    """A piece begins elsewhere than where the upload ends."""

    def __init__(self, end: int) -> None:
        super().__init__(Text(f"The upload stands at {end}.", f"该上传当前位于 {end}。"))


class Appending(Protocol):
    """The one writer at the end of an upload."""

    def write(self, content: bytes) -> None:
        """Keep the content. Raises Unavailable; what was kept before stays."""
        ...

    def undo(self) -> None:
        """Forget what this writer wrote."""
        ...


class Pieces(Protocol):
    """What has arrived of uploads that are not whole yet. What is stored tells how far each is; nobody counts."""

    def arrived(self, upload_id: str) -> int:
        """How many bytes from the start are there."""
        ...

    def appending(self, upload_id: str, offset: int) -> AbstractContextManager[Appending]:
        """Write from `offset`. What was written stays when the block is left by an error. Raises Busy, Moved,
        Unavailable."""
        ...

    def read(self, upload_id: str) -> Iterator[bytes]:
        """The content, in blocks."""
        ...

    def remove(self, upload_id: str) -> None: ...

    def all(self) -> Iterator[tuple[str, float]]:
        """Every upload of which something is there, and when it last grew, in seconds since 1970."""
        ...


class Storage(Protocol):
    """Contents are immutable: the same content is stored once."""

    @property
    def pieces(self) -> Pieces: ...

    @property
    def place(self) -> str | None:
        """What tells this place from others, where `prepare` does something there."""
        ...

    def prepare(self) -> None:
        """Take an empty place into use. Raises Unavailable."""
        ...

    def put(self, blocks: Iterable[bytes]) -> Stored:
        """Store the blocks' content; whole or not at all. Raises Unavailable when the place is full or away."""
        ...

    def adopt(self, path: Path, stored: Stored) -> None:
        """Store a local file whose content is known to be `stored`; it is moved where that is possible."""
        ...

    def finish(self, upload_id: str, stored: Stored) -> None:
        """Store what arrived in pieces, known to be `stored`. The pieces may stay, for `Pieces.remove`."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading, seekable. Raises NotFound."""
        ...

    def local(self, sha256: str) -> Path:
        """A path where tools such as tshark can read the content; read-only. Raises NotFound, Unavailable."""
        ...

    def has(self, sha256: str) -> bool: ...

    def delete(self, sha256: str) -> None:
        """Forget the content; nothing happens where there is none."""
        ...

    def contents(self) -> Iterator[tuple[str, float]]:
        """Every content that is stored, and since when, in seconds since 1970."""
        ...

    def tidy(self, before: float) -> None:
        """Remove what writers left that were killed before that time."""
        ...

    def check(self) -> None:
        """Raise Unavailable unless a file can be stored now."""
        ...
