"""The lines of a log before its first record: a rotation may have cut them off the last record of the file before."""

from __future__ import annotations

from collections.abc import Callable

from app.core.records import MAX_EDGE_BYTES


class LeadLines:
    """Their text, and the byte of the file where each of them begins and the last one ends (`places`)."""

    def __init__(self, file_offset: Callable[[int], int]) -> None:
        """`file_offset`: text offset → byte of the file, asked only while a line is being read."""
        self._file_offset = file_offset
        self._places = [0]
        self._text = b""

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(self._places)

    @property
    def half(self) -> bytes:
        """The text where it may be the rest of a record: there is something, and not too much of it; else nothing."""
        return self._text if len(self._text) <= MAX_EDGE_BYTES and self._text.strip() else b""

    def add(self, raw: bytes, at: int) -> None:
        """Text that stands at text offset `at`; without effect where the lines are too many to be half a record."""
        if not raw or len(self._text) > MAX_EDGE_BYTES:
            return
        self._places.pop()
        if not self._text or self._text.endswith(b"\n"):
            self._places.append(self._file_offset(at))
        end = raw.find(b"\n") + 1
        while end:
            self._places.append(self._file_offset(at + end))
            end = raw.find(b"\n", end) + 1
        if not raw.endswith(b"\n"):
            self._places.append(self._file_offset(at + len(raw)))
        self._text += raw
