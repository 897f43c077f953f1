"""`eadscope web`: the pages alone, for a machine where database and workers run elsewhere."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI


def register(app: typer.Typer) -> None:
    app.command("web", short_help="The pages alone, where the database is elsewhere.")(run)


def run() -> None:
    """Serve the pages on EADSCOPE_HOST and EADSCOPE_PORT until Ctrl-C. Needs DATABASE_URL."""
    import uvicorn

    from app.accounts.start import check_before_start
    from app.command_line import database_url, follow_parent, say_errors
    from app.config import settings
    from app.logs import start_log

    with say_errors():
        database_url()
        follow_parent()
        options = settings()
        start_log(options.log_format, options.log_level)
        check_before_start(options)
        uvicorn.run(
            "app.commands.web:application",
            factory=True,
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            server_header=False,
        )


def application() -> FastAPI:
    """The pages, in a process that does nothing else."""
    from app.main import create_app

    app = create_app()
    # What is loaded by now stays; looking through all of it for garbage held every request up for a tenth of a second.
    gc.collect()
    gc.freeze()
    return app


# How `eadscope serve` starts it: without loading every other command.
if __name__ == "__main__":
    typer.run(run)
