"""The audit trail: who saw, uploaded, exported, changed and deleted what. Only ever added to; see migration 0010.

An actor is the name of an account, the number of a share link, or a digest for a name that nobody has. No address, no
browser, no content.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access import Need, Principal

# What is told once an hour of the same person and case: every click and every piece of an upload asks again.
REPEATED = frozenset({"saw", "uploaded"})
REPEATED_S = 3600
ACTIONS = {Need.SEE: "saw", Need.UPLOAD: "uploaded", Need.EXPORT: "exported", Need.EDIT: "edited",
           Need.SHARE: "shared", Need.DELETE: "deleted", Need.ADMIN: "administered"}  # fmt: skip
MOST_REMEMBERED = 10_000
PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    at: datetime
    actor: str
    action: str
    case_id: int | None
    subject: str


class Recent:
    """What this process told within the hour, so that most requests need no statement for it."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str, int | None], float] = OrderedDict()
        self._lock = Lock()

    def is_new(self, actor: str, action: str, case_id: int | None) -> bool:
        key, now = (actor, action, case_id), time.monotonic()
        with self._lock:
            if now - self._told.get(key, -REPEATED_S) < REPEATED_S:
                return False
            self._told[key] = now
            self._told.move_to_end(key)
            while len(self._told) > MOST_REMEMBERED:
                self._told.popitem(last=False)
        return True


def record(db: Session, actor: str, action: str, case_id: int | None = None, subject: str = "") -> None:
    """Add an entry, in the transaction of what it tells of."""
    values = {"actor": actor, "action": action, "case_id": case_id, "subject": subject}
    db.execute(text("SELECT audit.record(:actor, :action, :case_id, :subject)"), values)


def actor_of(principal: Principal) -> str:
    return f"{principal.name} (token)" if principal.scopes is not None else principal.name


def list_entries(
    db: Session, before: int | None = None, actor: str = "", action: str = "", case_id: int | None = None
) -> Sequence[Entry]:
    """Newest first, at most PER_PAGE; `before` is the number of the last one that was read."""
    conditions = {
        "id < :before": before, "actor = :actor": actor or None, "action = :action": action or None,
        "case_id = :case_id": case_id,
    }  # fmt: skip
    given = [condition for condition, value in conditions.items() if value is not None]
    where = f"WHERE {' AND '.join(given)}" if given else ""
    rows = db.execute(
        text(f"SELECT id, at, actor, action, case_id, subject FROM audit.entries {where} ORDER BY id DESC LIMIT :most"),
        {"before": before, "actor": actor, "action": action, "case_id": case_id, "most": PER_PAGE},
    )
    return [Entry(*row) for row in rows]
