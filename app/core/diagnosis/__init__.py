"""From facts to the cause, the proof and the next step.

`RULES` lists every rule in order of importance; each reports hit, miss, or not run and what it lacked.
"""

from __future__ import annotations

from app.core.diagnosis.engine import diagnose
from app.core.diagnosis.facts import CaseFacts, CaseRule, Hit, Miss, NotRun, TerminalRule
from app.core.diagnosis.registry import CASE_RULES, RULES, TERMINAL_RULES

__all__ = [
    "CASE_RULES",
    "RULES",
    "TERMINAL_RULES",
    "CaseFacts",
    "CaseRule",
    "Hit",
    "Miss",
    "NotRun",
    "TerminalRule",
    "diagnose",
]
