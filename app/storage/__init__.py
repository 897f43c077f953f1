"""Where uploaded files lie: by their content's SHA-256, never by their name; in a folder or in an object store."""

from __future__ import annotations

from app.config import Settings
from app.storage.contract import BLOCK, Busy, Moved, Pieces, Storage, Stored
from app.storage.folder import FolderStorage

__all__ = ["BLOCK", "Busy", "FolderStorage", "Moved", "Pieces", "Storage", "Stored", "open_storage"]


def open_storage(options: Settings) -> Storage:
    """The storage that the settings name; nothing is connected yet. Raises ValueError for an address that is none."""
    if options.storage_url is None:
        return FolderStorage(options.storage)
    from app.storage.objects import ObjectStorage  # loads a client that most installations never need

    return ObjectStorage(options.storage_url, options.cache, options.cache_bytes)
