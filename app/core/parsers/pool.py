"""The distinct strings of a table, each kept once and named by a number."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.parsers.log_text import decode

_KEPT_TEXTS = 4_096


class Pool:
    """Distinct byte strings, numbered from 1; 0 is None. Beyond `limit` of them new ones become None."""

    def __init__(self, limit: int = 1 << 31) -> None:
        self._limit = limit
        self.items: list[bytes | None] = [None]
        self.numbers: dict[bytes | None, int] = {None: 0}
        self._texts: dict[int, str] = {}

    def number(self, item: bytes | None) -> int:
        number = self.numbers.get(item)
        if number is None:
            if len(self.items) > self._limit:
                return 0
            number = self.numbers[item] = len(self.items)
            self.items.append(item)
        return number

    def join(self, items: Sequence[bytes | None]) -> list[int]:
        """The numbers that the items of another pool have here."""
        return [self.number(item) for item in items]

    def text(self, number: int) -> str:
        """The string, decoded and without blanks around it; "" for None."""
        text = self._texts.get(number)
        if text is None:
            if len(self._texts) >= _KEPT_TEXTS:
                self._texts.clear()
            text = self._texts[number] = decode(self.items[number] or b"").strip()
        return text

    def frozen(self) -> Pool:
        """A copy to read only: without what is needed to add."""
        copy = Pool(0)
        copy.items = self.items
        copy.numbers = {}
        return copy


class PoolOfParts(Pool):
    """Strings that hardly come again in another part: one that does is kept again, and nothing is kept to look for
    it."""

    def join(self, items: Sequence[bytes | None]) -> list[int]:
        first = len(self.items)
        self.items += items[1:]
        return [0, *range(first, len(self.items))]
