"""Users and MACs → others of the same length and shape, numbered in the order in which they are met.

The same number of bytes in every encoding, so that sizes and fragment boundaries stay; few different characters, so
that a compressed message does not grow.
"""

from __future__ import annotations

import re
from collections.abc import Collection

SEPARATORS = re.compile(r"([@\\/])")
LOWEST = {"digit": "0", "upper": "A", "lower": "a", "han": "\u4e00"}
SIZES = {"digit": 10, "upper": 26, "lower": 26, "han": 20_000}
SHORTEST_PART = 4  # a part of a user's name that is replaced where it stands alone


class NameMap:
    """`users` and `macs`: original → replacement, as they are met or were kept from an earlier time."""

    def __init__(self, users: dict[str, str] | None = None, macs: dict[str, str] | None = None) -> None:
        self.users = dict(users or {})
        self.macs = dict(macs or {})
        self._parts: dict[str, str] = {}
        self._taken: set[str] = set()
        for original, new in self.users.items():
            for part, new_part in zip(SEPARATORS.split(original), SEPARATORS.split(new), strict=False):
                self._parts[part] = new_part
                self._taken |= {part, new_part}

    def learn(self, users: Collection[str], macs: Collection[str]) -> None:
        """All that there are, before any is replaced: no replacement shall be somebody's real name."""
        for user in users:
            self._taken |= set(SEPARATORS.split(user))
        for user in sorted(users):
            self.user(user)
        for mac in sorted(macs):
            self.mac(mac)

    def user(self, name: str) -> str:
        if name not in self.users:
            parts = SEPARATORS.split(name)
            self.users[name] = "".join(part if SEPARATORS.fullmatch(part) else self._part(part) for part in parts)
        return self.users[name]

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
            shape = [_sort(char) for char in part]
            new = next((c for n in range(1, 100_000) if (c := _counted(part, shape, n)) not in self._taken), None)
            self._parts[part] = new if new is not None else _counted(part, shape, 1)
            self._taken.add(self._parts[part])
        return self._parts[part]


def _sort(char: str) -> str:
    if char.isascii():
        return "digit" if char.isdigit() else "upper" if char.isupper() else "lower" if char.islower() else ""
    return "han" if "\u4e00" <= char <= "\u9fa5" else ""


def _counted(part: str, shape: list[str], number: int) -> str:
    """The `number`-th text of that shape, counting from the right as a clock does."""
    chars = list(part)
    for at in reversed(range(len(chars))):
        sort = shape[at]
        if not sort:
            # Some other letter: its length in bytes stays where it stands for itself.
            continue
        number, digit = divmod(number, SIZES[sort])
        chars[at] = chr(ord(LOWEST[sort]) + digit)
    return "".join(chars)
