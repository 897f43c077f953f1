"""Captures of one case → the points on the path, their clocks, and the fate of every EAD datagram."""

from __future__ import annotations

from app.core.traces import (
    Candidate,
    CaptureInput,
    IcmpTie,
    NetworkFacts,
    NetworkNote,
    NetworkSettings,
    NoteCode,
    TracedDatagram,
)

__all__ = [
    "Candidate",
    "CaptureInput",
    "IcmpTie",
    "NetworkFacts",
    "NetworkNote",
    "NetworkSettings",
    "NoteCode",
    "TracedDatagram",
]
