"""A session as lines of text: time downward, capture points from left to right, one line for each fragment."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text as Line

from app.core.analysis import Attempt, FragmentFate, Message, Seen, Session
from app.core.records import NS, Direction, Text

HEAD, PIECE, GAP = 22, 11, 12  # columns for the send, for the fragment, and for the time since the send before
WIDEST, NARROWEST = 14, 6
SIGNS = {Seen.SEEN: ("●", "green"), Seen.MISSING: ("✗", "bold red"), Seen.UNKNOWN: ("?", "yellow")}
LEGEND = Text("● seen   ✗ lost on the way there   ? nothing can be said", "● 见到   ✗ 在到达此处之前丢失   ? 无法判断")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each point stands; `keys` are set where the names do not fit: letters, told below."""

    names: tuple[str, ...]
    width: int
    keys: tuple[str, ...] = ()


def visible(text: str, most: int = 2_000) -> str:
    """Foreign text as one line that does nothing to a terminal: what controls it, or turns its direction, is shown."""
    shown = "".join(_shown(char) for char in " ".join(text[: most + 1].split()))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _shown(char: str) -> str:
    if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return char
    return chr(0x2400 + ord(char)) if ord(char) < 0x20 else f"<U+{ord(char):04X}>"


def fit_columns(names: Sequence[str], room: int | None) -> Columns:
    """`room` is the width of the terminal; None: a pipe, which has as much as it takes."""
    if not names:
        return Columns((), WIDEST)
    wanted = max(10, *(cell_len(name) + 2 for name in names))
    if room is None:
        return Columns(tuple(names), wanted)
    width = max(NARROWEST, min(WIDEST, wanted, (room - HEAD - PIECE - GAP) // len(names)))
    if all(cell_len(name) < width for name in names):
        return Columns(tuple(names), width)
    keys = tuple(chr(ord("A") + at) if at < 26 else str(at + 1) for at in range(len(names)))
    return Columns(tuple(names), width, keys)


def ladder_lines(session: Session, columns: Columns, language: str) -> Iterator[Line]:
    """Styled lines; as plain text they say the same."""
    if columns.names:
        heads = columns.keys or columns.names
        yield Line(" " * (HEAD + PIECE) + "".join(_padded(head, columns.width) for head in heads).rstrip(), "bold")
    for message in session.messages:
        for attempt in message.attempts:
            yield from _attempt_lines(message, attempt, columns)
    for mark in session.marks:
        yield Line(f"{clock_time(mark.time_ns)}  {visible(mark.text, 120)}")
    if columns.keys:
        yield Line("  ".join(f"{key} {name}" for key, name in zip(columns.keys, columns.names, strict=True)), "dim")
    if columns.names:
        yield Line(LEGEND.zh if language == "zh" else LEGEND.en, "dim")


def _attempt_lines(message: Message, attempt: Attempt, columns: Columns) -> Iterator[Line]:
    arrow = "→" if message.direction is Direction.TO_SERVER else "←"
    again = f" #{attempt.attempt}" if attempt.attempt > 1 else ""
    gap = f"   +{attempt.gap_s:.3f} s" if attempt.gap_s is not None else ""
    head = f"{clock_time(attempt.time_ns)} {arrow} {message.number}{again}"
    fragments = attempt.datagram.fragments if attempt.datagram is not None else ()
    if not fragments:
        size = attempt.wire_bytes or attempt.plain_bytes
        yield Line(_padded(head, HEAD) + ("" if size is None else f"{size} B") + gap)
    for index, fragment in enumerate(fragments):
        line = Line(_padded(head if index == 0 else "", HEAD))
        line.append(_padded(f"{fragment.offset}+{fragment.length}", PIECE))
        line.append_text(_track(fragment, columns, message.direction))
        if index == 0 and gap:
            line.append(gap, "dim")
        yield line


def _track(fragment: FragmentFate, columns: Columns, direction: Direction) -> Line:
    """One fragment over the points; the way it went is a line, the place of loss a cross."""
    states = [fragment.sightings[name].state if name in fragment.sightings else Seen.UNKNOWN for name in columns.names]
    travel = states if direction is Direction.TO_SERVER else states[::-1]
    lost = next((index for index, state in enumerate(travel) if state is Seen.MISSING), len(travel))
    shown: list[Seen | None] = [state if index <= lost else None for index, state in enumerate(travel)]
    if direction is Direction.TO_CLIENT:
        shown.reverse()
    track = Line()
    for index, state in enumerate(shown):
        sign, style = SIGNS[state] if state is not None else (" ", "")
        following = shown[index + 1] if index + 1 < len(shown) else None
        rest = "─" if state is not None and following is not None else " "
        track.append(sign, style).append(rest * (columns.width - 1), "dim")
    track.rstrip()
    return track


def _padded(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) < width else set_cell_size(text, width - 1) + " "


def clock_time(time_ns: int | None, *, with_date: bool = False) -> str:
    if time_ns is None:
        return " " * 12
    moment = datetime.fromtimestamp(time_ns // NS, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")
    return f"{text}.{time_ns % NS // 1_000_000:03d}"
