"""Two terminals side by side: what a support engineer would look at first, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.analysis import Message, Session, Terminal
from app.web.i18n import N_

OUTCOME, NUMBER, PLAIN, LEG, SECONDS, CODING, FINDING = (
    "outcome",
    "number",
    "plain",
    "leg",
    "seconds",
    "coding",
    "finding",
)


@dataclass(frozen=True, slots=True)
class Row:
    """`form` tells the page how to write the two values."""

    name: str
    form: str
    left: object
    right: object

    @property
    def differs(self) -> bool:
        return self.left != self.right


@dataclass(frozen=True, slots=True)
class Compared:
    """A terminal, the session that stands for it, and how many it has in all."""

    terminal: Terminal
    session: Session | None
    session_count: int


def compare(left: Compared, right: Compared) -> list[Row]:
    """Rows in the order of the exchange. Values are None where nothing is known."""
    pair = (left, right)

    def row(name: str, form: str, values: list[object]) -> Row:
        return Row(name, form, values[0], values[1])

    rows = [
        row(N_("Outcome"), OUTCOME, [one.terminal.outcome.value for one in pair]),
        row(N_("Main finding"), FINDING, [_first_code(one.terminal) for one in pair]),
        row(N_("Client version"), PLAIN, [one.terminal.client_version for one in pair]),
        row(N_("Sessions"), NUMBER, [one.session_count for one in pair]),
    ]
    sessions = [one.session for one in pair]
    rows.append(row(N_("Server address"), PLAIN, [", ".join(s.server_ip) if s else None for s in sessions]))
    for number, title in ((1, N_("Message 1")), (2, N_("Message 2")), (3, N_("Message 3")), (4, N_("Message 4"))):
        messages = [session.message(number) if session else None for session in sessions]
        if not any(messages):
            continue
        rows += [
            row(title, "heading", [None, None]),
            row(N_("Attempts"), NUMBER, [len(m.attempts) if m else None for m in messages]),
            row(N_("Plaintext, bytes"), NUMBER, [m.plain_bytes if m else None for m in messages]),
            row(N_("On the wire, bytes"), NUMBER, [_first(m, "wire_bytes") for m in messages]),
            row(N_("Fragments"), NUMBER, [_fragments(m) for m in messages]),
            row(N_("Coding"), CODING, [_coding(m) for m in messages]),
            row(N_("Lost between"), LEG, [_leg(m) for m in messages]),
        ]
        if number == 3:
            checks = [m.check if m else None for m in messages]
            rows += [
                row(N_("System"), PLAIN, [c.system if c else None for c in checks]),
                row(N_("Patches"), NUMBER, [c.patches if c else None for c in checks]),
                row(N_("Different patches"), NUMBER, [c.distinct_patches if c else None for c in checks]),
            ]
    rows.append(row(N_("Duration"), SECONDS, [_seconds(session) for session in sessions]))
    return rows


def _first_code(terminal: Terminal) -> object:
    return terminal.findings[0].code if terminal.findings else None


def _first(message: Message | None, name: str) -> object:
    return next((getattr(a, name) for a in message.attempts if getattr(a, name) is not None), None) if message else None


def _fragments(message: Message | None) -> object:
    datagram = _first(message, "datagram")
    return len(datagram.fragments) if datagram is not None else None  # type: ignore[attr-defined]


def _coding(message: Message | None) -> object:
    datagram = _first(message, "datagram")
    return datagram.coding if datagram is not None else None  # type: ignore[attr-defined]


def _leg(message: Message | None) -> object:
    attempts = message.attempts if message else ()
    return next((a.datagram.lost_between for a in attempts if a.datagram and a.datagram.lost_between), None)


def _seconds(session: Session | None) -> object:
    if session is None or session.start_ns is None or session.end_ns is None:
        return None
    return round((session.end_ns - session.start_ns) / 1e9, 1)
