"""The log formats of a user that the packet's logs were read with: whoever repeats the analysis needs them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from app.log_formats import MAX_FORMAT_BYTES

FOLDER = "formats"


def taught_formats(folders: Iterable[Path], used: Iterable[str]) -> dict[str, bytes]:
    """Path in the packet → TOML of each format in `used`, and of those that it builds upon. Only what lies in the
    folders: everybody has the product's own."""
    known = {name: (base, content) for folder in folders for name, base, content in _read(folder)}
    wanted, found = list(used), dict[str, bytes]()
    while wanted:
        name = wanted.pop()
        path = f"{FOLDER}/{name}.toml"
        if name in known and path not in found:
            base, found[path] = known[name]
            wanted.append(base)
    return found


def _read(folder: Path) -> Iterable[tuple[str, str, bytes]]:
    for path in sorted(folder.glob("*.toml")):
        try:
            content = path.read_bytes()
            document = tomllib.loads(content.decode("utf-8-sig")) if len(content) <= MAX_FORMAT_BYTES else {}
        except (OSError, ValueError):
            continue
        if "begin" in document or "uses" in document:
            yield str(document.get("name", "")), str(document.get("uses", "")), content
