"""What a rule lacks, where it could not be judged."""

from __future__ import annotations

from app.core.analysis import Role, SourceKind
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.facts import MISS, Judgement, NotRun
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import NO_CLIENT_LOG, NO_SERVER_CAPTURE, NO_SERVER_LOG, NO_TWO_CAPTURES
from app.core.records import Direction


def nothing_lost(terminal: TerminalView, direction: Direction) -> Judgement:
    """A miss where two points could have shown a loss, else not run."""
    if len(terminal.names.of(direction)) < 2 or not terminal.passages[direction]:
        return NotRun((NO_TWO_CAPTURES,))
    return MISS


def has_client_log(terminal: TerminalView) -> bool:
    return any(attempt.log_time_ns is not None for _, _, attempt in terminal.sends()) or any(
        mark.side == "client" for session in terminal.sessions for mark in session.marks
    )


def has_server_log(terminal: TerminalView) -> bool:
    return any(attempt.server_log_time_ns is not None for _, _, attempt in terminal.sends())


def without_client_log(terminal: TerminalView) -> Judgement:
    return MISS if has_client_log(terminal) else NotRun((NO_CLIENT_LOG,))


def without_server_evidence(case: CaseView, terminal: TerminalView) -> Judgement:
    """A miss where the server's capture or log could have shown it, else not run."""
    has_point = bool(case.points_of(Role.SERVER)) and terminal.has_captures
    if has_point or case.has_kind(SourceKind.SERVER_LOG):
        return MISS
    return NotRun((NO_SERVER_CAPTURE, NO_SERVER_LOG))
