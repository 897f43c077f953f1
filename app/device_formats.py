"""Loads the formats of device output from TOML files: those of the product and those of the user's folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from app.core.parsers.devices import DeviceFormat

BUILT_IN = Path(__file__).parent / "formats" / "devices"


def load_device_formats(folders: Iterable[Path] = ()) -> tuple[DeviceFormat, ...]:
    """Raises ValueError with the file's name where one cannot be read as a format."""
    return tuple(_load(path) for folder in (BUILT_IN, *folders) for path in sorted(folder.glob("*.toml")))


def _load(path: Path) -> DeviceFormat:
    try:
        return DeviceFormat.from_mapping(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error
