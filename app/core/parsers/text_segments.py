"""From a place in a log's text back to the stored file, stretch by stretch."""

from __future__ import annotations

import numpy as np


class Segment:
    """A stretch of text with one rule that leads back to the file."""

    __slots__ = ("codec", "file_start", "piece", "text_end", "text_start", "units")

    def __init__(self, text_start: int, file_start: int, piece: bytes | None = None, codec: str = "") -> None:
        self.text_start = text_start
        self.file_start = file_start
        self.text_end = text_start
        self.piece = piece
        self.codec = codec
        self.units: np.ndarray | None = None

    @property
    def is_wide(self) -> bool:
        return self.piece is not None

    def file_offset(self, text_offset: int) -> int:
        inside = text_offset - self.text_start
        if self.piece is None or inside <= 0:
            return self.file_start + inside
        if not self.codec.startswith("utf-16"):
            return self.file_start + len(self.piece[:inside].decode("utf-8", "replace").encode(self.codec, "replace"))
        if self.units is None:
            octets = np.frombuffer(self.piece, np.uint8)
            # UTF-16 units begun by each UTF-8 byte: one for a leading byte, two where it leads four bytes.
            begun = ((octets & 0xC0) != 0x80).astype(np.int32) + (octets >= 0xF0)
            self.units = np.cumsum(begun)
        return self.file_start + 2 * int(self.units[min(inside, len(self.piece)) - 1])
