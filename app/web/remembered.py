"""What was computed out of an analysis, kept in this process: results of a finished analysis never change.

Only small answers belong here (counts, figures); each process keeps its own, the least used go first.
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
from app.db.load import load_capture_points, load_checks, load_findings

Answer = TypeVar("Answer")
MOST = 500

_lock = Lock()
_kept: WeakKeyDictionary[Engine, OrderedDict[tuple[Any, ...], Any]] = WeakKeyDictionary()


def remember(db: Session, analysis_id: int, make: Callable[[Session, int], Answer], *more: object) -> Answer:
    """`make(db, analysis_id)`, or what it gave before for the same analysis; `more` tells variants of it apart.

    Two requests may compute the same answer at once; that costs time and harms nothing.
    """
    engine, key = cast(Engine, db.get_bind()), (analysis_id, make.__module__, make.__qualname__, *more)
    with _lock:
        answers = _kept.setdefault(engine, OrderedDict())
        if key in answers:
            answers.move_to_end(key)
            return cast(Answer, answers[key])
    answer = make(db, analysis_id)
    with _lock:
        answers[key] = answer
        while len(answers) > MOST:
            answers.popitem(last=False)
    return answer


def capture_points(db: Session, analysis_id: int) -> tuple[CapturePoint, ...]:
    """In path order, client first."""
    return remember(db, analysis_id, load_capture_points)


def case_findings(db: Session, analysis_id: int) -> tuple[Finding, ...]:
    """The case's own, the most important first."""
    return remember(db, analysis_id, _case_findings)


def case_checks(db: Session, analysis_id: int) -> tuple[Check, ...]:
    return remember(db, analysis_id, _case_checks)


def _case_findings(db: Session, analysis_id: int) -> tuple[Finding, ...]:
    return load_findings(db, analysis_id, None)


def _case_checks(db: Session, analysis_id: int) -> tuple[Check, ...]:
    return load_checks(db, analysis_id, None)
