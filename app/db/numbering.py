"""The numbers that rows of one analysis get: depth first, each kind from 0, the same on every pass over the model."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.analysis import Attempt, CaseAnalysis, Check, Evidence, Finding, Message, Session, Terminal
from app.core.records import Text


class Numbering:
    """Passes over an analysis with numbers, and the numbers of what is referred to by name."""

    def __init__(self, analysis: CaseAnalysis) -> None:
        self.analysis = analysis
        self.sources = {source.path: number for number, source in enumerate(analysis.sources)}
        self.points = {point.name: number for number, point in enumerate(analysis.capture_points)}
        self.phrases: dict[Text, int] = {}
        for _number, _message, attempt in self.attempts():
            for text in _texts(attempt):
                self.phrases.setdefault(text, len(self.phrases))

    def phrase(self, text: Text | None) -> int | None:
        return None if text is None else self.phrases[text]

    def sessions(self) -> Iterator[tuple[int, int, Session]]:
        """(number, number of its terminal, session)"""
        number = 0
        for terminal_no, terminal in enumerate(self.analysis.terminals):
            for session in terminal.sessions:
                yield number, terminal_no, session
                number += 1

    def messages(self) -> Iterator[tuple[int, int, Message]]:
        """(number, number of its session, message)"""
        number = 0
        for session_no, _terminal, session in self.sessions():
            for message in session.messages:
                yield number, session_no, message
                number += 1

    def attempts(self) -> Iterator[tuple[int, int, Attempt]]:
        """(number, number of its message, attempt)"""
        number = 0
        for message_no, _session, message in self.messages():
            for attempt in message.attempts:
                yield number, message_no, attempt
                number += 1

    def findings(self) -> Iterator[tuple[int, int | None, Finding]]:
        """(number, number of its terminal or None for the case's own, finding)"""
        number = 0
        for terminal_no, owner in self._owners():
            for finding in owner.findings:
                yield number, terminal_no, finding
                number += 1

    def checks(self) -> Iterator[tuple[int, int | None, Check]]:
        number = 0
        for terminal_no, owner in self._owners():
            for check in owner.checks:
                yield number, terminal_no, check
                number += 1

    def evidence(self) -> Iterator[tuple[int | None, int | None, Evidence]]:
        """(number of its attempt, or number of its finding, evidence)"""
        for attempt_no, _message, attempt in self.attempts():
            for evidence in attempt.evidence:
                yield attempt_no, None, evidence
        for finding_no, _terminal, finding in self.findings():
            for evidence in finding.evidence:
                yield None, finding_no, evidence

    def _owners(self) -> Iterator[tuple[int | None, CaseAnalysis | Terminal]]:
        yield None, self.analysis
        yield from enumerate(self.analysis.terminals)


def _texts(attempt: Attempt) -> Iterator[Text]:
    if attempt.tied_by is not None:
        yield attempt.tied_by
    datagram = attempt.datagram
    if datagram is None:
        return
    if datagram.match_reason is not None:
        yield datagram.match_reason
    for fragment in datagram.fragments:
        for sighting in fragment.sightings.values():
            if sighting.reason is not None:
                yield sighting.reason
