"""What an evidence packet is made of, while it is gathered."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.evidence.manifest import Extract
from app.core.records import Text
from app.evidence.captures import CaptureExtract
from app.evidence.readme import Original


@dataclass(slots=True)
class Kept:
    """Keys are paths in the packet. `files` are extracts of logs and whole device outputs."""

    captures: dict[str, CaptureExtract] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    extracts: dict[str, Extract] = field(default_factory=dict)
    originals: list[Original] = field(default_factory=list)
    formats: dict[str, bytes] = field(default_factory=dict)  # TOML that a user taught
    problems: list[Text] = field(default_factory=list)
