"""The packet's two tables as CSV: every send of every message, and every fragment at every capture point."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from app.core.analysis import Attempt, CapturePoint, Message, Session, Terminal
from app.core.verdict import iso

# A spreadsheet takes a cell that begins so for a formula and runs it; some do for the wide forms of the same signs.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

ATTEMPTS = (
    "terminal", "user", "mac", "ip", "session", "event_id", "message", "direction", "attempt", "time_utc",
    "log_time_local", "gap_s", "plain_bytes", "wire_bytes", "ip_id", "source", "destination", "fragments",
    "lost_after", "lost_before", "outcome",
)  # fmt: skip
SIGHTINGS = (
    "terminal", "user", "session", "message", "attempt", "ip_id", "offset", "length", "capture_point", "state",
    "file", "frames", "line", "time_as_captured_utc", "time_corrected_utc", "reason",
)  # fmt: skip


def attempts_csv(terminals: Sequence[Terminal]) -> str:
    return _csv(ATTEMPTS, (_attempt(*row) for row in _sent(terminals)))


def sightings_csv(terminals: Sequence[Terminal], points: Sequence[CapturePoint]) -> str:
    return _csv(SIGHTINGS, _sightings(terminals, [point.name for point in points]))


def guarded(value: object) -> str:
    """A cell's text; what a spreadsheet would run as a formula gets an apostrophe before it. Numbers stay numbers."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return file.getvalue()


def _sent(terminals: Iterable[Terminal]) -> Iterator[tuple[Terminal, Session, Message, Attempt]]:
    for terminal in terminals:
        for session in terminal.sessions:
            for message in session.messages:
                for attempt in message.attempts:
                    yield terminal, session, message, attempt


def _attempt(terminal: Terminal, session: Session, message: Message, attempt: Attempt) -> Sequence[object]:
    fate = attempt.datagram
    lost = fate.lost_between if fate is not None and fate.lost_between is not None else ("", "")
    return (
        terminal.key, terminal.user, terminal.mac, " ".join(terminal.ip), session.key, session.event_id,
        message.number, message.direction.value, attempt.attempt,
        iso(attempt.time_ns, session.zone_known), iso(attempt.log_time_ns, is_utc=False), attempt.gap_s,
        attempt.plain_bytes, attempt.wire_bytes,
        "" if fate is None or fate.identification is None else f"0x{fate.identification:04x}",
        fate.source if fate else "", fate.destination if fate else "",
        " ".join(f"{one.offset}+{one.length}" for one in fate.fragments) if fate else "",
        lost[0], lost[1], session.outcome.value,
    )  # fmt: skip


def _sightings(terminals: Iterable[Terminal], points: Sequence[str]) -> Iterator[Sequence[object]]:
    for terminal, session, message, attempt in _sent(terminals):
        fate = attempt.datagram
        for fragment in fate.fragments if fate is not None else ():
            for point in points:
                sighting = fragment.sightings.get(point)
                if fate is None or sighting is None:
                    continue
                yield (
                    terminal.key, terminal.user, session.key, message.number, attempt.attempt,
                    "" if fate.identification is None else f"0x{fate.identification:04x}",
                    fragment.offset, fragment.length, point, sighting.state.value, sighting.source,
                    " ".join(map(str, sighting.frames)), sighting.line,
                    iso(sighting.raw_time_ns), iso(sighting.time_ns),
                    sighting.reason.en if sighting.reason else "",
                )  # fmt: skip
