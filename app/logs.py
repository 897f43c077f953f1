"""What processes say to an operator: one line an event, as JSON or text, about the work and never about people.

Events are names with fields that we choose. What a library or an exception says may quote values (a user in a failed
statement, a path with a MAC in it), so its own words never reach the log: of an exception, its type and where it arose.
The whole traceback of a failed analysis is kept in the database, for the page of administrators.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from app.config import ROOT

LIBRARIES = ("uvicorn", "procrastinate", "psycopg", "sqlalchemy", "asyncio", "httpx")
# Addresses, MACs and accounts in a library's message; numbers and names of our own events are not touched.
_PERSONAL = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b|\b[0-9A-Fa-f]{4}(?:-[0-9A-Fa-f]{4}){2}\b"
    r"|(?<![\w:])[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){4,7}[0-9A-Fa-f]{1,4}"
    r"|[^\s'\"=/]+@[^\s'\",;)]+"
)


def start_log(form: Literal["text", "json"], least: str, stream: TextIO | None = None) -> None:
    """Everything that this process logs goes to standard error, one line each; `least` names the lowest level."""
    level = logging.getLevelNamesMapping()[least.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where_not_what,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_masked, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def warnings_only() -> None:
    """How it is before `start_log`: a command that prints its result says nothing beside it but warnings."""
    structlog.configure(
        processors=[_where_not_what, structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def get_log(name: str) -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def frames(error: BaseException) -> list[str]:
    """Where an exception arose, innermost last, without what it says: `app/db/load.py:73 load_analysis`."""
    return [_place(frame) for frame in traceback.extract_tb(error.__traceback__)]


def masked(message: str) -> str:
    return _PERSONAL.sub("…", message)


def _place(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{shown.as_posix()}:{frame.lineno} {frame.name}"


def _where_not_what(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """`exc_info` becomes the exception's type and places."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info if isinstance(info, BaseException) else None
    if info is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["error"] = type(error).__name__
        event["at"] = _last(frames(error))
    return event


def _last(places: list[str], keep: int = 12) -> Iterable[str]:
    return places[-keep:]


def _masked(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A library's sentence with what may be about people taken out. Arguments were merged into it by `logging`."""
    record: logging.LogRecord | None = event.get("_record")
    event["event"] = masked(str(event.get("event", "")))
    if record is not None:
        event["logger"] = record.name
        if record.exc_info and "exc_info" not in event:
            event["exc_info"] = record.exc_info
    return event


warnings_only()
