"""What the service commands share: the database's address, the log, errors as one sentence, and how they end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError

from app.config import settings
from app.errors import AppError

FOLLOW = "EADSCOPE_FOLLOW"
_PR_SET_PDEATHSIG = 1


def database_url() -> str:
    """DATABASE_URL. Ends the command with a sentence where it is not set."""
    url = settings().database_url
    if url is None:
        raise typer.Exit(
            _say("DATABASE_URL is not set: it names the PostgreSQL server, postgresql://user@host/database")
        )
    return url


def follow_parent() -> None:
    """End when our parent does, even if it is killed; only where it asked for that by its number in FOLLOW."""
    if FOLLOW not in os.environ or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # One that died while we were still loading sends no signal any more.
    if os.getppid() != int(os.environ[FOLLOW]):
        raise SystemExit(0)


@contextmanager
def say_errors() -> Iterator[None]:
    """What an operator can do something about is said in one line on standard error, with exit status 1."""
    try:
        yield
    except AppError as error:
        raise typer.Exit(_say(error.text.en)) from error
    except OperationalError as error:
        raise typer.Exit(_say(f"the database does not answer: {str(error.orig).strip()}")) from error
    except ValidationError as error:
        raise typer.Exit(_say(_of_settings(error))) from error


def _of_settings(error: ValidationError) -> str:
    """Which variable is wrong, and how, in one line."""
    wrong = (f"{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors())
    return "; ".join(name if name.startswith("DATABASE") else f"EADSCOPE_{name}" for name in wrong)


def _say(text: str) -> int:
    print(f"eadscope: {text}", file=sys.stderr)
    return 1
