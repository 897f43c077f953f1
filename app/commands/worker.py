"""`eadscope worker`: take jobs from the queue until stopped."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    app.command("worker", short_help="Take analyses and documents from the queue.")(run)


def run() -> None:
    """Analyse what was uploaded, one case after another, until Ctrl-C. Needs DATABASE_URL; several may run."""
    from app.command_line import database_url, follow_parent, say_errors
    from app.config import settings
    from app.jobs.worker import run_worker
    from app.logs import start_log

    with say_errors():
        database_url()
        options = settings()
        start_log(options.log_format, options.log_level)
        follow_parent()
        run_worker(options)


# How `eadscope serve` starts it: without loading every other command.
if __name__ == "__main__":
    typer.run(run)
