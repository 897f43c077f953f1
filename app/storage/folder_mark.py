"""A file that tells the storage's folder from an empty one in its place, such as where a disk is not mounted."""

from __future__ import annotations

from pathlib import Path

from app.errors import Unavailable
from app.storage.errors import NOT_THERE, storage_errors

MARK = "eadscope-storage"


def mark(root: Path) -> None:
    """Make the folder where there is none. Raises Unavailable."""
    with storage_errors():
        root.mkdir(parents=True, exist_ok=True)
        (root / MARK).touch()


def require_mark(root: Path) -> None:
    """Raises Unavailable: nothing may be written beside the storage, where it would be hidden later."""
    with storage_errors():
        if not (root / MARK).is_file():
            raise Unavailable(NOT_THERE)
