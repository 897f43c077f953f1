"""Evidence for findings: log lines and frames, with the ranges expected and what was found.

✓ seen, ✗ missing, ? unknown: the text needs no translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.analysis import Attempt, DatagramFate, Evidence, Mark, Seen
from app.core.network.device_points import keys_of
from app.core.parsers.devices import DeviceFacts, DeviceRecordKind

MARKS = {Seen.SEEN: "✓", Seen.MISSING: "✗", Seen.UNKNOWN: "?"}
MOST = 24  # a finding is opened by a person; the rest stands in the session's attempts


def identification(datagram: DatagramFate) -> str:
    return "" if datagram.identification is None else f"id 0x{datagram.identification:04x}"


def pieces_at(datagram: DatagramFate, point: str) -> str:
    """`fwin · id 0xe0f6 · 0–1480 ✓ · 1480–2663 ✗`"""
    parts = [point, identification(datagram)]
    for fragment in datagram.fragments:
        sighting = fragment.sightings.get(point)
        mark = MARKS[sighting.state if sighting else Seen.UNKNOWN]
        parts.append(f"{fragment.offset}–{fragment.offset + fragment.length} {mark}")
    return " · ".join(part for part in parts if part)


def frames_at(datagram: DatagramFate, points: Iterable[str]) -> tuple[Evidence, ...]:
    """One piece of evidence for each point that saw something: its first frame, and what of the datagram is there."""
    result: list[Evidence] = []
    for point in points:
        for fragment in datagram.fragments:
            sighting = fragment.sightings.get(point)
            if sighting and sighting.state is Seen.SEEN and sighting.source and sighting.frames:
                result.append(Evidence(sighting.source, frame=sighting.frames[0], text=pieces_at(datagram, point)))
                break
    return tuple(result)


def device_lines(devices: Iterable[DeviceFacts], datagram: DatagramFate) -> tuple[Evidence, ...]:
    """The lines of devices that tell of this datagram's fragments."""
    keys = set(keys_of(datagram)) if datagram.identification is not None else set()
    return tuple(
        Evidence(record.locator.source, line=record.locator.line, text=record.text)
        for facts in devices
        for record in facts.records
        if record.kind is DeviceRecordKind.FRAGMENT
        and (record.source_ip, record.destination_ip, record.identification) in keys
    )


def sending_line(attempt: Attempt) -> tuple[Evidence, ...]:
    """The first log line of the attempt."""
    return tuple(e for e in attempt.evidence if e.line is not None)[:1]


def of_attempts(attempts: Iterable[Attempt], points: Sequence[str] = ()) -> tuple[Evidence, ...]:
    """Log line and frames of every attempt; frames only at `points` where they are given."""
    result: list[Evidence] = []
    for attempt in attempts:
        result.extend(sending_line(attempt))
        if attempt.datagram is not None:
            where = points or tuple(attempt.datagram.fate)
            result.extend(frames_at(attempt.datagram, where))
        if len(result) >= MOST:
            break
    return unique(result)


def of_marks(marks: Iterable[Mark]) -> tuple[Evidence, ...]:
    return tuple(mark.evidence for mark in marks)


def unique(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence))[:MOST]
