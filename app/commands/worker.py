"""`eadscope worker`: take jobs from the queue until stopped."""

from __future__ import annotations

import typer

from app.command_line import database_url, follow_parent, say_errors, start_log
from app.config import settings


def register(app: typer.Typer) -> None:
    @app.command("worker")
    def command() -> None:
        """Analyse what was uploaded, one case after another, until Ctrl-C. Needs DATABASE_URL; several may run."""
        with say_errors():
            database_url()
            start_log()
            follow_parent()
            # Imported here: the other commands should not wait for it.
            from app.worker import run_worker

            run_worker(settings())
