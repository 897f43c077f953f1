"""The installation's secret, and what is made with it: random tokens and the digests that are stored in their place."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from app.config import Settings

TOKEN_BYTES = 32


class Keyring:
    """Digests with the installation's secret: a copy of the database alone cannot be used to guess or to recognise."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def digest(self, purpose: str, value: str) -> str:
        """64 hexadecimal digits; the same value for another purpose has another digest."""
        return hmac.new(self._key, f"{purpose}\n{value}".encode(), hashlib.sha256).hexdigest()

    def matches(self, purpose: str, value: str, digest: str) -> bool:
        return hmac.compare_digest(self.digest(purpose, value), digest)


def new_token() -> str:
    """43 characters that nobody can guess, fit for a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def keyring(options: Settings) -> Keyring:
    """With EADSCOPE_SECRET, or else with a secret that is made once and lies in `var`, readable by us alone."""
    if options.secret is not None:
        return Keyring(options.secret.get_secret_value())
    return Keyring(_own_secret(options.var / "secret"))


def _own_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(new_token())
    try:
        os.link(draft, path)  # whoever is first wins; two that start together use the same one
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
