"""What was computed out of an analysis, kept in this process: results of a finished analysis never change.

Each process keeps its own. An answer is known by its analysis, so that a newer analysis has answers of its own; nothing
that depends on a person, or that a person may change, belongs here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.core.analysis import CapturePoint, Check, Finding
from app.db.claims import load_claims
from app.db.load import load_capture_points

Answer = TypeVar("Answer")


class Memory:
    """At most `most` answers for each database; the ones that nobody asked for the longest go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: WeakKeyDictionary[Engine, OrderedDict[tuple[Any, ...], Any]] = WeakKeyDictionary()

    def __call__(self, db: Session, analysis_id: int, make: Callable[[Session, int], Answer], *more: object) -> Answer:
        """`make(db, analysis_id)`, or what it gave before for the same analysis; `more` tells variants of it apart.

        Two requests may compute the same answer at once; that costs time and harms nothing.
        """
        engine, key = cast(Engine, db.get_bind()), (analysis_id, make.__module__, make.__qualname__, *more)
        with self._lock:
            answers = self._kept.setdefault(engine, OrderedDict())
            if key in answers:
                answers.move_to_end(key)
                return cast(Answer, answers[key])
        answer = make(db, analysis_id)
        with self._lock:
            answers[key] = answer
            while len(answers) > self._most:
                answers.popitem(last=False)
        return answer


remember = Memory(500)  # small answers: counts, points, findings of the case
remember_part = Memory(300)  # pieces of pages and figures, up to some hundred kilobytes each
remember_terminal = Memory(32)  # with all messages of a session: a page, its ladder and its comparison ask one by one


def capture_points(db: Session, analysis_id: int) -> tuple[CapturePoint, ...]:
    """In path order, client first."""
    return remember(db, analysis_id, load_capture_points)


def case_findings(db: Session, analysis_id: int) -> tuple[Finding, ...]:
    """The case's own, the most important first."""
    return remember(db, analysis_id, _case_claims)[0]


def case_checks(db: Session, analysis_id: int) -> tuple[Check, ...]:
    return remember(db, analysis_id, _case_claims)[1]


def _case_claims(db: Session, analysis_id: int) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    return load_claims(db, analysis_id, None)
