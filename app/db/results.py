"""Tables of what an analysis found.

Every row is addressed by its analysis and a number that counts within it, from 0, in the order of the model (depth
first). So a whole analysis is written by COPY without asking the database for one key, it lies beside the one that it
replaces until the case's pointer moves, and every table can be partitioned by analysis without a change of key.

Sentences that repeat (why a sighting is unknown, why a match holds) are `phrases`, written once an analysis.
"""

from __future__ import annotations

from app.db.base import Base
from app.db.claim_results import CheckRow, EvidenceRow, FindingRow
from app.db.exchange_results import (
    AttemptRow,
    DatagramRow,
    FragmentRow,
    MarkRow,
    MessageRow,
    SessionRow,
    SightingRow,
    TerminalRow,
)
from app.db.source_results import CapturePointRow, PhraseRow, RejectedRow, SourceRow

__all__ = [
    "TABLES",
    "AttemptRow",
    "CapturePointRow",
    "CheckRow",
    "DatagramRow",
    "EvidenceRow",
    "FindingRow",
    "FragmentRow",
    "MarkRow",
    "MessageRow",
    "PhraseRow",
    "RejectedRow",
    "SessionRow",
    "SightingRow",
    "SourceRow",
    "TerminalRow",
]  # fmt: skip

# Parents before children: the order of writing; the reverse is the order of deleting.
TABLES: tuple[type[Base], ...] = (
    PhraseRow, SourceRow, RejectedRow, CapturePointRow, TerminalRow, SessionRow, MarkRow, MessageRow, AttemptRow,
    DatagramRow, FragmentRow, SightingRow, FindingRow, EvidenceRow, CheckRow,
)  # fmt: skip
