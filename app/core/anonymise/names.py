"""Users, MACs and other names → others of the same length and shape, numbered in the order in which they are met.

The same number of bytes in every encoding, so that sizes and fragment boundaries stay; few different characters, so
that a compressed message does not grow.
"""

from __future__ import annotations

import re
from collections.abc import Collection

SEPARATORS = re.compile(r"([@\\/])")
# Ranges whose characters take the same number of bytes as each other, in every encoding that is met.
RANGES = (
    ("0", "9"), ("A", "Z"), ("a", "z"), ("\u4e00", "\u9fa5"), ("\u0410", "\u042f"), ("\u0430", "\u044f"),
    ("\u0391", "\u03a1"), ("\u03b1", "\u03c1"), ("\u3041", "\u3093"), ("\u30a1", "\u30f6"), ("\uac00", "\ud7a3"),
    ("\u00e0", "\u00f6"), ("\u00c0", "\u00d6"), ("\uff10", "\uff19"), ("\uff21", "\uff3a"), ("\uff41", "\uff5a"),
    ("\u3400", "\u4db5"), ("\u0e01", "\u0e2e"), ("\u0621", "\u063a"), ("\u05d0", "\u05ea"),
)  # fmt: skip
SHORTEST_PART = 4  # a part of a user's name that is replaced where it stands alone


class NameMap:
    """`users`, `macs`, `words` (hosts, domains, other people) and `ids` (of checks, where capitals count): original →
    replacement, as they are met or were kept from an earlier time."""

    def __init__(
        self,
        users: dict[str, str] | None = None,
        macs: dict[str, str] | None = None,
        words: dict[str, str] | None = None,
        ids: dict[str, str] | None = None,
    ) -> None:
        self.users = dict(users or {})
        self.macs = dict(macs or {})
        self.words = dict(words or {})
        self.ids = dict(ids or {})
        self._parts: dict[str, str] = {}
        self._taken: set[str] = set()
        for original, new in (*self.users.items(), *self.words.items(), *self.ids.items()):
            for part, new_part in zip(SEPARATORS.split(original), SEPARATORS.split(new), strict=False):
                self._parts[part] = new_part
                self._taken |= {part, new_part}

    def learn(
        self,
        users: Collection[str],
        macs: Collection[str],
        words: Collection[str] = (),
        ids: Collection[str] = (),
    ) -> None:
        """All that there are, before any is replaced: no replacement shall be somebody's real name."""
        for name in (*users, *words, *ids):
            self._taken |= set(SEPARATORS.split(name))
        for user in sorted(users):
            self.user(user)
        for mac in sorted(macs):
            self.mac(mac)
        for event_id in sorted(ids):
            self.event_id(event_id)
        # What is a user already, or a part of one, needs no second replacement.
        for word in sorted(set(words) - set(users) - set(self._parts)):
            self.word(word)

    def user(self, name: str) -> str:
        if name not in self.users:
            self.users[name] = self._parted(name)
        return self.users[name]

    def word(self, word: str) -> str:
        """A host, a domain, a person who is not known as a user, a number that belongs to somebody."""
        if word not in self.words:
            self.words[word] = self._parted(word)
        return self.words[word]

    def event_id(self, event_id: str) -> str:
        if event_id not in self.ids:
            self.ids[event_id] = self._parted(event_id)
        return self.ids[event_id]

    def _parted(self, name: str) -> str:
        return "".join(part if SEPARATORS.fullmatch(part) else self._part(part) for part in SEPARATORS.split(name))

    def parts(self) -> dict[str, str]:
        """Parts of users long enough to be replaced where they stand alone."""
        locals_ = {SEPARATORS.split(user)[0] for user in self.users} | {
            SEPARATORS.split(user)[2] for user in self.users if "\\" in user
        }
        return {part: self._parts[part] for part in locals_ if len(part) >= SHORTEST_PART and part in self._parts}

    def mac(self, mac: str) -> str:
        """ "3C:52:82:48:01:01" → "02:00:00:00:00:01"; group addresses stay."""
        mac = mac.upper().replace("-", ":")
        if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
            return mac
        if mac not in self.macs:
            octets = f"{len(self.macs) + 1:010X}"
            self.macs[mac] = "02:" + ":".join(octets[at : at + 2] for at in range(0, 10, 2))
        return self.macs[mac]

    def _part(self, part: str) -> str:
        if part not in self._parts:
            shape = [_range_of(char) for char in part]
            new = next((c for n in range(1, 100_000) if (c := _counted(part, shape, n)) not in self._taken), None)
            self._parts[part] = new if new is not None else _counted(part, shape, 1)
            self._taken.add(self._parts[part])
        return self._parts[part]


def _range_of(char: str) -> tuple[str, str] | None:
    return next(((low, high) for low, high in RANGES if low <= char <= high), None)


def _counted(part: str, shape: list[tuple[str, str] | None], number: int) -> str:
    """The `number`-th text of that shape, counting from the right as a clock does."""
    chars = list(part)
    for at in reversed(range(len(chars))):
        letters = shape[at]
        if letters is None:
            # A sign, or a letter of another script: its length in bytes stays where it stands for itself.
            continue
        first = ord(letters[0])
        number, digit = divmod(number, ord(letters[1]) - first + 1)
        chars[at] = chr(first + digit)
    return "".join(chars)
