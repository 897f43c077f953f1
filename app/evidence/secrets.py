"""What stands for what in anonymised packets: kept by whoever made them, and never part of one."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
MAPS = ("users", "macs", "addresses", "words", "ids", "files")


@dataclass(slots=True)
class Secrets:
    """What stands for what, original → replacement, and the key that addresses are turned with."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    users: dict[str, str] = field(default_factory=dict)
    macs: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # hosts, domains, other people
    ids: dict[str, str] = field(default_factory=dict)  # of checks
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 of a file as it came → its name in the packet

    def to_document(self) -> dict[str, Any]:
        return {
            "eadscope_map": VERSION,
            "key": self.key.hex(),
            **{name: dict(sorted(getattr(self, name).items())) for name in MAPS},
        }

    @classmethod
    def from_document(cls, document: Any) -> Secrets:
        """Raises ValueError where it is something else."""
        try:
            if document["eadscope_map"] != VERSION:
                raise ValueError("another version")
            maps = {name: dict(document.get(name, {})) for name in MAPS}
            return cls(bytes.fromhex(document["key"]), **maps)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("no map") from error


def read_secrets(path: Path) -> Secrets:
    """The map of an earlier packet, so that a further one says the same; a new one where there is no such file.

    Raises ValueError where the file is something else, OSError.
    """
    if not path.exists():
        return Secrets()
    try:
        return Secrets.from_document(json.loads(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path.name} is no map written by EADScope") from error


def write_secrets(path: Path, kept: Secrets) -> None:
    """Readable by its owner only. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept.to_document(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
