"""Loads server-log formats: the ones of the product, then every `*.toml` of the folders that a user names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.core.parsers.log_format import FormatError, LogFormat, build_formats
from app.core.records import Text

BUILT_IN = Path(__file__).parent / "formats"
MAX_FORMAT_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class FormatProblem:
    """A format file that cannot be used, and why."""

    path: Path
    text: Text


def load_formats(folders: tuple[Path, ...] = ()) -> tuple[LogFormat, ...]:
    """All usable formats; a user's format of the same name replaces the product's. A broken file is left out."""
    return _load(_files(folders))[0]


def format_problems(folders: tuple[Path, ...] = ()) -> tuple[FormatProblem, ...]:
    """The files that `load_formats` left out."""
    return _load(_files(folders))[1]


_Stamp = tuple[Path, int, int]  # file, time of change, size: a changed file is read again


def _files(folders: tuple[Path, ...]) -> tuple[_Stamp, ...]:
    found: list[_Stamp] = []
    for folder in (BUILT_IN, *folders):
        for path in sorted(folder.glob("*.toml")):
            try:
                state = path.stat()
            except OSError:
                continue  # removed meanwhile
            found.append((path, state.st_mtime_ns, state.st_size))
    return tuple(found)


@lru_cache(maxsize=16)
def _load(files: tuple[_Stamp, ...]) -> tuple[tuple[LogFormat, ...], tuple[FormatProblem, ...]]:
    good: list[Mapping[str, object]] = []
    formats: tuple[LogFormat, ...] = ()
    problems: list[FormatProblem] = []
    # Formats that others use come first, so that a file is never refused for the order of names.
    for path, _, _ in sorted(files, key=lambda stamp: stamp[0].parent != BUILT_IN or stamp[0].stem != "generic"):
        try:
            mapping = _read_file(path)
            formats = build_formats([*good, mapping])
        except FormatError as error:
            problems.append(FormatProblem(path, error.text))
        else:
            good.append(mapping)
    return formats, tuple(problems)


def format_from_text(text: str, others: Iterable[Path] = ()) -> LogFormat:
    """The format that a TOML text describes, which may use the product's and the folders' formats. Raises
    FormatError."""
    mapping = _parse(text, "format")
    known = [*_read_folder(BUILT_IN), *(item for folder in others for item in _read_folder(folder))]
    return build_formats([*(item for item in known if item.get("name") != mapping.get("name")), mapping])[-1]


def _read_folder(folder: Path) -> list[Mapping[str, object]]:
    return [_read_file(path) for path in sorted(folder.glob("*.toml"))]


def _read_file(path: Path) -> Mapping[str, object]:
    try:
        if path.stat().st_size > MAX_FORMAT_BYTES:
            raise FormatError(Text(f"{path.name}: larger than 256 KiB.", f"{path.name}：超过 256 KiB。"))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            Text(f"{path.name}: cannot be read ({error}).", f"{path.name}：无法读取（{error}）。")
        ) from error
    return _parse(text, path.name)


def _parse(text: str, name: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(Text(f"{name}: not TOML ({error}).", f"{name}：不是有效的 TOML（{error}）。")) from error
