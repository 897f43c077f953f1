"""A case whose every name and every line bites: markup, templates, marks that turn the reading, and a megabyte."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from app.core.analysis import CaseAnalysis, DatagramFate, FragmentFate, Sighting
from app.core.records import Text
from tests.web.sample_case import sample_analysis

BITE = "<script>alert(1)</script>{{7*7}}${7*7}\"'><img src=x onerror=alert(1)>\u202egnp.exe\x1b[31m"
LONG = "A" * 1_000_000
# What the analysis itself names: keys between its parts, and codes.
KEPT = {
    "key",
    "sha256",
    "code",
    "reason_code",
    "kind",
    "state",
    "order_by",
    "encoding",
    "method",
    "coding",
    "result",
    "counts",
}


def hostile_analysis() -> CaseAnalysis:
    """Three terminals; texts that come from files bite, those with room for a line are a megabyte long."""
    bitten: CaseAnalysis = _bite(sample_analysis(3))
    return bitten


def _bite(value: Any, name: str = "") -> Any:
    if isinstance(value, Text):  # our own sentences
        return value
    if is_dataclass(value) and not isinstance(value, type):
        bitten = {
            field.name: _bite(getattr(value, field.name), field.name)
            for field in fields(value)
            if field.name not in KEPT
        }
        return replace(value, **bitten)
    if isinstance(value, str) and not isinstance(value, Enum):
        return value + BITE + LONG if name in ("text", "event_id", "client_version") else value + BITE
    if isinstance(value, Sighting):
        return Sighting(*(_bite(item, name) for name, item in zip(value._fields, value, strict=True)))
    if isinstance(value, (FragmentFate, DatagramFate)):
        return value._replace(**{name: _bite(item, name) for name, item in value._asdict().items() if name not in KEPT})
    if isinstance(value, tuple):
        return tuple(_bite(item, name) for item in value)
    if isinstance(value, dict):
        return {_bite(key): _bite(item, name) for key, item in value.items()}
    return value
