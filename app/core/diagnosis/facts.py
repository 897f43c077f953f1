"""What diagnosis is given, and the three answers that a rule may give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.core.analysis import CapturePoint, Finding, Source, Terminal
from app.core.parsers.devices import DeviceFacts
from app.core.records import Text

if TYPE_CHECKING:
    from app.core.diagnosis.case_view import CaseView
    from app.core.diagnosis.terminal_view import TerminalView
    from app.core.network.tracing import NetworkFacts


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """All facts of a case. Terminals hold their sessions and no findings yet."""

    sources: tuple[Source, ...]
    capture_points: tuple[CapturePoint, ...]  # in path order, client first
    terminals: tuple[Terminal, ...]
    network: NetworkFacts | None = None
    ports: frozenset[int] = frozenset({9019, 9029})
    devices: tuple[DeviceFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    pass


@dataclass(frozen=True, slots=True)
class NotRun:
    """The rule could not be judged; `missing` names what would let it run."""

    missing: tuple[Text, ...]


Judgement = Hit | Miss | NotRun
MISS = Miss()


def found(*findings: Finding) -> Judgement:
    """A hit where there is a finding, else a miss."""
    return Hit(findings) if findings else MISS


@dataclass(frozen=True, slots=True)
class TerminalRule:
    """Judges one terminal. `judge(case, terminal)` is pure; it may read what earlier rules found (`terminal.found`)."""

    code: str
    claim: Text
    inputs: Text
    judge: Callable[[CaseView, TerminalView], Judgement]


@dataclass(frozen=True, slots=True)
class CaseRule:
    """Judges the case as a whole, after all its terminals."""

    code: str
    claim: Text
    inputs: Text
    judge: Callable[[CaseView], Judgement]


@dataclass(slots=True)
class FoundSoFar:
    """Findings of the rules before, by code."""

    findings: list[Finding] = field(default_factory=list)

    def codes(self) -> frozenset[str]:
        return frozenset(finding.code for finding in self.findings)
