"""Passwords: Argon2id, and the same time for everybody who has none."""

from __future__ import annotations

import threading
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.records import Text
from app.errors import Rejected

SHORTEST, LONGEST = 12, 200
# Each takes a core and 64 MB for a moment; a flood of logins must not take all of them.
_AT_ONCE = threading.BoundedSemaphore(2)
_HASHER = PasswordHash((Argon2Hasher(),))


@cache
def _nobodys() -> str:
    """Of no password: an unknown name is checked against it, so that it takes as long as a known one."""
    return _HASHER.hash("nobody has this password")


def hash_password(password: str, name: str) -> str:
    """The hash to store. Raises Rejected for one that is too easy or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Rejected(
            Text(
                f"A password has {SHORTEST} to {LONGEST} characters.",
                f"密码长度须为 {SHORTEST} 至 {LONGEST} 个字符。",
            )
        )
    if name.lower() in password.lower() or len(set(password)) < 5:
        raise Rejected(
            Text(
                "The password is too easy to guess: it holds the name, or only a few different characters.",
                "密码过于简单：包含用户名，或只由少数几种字符组成。",
            )
        )
    with _AT_ONCE:
        return _HASHER.hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Whether it is the one; takes the same time where none is stored."""
    with _AT_ONCE:
        is_right = _HASHER.verify(password[: LONGEST + 1], stored or _nobodys())
    return is_right and stored is not None
