"""`eadscope worker`: take jobs from the queue until stopped."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    app.command("worker")(run)


def run() -> None:
    """Analyse what was uploaded, one case after another, until Ctrl-C. Needs DATABASE_URL; several may run."""
    from app.command_line import database_url, follow_parent, say_errors, start_log
    from app.config import settings
    from app.worker import run_worker

    with say_errors():
        database_url()
        start_log()
        follow_parent()
        run_worker(settings())


# How `eadscope serve` starts it: without loading every other command.
if __name__ == "__main__":
    typer.run(run)
