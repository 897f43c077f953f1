"""Events that are made when somebody asks for them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import overload

from app.core.records import LogEvent


class EventSequence(Sequence[LogEvent]):
    """What every such sequence does alike; each tells its length and the event of a row, from 0."""

    @abstractmethod
    def _event(self, row: int) -> LogEvent: ...

    @overload
    def __getitem__(self, index: int) -> LogEvent: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LogEvent, ...]: ...
    def __getitem__(self, index: int | slice) -> LogEvent | tuple[LogEvent, ...]:
        if isinstance(index, slice):
            return tuple(self._event(row) for row in range(*index.indices(len(self))))
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        return self._event(row)

    def __iter__(self) -> Iterator[LogEvent]:
        return (self._event(row) for row in range(len(self)))
