"""Names of files in archives: read in whatever encoding they were written, and made safe to show.

No name is ever used as a path on our disk, so a hostile one can only mislead the eye; it is cleaned for that.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from app.core.records import Text

MAX_PART = 120
MAX_NAME = 400

# Explicit directional marks can make `gpj.exe` of `exe.jpg` on a screen.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "system volume information"})

OUTWARD = Text(
    "The name in the archive points outside of it; the content is used, the name was shortened.",
    "压缩包内的文件名指向包外，内容照常使用，名称已截短。",
)
TOO_LONG = Text("The name is too long and was shortened.", "文件名过长，已截短。")


@dataclass(frozen=True, slots=True)
class CleanName:
    name: str  # relative, `/` between its parts, never empty
    notes: tuple[Text, ...] = ()


def decode_name(raw: bytes) -> str:
    """UTF-8 if it is that, else GB18030 (what Chinese Windows writes), else code page 437 (what ZIP says it is)."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp437")


def clean_name(name: str) -> CleanName:
    """A name that stays inside the bundle: no root, no drive, no `..`, no characters that cannot be seen."""
    notes: list[Text] = []
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    outward = name.startswith(("/", "\\")) or ".." in parts
    if parts and len(parts[0]) == 2 and parts[0][1] == ":" and parts[0][0].isalpha():
        parts, outward = parts[1:], True
    if outward:
        notes.append(OUTWARD)
    parts = [_visible(part) for part in parts if part != ".."]
    cleaned = "/".join(_shorten(part, MAX_PART) for part in parts) or "unnamed"
    if len(cleaned) > MAX_NAME:
        cleaned = "…" + cleaned[-MAX_NAME:]
    if len(cleaned) < len("/".join(parts)):
        notes.append(TOO_LONG)
    return CleanName(cleaned, tuple(notes))


def is_litter(name: str) -> bool:
    """Whether an operating system, not a person, put this file there: hidden files, thumbnails, resource forks."""
    return any(part.startswith(".") or part.lower() in _LITTER for part in name.split("/") if part not in (".", ".."))


def _visible(part: str) -> str:
    return "".join("\ufffd" if _is_unseen(character) else character for character in part)


def _is_unseen(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cs")


def _shorten(part: str, limit: int) -> str:
    """Keep the end, where the extension is."""
    return part if len(part) <= limit else "…" + part[1 - limit :]


def without_suffix(name: str) -> str:
    """The name of what a compressed file holds."""
    stem, dot, extension = name.rpartition(".")
    is_suffix = extension.lower() in ("gz", "bz2", "xz", "zst", "gzip", "zstd") and stem and not stem.endswith("/")
    return stem if dot and is_suffix else name
